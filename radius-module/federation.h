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

/* Never blocks. NULL: out of memory (then every authority is unknown). */
struct fed_question *fed_ask(struct fed *f, const struct mac *mac);
/* The same question about the person that the device is bound to, as well: where the memory did not
 * know, and so fed_ask did not ask. Never blocks. */
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

struct fed_stats {
    uint64_t questions, coalesced, remembered, stale, bulkhead, deadline;
    size_t devices;
};
void fed_stats(struct fed *f, struct fed_stats *out);
void fed_authority_stats(struct fed *f, size_t authority, struct authority_stats *out);

#endif
