/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gate does without being asked: has adopted what the kernel holds when it starts
 * (adoption.c), rebuilds the table when somebody deletes it, notices devices whose end has come.
 *
 * The table is there before this process and after it. Starting replaces the rules in one
 * transaction and leaves the sets alone: at no instant is something closed open, or something open
 * closed. */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"
#include "netfilter/neigh_lan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REBUILD_AGAIN_MS 100
#define EXPIRY_LATE_MS   20 /* the kernel counts in jiffies */
#define READ_EVERY_MS    2
#define READ_STEP        32 /* devices: half a millisecond, for which a page may have to wait */
#define DUMP_PAUSE_MS    50
#define MISSING_MS       1000

/* --- ends
 * -------------------------------------------------------------------------------------------
 */

static int close_alone(struct gate *g, struct client *c, batch_deleted_fn fn, void *arg)
{
    struct batch *b = batch_new(g->rs);
    if (!b)
        return -ENOMEM;
    struct ruleset_key key = {c->mac, c->number, c->fast};
    batch_close(b, &key, 1);
    int r = batch_commit(b, fn, arg);
    batch_free(b);
    return r;
}

struct last_counters {
    struct gate_counters sum;
    bool up, down;
};

static void on_last_counters(void *arg, const struct ruleset_final *f)
{
    struct last_counters *l = arg;
    ruleset_final_add(&l->sum, f);
    l->up |= f->main && !f->down;
    l->down |= f->main && f->down;
}

/* The kernel has forgotten it, most likely; a clock that went otherwise must not keep it. */
static void close_expired(struct gate *g, struct client *c)
{
    struct last_counters l = {.up = false};
    returning_count(g, &c, 1);
    close_alone(g, c, on_last_counters, &l);
    l.sum = counters_add(&l.sum, client_carry(c));
    if (l.up) {
        c->last.up_bytes = l.sum.up_bytes;
        c->last.up_packets = l.sum.up_packets;
    }
    if (l.down) {
        c->last.down_bytes = l.sum.down_bytes;
        c->last.down_packets = l.sum.down_packets;
    }
    shaping_total(g, c, &c->last);
}

static void on_expiry(void *arg)
{
    struct gate *g = arg;
    uint64_t now = loop_now_ms();
    struct client *c;
    if (controller_dumping(g->controller)) {
        loop_timer_start(g->expiry, DUMP_PAUSE_MS);
        return;
    }
    while ((c = clients_soonest(g->clients)) && c->ends_ms + EXPIRY_LATE_MS <= now) {
        close_expired(g, c);
        shaping_drop(g, c->number);
        struct gate_reply r = {.verb = GATE_EV_EXPIRED};
        work_entry(c, &r.entry);
        log_msg(LOG_INFO, "event=expired number=%u", c->number);
        clients_remove(g->clients, c);
        controller_event(g->controller, &r);
    }
    keeper_schedule(g);
}

void keeper_schedule(struct gate *g)
{
    const struct client *c = clients_soonest(g->clients);
    if (c && g->expiry_ms == c->ends_ms && loop_timer_running(g->expiry))
        return; /* most that join end behind somebody else */
    if (!c) {
        loop_timer_stop(g->expiry);
        return;
    }
    uint64_t now = loop_now_ms();
    g->expiry_ms = c->ends_ms;
    loop_timer_start(g->expiry, (c->ends_ms > now ? c->ends_ms - now : 0) + EXPIRY_LATE_MS);
}

/* --- the LAN
 * ------------------------------------------------------------------------------------------- */

int keeper_refresh(struct gate *g)
{
    struct ruleset_config rules = g->configured;
    lan_fill(g->lan, &rules);
    if (!memcmp(&rules, &g->rules, sizeof rules))
        return 0;
    ruleset_configure(g->rs, &rules);
    int r = ruleset_install(g->rs);
    r = r == 0 ? ruleset_guard(g->rs, true) : r;
    if (r == 0) {
        ruleset_claims(g->rs, true);
        g->rules = rules;
        shaping_interfaces(g);
    } else
        ruleset_configure(g->rs, &g->rules);
    return r;
}

