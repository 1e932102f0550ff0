/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the city last said of each device: bounded, the longest unused goes first. Not locked: the
 * federation's lock guards it. Times are clock_ms; ages up to six years are kept. */
#ifndef LOGGIA_RADIUS_MODULE_MEMORY_H
#define LOGGIA_RADIUS_MODULE_MEMORY_H

#include "radius-module/decision.h"

struct memory_found; /* an entitlement, most of it shared with everybody who has the same */

struct memory_answer {
    struct memory_found *found; /* ANSWER_FOUND; owned */
    uint32_t at_ds;             /* tenths of a second */
    uint8_t state;              /* enum decision_state; ANSWER_UNKNOWN: never answered */
    bool asked_for;             /* to be asked again, however fresh it is */
};

struct memory_bound { /* the person that a device is bound to */
    size_t authority;
    struct memory_answer answer;
    char dn[];
};

struct memory_device { /* some 70 bytes, and 16 for each authority */
    struct mac mac;
    uint8_t pass; /* enum decision_pass, if has_pass */
    bool has_pass : 1;
    bool pass_asked_for : 1; /* to be read again, however fresh it is */
    bool queued : 1;         /* what is stored of it is to be written */
    bool stored : 1;         /* something is, as stored_sum says */
    uint32_t number;         /* this record's */
    uint32_t older, newer;
    uint32_t pass_at_ds, pass_until_s;
    uint32_t live_until_s, recheck_s; /* a session goes on; when to ask about it again */
    uint32_t stored_sum, stored_s;
    uint64_t pseudonym;             /* the first half of the device's hash */
    struct memory_bound *bound;     /* NULL: to nobody */
    struct memory_answer answers[]; /* one per authority */
};

struct memory;

/* The key is that of the devices' pseudonyms. */
struct memory *memory_new(size_t most, size_t authorities, const void *key, size_t key_len);
void memory_free(struct memory *m);
/* NULL if the device is not remembered; it is now the most recently used. */
struct memory_device *memory_get(struct memory *m, const struct mac *mac);
/* The same, made if need be; NULL only when out of memory. */
struct memory_device *memory_make(struct memory *m, const struct mac *mac);
/* By the pseudonym (lower-case hexadecimal); not a use. */
struct memory_device *memory_by_pseudonym(struct memory *m, const char *hash);
/* The record that has this number, 0 to memory_count - 1; not a use. */
struct memory_device *memory_nth(struct memory *m, size_t number);
size_t memory_count(const struct memory *m);
/* In the order of use; NULL behind the last. Not a use. */
struct memory_device *memory_oldest(struct memory *m);
struct memory_device *memory_newer(struct memory *m, const struct memory_device *d);
/* The pass, and who is online; neither answers nor the person. What is stored is to be seen. */
void memory_copy(struct memory_device *to, const struct memory_device *from);
/* The same key, at another place. */
void memory_key(struct memory *m, const void *key, size_t key_len);

/* Takes a copy of e (NULL unless FOUND). at_ms may lie before the clock's beginning. */
void memory_answer_set(struct memory *m, struct memory_answer *a, enum decision_state state,
                       int64_t at_ms, const struct entitlement *e);
/* Fills state and entitlement. */
void memory_answer_get(const struct memory_answer *a, struct decision_answer *out);
uint64_t memory_answer_age_ms(const struct memory_answer *a, uint64_t now_ms);
bool memory_answer_denied(const struct memory_answer *a);

/* dn NULL: to nobody. The person's answer is forgotten if that is another one than before. False:
 * out of memory, and it is bound to nobody. */
bool memory_bind(struct memory *m, struct memory_device *d, size_t authority, const char *dn);

void memory_pass_set(struct memory_device *d, enum decision_pass pass, uint64_t now_ms,
                     uint32_t left_s);
uint64_t memory_pass_age_ms(const struct memory_device *d, uint64_t now_ms);
uint32_t memory_pass_left_s(const struct memory_device *d, uint64_t now_ms);

/* Whether the moment at_s (of clock_ms / 1000) lies ahead. */
static inline bool memory_ahead(uint32_t at_s, uint64_t now_ms)
{
    return (int32_t)(at_s - (uint32_t)(now_ms / 1000)) > 0;
}

#endif
