/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A million devices have to fit into 256 MiB, so: records of a fixed size in blocks, found by two
 * tables of record numbers (by address, and by pseudonym, for that is how other servers name a
 * device), and a list in the order of use that is numbers, too. The tables have their whole size
 * from the beginning and are never copied, so that no request waits for that; the kernel gives the
 * pages as they are used. Most devices of a city are in no directory, and those who are mostly have
 * what everybody has: an entitlement is pooled, and beside it only who it is.
 *
 * Addresses are a stranger's choice: the table's hash has a secret seed. */
#include "radius-module/memory.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define BLOCK 1024 /* records */
#define NONE  UINT32_MAX

struct pooled { /* an entitlement without who it is of */
    struct entitlement e;
    size_t refs;
    UT_hash_handle hh;
};

struct memory_found {
    struct pooled *pooled;
    uint8_t identity[ENTITLEMENT_HASH_LEN], link[ENTITLEMENT_HASH_LEN];
};

struct memory {
    size_t most, authorities, record, count;
    char **blocks;
    uint32_t *by_mac, *by_pseudonym; /* a record's number + 1; 0: empty */
    size_t mask;
    uint64_t seed;
    uint32_t oldest, newest;
    struct pooled *pool;
    const void *key;
    size_t key_len;
};

struct memory *memory_new(size_t most, size_t authorities, const void *key, size_t key_len)
{
    struct memory *m = calloc(1, sizeof *m);
    size_t slots = 64;
    if (!m)
        return NULL;
    m->most = most ? most : 1;
    while (slots < m->most * 2)
        slots *= 2;
    m->mask = slots - 1;
    m->authorities = authorities;
    m->record = sizeof(struct memory_device) + authorities * sizeof(struct memory_answer);
    m->oldest = m->newest = NONE;
    m->key = key;
    m->key_len = key_len;
    crypto_random(&m->seed, sizeof m->seed);
    m->blocks = calloc(m->most / BLOCK + 1, sizeof *m->blocks);
    m->by_mac = calloc(slots, sizeof *m->by_mac);
    m->by_pseudonym = calloc(slots, sizeof *m->by_pseudonym);
    if (m->blocks && m->by_mac && m->by_pseudonym)
        return m;
    memory_free(m);
    return NULL;
}

static struct memory_device *at(const struct memory *m, size_t number)
{
    return (struct memory_device *)(void *)(m->blocks[number / BLOCK] + number % BLOCK * m->record);
}

size_t memory_count(const struct memory *m)
{
    return m->count;
}

struct memory_device *memory_nth(struct memory *m, size_t number)
{
    return at(m, number);
}

/* --- the two tables -----------------------------------------------------------------------------
 */

static size_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (size_t)(x ^ x >> 33);
}

static size_t place_of_mac(const struct memory *m, const struct mac *mac)
{
    uint64_t n = 0;
    memcpy(&n, mac, sizeof *mac);
    return mix(mix(n ^ m->seed) ^ m->seed) & m->mask;
}

static size_t place_in(const struct memory *m, const uint32_t *table, uint32_t number)
{
    const struct memory_device *d = at(m, number);
    return table == m->by_mac ? place_of_mac(m, &d->mac) : mix(d->pseudonym) & m->mask;
}

static void insert(struct memory *m, uint32_t *table, uint32_t number)
{
    size_t i = place_in(m, table, number);
    while (table[i])
        i = (i + 1) & m->mask;
    table[i] = number + 1;
}

/* Closes the gap, so that no search stops short of what lies behind it. */
static void take_out(struct memory *m, uint32_t *table, uint32_t number)
{
    size_t gap = place_in(m, table, number);
    while (table[gap] != number + 1)
        gap = (gap + 1) & m->mask;
    for (size_t i = (gap + 1) & m->mask; table[i]; i = (i + 1) & m->mask) {
        size_t home = place_in(m, table, table[i] - 1);
        if (((i - home) & m->mask) >= ((i - gap) & m->mask)) {
            table[gap] = table[i];
            gap = i;
        }
    }
    table[gap] = 0;
}

static struct memory_device *find(const struct memory *m, const struct mac *mac)
{
    for (size_t i = place_of_mac(m, mac); m->by_mac[i]; i = (i + 1) & m->mask) {
        struct memory_device *d = at(m, m->by_mac[i] - 1);
        if (mac_equal(&d->mac, mac))
            return d;
    }
    return NULL;
}

