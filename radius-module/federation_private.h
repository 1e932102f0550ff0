/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What federation.c (questions) and federation_pass.c (passes, and the persons that devices are
 * bound to) share. `lock` guards all of it. */
#ifndef LOGGIA_RADIUS_MODULE_FEDERATION_PRIVATE_H
#define LOGGIA_RADIUS_MODULE_FEDERATION_PRIVATE_H

#include "radius-module/federation.h"
#include "radius-module/memory.h"
#include <pthread.h>
#include <uthash.h>

struct fed_question {
    struct mac mac;
    unsigned refs;            /* workers, and authorities that have still to answer */
    uint32_t pending;         /* bit i: authority i has still to answer */
    bool listed;              /* others may join */
    bool selective;           /* somebody waits for some of them only */
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
    pthread_mutex_t lock;
    struct fed_question *questions; /* that others may join, by device */
    struct memory *memory;
    uint32_t waiting[FED_MAX_AUTHORITIES];  /* workers inside the bulkhead */
    uint64_t heard_ms[FED_MAX_AUTHORITIES]; /* the last answer to anybody */
    struct fed_stats stats;
};

#endif
