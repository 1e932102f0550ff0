/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bulkhead and a breaker around something that blocks whoever asks it: the pass store, which
 * rlm_sql asks in the worker's own time. While it is healthy, who finds all places taken waits for
 * one; once it has said nothing for a grace, nobody waits who is not inside already; and once it
 * has failed, nobody asks at all but one, every now and then, to see whether it is back. */
#ifndef LOGGIA_RADIUS_MODULE_GUARD_H
#define LOGGIA_RADIUS_MODULE_GUARD_H

#include "radius-module/breaker.h"
#include "radius-module/report.h"
#include <pthread.h>
#include <stdbool.h>

struct guard {
    const char *name;
    struct report *report;
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct breaker breaker;
    uint32_t places, inside, grace_ms;
    uint64_t heard_ms; /* the last success */
    uint64_t asked, failed, refused;
};

void guard_init(struct guard *g, const char *name, uint32_t places, uint32_t grace_ms,
                uint32_t failures, uint32_t open_ms, struct report *report);
/* Any thread. False: it is not to be asked now. Waits until_ms (clock_ms) at most. */
bool guard_enter(struct guard *g, uint64_t until_ms);
void guard_leave(struct guard *g, bool ok);
void guard_stats(struct guard *g, struct guard *copy);

#endif
