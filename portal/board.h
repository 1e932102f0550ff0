/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's side of the noticeboard (loggia-bundle(5)): asks for `current`, believes it for its
 * signature, fetches the bundle that it names, shows it, and keeps the last good pair on disk.
 *
 *   board.c        what is asked, and what came of it
 *   board_begin.c  the configuration, what was kept, and the end
 *   board_pace.c   when to ask (pure)
 *   board_judge.c  whether a signed `current` may replace the one we have; which time it is (pure)
 *   board_load.c   a bundle's parts read in small steps, so that no citizen waits for them
 *   board_keep.c   the last good pair in STATE_DIRECTORY/board
 *   board_tally.c  how often notices were shown and tapped, as sums (pure)
 *   board_report.c the sums sent to the board, and kept until they are */
#ifndef LOGGIA_PORTAL_BOARD_H
#define LOGGIA_PORTAL_BOARD_H

#include "lib/bundle.h"
#include "lib/card.h"
#include "lib/current.h"
#include "lib/logo.h"
#include "lib/notice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;
struct buf;
struct fetcher;
struct loop;
struct portal;

/* --- board.c ---------------------------------------------------------------------------------- */
/* Reads keys and token, while root may still be had. NULL with the reason in err. */
struct board *board_new(struct portal *p, char *err, size_t err_len);
void board_start(struct board *b);  /* shows what is kept, and asks */
void board_reload(struct board *b); /* keys, address, token and intervals anew */
void board_free(struct board *b);   /* NULL is fine, here and below */

/* What it says now; NULL: nothing yet. Lives until texts_board_changed is called again. */
struct board_edition;
const struct board_edition *board_edition(const struct board *b);

enum board_state { BOARD_ASKING, BOARD_WAITING, BOARD_PAUSING, BOARD_LOADING };
struct board_stats {
    /* WAITING: the board holds our question until there is news: it has it, and has not answered
     * for a second. */
    enum board_state state;
    uint64_t serial; /* 0: no bundle */
    int64_t created_s, expires_s;
    size_t notices, services, skipped;
    char name[BUNDLE_BOARD_LEN], key_id[SIGN_ID_LEN];
    bool from_disk;     /* the board has not confirmed it since we started */
    bool keeping_fails; /* it is in memory alone */
    uint64_t asked, fresh, failures, refused, bytes_received, bytes_sent;
    uint64_t heard_ms;        /* loop time of its last good answer; 0: never */
    char last_error[200];     /* of a failure since then; "" */
    uint64_t longest_step_us; /* of reading a bundle: how long the loop stood still at most */
    uint64_t counts_sent, counts_lost;
};
void board_stats(const struct board *b, struct board_stats *out);
/* Now as far as the board lets us know it; sane as texts_clock_sane. b may be NULL. */
int64_t board_now(const struct board *b, bool *sane);

/* A phone asked this router for something: there is somebody to read. b may be NULL. */
void board_looked(struct board *b);
/* Something was shown or tapped. */
void board_count(struct board *b, enum bundle_kind kind, const char *id, const char *zone,
                 const char *lang, unsigned displays, unsigned taps);

/* --- board_pace.c ----------------------------------------------------------------------------- */
struct board_pace {
    uint32_t poll_s;
    bool long_poll;             /* may be asked to wait */
    unsigned failures;          /* in a row */
    uint64_t asked_ms;          /* loop time of the last question */
    uint64_t looked_ms;         /* of the last phone; 0: none */
    bool asked_to_wait, waited; /* the last question, its answer */
    bool plain;                 /* a server that does not wait */
    bool idle;                  /* the next question is later than poll: nobody looks */
    unsigned asked;
};
/* Each returns in how many ms to ask next. may_wait: there is an ETag to wait with. */
uint64_t board_pace_next(struct board_pace *p, uint64_t now_ms, bool may_wait);
uint64_t board_pace_failed(struct board_pace *p, uint32_t retry_after_s);
/* Somebody looks; true: ask in *in_ms, which is sooner than was said. */
bool board_pace_looked(struct board_pace *p, uint64_t now_ms, uint64_t *in_ms);
/* Of the question that is asked now: whether it goes without a name and a wish to wait. */
bool board_pace_terse(struct board_pace *p);
void board_pace_asked(struct board_pace *p, uint64_t now_ms, bool to_wait);
uint64_t board_pace_about(uint64_t ms); /* give or take a tenth */
uint64_t board_pace_soon(void);         /* so that a city's routers do not come all together */

/* --- board_judge.c ---------------------------------------------------------------------------- */
enum board_verdict { BOARD_TAKE, BOARD_SAME /* nothing new */, BOARD_REFUSE };
/* candidate was signed by a key we know. have: what we show, serial 0: nothing. ref_s: the best
 * idea of now at its arrival, 0: none. why is filled for REFUSE. */
