/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From requests to transactions.
 *
 * All requests that were waiting are taken in groups in which no device is named twice: so one
 * transaction can hold a group, and a device's requests still happen in the order asked. If the
 * kernel refuses a group, or its answer is lost, each of its devices is tried alone, and what is
 * only half there is tidied up: one bad element never costs another device its turn.
 *
 * Replacing a device (new rates, new end) deletes its elements and adds them again in one
 * transaction, the new counters seeded with what was read just before. What was counted between
 * that reading and the delete comes with the delete's notification and is carried in memory; so
 * totals stay exact, but for a packet that another processor has between lookup and count at that
 * very instant (seen on an emulated, overloaded one: one of 3000 in 100 replacements). */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"
#include "netfilter/neigh.h"

#include <errno.h>
#include <string.h>

enum { TRIES = 5 }; /* where the kernel's answers are lost */
#define MARKS 1024

struct op {
    const struct gate_request *req;
    struct client *c;    /* NULL: to be answered NOT_FOUND or FULL */
    uint32_t old_number; /* what is to be deleted; 0: nothing */
    uint32_t number;     /* what is to be added; 0: nothing */
    uint64_t ends_ms;
    bool fresh;                 /* c was made for this request */
    struct gate_counters base;  /* what the new counters are seeded with */
    struct gate_counters final; /* the deleted elements' last counters */
    bool final_up, final_down;
    bool shaped, up_shaped;     /* the new elements' device has queues */
    bool fast;                  /* and this: may use the short cut */
    struct gate_counters queue; /* then: its client_queue */
};

struct group {
    struct gate *g;
    struct op ops[GATE_BATCH];
    const struct gate_request *reads[GATE_BATCH];
    size_t n_ops, n_reads;
    uint64_t now;               /* of ops: ms, before the kernel is asked */
    uint64_t marks[MARKS / 64]; /* mark_of */
    size_t hint;                /* where the last notification's device was */
};

static void entry_at(const struct client *c, uint64_t now, struct gate_entry *out)
{
    memset(out, 0, sizeof *out);
    out->mac = c->mac;
    out->number = c->number;
    out->timeout_s = c->ends_ms > now ? (uint32_t)((c->ends_ms - now + 999) / 1000) : 0;
    out->up_Bps = c->up_Bps;
    out->down_Bps = c->down_Bps;
    out->counters = c->last;
    strncpy(out->tag, c->tag, sizeof out->tag - 1);
}

void work_entry(const struct client *c, struct gate_entry *out)
{
    entry_at(c, loop_now_ms(), out);
}

/* now: when the clock was looked at last; not needed without a device. */
static void answer(struct gate *g, const struct gate_request *req, int status, int error,
                   const struct client *c, uint64_t now)
{
    struct gate_reply r = {
        .verb = req->verb, .seq = req->seq, .status = (uint16_t)status, .error = error};
    if (c)
        entry_at(c, now, &r.entry);
    else
        r.entry.mac = req->entry.mac;
    controller_reply(g->controller, &r);
}

static void refused(struct gate *g, const struct gate_request *req, int error)
{
    static struct log_limit limit = {.interval_ms = 10000, .burst = 5};
    log_limited(&limit, LOG_WARNING, "event=kernel-refused verb=%s error=\"%s\"",
                req->verb == GATE_OPEN    ? "open"
                : req->verb == GATE_CLOSE ? "close"
                                          : "read",
                strerror(-error));
    answer(g, req, GATE_KERNEL, -error, NULL, 0);
}

/* --- reading
 * --------------------------------------------------------------------------------------- */

/* What passes during a reading of several counters is not in all of them: no total goes back. */
static void keep_forward(struct client *c, const struct gate_counters *before)
{
    if (c->last.up_bytes < before->up_bytes)
        c->last.up_bytes = before->up_bytes;
    if (c->last.up_packets < before->up_packets)
        c->last.up_packets = before->up_packets;
}

