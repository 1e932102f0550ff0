/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of loggiad share: one struct portal, whose parts know each other only through it.
 *
 *   adopt.c     the gate's greeting, its list, its events     (gate_client.c below)
 *   sessions.c  does what session.c decides: gate, accounting, timers
 *   silent.c    the bounded queue of silent questions
 *   forget.c    "forget this device", tried until the centre has heard it
 *   dynauth.c   what the centre asks of us: end a session, change one
 *   embedded.c  decides in the centre's place where there is no radius section
 *   web*.c      what citizens see                             (lib/http.c, lib/page.c below)
 *   control*.c  what loggiactl asks
 *   metrics*.c  what is counted for the city's monitoring
 *   secure.c    the TLS listener and its certificate
 *   board*.c    the noticeboard: asked for news, believed for its signature, counted for
 *   texts.c     terms, notices, privacy: read at start and on a change, never for a request */
#ifndef LOGGIA_PORTAL_PORTAL_H
#define LOGGIA_PORTAL_PORTAL_H

#include "lib/keyfile.h"
#include "portal/conf_digest.h"
#include "portal/devices.h"
#include "portal/gate_client.h"
#include "portal/limit.h"
#include "portal/token.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct accounting;
struct board;
struct control;
struct dynauth;
struct embedded;
struct gate_client;
struct gate_client_handler;
struct http_server;
struct i18n;
struct loop;
struct loop_signal;
struct metrics;
struct page_cache;
struct radius_client;
struct secure;
struct texts;
struct whose;

#define PORTAL_MAX_ASKING  64   /* silent questions in flight */
#define PORTAL_MAX_QUEUED  4096 /* and waiting for a place */
#define PORTAL_HOLD_MS     500  /* a captive request waits this long for a silent answer */
#define PORTAL_WAIT_MS     2000 /* anything else waits this long for the gate */
#define PORTAL_MAX_WAITING 16   /* options that a reload cannot change */
#define PORTAL_STATION_LEN 54   /* AA-BB-CC-DD-EE-FF:zone, NUL */

struct portal_counts {
    uint64_t joins_silent, joins_tap, rejects, no_answers, stops, interims;
    uint64_t provisional, confirmed, unconfirmed; /* sessions that no server granted; then, did */
    uint64_t adopted, reopened, rebuilt, redirects, pages, bad_tokens, held;
    uint64_t claims; /* of this router's addresses by somebody else */
    uint64_t joins_login, wrong_logins, limited_logins;
};

struct portal {
    struct loop *loop;
    const char *conf_path;
    struct conf *boot; /* what it started with; radius client, gate and zones keep to it */
    struct conf *live; /* what a reload may change: texts, terms, guest profile */
    char conf_digest[CONF_DIGEST_LEN]; /* of the file that live was read from */
    uint8_t key[TOKEN_KEY_LEN];
    bool key_kept; /* on disk */
    char run_gate[108], run_control[108];

    struct gate_client *gate;
    struct radius_client *radius;  /* NULL in a router that decides alone */
    struct dynauth *dynauth;       /* the same, and where it is off */
    struct accounting *accounting; /* the same */
    struct embedded *embedded;     /* NULL where there is a centre */
    struct http_server *http;
    struct metrics *metrics;
    struct secure *secure; /* NULL: no tls section */
    struct control *control;
    struct devices *devices;
    struct i18n *i18n;
    struct texts *texts;
    struct page_cache *pages;
    struct whose *whose;
    struct board *board; /* NULL: no board section */
    struct loop_timer *ready_timer;
    struct loop_timer *keep_timer; /* runs while the key is not on the disk */
    struct loop_signal *signals[3];

    struct device *asking_queue; /* silent.c */
    size_t n_asking, n_queued;
    size_t n_forgetting;
    struct limit wrong_logins; /* of all devices: addresses are free to whoever guesses */
    uint32_t listing;          /* adopt.c */
    bool listed_once, ready;
    uint64_t started_ms;
    int64_t started_s;
    struct portal_counts counts;
    int exit_status;
    int least_level; /* of the log: -v counts for more than log_level */
};

/* --- portal.c --------------------------------------------------------------------------------- */
/* In two steps, because privileged ports are bound before and files are made after the change of
 * user. conf is taken over. NULL, or false, with the reason in err. */
struct portal *portal_new(const char *conf_path, struct conf *conf, char *err, size_t err_len);
bool portal_start(struct portal *p, char *err, size_t err_len);
int portal_run(struct portal *p); /* returns the exit status */
void portal_free(struct portal *p);
void portal_say_ready(struct portal *p);
void portal_fail(struct portal *p, const char *why); /* ends the loop with status 1 */
#define PORTAL_KEEPS 3
/* What should be on the disk and is in memory alone (the disk is full, or read-only): "token-key",
 * "passes", "accounting". Returns how many. */
size_t portal_not_kept(const struct portal *p, const char *out[static PORTAL_KEEPS]);
/* False with a line for each error in the log, and to report where it is not NULL: the old
 * configuration stays. */
