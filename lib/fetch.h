/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libcurl: HTTP(S) requests to others, on the event loop. Certificates are verified,
 * no other protocol is spoken, no proxy of the environment is used, nothing is decompressed, and
 * every answer is bounded in bytes and time. Names are resolved in libcurl's own thread, so that no
 * slow name server stops the loop. Connections are kept and used again.
 *
 *   fetch.c         all of it
 *   fetch_module.c  the same as a loadable module, and
 *   fetch_late.c    what a program has instead that loads it only where something is fetched */
#ifndef LOGGIA_LIB_FETCH_H
#define LOGGIA_LIB_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct fetcher;
struct fetch;

/* Where names may lead: looked at after they are resolved, at each redirect, and for connections
 * that are used again. Inside: see lib/outside.h. */
enum fetch_reach {
    FETCH_ANYWHERE, /* what the configuration names */
    FETCH_OUTWARDS, /* the same, but nothing outside leads inside: a redirect of a stranger's */
    FETCH_OUTSIDE   /* what others name */
};

struct fetch_request {
    const char *url;           /* http:// or https:// */
    const char *etag;          /* If-None-Match, as it was answered (with its quotes); or NULL */
    const char *last_modified; /* If-Modified-Since, as it was answered; or NULL */
    const char *bearer;  /* RFC 6750 token; never logged, never sent to another host; or NULL */
    const char *accept;  /* or NULL: no such header */
    const char *ca_file; /* PEM file of authorities for this one; NULL: the fetcher's */
    bool nameless;       /* no User-Agent, where every byte counts */
    unsigned wait_s;     /* Prefer: wait=N (RFC 7240): long poll; 0: not asked for */
    size_t max_bytes;    /* of the body; a longer one is an error */
    unsigned timeout_ms; /* of all of it, from start to last byte */
    unsigned connect_ms; /* of name, connection and TLS; 0: 15 s */
    unsigned redirects;  /* followed at most so often; 0: none is */
    bool https_only;     /* http:// is refused, also behind a redirect */
    enum fetch_reach reach;
    const char *body; /* not NULL: POST; copied */
    size_t body_len;
    const char *content_type; /* of body */
};

struct fetch_answer {
    unsigned status;  /* HTTP's; 0: no whole answer, see err */
    const char *err;  /* why there is no answer, in words; "" otherwise */
    bool inside;      /* there is none because of the request's reach */
    const char *body; /* NUL behind it; "" if there is none; lives until the callback returns */
    size_t len;
    const char *etag, *last_modified, *content_type; /* NULL where absent */
    bool waited;                                     /* Preference-Applied: wait */
    bool tls;
    uint32_t retry_after_s; /* 0: not said */
    int64_t date_s;         /* Date; 0: none */
    /* Last-Modified is a strong validator: the answer was made at least 2 s later (RFC 9110 section
     * 8.8.2.2), so that a change within its second cannot be missed. */
    bool modified_strong;
    uint64_t sent, received; /* bytes of HTTP, heads included, TLS and TCP not */
};
typedef void (*fetch_fn)(void *arg, const struct fetch_answer *a);

/* ca_file: PEM file of authorities instead of the system's; NULL: the system's. user_agent: NULL:
 * none is sent. NULL without memory; or, logged, where the module cannot be loaded. */
struct fetcher *fetcher_new(struct loop *loop, const char *ca_file, const char *user_agent);
/* Cancels all; not from inside a callback. NULL is fine. */
void fetcher_free(struct fetcher *f);

/* fn is called once, from the loop, never before this returns. NULL if it cannot even begin (no
 * memory, a URL of another scheme). */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_fn fn, void *arg);
/* Whether the connection stands and the request is being sent or was: its answer is waited for. */
bool fetch_begun(const struct fetch *c);
/* fn is not called any more. Also from inside another's callback; not from its own. */
void fetch_cancel(struct fetch *c);

#endif
