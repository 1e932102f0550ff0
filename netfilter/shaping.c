/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices have queues, and how their downloads are counted: between the devices that the gate
 * knows (clients.c) and the kernel's queues (shape.c). Without shaping all of it does nothing.
 *
 * A download's counter stands before the queue, which may drop. So of a device that has a queue the
 * total is what has left the queue, on top of what the session's total was when the queue's counter
 * stood at nought (client_queue; it stands in the kernel beside the tag, for the gate that adopts
 * the table). */
#include "lib/log.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"
#include "netfilter/shape.h"

#include <errno.h>
#include <string.h>

bool shaping_total(struct gate *g, const struct client *c, struct gate_counters *total)
{
    uint64_t bytes, packets;
    if (!g->shape || !c->shaped || !shape_sent(g->shape, c->number, &bytes, &packets))
        return false;
    total->down_bytes = client_queue(c)->down_bytes + bytes;
    total->down_packets = client_queue(c)->down_packets + packets;
    return true;
}

/* Where the count has to begin so that it is base now. */
static void begin_at(struct gate *g, uint32_t number, const struct gate_counters *base, bool made,
                     struct gate_counters *queue)
{
    uint64_t bytes = 0, packets = 0;
    if (!made)
        shape_sent(g->shape, number, &bytes, &packets);
    queue->down_bytes = base->down_bytes - bytes; /* may wrap: it is only ever added to */
    queue->down_packets = base->down_packets - packets;
}

bool shaping_put(struct gate *g, const struct client *c, const struct shaping_wish *w,
                 struct gate_counters *queue)
{
    bool made = false;
    *queue = *client_queue(c);
    if (!g->shape || !shape_put(g->shape, &c->mac, w->number, w->up_Bps, w->down_Bps, &made))
        return false;
    if (made || !c->shaped || c->number != w->number)
        begin_at(g, w->number, &w->base, made, queue);
    return true;
}

bool shaping_uploads(const struct gate *g)
{
    return g->shape && shape_uploads(g->shape);
}

bool shaping_complete(const struct gate *g)
{
    return g->shape && shape_complete(g->shape);
}

uint32_t shaping_without(const struct gate *g)
{
    uint32_t n = 0;
    for (size_t i = 0; g->shape && i < clients_count(g->clients); i++) {
        const struct client *c = clients_at(g->clients, i);
        n += !c->shaped && !c->pending && shape_wanted(g->shape, c->up_Bps, c->down_Bps);
    }
    return n;
}

void shaping_others(struct gate *g, void (*fn)(void *arg, const struct gate_chain *c), void *arg)
{
    if (g->shape)
        shape_others(g->shape, fn, arg);
}

void shaping_drop(struct gate *g, uint32_t number)
{
    if (g->shape)
        shape_drop(g->shape, number);
}

/* All devices again, in queues that are new or were another gate's. True: some have queues now that
 * had none, or the other way about. */
static bool put_all(struct gate *g)
{
    size_t without = 0;
    bool other = false;
    for (size_t i = 0; i < clients_count(g->clients); i++) {
        struct client *c = clients_at(g->clients, i);
        struct shaping_wish w = {c->number, c->up_Bps, c->down_Bps, c->last};
        struct gate_counters queue;
        if (c->pending)
            continue;
        bool down = shaping_put(g, c, &w, &queue), up = down && shape_uploads(g->shape);
        other = other || down != c->shaped || up != c->up_shaped;
        c->shaped = down;
        c->up_shaped = up;
        client_set_queue(c, &queue);
        without += !down;
    }
    log_msg(LOG_INFO, "event=queues devices=%zu without=%zu", clients_count(g->clients), without);
    return other;
}

static void on_lost(void *arg)
{
    struct gate *g = arg;
    adoption_read_all(g); /* what stands before the queues: their own count is lost */
    if (put_all(g))
        rebuild_layout(g); /* with other limits */
}

void shaping_start(struct gate *g)
{
    char err[128];
    if (!g->rules.shaped) {
        shape_remove(g->rules.lan, g->rules.n_lan);
        return;
    }
    struct shape_config cfg = {g->rules.lan, g->rules.n_lan, g->line_up_Bps, g->line_down_Bps};
    g->shape = shape_new(g->loop, &cfg, on_lost, g, err, sizeof err);
    if (g->shape) {
        clients_set_classes(g->clients, SHAPE_NUMBERS);
        return;
    }
    log_msg(LOG_ERR, "event=no-shaping reason=\"%s\" instead=police", err);
    g->rules.shaped = g->configured.shaped = false;
    ruleset_configure(g->rs, &g->rules);
}

bool shaping_is_over(struct gate *g)
{
    bool any = false;
    for (size_t i = 0; !g->shape && i < clients_count(g->clients); i++) {
        struct client *c = clients_at(g->clients, i);
        any = any || c->shaped;
        c->shaped = false;
    }
    return any;
}

void shaping_adopt(struct gate *g)
{
    for (size_t i = 0; i < clients_count(g->clients); i++) {
        struct client *c = clients_at(g->clients, i);
        c->up_shaped = c->shaped && shape_uploads(g->shape);
    }
    if (put_all(g))
        rebuild_layout(g); /* the other gate's limits: with a queue they stand above the rate */
    shape_purge(g->shape);
}

void shaping_interfaces(struct gate *g)
{
    if (g->shape)
        shape_interfaces(g->shape, g->rules.lan, g->rules.n_lan);
}
