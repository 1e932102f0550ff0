/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many devices come back after a foreign flush, in two steps.
 *
 * What makes a device dear to the kernel is counters and limits (per-CPU memory);
 * an element without them costs a fraction. And conntrack outlives a flush: each flow's mark still
 * says whose it is. So first, and at once, all come back *uncounted*: the id, which says whose
 * number a sender's flow bears, and the number in the set `uncounted`, which lets both directions
 * pass. Who was seen to send most is first even so. Then, a few between two turns of the loop and
 * in the same order, each gets the rest (counted from what was read last, held to its rate) and its
 * number leaves the set in that very transaction. At the end the rules are the usual ones, and the
 * set is deleted.
 *
 * What an uncounted device sends or gets is on no account and under no limit (its queue's, where it
 * has one, holds): `make bench-gate` prints for how long. What passed between
 * the last reading and the flush is lost in the same way.
 *
 * Closed stays closed: who was not open is in neither. Both elements have the device's end.
 * Whatever is to happen to an uncounted device (close, replace, read) counts it first, so that
 * nothing else has to know of any of this.
 *
 * If the gate dies before all are counted the rules and the set stay as they are: nobody is closed,
 * nobody opened. The set is what tells the next gate, which takes everybody it adopts to be
 * uncounted until it has looked (left), and goes on; the totals to begin with are beside the ids.
 */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP     64 /* devices: a page may have to wait so long */
#define AGAIN_MS 100

struct returning {
    struct mac *order; /* NULL: left by another gate, as the reader finds them */
    size_t n, next;
    uint64_t began_us;
    struct loop_timer *timer;
};

struct ruleset_device device_as_it_was(const struct gate *g, const struct client *c, uint64_t now)
{
    return (struct ruleset_device){.mac = c->mac,
                                   .number = c->number,
                                   .timeout_ms = c->ends_ms - now,
                                   .up_Bps = c->up_Bps,
                                   .down_Bps = c->down_Bps,
                                   .counters = c->last,
                                   .shaped = c->shaped,
                                   .up_shaped = c->up_shaped,
                                   .fast = c->fast && g->rules.offload,
                                   .queue = *client_queue(c),
                                   .tag = c->tag};
}

/* --- counting them ------------------------------------------------------------------------------
 */

/* Who came back fast is so until he is counted, even if the gate that goes on has no short cut: his
 * flows' marks and his id say so. */
static struct ruleset_device counted_from(const struct gate *g, const struct client *c)
{
    struct ruleset_device d = device_as_it_was(g, c, loop_now_ms());
    d.fast = c->fast;
    return d;
}

