/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table, and a list in the order of beginning: as all windows are of one length, the list's
 * head is also the next to end. */
#include "radius-module/attempts.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
    uint8_t key[ATTEMPTS_KEY_LEN];
    uint32_t count;
    uint64_t until_ms;
    UT_hash_handle hh;
    struct entry *prev, *next;
};

struct attempts {
    size_t most;
    uint32_t limit;
    uint64_t window_ms;
    struct entry *table, *oldest;
};

struct attempts *attempts_new(size_t most, uint32_t limit, uint32_t window_s)
{
    struct attempts *a = calloc(1, sizeof *a);
    if (a) {
        a->most = most ? most : 1;
        a->limit = limit;
        a->window_ms = window_s * UINT64_C(1000);
    }
    return a;
}

static void drop(struct attempts *a, struct entry *e)
{
    HASH_DEL(a->table, e);
    DL_DELETE(a->oldest, e);
    free(e);
}

void attempts_free(struct attempts *a)
{
    if (!a)
        return;
    while (a->oldest)
        drop(a, a->oldest);
    free(a);
}

static struct entry *find(struct attempts *a, const uint8_t *key)
{
    struct entry *e;
    HASH_FIND(hh, a->table, key, ATTEMPTS_KEY_LEN, e);
    return e;
}

bool attempts_take(struct attempts *a, const uint8_t key[static ATTEMPTS_KEY_LEN], uint64_t now_ms)
{
    while (a->oldest && a->oldest->until_ms <= now_ms)
        drop(a, a->oldest);
    struct entry *e = find(a, key);
    if (e && e->count >= a->limit)
        return false;
    if (!e) {
        if (HASH_COUNT(a->table) >= a->most)
            drop(a, a->oldest);
        if (!(e = calloc(1, sizeof *e)))
            return false;
        memcpy(e->key, key, sizeof e->key);
        e->until_ms = now_ms + a->window_ms;
        HASH_ADD(hh, a->table, key, sizeof e->key, e);
        DL_APPEND(a->oldest, e);
    }
    e->count++;
    return true;
}

void attempts_give_back(struct attempts *a, const uint8_t key[static ATTEMPTS_KEY_LEN])
{
    struct entry *e = find(a, key);
    if (e && --e->count == 0)
        drop(a, e);
}