/* --- rebuilding
 * ------------------------------------------------------------------------------------- */

int keeper_rebuild(struct gate *g, uint64_t started_us, const struct ruleset_foreign *cause)
{
    uint64_t shut_us = cause->shut_us;
    if (!cause->shut) {
        ruleset_shut(g->rs);
        shut_us = loop_now_us();
    }
    adoption_give_up(g);
    size_t n = clients_count(g->clients);
    int r = rebuild_all(g);
    for (int i = 0; i < 3 && r < 0; i++) { /* somebody may be at it still */
        if (i == 2)
            ruleset_refuse_fast(g->rs); /* or one of its interfaces is gone */
        r = rebuild_all(g);
    }
    if (r < 0) {
        log_msg(LOG_ERR, "event=rebuild-failed table=%s error=\"%s\"", g->rules.table,
                strerror(-r));
        g->damaged_us = started_us;
        loop_timer_start(g->reader, REBUILD_AGAIN_MS); /* it is open to all: never left at that */
        return r;
    }
    g->damaged_us = 0;
    uint32_t gap = (uint32_t)(shut_us - started_us);
    log_msg(LOG_WARNING,
            "event=rebuilt table=%s by=\"%s\" pid=%u gap_us=%u restored_us=%u devices=%zu",
            g->rules.table, cause->by[0] ? cause->by : "unknown", cause->pid, gap,
            (uint32_t)(loop_now_us() - started_us), n);
    struct gate_reply ev = {.verb = GATE_EV_REBUILT, .gap_us = gap};
    ev.hello.open_devices = (uint32_t)n;
    ev.hello.max_devices = clients_max(g->clients);
    controller_event(g->controller, &ev);
    return 0;
}

/* Notifications were lost, so somebody may have deleted anything. The rules are made anew, which
 * costs nobody anything, and all devices are looked for, little by little. */
static void look_over(struct gate *g, uint64_t began_us, const struct ruleset_foreign *f)
{
    log_msg(LOG_WARNING, "event=notifications-lost devices=%zu", clients_count(g->clients));
    if (ruleset_install(g->rs) < 0) {
        keeper_rebuild(g, began_us, f);
        return;
    }
    ruleset_claims(g->rs, true);
    for (size_t i = 0; i < clients_count(g->clients); i++)
        clients_at(g->clients, i)->read = false;
    g->checking = true;
    g->read_next = 0;
    loop_timer_start(g->reader, READ_EVERY_MS);
}

static void on_watch(void *arg, int fd, int events)
{
    struct gate *g = arg;
    struct ruleset_foreign f;
    uint64_t began_us = loop_now_us();
    (void)fd, (void)events;
    ruleset_watch_read(g->rs, &f);
    if (f.damaged || (f.overrun && !ruleset_present(g->rs)))
        keeper_rebuild(g, began_us, &f);
    else if (f.overrun)
        look_over(g, began_us, &f);
    else if (f.claims)
        ruleset_claims(g->rs, true);
}

/* --- the reading after adoption ------------------------------------------------------------------
 */

/* Whose time is just over may be missed: that is in order. */
static bool any_missing(struct client **batch, size_t n)
{
    uint64_t soon = loop_now_ms() + MISSING_MS;
    for (size_t i = 0; i < n; i++)
        if (batch[i]->missing && batch[i]->ends_ms > soon)
            return true;
    return false;
}

static void on_read_time(void *arg)
{
    struct gate *g = arg;
    struct client *batch[READ_STEP];
    size_t n = 0;
    if (g->damaged_us) {
        struct ruleset_foreign unknown = {.damaged = true};
        keeper_rebuild(g, g->damaged_us, &unknown);
        return;
    }
    for (; n < READ_STEP && clients_at(g->clients, g->read_next); g->read_next++) {
        batch[n] = clients_at(g->clients, g->read_next);
        n += !batch[n]->read;
    }
    if (n > 0)
        work_read(g, batch, n);
    if (g->checking && any_missing(batch, n)) {
        struct ruleset_foreign unknown = {.damaged = true};
        g->checking = false;
        keeper_rebuild(g, loop_now_us(), &unknown);
    } else if (clients_at(g->clients, g->read_next)) {
        loop_timer_start(g->reader, READ_EVERY_MS);
    } else {
        g->checking = false;
        returning_seen(g);
    }
}

