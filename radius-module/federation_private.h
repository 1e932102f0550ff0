/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What federation.c (questions) and federation_pass.c (passes, and the persons that devices are
 * bound to) share. `lock` guards all of it. */
#ifndef LOGGIA_RADIUS_MODULE_FEDERATION_PRIVATE_H
#define LOGGIA_RADIUS_MODULE_FEDERATION_PRIVATE_H

#include "radius-module/federation.h"
#include "radius-module/follow.h"
#include "radius-module/memory.h"
#include <pthread.h>
#include <uthash.h>

struct fed_question {
    struct mac mac;
    unsigned refs;            /* workers, and authorities that have still to answer */
    uint32_t pending;         /* bit i: authority i has still to answer */
    bool listed;              /* others may join */
    bool selective;           /* somebody waits for some of them only */
    bool anew;                /* whatever is remembered */
    struct fed_person person; /* asked about too, unless authority is -1 */
    bool person_pending;
    struct decision_answer person_answer;
    pthread_cond_t changed;
    UT_hash_handle hh;
    struct decision_answer answers[];
};

struct fed {
    const struct fed_conf *conf;
    struct report *report;
    struct authorities *authorities;
    struct login *login;
    struct follow *follow;
    pthread_mutex_t lock;
    struct fed_question *questions; /* that others may join, by device */
    struct memory *memory;
    uint32_t waiting[FED_MAX_AUTHORITIES];  /* workers inside the bulkhead */
    uint64_t heard_ms[FED_MAX_AUTHORITIES]; /* the last answer to anybody */
    uint64_t remembered[FED_MAX_AUTHORITIES], stale[FED_MAX_AUTHORITIES];
    struct fed_stats stats;
    fed_changed_fn changed;
    void *changed_arg;
    uint32_t refresh_s; /* what is stored is written again after so long, changed or not */
    size_t cursor;      /* the record to be looked at next, by fed_tick */
};

/* --- federation_memory.c; all with lock held ---------------------------------------------------
 */
void fed_take(const struct memory_answer *a, bool stale, struct decision_answer *out);
void fed_date(struct decision_answer *a);
bool fed_fresh(const struct fed *f, const struct memory_answer *a, uint64_t now_ms);
bool fed_usable_stale(const struct fed *f, size_t authority, const struct memory_answer *a,
                      uint64_t now_ms);
/* Takes a directory's word into the memory, and tells whoever has to know what it changes. */
void fed_remember(struct fed *f, struct memory_device *d, struct memory_answer *a,
                  const struct decision_answer *said);
/* Whether what is stored of the device has to be written again; says so, once. */
void fed_check_stored(struct fed *f, struct memory_device *d);
uint32_t fed_refresh_s(const struct fed_conf *c);

/* Without the lock: a follow_fn. */
void fed_followed(void *fed, size_t authority, const struct values *values);

/* --- federation.c */
void fed_ask_anew(struct fed *f, const struct mac *mac);

#endif
