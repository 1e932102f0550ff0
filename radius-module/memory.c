/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table and a list in the order of use. Most devices of a city are in no directory, so an
 * entitlement is only kept for those that are. */
#include "radius-module/memory.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
    struct mac mac;
    struct memory_device device;
    UT_hash_handle hh;
    struct entry *prev, *next; /* the head was used longest ago */
    struct memory_answer answers[];
};

struct memory {
    size_t most, authorities;
    struct entry *table, *used;
};

struct memory *memory_new(size_t most, size_t authorities)
{
    struct memory *m = calloc(1, sizeof *m);
    if (m) {
        m->most = most ? most : 1;
        m->authorities = authorities;
    }
    return m;
}

static void drop(struct memory *m, struct entry *e)
{
    HASH_DEL(m->table, e);
    DL_DELETE(m->used, e);
    for (size_t i = 0; i < m->authorities; i++)
        free(e->answers[i].entitlement);
    memory_bind(&e->device, 0, NULL);
    free(e);
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    while (m->used)
        drop(m, m->used);
    free(m);
}

static struct entry *find(struct memory *m, const struct mac *mac)
{
    struct entry *e;
    HASH_FIND(hh, m->table, mac, sizeof *mac, e);
    if (e && e->next) { /* not the latest already */
        DL_DELETE(m->used, e);
        DL_APPEND(m->used, e);
    }
    return e;
}

struct memory_device *memory_get(struct memory *m, const struct mac *mac)
{
    struct entry *e = find(m, mac);
    return e ? &e->device : NULL;
}

struct memory_device *memory_make(struct memory *m, const struct mac *mac)
{
    struct entry *e = find(m, mac);
    if (e)
        return &e->device;
    if (HASH_COUNT(m->table) >= m->most)
        drop(m, m->used);
    e = calloc(1, sizeof *e + m->authorities * sizeof e->answers[0]);
    if (!e)
        return NULL;
    e->mac = *mac;
    e->device.answers = e->answers;
    HASH_ADD(hh, m->table, mac, sizeof e->mac, e);
    DL_APPEND(m->used, e);
    return &e->device;
}

void memory_answer_set(struct memory_answer *a, enum decision_state state, uint64_t now_ms,
                       const struct entitlement *e)
{
    struct entitlement *copy = NULL;
    if (state == ANSWER_FOUND) {
        copy = a->entitlement ? a->entitlement : malloc(sizeof *copy);
        if (!copy)
            return; /* what was known stays */
        *copy = *e;
    } else {
        free(a->entitlement);
    }
    *a = (struct memory_answer){state, now_ms, copy};
}

bool memory_bind(struct memory_device *d, size_t authority, const char *dn)
{
    struct memory_bound *b = d->bound;
    if (b && dn && b->authority == authority && strcmp(b->dn, dn) == 0)
        return true;
    if (b)
        free(b->answer.entitlement);
    free(b);
    d->bound = NULL;
    if (!dn)
        return true;
    size_t len = strlen(dn) + 1;
    if (!(b = calloc(1, sizeof *b + len)))
        return false;
    b->authority = authority;
    memcpy(b->dn, dn, len);
    d->bound = b;
    return true;
}

size_t memory_count(const struct memory *m)
{
    return HASH_COUNT(m->table);
}