enum board_verdict board_judge(const struct current *candidate, const struct current *have,
                               int64_t ref_s, char *why, size_t why_len);

struct board_clock {
    int64_t created_s, expires_s; /* of the newest pair; 0: none */
    uint64_t since_ms;            /* loop time at which created_s was learnt */
    int64_t heard_s;              /* Date of its last answer; 0: none */
    uint64_t heard_ms;            /* loop time at which it came */
    bool heard_tls;
};
/* The wall clock, unless what was signed proves it wrong: before created it is too early; behind
 * expires it is too late if the board's own Date is not. A Date that came over TLS also mends a
 * clock that is only minutes off. */
int64_t board_clock_now(const struct board_clock *c, int64_t wall_s, uint64_t loop_ms, bool *sane);

/* --- board_load.c ----------------------------------------------------------------------------- */
struct board_logo {
    char name[LOGO_NAME_LEN];
    enum logo_kind kind;
    char *data;
    size_t len;
};
struct board_edition {
    struct current current;
    char name[BUNDLE_BOARD_LEN];
    struct notice_set notices;
    struct service **services;
    size_t n_services;
    struct publisher **publishers;
    size_t n_publishers;
    struct board_logo *logos;
    size_t n_logos, skipped; /* parts that could not be read */
};
void board_edition_free(struct board_edition *e);

struct board_load;
/* Takes data (malloc'ed) over. fn is called once, later, with the edition (whose owner it becomes)
 * and the data, or with NULL and the reason. */
typedef void (*board_load_fn)(void *arg, struct board_edition *e, char *data, size_t len,
                              const char *why);
struct board_load *board_load_new(struct loop *loop, const struct current *c, char *data,
                                  size_t len, board_load_fn fn, void *arg);
void board_load_free(struct board_load *l); /* cancels */
/* The same at once, for a start, when nobody waits yet. data stays the caller's. */
struct board_edition *board_load_now(const struct current *c, const char *data, size_t len,
                                     char *why, size_t why_len);
uint64_t board_load_longest_us(const struct board_load *l);

/* --- board_keep.c ----------------------------------------------------------------------------- */
struct board_keep;
struct board_keep *board_keep_new(struct loop *loop, const char *state_directory);
void board_keep_free(struct board_keep *k);
/* Takes both texts over (data NULL: the bundle is kept already). Written in the background; a newer
 * pair replaces one that waits. */
void board_keep_save(struct board_keep *k, const struct current *c, char *pointer,
                     size_t pointer_len, char *data, size_t len);
bool board_keep_failing(const struct board_keep *k);
/* What is kept, unverified: malloc'ed. False if nothing is. */
bool board_keep_pointer(const struct board_keep *k, char **pointer, size_t *len);
bool board_keep_bundle(struct board_keep *k, const struct current *c, char **data, size_t *len);

/* --- board_tally.c ---------------------------------------------------------------------------- */
struct board_tally;
struct board_tally *board_tally_new(void);
void board_tally_free(struct board_tally *t);
void board_tally_add(struct board_tally *t, int64_t now_s, enum bundle_kind kind, const char *id,
                     const char *zone, const char *lang, unsigned displays, unsigned taps);
/* The oldest text that waits to be sent, or NULL. Stays until board_tally_sent. */
const char *board_tally_text(const struct board_tally *t, size_t *len);
void board_tally_sent(struct board_tally *t);
/* Closes what was counted up to now into a text of its own; true if any waits. */
bool board_tally_close(struct board_tally *t, const char *router);
uint64_t board_tally_lost(const struct board_tally *t); /* sums that found no room */
/* All of it as one text, what is still counted too (under the name that it will be sent by), the
 * newest as far as b has room; and back, as texts that wait. False with the reason, where one
 * cannot be read: those before it were. */
#define BOARD_TALLY_MAX_FILE (1u << 20)
void board_tally_write(struct board_tally *t, const char *router, struct buf *b);
bool board_tally_read(struct board_tally *t, const char *data, size_t len, char *err,
                      size_t err_len);

/* --- board_report.c --------------------------------------------------------------------------- */
#define BOARD_REPORT_SOON_MS 5000 /* what waited through a restart is sent after this */
struct board_report;
struct board_report *board_report_new(struct loop *loop, struct fetcher *fetcher,
                                      const char *router, const char *state_directory);
/* token stays the caller's; NULL: nothing is counted. */
bool board_report_configure(struct board_report *r, const char *url, const char *token,
                            uint32_t every_s);
void board_report_start(struct board_report *r);
void board_report_free(struct board_report *r); /* keeps what was not sent */
void board_report_add(struct board_report *r, int64_t now_s, enum bundle_kind kind, const char *id,
                      const char *zone, const char *lang, unsigned displays, unsigned taps);
void board_report_stats(const struct board_report *r, struct board_stats *out); /* adds bytes */

#endif