static void take_reading(struct gate *g, struct client *c, const struct ruleset_reading *r)
{
    const struct gate_counters before = c->last;
    if (r->found_up) {
        if (!c->rated) /* else better known: with queues the limits are wider */
            c->up_Bps = r->up_Bps;
        c->last.up_bytes = r->counters.up_bytes + client_carry(c)->up_bytes;
        c->last.up_packets = r->counters.up_packets + client_carry(c)->up_packets;
    }
    if (c->fast)
        keep_forward(c, &before);
    if (c->read && r->found_up && c->last.up_packets >= before.up_packets)
        client_sent(c, c->last.up_packets - before.up_packets);
    if (r->found_down) {
        if (!c->rated)
            c->down_Bps = r->down_Bps;
        c->last.down_bytes = r->counters.down_bytes + client_carry(c)->down_bytes;
        c->last.down_packets = r->counters.down_packets + client_carry(c)->down_packets;
    }
    c->missing =
        !r->found_up || !r->found_down || (c->fast && g->rules.offload && r->found_fast < 3);
    c->read = c->read || !c->missing;
    c->rated = c->rated || c->read;
}

int work_read(struct gate *g, struct client **clients, size_t n)
{
    struct ruleset_reading items[GATE_BATCH];
    returning_count(g, clients, n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct ruleset_reading){
            .mac = clients[i]->mac, .number = clients[i]->number, .fast = clients[i]->fast};
    int r = ruleset_read(g->rs, items, n);
    for (size_t i = 0; i < n && r == 0; i++) {
        take_reading(g, clients[i], &items[i]);
        shaping_total(g, clients[i], &clients[i]->last);
    }
    return r;
}

static void do_reads(struct group *w)
{
    struct client *known[GATE_BATCH];
    const struct gate_request *asked[GATE_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < w->n_reads; i++) {
        struct client *c = clients_find(w->g->clients, &w->reads[i]->entry.mac);
        if (!c)
            answer(w->g, w->reads[i], GATE_NOT_FOUND, 0, NULL, 0);
        known[n] = c;
        asked[n] = w->reads[i];
        n += c != NULL;
    }
    int r = n ? work_read(w->g, known, n) : 0;
    uint64_t now = n ? loop_now_ms() : 0;
    for (size_t i = 0; i < n; i++) {
        if (r < 0)
            refused(w->g, asked[i], r);
        else
            answer(w->g, asked[i], GATE_OK, 0, known[i], now);
    }
    w->n_reads = 0;
}

/* --- one device's part of a transaction ----------------------------------------------------------
 */

static void fill(struct batch *b, const struct op *ops, size_t n, bool with_delete)
{
    static struct ruleset_key old[GATE_BATCH];
    static struct ruleset_device fresh[GATE_BATCH];
    size_t n_old = 0, n_fresh = 0;
    bool slower = false;
    for (size_t i = 0; i < n; i++) {
        const struct op *op = &ops[i];
        const struct gate_entry *e = &op->req->entry;
        if (op->c && op->old_number && with_delete)
            old[n_old++] = (struct ruleset_key){e->mac, op->old_number, op->c->fast};
        slower |= op->c && op->number && !op->fresh && op->c->fast && !op->fast;
        if (op->c && op->number)
            fresh[n_fresh++] = (struct ruleset_device){.mac = e->mac,
                                                       .number = op->number,
                                                       .timeout_ms = (uint64_t)e->timeout_s * 1000,
                                                       .up_Bps = e->up_Bps,
                                                       .down_Bps = e->down_Bps,
                                                       .counters = op->base,
                                                       .shaped = op->shaped,
                                                       .up_shaped = op->up_shaped,
                                                       .fast = op->fast,
                                                       .queue = op->queue,
                                                       .tag = e->tag};
    }
    batch_close(b, old, n_old);
    batch_open(b, fresh, n_fresh);
    if (slower)
        batch_slow(b);
}

static bool concerns(const struct op *op, const struct ruleset_final *f)
{
    return f->mac ? mac_equal(&op->req->entry.mac, f->mac) : op->old_number == f->number;
}

static void on_deleted(void *arg, const struct ruleset_final *f)
{
    struct group *w = arg;
    for (size_t k = 0; k < w->n_ops; k++) {
        struct op *op = &w->ops[(w->hint + k) % w->n_ops];
        if (!op->c || !concerns(op, f))
            continue;
        w->hint = (w->hint + k) % w->n_ops;
        ruleset_final_add(&op->final, f);
        op->final_up |= f->main && !f->down;
        op->final_down |= f->main && f->down;
        return;
    }
}

/* The session's totals at the moment its elements were deleted. */
static struct gate_counters total_at_delete(struct gate *g, const struct op *op)
{
    struct gate_counters t = counters_add(&op->final, client_carry(op->c));
    if (!op->final_up || (op->c->fast && t.up_bytes < op->c->last.up_bytes)) {
        t.up_bytes = op->c->last.up_bytes;
        t.up_packets = op->c->last.up_packets;
    }
    if (shaping_total(g, op->c, &t))
        return t;
    if (!op->final_down || op->c->shaped) {
        t.down_bytes = op->c->last.down_bytes;
        t.down_packets = op->c->last.down_packets;
    }
    return t;
}