static uint64_t half(const char *hash)
{
    char text[17];
    size_t len = strnlen(hash, 16);
    memcpy(text, hash, len);
    text[len] = 0;
    return strtoull(text, NULL, 16);
}

struct memory_device *memory_by_pseudonym(struct memory *m, const char *hash)
{
    uint64_t want = half(hash);
    for (size_t i = mix(want) & m->mask; m->by_pseudonym[i]; i = (i + 1) & m->mask) {
        struct memory_device *d = at(m, m->by_pseudonym[i] - 1);
        if (d->pseudonym == want)
            return d;
    }
    return NULL;
}

/* --- the order of use ---------------------------------------------------------------------------
 */

static void unlink_record(struct memory *m, struct memory_device *d)
{
    if (d->older == NONE)
        m->oldest = d->newer;
    else
        at(m, d->older)->newer = d->newer;
    if (d->newer == NONE)
        m->newest = d->older;
    else
        at(m, d->newer)->older = d->older;
}

static void append_record(struct memory *m, struct memory_device *d)
{
    d->older = m->newest;
    d->newer = NONE;
    if (m->newest == NONE)
        m->oldest = d->number;
    else
        at(m, m->newest)->newer = d->number;
    m->newest = d->number;
}

struct memory_device *memory_get(struct memory *m, const struct mac *mac)
{
    struct memory_device *d = find(m, mac);
    if (d && d->newer != NONE) {
        unlink_record(m, d);
        append_record(m, d);
    }
    return d;
}

struct memory_device *memory_oldest(struct memory *m)
{
    return m->oldest == NONE ? NULL : at(m, m->oldest);
}

struct memory_device *memory_newer(struct memory *m, const struct memory_device *d)
{
    return d->newer == NONE ? NULL : at(m, d->newer);
}

/* --- records ------------------------------------------------------------------------------------
 */

static void drop_found(struct memory *m, struct memory_answer *a)
{
    struct memory_found *f = a->found;
    a->found = NULL;
    if (!f)
        return;
    if (--f->pooled->refs == 0) {
        HASH_DEL(m->pool, f->pooled);
        free(f->pooled);
    }
    free(f);
}

static void empty(struct memory *m, struct memory_device *d)
{
    for (size_t i = 0; i < m->authorities; i++)
        drop_found(m, &d->answers[i]);
    memory_bind(m, d, 0, NULL);
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        empty(m, at(m, i));
    for (size_t i = 0; m->blocks && i < m->most / BLOCK + 1; i++)
        free(m->blocks[i]);
    free(m->blocks);
    free(m->by_mac);
    free(m->by_pseudonym);
    free(m);
}

/* A record's number: a new one's, or that of the longest unused. NONE: out of memory. */
static uint32_t make_room(struct memory *m)
{
    char **block = &m->blocks[m->count / BLOCK];
    uint32_t number = m->oldest;
    if (m->count < m->most) {
        if (!*block && !(*block = calloc(BLOCK, m->record)))
            return NONE;
        return (uint32_t)m->count++;
    }
    struct memory_device *d = at(m, number);
    take_out(m, m->by_mac, number);
    take_out(m, m->by_pseudonym, number);
    unlink_record(m, d);
    empty(m, d);
    return number;
}

