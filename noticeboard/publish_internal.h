/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of publishing. Nobody else includes it. */
#ifndef LOGGIA_NOTICEBOARD_PUBLISH_INTERNAL_H
#define LOGGIA_NOTICEBOARD_PUBLISH_INTERNAL_H

#include "lib/buf.h"
#include "lib/bundle.h"
#include "lib/current.h"
#include "lib/log.h"
#include "lib/notice.h"
#include "noticeboard/publish.h"

/* --- publish_build.c ---------------------------------------------------------------------------
 */
/* A bundle and what its parts point to. */
struct edition {
    struct bundle bundle;
    char **texts;
    size_t n_texts;
    struct notice_set notices; /* the same, read: for the feeds */
    int64_t *changed;          /* when each of them was published */
    size_t n_services;
};
/* Everything published at now. serial and dates are not filled in. False with err. */
bool edition_build(struct edition *e, struct store *s, const struct board_conf *c, int64_t now,
                   char *err, size_t err_len);
void edition_free(struct edition *e);
/* Digest of what a bundle says, whatever its serial and dates. */
void edition_sum(const struct bundle *b, uint8_t out[static SIGN_KEY_LEN]);

/* --- publish_dir.c ------------------------------------------------------------------------------
 */
/* Opens dir and dir/news, made where they are not there; what an earlier process left half written
 * is removed. -1 with err. */
int out_open(const char *dir, char *err, size_t err_len);
/* Writes name as a whole: a reader sees the old or the new one, also after a power cut if durable.
 * A name may have one slash. */
bool out_write(int dir, const char *name, const char *data, size_t len, bool durable, char *err,
               size_t err_len);
/* malloc'ed, NUL behind it; NULL if there is none, it is no regular file or longer than max. */
char *out_read(int dir, const char *name, size_t max, size_t *len);
/* Whether it is the name of a bundle's file. */
bool out_is_bundle(const char *name);
/* From now on a bundle counts as old. */
void out_retire(int dir, const char *name);
/* Removes bundles that have been old for keep_s; never the one that is current. */
void out_tidy(int dir, const char *current_bundle, int64_t now, uint32_t keep_s);

/* --- publish_seen.c -----------------------------------------------------------------------------
 */
struct seen;
struct seen *seen_new(void);
void seen_free(struct seen *s);
/* who asked; serial: what it said that it has, 0 if it did not say. */
void seen_note(struct seen *s, const char *who, uint64_t serial, int64_t now);
void seen_count(struct seen *s, uint64_t serial, int64_t now, unsigned *routers, unsigned *current);

/* --- publish_http.c -----------------------------------------------------------------------------
 */
struct waiting;
/* Answers all who wait with what is current now, some each turn of the loop. */
void waiting_wake(struct publish *p);
void waiting_free(struct publish *p);

/* --- news.c --------------------------------------------------------------------------------------
 */
/* The feeds of an edition, which is taken: written one document a turn of the loop, after the
 * routers have what is theirs. A newer call ends an older one. */
struct news;
struct news *news_start(struct news *old, struct loop *loop, int dir, const struct board_conf *c,
                        struct edition *e, int64_t now);
void news_free(struct news *n);

#define ETAG_LEN 20
struct publish {
    struct loop *loop;
    struct store *store;
    const struct board_conf *conf;
    int dir;
    struct sign_key keys[CURRENT_MAX_KEYS];
    size_t n_keys;

    struct current current; /* serial 0: nothing */
    char *pointer;          /* the file `current` */
    size_t pointer_len;
    char etag[ETAG_LEN];
    char bundle_name[CURRENT_NAME_LEN];
    char *bundle; /* its bytes */
    size_t bundle_len;
    uint8_t sum[SIGN_KEY_LEN]; /* edition_sum */
    size_t n_notices, n_services;
    int64_t published_s;

    bool pending;
    char error[256];
    struct loop_timer *soon;  /* changes of a moment are one */
    struct loop_timer *later; /* the next end, beginning, or new signature */
    struct seen *seen;
    struct waiting *waiting;
    unsigned n_waiting;
    struct loop_timer *wait_timer;
    uint64_t wait_due_ms; /* when it fires */
    struct news *news;    /* the feeds that are being written, or NULL */
    struct log_limit limit;
};

#endif