/* --- life
 * -----------------------------------------------------------------------------------------------
 */

/* With a table of another layout, or with queues, all at once. */
static int adopt_whole(struct gate *g, bool other_layout)
{
    int r = adoption_now(g);
    if (r == 0 && (other_layout || shaping_is_over(g)))
        r = rebuild_layout(g);
    if (r == 0 && g->shape) {
        adoption_read_all(g); /* where queues are new their count begins at this */
        shaping_adopt(g);
    }
    return r;
}

/* While no gate was there somebody deleted the short cut's table at the way out: without elements
 * there it would drop what goes to the devices that are fast. One of them tells. */
static bool short_cut_is_lost(struct gate *g)
{
    const struct client *c;
    for (size_t i = 0; g->rules.offload && (c = clients_at(g->clients, i)); i++) {
        struct ruleset_reading r = {.mac = c->mac, .number = c->number, .fast = true};
        if (c->fast && c->ends_ms > loop_now_ms() + MISSING_MS)
            return ruleset_read(g->rs, &r, 1) == 0 && r.found_up && r.found_down &&
                   r.found_fast < 3;
    }
    return false;
}

void keeper_adopted(struct gate *g)
{
    int r = shaping_is_over(g) || short_cut_is_lost(g) ? rebuild_layout(g) : 0;
    if (r < 0)
        log_msg(LOG_ERR, "event=layout-not-replaced error=\"%s\"", strerror(-r));
    g->read_next = 0;
    loop_timer_start(g->reader, READ_EVERY_MS);
    keeper_schedule(g);
    controller_adopted(g->controller);
    if (g->on_adopted)
        g->on_adopted(g);
}

static bool make_timers(struct gate *g)
{
    g->expiry = loop_timer_new(g->loop, on_expiry, g);
    g->reader = loop_timer_new(g->loop, on_read_time, g);
    g->watch_io = loop_io_new(g->loop, ruleset_watch_fd(g->rs), LOOP_READ, on_watch, g);
    return g->expiry && g->reader && g->watch_io;
}

bool keeper_start(struct gate *g, char *err, size_t err_len)
{
    shaping_start(g);
    bool left = returning_left(g);
    int r = ruleset_install(g->rs);
    bool other_layout = r == -EEXIST || r == -EINVAL || r == -EBUSY || r == -EOPNOTSUPP;
    if (r < 0 && !(other_layout && ruleset_present(g->rs))) {
        snprintf(err, err_len, "the kernel refuses table inet %s: %s", g->rules.table,
                 strerror(-r));
        return false;
    }
    if (left && r < 0) /* rebuild_layout has what it needs beside the ids */
        returning_forget(g);
    bool in_steps = r == 0 && !g->shape;
    int a = in_steps ? 0 : adopt_whole(g, r < 0);
    if (a < 0) {
        snprintf(err, err_len, "table inet %s cannot be adopted: %s", g->rules.table, strerror(-a));
        return false;
    }
    r = ruleset_guard(g->rs, true);
    if (r < 0) {
        snprintf(err, err_len, "guard: the kernel refuses its routing rules: %s", strerror(-r));
        return false;
    }
    ruleset_claims(g->rs, true);
    if (!make_timers(g)) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    if (in_steps && (a = adoption_begin(g)) < 0) {
        snprintf(err, err_len, "table inet %s cannot be adopted: %s", g->rules.table, strerror(-a));
        return false;
    }
    if (!in_steps) {
        loop_timer_start(g->reader, READ_EVERY_MS);
        keeper_schedule(g);
    }
    return true;
}

void keeper_stop(struct gate *g)
{
    adoption_free(g);
    returning_free(g);
    loop_timer_free(g->expiry);
    loop_timer_free(g->reader);
    loop_io_free(g->watch_io);
}
