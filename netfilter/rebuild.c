/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the table anew, with the devices that this gate knows.
 *
 * After a foreign hand: the router is shut already, what the kernel had counted is gone. The rules
 * and a few devices come back in one transaction, whole. Where they are many the first ones come
 * with it and the others in as many as it takes, open but not yet counted (returning.c), and who is
 * back is online. First who was seen to send most: they notice; a phone in a pocket does not. As
 * long as some are missing what is forwarded of others is dropped: a phone sends again what was
 * dropped, but the rules would answer a stranger's HTTPS with a reset, and end what it had begun.
 *
 * After an upgrade whose table has another layout (a set that has become a map, say) nothing is
 * lost: one transaction deletes the elements, the table with them, and makes the new table with the
 * same elements. What was counted between reading the counters and this comes with the deletes'
 * notifications, as in work.c. No packet sees a state between, but for the one
 * that a processor may have in the middle of the rules at that instant. Where the kernel has not
 * the memory for so many counters at once (Linux before 2024: ruleset_batch.c), or the
 * notifications have not the room, all change over in one transaction even so, but uncounted, and
 * are counted as after a flush. */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE        200  /* devices that come back in one transaction, with all that is theirs */
#define RETURN_CHUNK 1000 /* of the others, a transaction: who is in it waits for all of it */
#define LAYOUT_WHOLE 8000 /* their notifications have to wait in the socket, all at once */

static bool is_kept(const struct client *c, uint64_t now)
{
    return c->ends_ms > now && !c->pending;
}

static void fill_whole(struct batch *b, const struct gate *g)
{
    static struct ruleset_device devices[WHOLE];
    const struct client *c;
    uint64_t now = loop_now_ms();
    size_t n = 0;
    for (size_t i = 0; (c = clients_at(g->clients, i)); i++) {
        if (is_kept(c, now))
            devices[n++] = device_as_it_was(g, c, now);
        if (n == WHOLE) {
            batch_open(b, devices, n);
            n = 0;
        }
    }
    batch_open(b, devices, n);
}

static void fresh_table(struct batch *b, const struct gate *g)
{
    batch_fresh_table(b);
    batch_keep_garden(b);
    batch_reserve(b, 0, clients_numbers_end(g->clients));
}

static int rebuild_whole(struct gate *g)
{
    returning_forget(g);
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    fresh_table(b, g);
    fill_whole(b, g);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

static void fill_uncounted(struct batch *b, const struct gate *g, struct client *const *some,
                           size_t n)
{
    static struct ruleset_device devices[RETURN_CHUNK];
    uint64_t now = loop_now_ms();
    size_t kept = 0;
    for (size_t i = 0; i < n && i < RETURN_CHUNK; i++) {
        some[i]->uncounted = is_kept(some[i], now);
        if (some[i]->uncounted)
            devices[kept++] = device_as_it_was(g, some[i], now);
    }
    batch_open_uncounted(b, devices, kept);
}

/* Those from `from` on, and before the first ones the table. */
static int return_chunk(struct gate *g, struct client *const *order, size_t n, size_t from)
{
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    if (from == 0)
        fresh_table(b, g);
    fill_uncounted(b, g, order + from, n - from);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

static int rebuild_in_steps(struct gate *g)
{
    size_t n = clients_count(g->clients);
    struct client **order = clients_by_activity(g->clients);
    if (!order || !returning_begin(g, order, n)) {
        free(order);
        return rebuild_whole(g);
    }
    int r = 0;
    ruleset_returning(g->rs, RETURN_MISSING);
    for (size_t from = 0; r == 0 && from < n; from += RETURN_CHUNK)
        r = return_chunk(g, order, n, from);
    free(order);
    ruleset_returning(g->rs, RETURN_UNCOUNTED);
    r = r == 0 ? ruleset_install(g->rs) : r; /* the rules again, without the drop */
    if (r == 0)
        returning_go_on(g);
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
    int r = n > WHOLE ? rebuild_in_steps(g) : rebuild_whole(g);
    if (r < 0)
        return r;
    finish(g);
    for (size_t i = 0; i < n; i++) { /* the kernel's counters hold all of it now */
        struct client *c = clients_at(g->clients, i);
        client_set_carry(c, &(struct gate_counters){0});
        c->fast = c->fast && g->rules.offload;
        c->uncounted = c->uncounted && g->returning;
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

/* What each of them goes on from, when the tables have changed over. */
static void take_totals(struct gate *g, bool notified, bool uncounted)
{
    struct client *c;
    for (size_t i = 0; (c = clients_at(g->clients, i)); i++) {
        struct gate_counters more = *client_carry(c);
        if (!notified || more.up_bytes > INT64_MAX) /* see work.c: a packet may be between */
            more.up_bytes = more.up_packets = 0;
        if (!notified || more.down_bytes > INT64_MAX)
            more.down_bytes = more.down_packets = 0;
        c->last = counters_add(&c->last, &more);
        client_set_carry(c, uncounted ? &(struct gate_counters){0} : &more);
        c->fast = c->fast && g->rules.offload;
        c->uncounted = c->uncounted && uncounted;
        c->read = true;
    }
}

/* order: all of them, to come back uncounted; NULL: as they were. */
static int replace_at_once(struct gate *g, struct client *const *order)
{
    size_t n = clients_count(g->clients);
    bool notified = n <= LAYOUT_WHOLE;
    struct ruleset_key *keys = calloc(n + 1, sizeof *keys);
    struct batch *b = keys ? batch_new(g->rs) : NULL;
    int r = -ENOMEM;
    if (b) {
        batch_unhook(b);
        if (notified)
            delete_all(b, g, keys);
        fresh_table(b, g);
        for (size_t i = 0; order && i < n; i += RETURN_CHUNK)
            fill_uncounted(b, g, order + i, n - i);
        if (!order)
            fill_whole(b, g);
        r = batch_commit(b, notified ? on_deleted : NULL, g);
    }
    batch_free(b);
    free(keys);
    if (r == 0)
        take_totals(g, notified, order);
    return r;
}

static int replace_whole(struct gate *g)
{
    returning_forget(g);
    return clients_count(g->clients) <= LAYOUT_WHOLE ? replace_at_once(g, NULL) : -E2BIG;
}

/* Where that was too much at once: nobody waits for his counters, nor for the others. */
static int replace_uncounted(struct gate *g)
{
    size_t n = clients_count(g->clients);
    struct client **order = clients_by_activity(g->clients);
    int r = -ENOMEM;
    if (order && returning_begin(g, order, n)) {
        ruleset_returning(g->rs, RETURN_UNCOUNTED);
        r = replace_at_once(g, order);
        if (r == 0)
            returning_go_on(g);
        else
            returning_forget(g);
    }
    free(order);
    return r;
}

int rebuild_layout(struct gate *g)
{
    size_t n = clients_count(g->clients);
    adoption_read_all(g);
    int r = replace_whole(g);
    if (r == -E2BIG || r == -ENOMEM)
        r = replace_uncounted(g);
    if (r < 0)
        r = rebuild_all(g);
    else
        finish(g);
    log_msg(LOG_WARNING, "event=layout-replaced table=%s devices=%zu", g->rules.table, n);
    return r;
}