static int count_all(struct gate *g, struct client **uncounted, size_t n)
{
    static struct ruleset_device devices[GATE_BATCH];
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        devices[i] = counted_from(g, uncounted[i]);
    batch_count(b, devices, n, true);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

/* One change by itself: what is not there, or is there already, is no error. */
static void leave_uncounted(struct gate *g, const struct client *c)
{
    struct batch *b = batch_new(g->rs);
    if (!b)
        return;
    batch_no_longer_uncounted(b, c->number, c->fast);
    batch_commit(b, NULL, NULL);
    batch_free(b);
}

static void close_one(struct gate *g, const struct client *c, enum ruleset_element which)
{
    struct ruleset_key key = {c->mac, c->number, c->fast};
    struct batch *b = batch_new(g->rs);
    if (!b)
        return;
    batch_close_one(b, which, &key, 1);
    batch_commit(b, NULL, NULL);
    batch_free(b);
}

/* Where only part of it is there (the kernel's answer was lost, the other gate died). */
static int count_alone(struct gate *g, struct client *c)
{
    struct ruleset_device d = counted_from(g, c);
    leave_uncounted(g, c);
    for (int e = RULESET_ID + 1; e < RULESET_ELEMENTS; e++)
        if (e <= RULESET_DOWN || d.fast)
            close_one(g, c, e);
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    batch_count(b, &d, 1, false);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

/* Of those that another gate left some were counted already; they may be in the set no more. */
static size_t without_counted(struct gate *g, struct client **uncounted, size_t n)
{
    static struct ruleset_reading items[GATE_BATCH];
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        items[i] = (struct ruleset_reading){
            .mac = uncounted[i]->mac, .number = uncounted[i]->number, .fast = uncounted[i]->fast};
    if (ruleset_read(g->rs, items, n) < 0)
        return n;
    for (size_t i = 0; i < n; i++) {
        uncounted[i]->uncounted = !items[i].found_up || !items[i].found_down;
        if (uncounted[i]->uncounted)
            uncounted[left++] = uncounted[i];
    }
    return left;
}

void returning_count(struct gate *g, struct client *const *clients, size_t n)
{
    struct client *uncounted[GATE_BATCH];
    size_t found = 0;
    uint64_t now = loop_now_ms();
    if (!g->returning || adoption_holds(g)) /* the dump is to stay whole */
        return;
    for (size_t i = 0; i < n; i++) {
        if (clients[i]->uncounted && clients[i]->ends_ms > now)
            uncounted[found++] = clients[i];
        else
            clients[i]->uncounted = false; /* or the kernel ends it */
    }
    if (found > 0 && !g->returning->order)
        found = without_counted(g, uncounted, found);
    int r = found > 0 ? count_all(g, uncounted, found) : 0;
    /* Flushed once more: that is waiting to be read, and each transaction that fails costs a grace
     * period of RCU, for which the router would be open. */
    if (r < 0 && !ruleset_left_returning(g->rs))
        return;
    if (r == -ENOMEM && found > 1) /* they are as they were; alone each would fail, and wait so */
        return;
    for (size_t i = 0; i < found; i++) {
        int alone = r == 0 ? 0 : count_alone(g, uncounted[i]);
        if (alone == 0)
            uncounted[i]->uncounted = false;
        else
            log_msg(LOG_DEBUG, "event=not-counted number=%u error=\"%s\"", uncounted[i]->number,
                    strerror(-alone));
    }
}

/* --- all of them ---------------------------------------------------------------------------------
 */

void returning_free(struct gate *g)
{
    if (!g->returning)
        return;
    loop_timer_free(g->returning->timer);
    free(g->returning->order);
    free(g->returning);
    g->returning = NULL;
}

static void end(struct gate *g)
{
    ruleset_returning(g->rs, RETURNED);
    int r = ruleset_install(g->rs);
    if (r < 0) { /* the table is gone again, which somebody will tell of, or others are at it */
        ruleset_returning(g->rs, RETURN_UNCOUNTED);
        loop_timer_start(g->returning->timer, AGAIN_MS);
        return;
    }
    log_msg(LOG_NOTICE, "event=all-counted table=%s devices=%zu after_ms=%llu", g->rules.table,
            g->returning->n, (unsigned long long)(loop_now_us() - g->returning->began_us) / 1000);
    returning_free(g);
}

static bool any_uncounted(struct client *const *some, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (some[i]->uncounted)
            return true;
    return false;
}

static void on_time(void *arg)
{
    struct gate *g = arg;
    struct returning *t = g->returning;
    struct client *some[STEP];
    size_t n = 0, began = t->next;
    for (; n < STEP && t->order && t->next < t->n; t->next++) {
        some[n] = clients_find(g->clients, &t->order[t->next]);
        n += some[n] && some[n]->uncounted;
    }
    returning_count(g, some, n);
    if (any_uncounted(some, n)) {
        t->next = began;
        loop_timer_start(t->timer, AGAIN_MS);
    } else if (t->order && t->next < t->n)
        loop_timer_start(t->timer, 0);
    else
        end(g);
}

void returning_seen(struct gate *g)
{
    if (g->returning && !g->returning->order && !g->adoption)
        end(g);
}

static struct returning *begin(struct gate *g)
{
    returning_free(g);
    struct returning *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->began_us = loop_now_us();
    t->timer = loop_timer_new(g->loop, on_time, g);
    if (t->timer)
        return g->returning = t;
    free(t);
    return NULL;
}

bool returning_begin(struct gate *g, struct client *const *order, size_t n)
{
    struct returning *t = begin(g);
    struct mac *macs = t ? calloc(n, sizeof *macs) : NULL;
    if (!macs) {
        returning_free(g);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        macs[i] = order[i]->mac;
    t->order = macs;
    t->n = n;
    return true;
}

void returning_go_on(struct gate *g)
{
    loop_timer_start(g->returning->timer, 0);
}

bool returning_left(struct gate *g)
{
    if (!ruleset_left_returning(g->rs) || !begin(g))
        return false;
    log_msg(LOG_WARNING, "event=return-goes-on table=%s", g->rules.table);
    ruleset_returning(g->rs, RETURN_UNCOUNTED);
    return true;
}

void returning_forget(struct gate *g)
{
    ruleset_returning(g->rs, RETURNED);
    returning_free(g);
}
