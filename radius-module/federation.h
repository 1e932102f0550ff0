/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The federation: one question about a device, put to every authority at once, answered within one
 * deadline whatever any of them does. Knows nothing of FreeRADIUS.
 *
 * A worker asks (fed_ask), does its own work meanwhile (the pass store), and collects
 * (fed_collect). Identical questions share one search. What an authority last said is remembered,
 * bounded; while it is fresh the authority is not asked again, and when the authority is silent it
 * is served stale, up to an age; a denial has no such age, until its authority answers again. */
#ifndef LOGGIA_RADIUS_MODULE_FEDERATION_H
#define LOGGIA_RADIUS_MODULE_FEDERATION_H

#include "radius-module/authority.h"
#include "radius-module/decision.h"
#include "radius-module/login.h"
#include "radius-module/report.h"

#define FED_MAX_AUTHORITIES 32

struct fed_conf {
    uint32_t deadline_ms;
    uint32_t bulkhead; /* workers that may wait for one silent authority */
    uint32_t remember; /* devices */
    uint32_t fresh_found_s, fresh_not_found_s, fresh_pass_s;
    uint32_t stale_s[FED_MAX_AUTHORITIES]; /* how long the last answer is served, by authority */
    uint32_t recheck_s; /* how often everybody is asked about a device that is online */
    uint32_t pass_life_s, bound_life_s;
    uint32_t login_attempts, login_window_s; /* wrong passwords, of one name or one device */
    uint32_t login_deadline_ms;
    void *key; /* of all keyed hashes */
    size_t key_len;
    struct decision_rules rules; /* its arrays are the two below */
    struct decision_profile profiles[MAPPING_MAX_PROFILES];
    size_t n_profiles;
    struct decision_authority decision[FED_MAX_AUTHORITIES];
    struct authority_conf authorities[FED_MAX_AUTHORITIES];
    size_t n_authorities;
};

/* The person that a device is bound to by a last password. */
struct fed_person {
    int authority; /* index, -1: nobody */
    char dn[VALUES_DN_LEN];
};

struct fed;
struct fed_question;

/* Keeps conf and report. NULL: out of memory. */
struct fed *fed_new(const struct fed_conf *conf, struct report *report);
int fed_start(struct fed *f); /* the threads; 0 or an errno */
void fed_free(struct fed *f);

/* Takes over what the other remembers (and nothing of what it has on its way); how many devices. */
size_t fed_inherit(struct fed *f, struct fed *old);

/* The fast path: pass and answers, the person's folded in, if all of them are remembered and fresh;
 * else false, and fed_ask. Without with_pass the pass is PASS_NONE (there is no store); so it is
 * where an authority has shut the device out, for then no pass helps. Never blocks. answers has
 * room for n_authorities. */
bool fed_recall(struct fed *f, const struct mac *mac, bool with_pass, enum decision_pass *pass,
                uint32_t *left_s, struct decision_answer *answers);
/* Never blocks. NULL: out of memory (then every authority is unknown). */
struct fed_question *fed_ask(struct fed *f, const struct mac *mac);
/* The same question about the person that the device is bound to, as well: where the memory did
 * not know, and so fed_ask did not ask. Never blocks. */
void fed_ask_person(struct fed *f, struct fed_question *q, const struct fed_person *person);
/* Waits until all have answered or the deadline, counted from began_ms (clock_ms), is over; frees
 * the question. with_person: what is said of the person that the device is bound to is part of
 * that authority's answer. answers has room for n_authorities. */
void fed_collect(struct fed *f, struct fed_question *q, uint64_t began_ms, bool with_person,
                 struct decision_answer *answers);

/* Passes that this server has read or written. False: nothing that may be used without asking the
 * store; with any_age also what is older than fresh (the store is down). */
bool fed_pass_get(struct fed *f, const struct mac *mac, bool any_age, enum decision_pass *pass,
                  uint32_t *left_s, struct fed_person *person);
/* person NULL: whom it is bound to stays. */
void fed_pass_put(struct fed *f, const struct mac *mac, enum decision_pass pass, uint32_t left_s,
                  const struct fed_person *person);

/* Whether somebody's last password is right; LOGIN_RIGHT fills right. Waits login_deadline_ms at
 * most. */
enum decision_login fed_login(struct fed *f, const struct login_ask *ask,
                              struct login_right *right);
/* Binds the device to who that is, in this server's memory, with a pass. */
void fed_bind(struct fed *f, const struct mac *mac, uint32_t left_s,
              const struct login_right *right);

/* --- what outlives the server, and what other servers have to know -----------------------------
 */
enum fed_change {
    FED_STORE = 1, /* what is stored of the authorities' answers is out of date */
    FED_DENIED,    /* the device has just been shut out, or still is and goes on */
    FED_CHANGED,   /* a device that is online may do something else now */
    FED_BANNED     /* the city has shut it out, as all servers know, and it goes on */
};
/* Called with the federation's lock held: must not call it. */
typedef void (*fed_changed_fn)(void *arg, const struct mac *mac, enum fed_change what);
void fed_on_change(struct fed *f, fed_changed_fn fn, void *arg);

#define FED_STORED_MAX 1000 /* bytes */
/* What is to be stored of a device, in clear; 0: nothing (any more); -1: it is not remembered. */
long fed_store(struct fed *f, const struct mac *mac, uint8_t out[FED_STORED_MAX]);
/* The store did not take it: FED_STORE will be said again. */
void fed_store_failed(struct fed *f, const struct mac *mac);
/* What was stored of it, by this server or another. It is served stale, and never as fresh. */
void fed_stored(struct fed *f, const struct mac *mac, const uint8_t *in, size_t len);
/* Another server has changed what is stored of the device with this pseudonym: nothing that is
 * remembered of it is fresh any more. banned_s: it is shut out for so long; 0: it is not. */
void fed_changed_elsewhere(struct fed *f, const char *pseudonym, uint32_t banned_s);
/* All but denials and bans. */
void fed_forget(struct fed *f, const struct mac *mac);

/* A session of the device goes on (false: has ended). True: its pass is not remembered. */
bool fed_live(struct fed *f, const struct mac *mac, bool live);
/* To be called every now and then (rounds: how often in recheck_s): asks everybody about those who
 * are online, so that who is shut out is noticed. */
void fed_tick(struct fed *f, unsigned rounds);

struct fed_stats {
    uint64_t questions, coalesced, remembered, stale, bulkhead, deadline;
    uint64_t rechecked, denied, changed, followed;
    size_t devices;
};
void fed_stats(struct fed *f, struct fed_stats *out);
void fed_authority_stats(struct fed *f, size_t authority, struct authority_stats *out);

#endif