static void finish(struct gate *g, struct op *op, uint64_t now)
{
    const struct gate_entry *e = &op->req->entry;
    struct client *c = op->c;
    struct gate_counters total = total_at_delete(g, op);
    if (op->req->verb == GATE_CLOSE) {
        c->last = total;
        answer(g, op->req, GATE_OK, 0, c, now);
        shaping_drop(g, c->number);
        clients_remove(g->clients, c);
        return;
    }
    if (op->old_number != op->number)
        shaping_drop(g, op->old_number);
    c->shaped = op->shaped;
    c->up_shaped = op->up_shaped;
    c->fast = op->fast;
    client_set_queue(c, &op->queue);
    struct gate_counters carry = {0};
    if (!op->fresh && e->same_session)
        carry = counters_sub(&total, &op->base);
    client_set_carry(c, &carry);
    c->last = counters_add(&op->base, &carry);
    c->up_Bps = e->up_Bps >= RULESET_NO_CAP_BPS ? GATE_UNLIMITED : e->up_Bps;
    c->down_Bps = e->down_Bps >= RULESET_NO_CAP_BPS ? GATE_UNLIMITED : e->down_Bps;
    c->read = c->rated = true;
    c->pending = false;
    clients_set_number(g->clients, c, op->number);
    clients_set_end(g->clients, c, op->ends_ms);
    if (!clients_set_tag(c, e->tag))
        log_msg(LOG_ERR, "event=out-of-memory what=tag");
    answer(g, op->req, GATE_OK, 0, c, now);
}

static void give_up(struct gate *g, struct op *op, int error)
{
    if (op->number != op->old_number)
        shaping_drop(g, op->number);
    if (op->fresh)
        clients_remove(g->clients, op->c);
    refused(g, op->req, error);
}

/* --- alone
 * ------------------------------------------------------------------------------------------ */

static int commit_one(struct group *w, struct op *op, bool with_delete)
{
    struct batch *b = batch_new(w->g->rs);
    if (!b)
        return -ENOMEM;
    fill(b, op, 1, with_delete);
    w->hint = (size_t)(op - w->ops);
    int r = batch_commit(b, on_deleted, w);
    batch_free(b);
    return r;
}

/* Deletes one element, whatever is with the others. */
static void tidy_one(struct group *w, struct op *op, enum ruleset_element which, uint32_t number,
                     bool fast)
{
    struct ruleset_key key = {op->req->entry.mac, number, fast};
    struct batch *b = batch_new(w->g->rs);
    if (!b)
        return;
    batch_close_one(b, which, &key, 1);
    w->hint = (size_t)(op - w->ops);
    batch_commit(b, on_deleted, w);
    batch_free(b);
}

/* Deletes whatever the kernel has of the device, element by element; what is not there is no error.
 */
static void tidy(struct group *w, struct op *op)
{
    uint32_t found = 0, numbers[] = {op->old_number, 0, 0};
    bool fast = false;
    if (ruleset_find(w->g->rs, &op->req->entry.mac, &found, &fast) == 0 && found != op->old_number)
        numbers[1] = found;
    if (op->number != numbers[0] && op->number != numbers[1])
        numbers[2] = op->number; /* added, and the answer lost */
    fast |= op->fast || op->c->fast;
    tidy_one(w, op, RULESET_ID, 0, false);
    for (int e = RULESET_FAST_UP; fast && e < RULESET_ELEMENTS; e++)
        tidy_one(w, op, e, 0, true);
    for (int i = 0; i < 6; i++) { /* as whose flows are marked */
        bool as_fast = i >= 3;
        if (numbers[i % 3] == 0 || (as_fast && !fast))
            continue;
        tidy_one(w, op, RULESET_UP, numbers[i % 3], as_fast);
        tidy_one(w, op, RULESET_DOWN, numbers[i % 3], as_fast);
    }
}

