/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A uthash table, and two lists through it (idle, left) in the order in which devices were last
 * touched. Anybody can invent MAC addresses, so what an idle device costs is bounded here. */
#include "portal/devices.h"
#include "lib/loop.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct devices {
    struct device *by_mac;
    struct device *rest, *left;
    size_t n_rest, n_left, max;
    size_t expected; /* devices_expect */
    struct devices_census census;
    uint64_t serial;
    const uint8_t *key;
    size_t key_len;
};

struct devices *devices_new(size_t max, const uint8_t *key, size_t key_len)
{
    struct devices *t = calloc(1, sizeof *t);
    if (t) {
        t->max = max;
        t->key = key;
        t->key_len = key_len;
    }
    return t;
}

static void unlist(struct devices *t, struct device *d)
{
    if (d->list == DEVICE_REST) {
        DL_DELETE(t->rest, d);
        t->n_rest--;
    } else if (d->list == DEVICE_LEFT) {
        DL_DELETE(t->left, d);
        t->n_left--;
    }
    d->list = DEVICE_BUSY;
}

enum { COUNTED_OPEN = 1, COUNTED_LEFT = 2, COUNTED_DENIED = 4 };

static void move(size_t *n, unsigned was, unsigned is, unsigned what)
{
    *n += (is & what) / what;
    *n -= (was & what) / what;
}

static void count(struct devices *t, struct device *d, unsigned is)
{
    move(&t->census.open, d->counted, is, COUNTED_OPEN);
    move(&t->census.left, d->counted, is, COUNTED_LEFT);
    move(&t->census.denied, d->counted, is, COUNTED_DENIED);
    d->counted = (uint8_t)is;
}

const struct devices_census *devices_census(const struct devices *t)
{
    return &t->census;
}

static void discard(struct devices *t, struct device *d)
{
    unlist(t, d);
    count(t, d, 0);
    HASH_DEL(t->by_mac, d);
    loop_timer_free(d->timer);
    session_fini(&d->session);
    free(d);
}

void devices_free(struct devices *t, void (*fini)(struct device *d))
{
    struct device *d, *tmp;
    if (!t)
        return;
    HASH_ITER (hh, t->by_mac, d, tmp) {
        if (fini)
            fini(d);
        while (d->waiters)
            device_unwait(d->waiters);
        discard(t, d);
    }
    free(t);
}

struct device *devices_find(const struct devices *t, const struct mac *mac)
{
    struct device *d = NULL;
    HASH_FIND(hh, t->by_mac, mac, sizeof *mac, d);
    return d;
}

static void shrink(struct devices *t)
{
    if (t->n_rest > t->max)
        discard(t, t->rest);
    if (t->n_left > t->max)
        discard(t, t->left);
}

void devices_expect(struct devices *t, size_t n)
{
    t->expected = n;
}

/* Growing a table visits all that are in it: 100,000 devices grow it while it holds a few. With a
 * bucket for each uthash finds no chain too long later on. */
static void make_room(struct devices *t)
{
    struct UT_hash_table *table = t->by_mac->hh.tbl;
    while (table->num_items <= 16 && table->num_buckets < t->expected)
        HASH_EXPAND_BUCKETS(hh, table, oomed);
}

struct device *devices_get(struct devices *t, const struct mac *mac)
{
    char hash[DEVICE_HASH_LEN];
    struct device *d = devices_find(t, mac);
    if (d)
        return d;
    shrink(t);
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->mac = *mac;
    d->serial = ++t->serial;
    crypto_device_hash(t->key, t->key_len, mac, hash);
    memcpy(d->pseudonym, hash, DEVICE_LOG_LEN - 1);
    HASH_ADD(hh, t->by_mac, mac, sizeof d->mac, d);
    make_room(t);
    return d;
}

static bool at_rest(const struct device *d)
{
    return d->session.state == SESSION_IDLE && !d->waiters && !d->refs && !d->question &&
           !d->queued && !d->forgetting;
}

void devices_touch(struct devices *t, struct device *d)
{
    const struct session *s = &d->session;
    bool denied = s->state == SESSION_IDLE && s->outcome == SESSION_DENIED;
    count(t, d,
          (session_is_open(s) ? COUNTED_OPEN : 0U) | (s->left ? COUNTED_LEFT : 0U) |
              (denied ? COUNTED_DENIED : 0U));
    unlist(t, d);
    if (!at_rest(d))
        return;
    if (d->session.left) {
        d->list = DEVICE_LEFT;
        DL_APPEND(t->left, d);
        t->n_left++;
    } else {
        d->list = DEVICE_REST;
        DL_APPEND(t->rest, d);
        t->n_rest++;
    }
}

size_t devices_count(const struct devices *t)
{
    return HASH_COUNT(t->by_mac);
}

struct device *devices_first(const struct devices *t)
{
    return t->by_mac;
}

struct device *devices_next(const struct device *d)
{
    return d->hh.next;
}

void device_wait(struct device *d, struct waiter *w, void (*fn)(void *arg), void *arg)
{
    device_unwait(w);
    *w = (struct waiter){.fn = fn, .arg = arg, .on = d};
    DL_APPEND(d->waiters, w);
}

void device_unwait(struct waiter *w)
{
    if (!w->on)
        return;
    DL_DELETE(w->on->waiters, w);
    w->on = NULL;
}

void device_wake(struct device *d)
{
    /* Those who begin to wait again while they are called come behind: one round only. */
    struct waiter *last = d->waiters ? d->waiters->prev : NULL;
    for (bool more = last != NULL; more && d->waiters;) {
        struct waiter *w = d->waiters;
        more = w != last;
        device_unwait(w);
        w->fn(w->arg);
    }
}
