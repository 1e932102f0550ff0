/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store says is published, on its way to the routers: a bundle (lib/bundle.h), the signed
 * `current` beside it (lib/current.h), feeds for everybody else, in one directory that any web
 * server may serve, and served by the board itself with long poll.
 *
 *   publish.c        when: changes of a moment together, ends and beginnings, signing anew
 *   publish_build.c  what: the store and board.conf as a bundle
 *   publish_dir.c    where: files that are the old or the new ones, never half
 *   publish_http.c   to whom: GET /out/…, those who wait, POST /out/counts
 *   publish_seen.c   which routers have asked, and what they have
 *
 * A change is in the directory 100 ms after it was made, and at everybody who waits at once. */
#ifndef LOGGIA_NOTICEBOARD_PUBLISH_H
#define LOGGIA_NOTICEBOARD_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board_conf;
struct http_request;
struct loop;
struct publish;
struct store;

#define PUBLISH_PATH        "/out/" /* of the board's address, where all this is served */
#define PUBLISH_MAX_WAITING 2500    /* routers whose question is held; others poll */

/* Makes out_directory, reads the keys and what was published last. A board without keys writes
 * nothing, and says so. NULL with the reason in err. conf, store and loop are borrowed. */
struct publish *publish_new(struct loop *loop, struct store *store, const struct board_conf *conf,
                            char *err, size_t err_len);
/* After a reload: keys, names and zones may be others. */
void publish_reload(struct publish *p, const struct board_conf *conf);
void publish_free(struct publish *p); /* NULL is fine */

/* Something that is published changed (store_on_published calls it). */
void publish_changed(void *p);

/* Whether the request was for PUBLISH_PATH; then it is answered, now or later. p may be NULL. */
bool publish_handle(struct publish *p, struct http_request *req);

/* The token with which one router alone may send its counts, made of token_file's secret. */
#define PUBLISH_TOKEN_LEN 44
void publish_token(const char *secret, const char *router, char out[static PUBLISH_TOKEN_LEN]);

/* For editors. */
struct publish_status {
    bool pending;        /* a change is not in the directory yet */
    char error[256];     /* why not; "" if nothing is wrong */
    uint64_t serial;     /* 0: nothing was ever published */
    int64_t published_s; /* when this serial was made; 0: before this process */
    int64_t signed_s, expires_s;
    size_t notices, services;
    unsigned routers; /* that asked here within a day */
    unsigned current; /* of them: have this serial */
    unsigned waiting; /* of them: are told at once */
};
void publish_status(const struct publish *p, struct publish_status *out); /* p may be NULL */

#endif
