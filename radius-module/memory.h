/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the city last said of each device: bounded, the longest unused goes first. Not locked: the
 * federation's lock guards it. Times are clock_ms. */
#ifndef LOGGIA_RADIUS_MODULE_MEMORY_H
#define LOGGIA_RADIUS_MODULE_MEMORY_H

#include "radius-module/decision.h"

struct memory_answer {
    enum decision_state state; /* ANSWER_UNKNOWN: never answered */
    uint64_t at_ms;
    struct entitlement *entitlement; /* ANSWER_FOUND; owned */
};

struct memory_bound { /* the person that a device is bound to */
    size_t authority;
    struct memory_answer answer;
    char dn[];
};

struct memory_device {
    bool has_pass;
    enum decision_pass pass;
    uint64_t pass_at_ms, pass_until_ms;
    struct memory_answer *answers; /* one per authority */
    struct memory_bound *bound;    /* NULL: to nobody */
};

struct memory;

struct memory *memory_new(size_t most, size_t authorities);
void memory_free(struct memory *m);
/* NULL if the device is not remembered; it is now the most recently used. */
struct memory_device *memory_get(struct memory *m, const struct mac *mac);
/* The same, made if need be; NULL only when out of memory. */
struct memory_device *memory_make(struct memory *m, const struct mac *mac);
/* Takes a copy of e (NULL unless FOUND). */
void memory_answer_set(struct memory_answer *a, enum decision_state state, uint64_t now_ms,
                       const struct entitlement *e);
/* dn NULL: to nobody. The person's answer is forgotten if that is another one than before. False:
 * out of memory, and it is bound to nobody. */
bool memory_bind(struct memory_device *d, size_t authority, const char *dn);
size_t memory_count(const struct memory *m);

#endif