static void do_alone(struct group *w, struct op *op)
{
    returning_count(w->g, &op->c, 1); /* one before it may have found the table gone */
    int r = commit_one(w, op, true);
    if (r == -ENOENT && !ruleset_present(w->g->rs)) {
        struct ruleset_foreign unknown = {.damaged = true};
        keeper_rebuild(w->g, loop_now_us(), &unknown);
        returning_count(w->g, &op->c, 1);
        r = commit_one(w, op, true);
    }
    for (int i = 0; i < TRIES && (r == -ENOENT || r == -EEXIST || ruleset_lost(r)); i++) {
        tidy(w, op);
        r = commit_one(w, op, false);
    }
    if (r < 0)
        give_up(w->g, op, r);
    else
        finish(w->g, op, w->now);
}

/* --- a group
 * ----------------------------------------------------------------------------------------- */

static int reserve_block(struct gate *g)
{
    uint32_t old = 0;
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    ruleset_reserved(g->rs, &old);
    batch_reserve(b, old, clients_next_block(g->clients));
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

/* The block is in the kernel before a number of it is in use. */
static void reserve_numbers(struct gate *g)
{
    if (!clients_needs_block(g->clients, GATE_BATCH))
        return;
    int r = reserve_block(g);
    for (int i = 0; i < TRIES && ruleset_lost(r); i++) /* the block's end is read again each time */
        r = reserve_block(g);
    if (r == -ENOENT && !ruleset_present(g->rs)) {
        struct ruleset_foreign unknown = {.damaged = true};
        keeper_rebuild(g, loop_now_us(), &unknown);
        r = reserve_block(g);
    }
    if (r == 0)
        clients_grant_block(g->clients);
    else
        log_msg(LOG_ERR, "event=numbers-not-reserved error=\"%s\"", strerror(-r));
}

/* Rates are kept by the rules, and by them alone. */
static bool may_be_fast(const struct gate *g, const struct gate_entry *e)
{
    return g->rules.offload && (e->up_Bps == GATE_UNLIMITED || e->up_Bps >= RULESET_NO_CAP_BPS) &&
           (e->down_Bps == GATE_UNLIMITED || e->down_Bps >= RULESET_NO_CAP_BPS);
}

static void prepare_open(struct gate *g, struct op *op, uint64_t now)
{
    const struct gate_entry *e = &op->req->entry;
    op->fast = may_be_fast(g, e);
    op->ends_ms = now + (uint64_t)e->timeout_s * 1000;
    if (op->c) {
        op->old_number = op->c->number;
        op->number = e->same_session ? op->old_number : clients_take_number(g->clients);
        return;
    }
    if (clients_full(g->clients, 1)) {
        answer(g, op->req, GATE_FULL, 0, NULL, 0);
        return;
    }
    op->number = clients_want_number(g->clients, e->number);
    op->c = clients_add(g->clients, &e->mac, op->number, op->ends_ms, e->tag);
    if (op->c)
        op->fresh = op->c->pending = true;
    else
        refused(g, op->req, -ENOMEM);
}

static void prepare_queues(struct group *w)
{
    for (size_t i = 0; i < w->n_ops; i++) {
        struct op *op = &w->ops[i];
        const struct gate_entry *e = &op->req->entry;
        struct shaping_wish wish = {op->number, e->up_Bps, e->down_Bps, op->base};
        if (op->c && op->number)
            op->shaped = shaping_put(w->g, op->c, &wish, &op->queue);
        op->up_shaped = op->shaped && shaping_uploads(w->g);
    }
}

static void prepare(struct group *w)
{
    struct client *known[GATE_BATCH];
    size_t n = 0;
    reserve_numbers(w->g);
    for (size_t i = 0; i < w->n_ops; i++) {
        struct op *op = &w->ops[i];
        op->c = clients_find(w->g->clients, &op->req->entry.mac);
        if (op->req->verb == GATE_OPEN)
            prepare_open(w->g, op, w->now);
        else if (op->c)
            op->old_number = op->c->number;
        else
            answer(w->g, op->req, GATE_NOT_FOUND, 0, NULL, 0);
        if (op->c && !op->fresh)
            known[n++] = op->c;
    }
    returning_count(w->g, known, n);
    n = 0;
    for (size_t i = 0; i < w->n_ops; i++) {
        const struct op *op = &w->ops[i];
        if (op->c && !op->fresh && op->number && op->req->entry.same_session)
            known[n++] = op->c;
    }
    if (n > 0 && work_read(w->g, known, n) < 0)
        log_msg(LOG_WARNING, "event=read-failed devices=%zu", n);
    for (size_t i = 0; i < w->n_ops; i++)
        if (w->ops[i].c && !w->ops[i].fresh && w->ops[i].req->entry.same_session)
            w->ops[i].base = w->ops[i].c->last;
    prepare_queues(w);
}

static void do_group(struct group *w)
{
    struct batch *b;
    memset(w->marks, 0, sizeof w->marks);
    do_reads(w);
    if (w->n_ops == 0)
        return;
    w->now = loop_now_ms();
    prepare(w);
    b = batch_new(w->g->rs);
    if (b)
        fill(b, w->ops, w->n_ops, true);
    w->hint = 0;
    int r = b ? batch_commit(b, on_deleted, w) : -ENOMEM;
    batch_free(b);
    for (size_t i = 0; i < w->n_ops; i++) {
        if (!w->ops[i].c)
            continue;
        if (r == 0)
            finish(w->g, &w->ops[i], w->now);
        else
            do_alone(w, &w->ops[i]);
    }
    w->n_ops = 0;
    keeper_schedule(w->g);
}

/* The last bytes of whom a group names: most are told apart by them, without a search. */
static uint64_t *mark_of(struct group *w, const struct mac *mac, uint64_t *bit)
{
    unsigned i = ((unsigned)mac->b[4] << 8 | mac->b[5]) % MARKS;
    *bit = UINT64_C(1) << i % 64;
    return &w->marks[i / 64];
}

static bool named(struct group *w, const struct mac *mac)
{
    uint64_t bit;
    if (!(*mark_of(w, mac, &bit) & bit))
        return false;
    for (size_t i = 0; i < w->n_ops; i++)
        if (mac_equal(&w->ops[i].req->entry.mac, mac))
            return true;
    for (size_t i = 0; i < w->n_reads; i++)
        if (mac_equal(&w->reads[i]->entry.mac, mac))
            return true;
    return false;
}

static void join_group(struct group *w, const struct gate_request *req)
{
    uint64_t bit;
    *mark_of(w, &req->entry.mac, &bit) |= bit;
    if (req->verb == GATE_READ)
        w->reads[w->n_reads++] = req;
    else
        w->ops[w->n_ops++] = (struct op){.req = req};
}

static void resolve(struct gate *g, const struct gate_request *req)
{
    struct gate_reply r = {.verb = req->verb, .seq = req->seq, .address = req->address};
    r.status = (uint16_t)neigh_resolve(g->neigh, &r.address, g->rules.lan, g->rules.n_lan);
    controller_reply(g->controller, &r);
}

static void garden(struct gate *g, const struct gate_request *req)
{
    struct gate_reply r = {.verb = req->verb, .seq = req->seq, .address = req->address};
    int error = ruleset_garden(g->rs, req->address.family, req->address.ip);
    r.status = error == 0 ? GATE_OK : error == -ENOENT ? GATE_NOT_FOUND : GATE_KERNEL;
    r.error = r.status == GATE_KERNEL ? -error : 0;
    controller_reply(g->controller, &r);
}

struct asking {
    struct gate *g;
    const struct gate_request *req;
    uint32_t n;
};

static void on_other(void *arg, const struct gate_chain *c)
{
    struct asking *a = arg;
    struct gate_reply r = {
        .verb = a->req->verb, .seq = a->req->seq, .status = GATE_MORE, .chain = *c};
    r.chain.index = a->n++;
    controller_reply(a->g->controller, &r);
}

static void others(struct gate *g, const struct gate_request *req)
{
    struct asking a = {g, req, 0};
    int error = foreign_others(g, on_other, &a);
    struct gate_reply r = {.verb = req->verb, .seq = req->seq};
    r.status = error < 0 ? GATE_KERNEL : GATE_OK;
    r.error = -error;
    controller_reply(g->controller, &r);
}

void work_requests(struct gate *g, const struct gate_request *requests, size_t n)
{
    static struct group w; /* 20 KB, of which no more is touched than is asked for */
    w.g = g;
    w.n_ops = w.n_reads = 0;
    for (size_t i = 0; i < n; i++) {
        const struct gate_request *req = &requests[i];
        if (req->verb == GATE_RESOLVE) {
            resolve(g, req);
            continue;
        }
        if (req->verb == GATE_GARDEN) {
            garden(g, req);
            continue;
        }
        if (req->verb == GATE_FOREIGN) {
            others(g, req);
            continue;
        }
        adoption_look(g, &req->entry.mac);
        if (named(&w, &req->entry.mac) || w.n_ops + w.n_reads == GATE_BATCH)
            do_group(&w);
        join_group(&w, req);
    }
    do_group(&w);
}