struct memory_device *memory_make(struct memory *m, const struct mac *mac)
{
    char hash[DEVICE_HASH_LEN];
    struct memory_device *d = memory_get(m, mac);
    if (d)
        return d;
    uint32_t number = make_room(m);
    if (number == NONE)
        return NULL;
    crypto_device_hash(m->key, m->key_len, mac, hash);
    d = at(m, number);
    memset(d, 0, m->record);
    d->mac = *mac;
    d->number = number;
    d->pseudonym = half(hash);
    insert(m, m->by_mac, number);
    insert(m, m->by_pseudonym, number);
    append_record(m, d);
    return d;
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* Everything but who it is; zeroes between the members, so that equal ones are equal bytes. */
static struct pooled *pool_take(struct memory *m, const struct entitlement *e)
{
    struct entitlement bare;
    struct pooled *p;
    memset(&bare, 0, sizeof bare);
    bare.denied = e->denied;
    memcpy(bare.reason, e->reason, strnlen(e->reason, sizeof e->reason - 1));
    bare.profile = e->profile;
    bare.has = e->has;
    for (int l = 0; l < LIMITS; l++)
        bare.own[l] = e->has & 1U << l ? e->own[l] : 0;
    bare.has_link = e->has_link;
    bare.from_s = e->from_s;
    bare.until_s = e->until_s;
    HASH_FIND(hh, m->pool, &bare, sizeof bare, p);
    if (!p && (p = calloc(1, sizeof *p))) {
        memcpy(&p->e, &bare, sizeof bare);
        HASH_ADD(hh, m->pool, e, sizeof p->e, p);
    }
    if (p)
        p->refs++;
    return p;
}

void memory_answer_set(struct memory *m, struct memory_answer *a, enum decision_state state,
                       int64_t at_ms, const struct entitlement *e)
{
    struct memory_found *found = NULL;
    if (state == ANSWER_FOUND) {
        if (!(found = malloc(sizeof *found)))
            return; /* what was known stays */
        if (!(found->pooled = pool_take(m, e))) {
            free(found);
            return;
        }
        memcpy(found->identity, e->identity, sizeof found->identity);
        memcpy(found->link, e->link, sizeof found->link);
    }
    drop_found(m, a);
    *a = (struct memory_answer){found, (uint32_t)(at_ms / 100), (uint8_t)state, false};
}

void memory_answer_get(const struct memory_answer *a, struct decision_answer *out)
{
    out->state = a->state;
    if (!a->found)
        return;
    out->entitlement = a->found->pooled->e;
    memcpy(out->entitlement.identity, a->found->identity, sizeof a->found->identity);
    memcpy(out->entitlement.link, a->found->link, sizeof a->found->link);
}

static uint64_t age_ms(uint32_t at_ds, uint64_t now_ms)
{
    int32_t age = (int32_t)((uint32_t)(now_ms / 100) - at_ds);
    return age > 0 ? (uint64_t)age * 100 : 0;
}

uint64_t memory_answer_age_ms(const struct memory_answer *a, uint64_t now_ms)
{
    return age_ms(a->at_ds, now_ms);
}

bool memory_answer_denied(const struct memory_answer *a)
{
    return a->found && a->found->pooled->e.denied;
}

void memory_copy(struct memory_device *to, const struct memory_device *from)
{
    to->has_pass = from->has_pass;
    to->pass_asked_for = from->pass_asked_for;
    to->pass = from->pass;
    to->pass_at_ds = from->pass_at_ds;
    to->pass_until_s = from->pass_until_s;
    to->live_until_s = from->live_until_s;
    to->recheck_s = from->recheck_s;
    to->stored = from->stored;
    to->stored_sum = 0; /* none has this: it is written again when it is next seen */
    to->stored_s = from->stored_s;
}

void memory_key(struct memory *m, const void *key, size_t key_len)
{
    m->key = key;
    m->key_len = key_len;
}

/* --- passes and persons -------------------------------------------------------------------------
 */

bool memory_bind(struct memory *m, struct memory_device *d, size_t authority, const char *dn)
{
    struct memory_bound *b = d->bound;
    if (b && dn && b->authority == authority && strcmp(b->dn, dn) == 0)
        return true;
    if (b)
        drop_found(m, &b->answer);
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

void memory_pass_set(struct memory_device *d, enum decision_pass pass, uint64_t now_ms,
                     uint32_t left_s)
{
    d->has_pass = pass == PASS_VALID || pass == PASS_PAUSED || pass == PASS_BANNED;
    d->pass_asked_for = false;
    d->pass = (uint8_t)pass;
    d->pass_at_ds = (uint32_t)(now_ms / 100);
    d->pass_until_s = (uint32_t)(now_ms / 1000) + left_s;
}

uint64_t memory_pass_age_ms(const struct memory_device *d, uint64_t now_ms)
{
    return age_ms(d->pass_at_ds, now_ms);
}

uint32_t memory_pass_left_s(const struct memory_device *d, uint64_t now_ms)
{
    int32_t left = (int32_t)(d->pass_until_s - (uint32_t)(now_ms / 1000));
    return left > 0 ? (uint32_t)left : 0;
}