bool portal_reload(struct portal *p, void (*report)(void *arg, const char *line), void *arg);
/* The options in which now and new differ and that only a restart changes. */
size_t portal_waiting_options(const struct conf *now, const struct conf *new,
                              const char *names[static PORTAL_MAX_WAITING]);

/* --- adopt.c ---------------------------------------------------------------------------------- */
extern const struct gate_client_handler adopt_handler; /* arg: struct portal */
/* Whether it is known if the kernel holds a session of the device. */
bool adopt_is_known(const struct device *d);
/* Asks the gate for this one; its answer (not NULL) is for adopt_found. */
struct gate_call *adopt_look(struct device *d, gate_reply_fn fn, void *arg);
void adopt_found(struct device *d, const struct gate_reply *reply);

/* --- sessions.c ------------------------------------------------------------------------------- */
void sessions_event(struct device *d, struct session_event *ev);
struct session_event sessions_now(enum session_event_kind kind);
/* Where a device was seen. False if that interface is in no zone. */
bool sessions_place(struct device *d, const char *ifname);
void sessions_appeared(struct device *d, bool urgent);
void sessions_tap(struct device *d, const char *lang);
/* The same with a user name and password, which are not needed after the call. */
void sessions_login(struct device *d, const char *lang, const char *user, const char *password);
void sessions_end(struct device *d, enum acct_cause cause);
/* The centre gives an open session what grant has; the rest of its profile stays. */
void sessions_change(struct device *d, const struct radius_grant *grant);
/* Lets an idle device in without asking anybody. False: its last session is not over yet. */
bool sessions_admit(struct device *d, const struct radius_grant *grant);
struct device *sessions_device(struct portal *p, const struct mac *mac);
void sessions_answered(struct device *d, const struct radius_grant *grant);
void sessions_centre_back(void *portal); /* for radius_client_on_access */
void sessions_fini(struct device *d);    /* for devices_free */
void sessions_account_nas(struct portal *p, enum acct_status status); /* On, Off */
const char *sessions_station(const struct device *d, char buf[static PORTAL_STATION_LEN]);

/* --- silent.c --------------------------------------------------------------------------------- */
void silent_ask(struct device *d);
void silent_cancel(struct device *d);
void silent_urge(struct device *d); /* somebody waits: to the head of the queue */

/* --- forget.c --------------------------------------------------------------------------------- */
enum forget_state { FORGET_NONE, FORGET_ASKING, FORGET_WAITING /* failed; tried again later */ };
bool forget_begin(struct device *d);  /* false: no memory, or too many are under way */
void forget_cancel(struct device *d); /* it came back by a tap */
enum forget_state forget_state(const struct device *d);

/* --- embedded.c ------------------------------------------------------------------------------- */
struct embedded *embedded_new(struct portal *p); /* NULL: out of memory */
void embedded_free(struct embedded *e);          /* writes the passes; NULL is fine */
/* What the centre would have answered; its result is never RADIUS_NO_ANSWER. */
struct radius_grant embedded_answer(struct embedded *e, enum radius_kind kind,
                                    const struct mac *mac);
void embedded_left(struct embedded *e, const struct mac *mac); /* no silent join until a tap */
size_t embedded_passes(const struct embedded *e);
void embedded_save(struct embedded *e);          /* now, what was not written yet */
bool embedded_failing(const struct embedded *e); /* the passes are in memory alone */

/* Where the device is (or its session began), in the live configuration; NULL: in no zone. */
const struct conf_zone *device_live_zone(const struct device *d);
const char *device_terms_id(const struct device *d); /* of the terms there */

/* A page for this device cannot be chosen yet. */
bool device_is_settling(const struct device *d);

/* --- web.c ------------------------------------------------------------------------------------ */
struct http_request;
void web_handle(void *portal, struct http_request *req);

/* --- texts.c ---------------------------------------------------------------------------------- */
struct notice;
struct publisher;
struct service;
struct texts *texts_new(struct portal *p);
void texts_free(struct texts *t);
void texts_reload(struct texts *t); /* the live configuration changed */
/* zone, of the live configuration, may be NULL. NULL: the built-in text. */
const char *texts_terms(const struct texts *t, const struct conf_zone *zone, const char *lang);
size_t texts_notices(const struct texts *t, const char *zone, const struct notice **out,
                     size_t max);
size_t texts_services(const struct texts *t, const char *zone, const struct service **out,
                      size_t max);
size_t texts_publishers(const struct texts *t, const struct publisher *const **out);
/* What /go/ID leads to; NULL: no such notice is shown, or it has no link of the web. */
const char *texts_link(const struct texts *t, bool service, const char *id);
size_t texts_notice_count(const struct texts *t, unsigned *skipped);
void texts_board_changed(struct texts *t); /* the board's edition is another */
/* Grows with whatever could change a page: what was made before another number is not shown. */
uint64_t texts_generation(const struct texts *t);
/* From when on a page made now could be another one, because a notice begins or ends. */
int64_t texts_next_change(const struct texts *t, int64_t now_s);
bool texts_clock_sane(void); /* the machine's own clock, whatever the board says */
int64_t texts_now(const struct texts *t, bool *sane);

#endif
