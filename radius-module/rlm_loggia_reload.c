/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reload (HUP). FreeRADIUS makes a second instance from the new configuration, and from then on
 * calls that one; the first it keeps, for requests may still be inside it, and frees at some later
 * reload. So the second takes over what the first remembers, and `reload_grace` later ends its
 * threads and connections. A configuration that is wrong makes no second instance, and the first
 * goes on.
 *
 * The server reloads only modules that do everything in `instantiate`. */
#include "radius-module/rlm_loggia.h"

#include <string.h>

#define MOST_IN_USE 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of this, and of before and after */
static rlm_loggia_t *in_use[MOST_IN_USE];                /* one of each name */

static rlm_loggia_t **place_of(const char *name)
{
    rlm_loggia_t **empty = NULL;
    for (size_t i = 0; i < MOST_IN_USE; i++) {
        if (in_use[i] && strcmp(in_use[i]->name, name) == 0)
            return &in_use[i];
        if (!in_use[i] && !empty)
            empty = &in_use[i];
    }
    return empty;
}

bool rlm_loggia_is_first(const char *name)
{
    pthread_mutex_lock(&lock);
    rlm_loggia_t **place = place_of(name);
    bool first = !place || !*place;
    pthread_mutex_unlock(&lock);
    return first;
}

void rlm_loggia_take_over(rlm_loggia_t *inst)
{
    pthread_mutex_lock(&lock);
    rlm_loggia_t **place = place_of(inst->name), *before = place ? *place : NULL;
    if (before) {
        inst->before = before;
        before->after = inst;
        inst->retire_ms = clock_ms() + inst->settings->reload_grace_s * UINT64_C(1000);
        size_t n = fed_inherit(inst->fed, before->fed);
        report_line(&inst->report, LOG_NOTICE, "event=reloaded remembered_devices=%zu", n);
    }
    if (place)
        *place = inst;
    pthread_mutex_unlock(&lock);
}

/* The one before has such a thread, too, which is waited for with the lock held: so it must not
 * wait for the lock. */
void rlm_loggia_retire(rlm_loggia_t *inst)
{
    if (pthread_mutex_trylock(&lock))
        return;
    rlm_loggia_t *old = inst->before;
    if (old && clock_ms() >= inst->retire_ms) {
        rlm_loggia_stop(old);
        inst->before = old->after = NULL;
        report_line(&inst->report, LOG_INFO, "event=retired");
    }
    pthread_mutex_unlock(&lock);
}

void rlm_loggia_leave(rlm_loggia_t *inst)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < MOST_IN_USE; i++)
        if (in_use[i] == inst)
            in_use[i] = NULL;
    if (inst->after)
        inst->after->before = NULL;
    if (inst->before)
        inst->before->after = NULL;
    inst->before = inst->after = NULL;
    pthread_mutex_unlock(&lock);
}

void rlm_loggia_stop(rlm_loggia_t *inst)
{
    rlm_loggia_store_stop(inst->store);
    rlm_loggia_clerks_stop(inst->clerks);
    rlm_loggia_desk_stop(inst->desk);
    inst->store = NULL;
    inst->desk = NULL;
    inst->clerks = NULL;
    fed_free(inst->fed);
    inst->fed = NULL;
}
