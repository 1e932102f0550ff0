/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the table anew, with the devices that this gate knows.
 *
 * After a foreign hand: the router is shut already, what the kernel had counted is gone. The rules
 * and the first devices come back in one transaction, the others in as many as it takes, and who is
 * back is online. First who was seen to send most: they notice; a phone in a pocket does not. As
 * long as some are missing what is forwarded of others is dropped: a phone sends again what was
 * dropped, but the rules would answer a stranger's HTTPS with a reset, and end what it had begun.
 *
 * After an upgrade whose table has another layout (a set that has become a map, say) nothing is
 * lost: one transaction deletes the elements, the table with them, and makes the new table with the
 * same elements. What was counted between reading the counters and this comes with the deletes'
 * notifications, as in work.c. No packet sees a state between, but for the one
 * that a processor may have in the middle of the rules at that instant. */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REBUILD_CHUNK 500  /* devices a transaction: who is in it waits for all of it */
#define LAYOUT_WHOLE  8000 /* their notifications have to wait in the socket, all at once */

static bool is_kept(const struct client *c, uint64_t now)
{
    return c->ends_ms > now && !c->pending;
}

/* Where the short cut is no more nobody is fast: all is counted where it was. */
static struct ruleset_device as_it_was(const struct gate *g, const struct client *c, uint64_t now)
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

/* order NULL: any. */
static const struct client *client_at(const struct gate *g, struct client *const *order, size_t i)
{
    return order && i < clients_count(g->clients) ? order[i] : clients_at(g->clients, i);
}

static void fill_with(struct batch *b, const struct gate *g, struct client *const *order,
                      size_t from, size_t to)
{
    static struct ruleset_device devices[REBUILD_CHUNK];
    const struct client *c;
    uint64_t now = loop_now_ms();
    while (from < to) {
        size_t n = 0;
        for (; n < REBUILD_CHUNK && from < to && (c = client_at(g, order, from)); from++)
            if (is_kept(c, now))
                devices[n++] = as_it_was(g, c, now);
        batch_open(b, devices, n);
        if (!clients_at(g->clients, from))
            return;
    }
}

static void fresh_table(struct batch *b, const struct gate *g, bool returning)
{
    batch_fresh_table(b, returning);
    batch_keep_garden(b);
    batch_reserve(b, 0, clients_numbers_end(g->clients));
}

static int rebuild_chunk(struct gate *g, struct client *const *order, size_t from)
{
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    if (from == 0)
        fresh_table(b, g, clients_count(g->clients) > REBUILD_CHUNK);
    fill_with(b, g, order, from, from + REBUILD_CHUNK);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

static void finish(struct gate *g)
{
    int guard = ruleset_guard(g->rs, true);
    if (guard < 0)
        log_msg(LOG_ERR, "event=no-guard error=\"%s\"", strerror(-guard));
    ruleset_claims(g->rs, true);
}

int rebuild_all(struct gate *g)
{
    size_t n = clients_count(g->clients);
    struct client **order = n > REBUILD_CHUNK ? clients_by_activity(g->clients) : NULL;
    int r = rebuild_chunk(g, order, 0);
    for (size_t from = REBUILD_CHUNK; r == 0 && from < n; from += REBUILD_CHUNK)
        r = rebuild_chunk(g, order, from);
    free(order);
    if (r == 0 && n > REBUILD_CHUNK)
        r = ruleset_install(g->rs); /* the rules again, without the drop */
    if (r < 0)
        return r;
    finish(g);
    for (size_t i = 0; i < n; i++) { /* the kernel's counters hold all of it now */
        struct client *c = clients_at(g->clients, i);
        client_set_carry(c, &(struct gate_counters){0});
        c->fast = c->fast && g->rules.offload;
        c->read = true;
    }
    return 0;
}

/* --- another layout ----------------------------------------------------------------------------
 */

/* What was counted after the reading that the new element begins with. */
static void on_deleted(void *arg, const struct ruleset_final *f)
{
    struct gate *g = arg;
    struct client *c =
        f->mac ? clients_find(g->clients, f->mac) : clients_by_number(g->clients, f->number);
    if (!c || (!f->mac && c->shaped)) /* its queue counts on, whatever happens to the element */
        return;
    struct gate_counters more = *client_carry(c);
    ruleset_final_add(&more, f);
    if (f->main && f->down) {
        more.down_bytes -= c->last.down_bytes;
        more.down_packets -= c->last.down_packets;
    } else if (f->main) {
        more.up_bytes -= c->last.up_bytes;
        more.up_packets -= c->last.up_packets;
    }
    client_set_carry(c, &more); /* it may wrap until all have come */
}

static void delete_all(struct batch *b, const struct gate *g, struct ruleset_key *keys)
{
    const struct client *c;
    size_t n = 0;
    uint64_t now = loop_now_ms();
    for (size_t i = 0; (c = clients_at(g->clients, i)); i++)
        if (is_kept(c, now) && !c->missing)
            keys[n++] = (struct ruleset_key){c->mac, c->number, c->fast};
    batch_close(b, keys, n);
}

static int replace_whole(struct gate *g)
{
    size_t n = clients_count(g->clients);
    struct ruleset_key *keys = calloc(n + 1, sizeof *keys);
    struct batch *b = keys ? batch_new(g->rs) : NULL;
    int r = -ENOMEM;
    if (b) {
        batch_unhook(b);
        delete_all(b, g, keys);
        fresh_table(b, g, false);
        fill_with(b, g, NULL, 0, n);
        r = batch_commit(b, on_deleted, g);
    }
    batch_free(b);
    free(keys);
    for (size_t i = 0; i < n; i++) {
        struct client *c = clients_at(g->clients, i);
        struct gate_counters more = *client_carry(c);
        if (r < 0 || more.up_bytes > INT64_MAX) /* see work.c: a packet may be between counters */
            more.up_bytes = more.up_packets = 0;
        if (r < 0 || more.down_bytes > INT64_MAX)
            more.down_bytes = more.down_packets = 0;
        client_set_carry(c, &more);
        c->last = counters_add(&c->last, client_carry(c));
        c->fast = c->fast && g->rules.offload;
        c->read = true;
    }
    return r;
}

int rebuild_layout(struct gate *g)
{
    size_t n = clients_count(g->clients);
    adoption_read_all(g);
    int r = n <= LAYOUT_WHOLE ? replace_whole(g) : -E2BIG;
    if (r < 0)
        r = rebuild_all(g);
    else
        finish(g);
    log_msg(LOG_WARNING, "event=layout-replaced table=%s devices=%zu", g->rules.table, n);
    return r;
}
