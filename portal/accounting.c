/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accounting: every record arrives, in order, once; and a router that has lost its centre keeps
 * them.
 *
 * A record enters the tail (memory, in order of arrival). As long as servers answer it leaves from
 * there: no disk is touched, so that a router's flash lasts. When a record gets no answer in its
 * whole time, what is in the tail goes to the file (acct_queue.c), and everything new goes there
 * too until the file is empty again: that is how the order stays right without comparing anything.
 * From the file, up to LOAD_MAX records are in memory at a time.
 *
 * acct_order.c says which record may go; at most `window` are on the way. After an unanswered one
 * the window is one, and one record is tried after a pause that grows to a minute, or at once when
 * the RADIUS client has heard from a server again (Status-Server); answers open the window. So an
 * outage is not answered with a storm, and its end is not noticed late.
 *
 * A server may have stored a record whose answer was lost; it then gets it again, with the same
 * Acct-Session-Id, Acct-Status-Type and Event-Timestamp, which is what the centre keys it by.
 *
 * If the disk refuses, records stay in the tail, which is bounded; oldest Interim-Updates go first.
 */
#include "portal/accounting.h"
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/acct_internal.h"
#include "portal/acct_queue.h"
#include "portal/radius_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

enum {
    WINDOW_MAX = 64,
    LOAD_MAX = 256,
    TAIL_MAX = 8192, /* some 4 MiB; more at once goes to the disk even while a server answers */
    SYNC_MS = 1000,
    PAUSE_MS = 5000,
    PAUSE_MAX_MS = 60000,
    DISK_RETRY_MS = 10000
};

struct accounting {
    struct loop *loop;
    const struct conf *conf;
    struct radius_client *client;
    struct acct_queue *queue;
    struct acct_order order;
    struct acct_entry *tail;   /* in memory alone, in order; the scheduled ones first */
    struct acct_entry *loaded; /* in the file too, in its order */
    size_t n_tail, n_loaded, n_on_the_way;
    unsigned window;
    uint32_t pause_ms;
    bool paused;
    bool spooling;
    bool disk_failing;
    struct loop_timer *work_timer, *pause_timer, *sync_timer, *compact_timer;
    uint64_t sent, acknowledged, dropped;
    struct log_limit drop_limit;
};

static void work_soon(struct accounting *a)
{
    if (!loop_timer_running(a->work_timer))
        loop_timer_start(a->work_timer, 0);
}

/* --- the disk ------------------------------------------------------------------------------------
 */

static void disk_state(struct accounting *a, bool failing, const char *why)
{
    if (failing && !a->disk_failing)
        log_msg(LOG_ERR, "event=accounting-disk-failing error=\"%s\" kept=memory", why);
    if (!failing && a->disk_failing)
        log_msg(LOG_NOTICE, "event=accounting-disk-failure-over");
    a->disk_failing = failing;
}

static void on_sync(void *arg)
{
    struct accounting *a = arg;

    if (!acct_queue_sync(a->queue))
        disk_state(a, true, strerror(errno));
    if (a->disk_failing)
        work_soon(a);
}

static void sync_later(struct accounting *a)
{
    if (loop_timer_running(a->sync_timer))
        return;
    if (a->disk_failing)
        loop_timer_start(a->sync_timer, DISK_RETRY_MS);
    else if (acct_queue_dirty(a->queue))
        loop_timer_start(a->sync_timer, SYNC_MS);
}

static void on_compact(void *arg)
{
    struct accounting *a = arg;
    struct acct_entry *e;
    uint64_t moved;
    size_t dropped;

    if (acct_queue_compact_step(a->queue, &moved, &dropped)) {
        loop_timer_start(a->compact_timer, 1);
        return;
    }
    DL_FOREACH (a->loaded, e)
        e->place -= moved;
    a->dropped += dropped;
    if (dropped > 0)
        log_msg(LOG_WARNING, "event=accounting-queue-full dropped=%zu bytes=%llu", dropped,
                (unsigned long long)acct_queue_bytes(a->queue));
    work_soon(a);
}

static void make_room(struct accounting *a)
{
    if (acct_queue_full(a->queue) && !acct_queue_compacting(a->queue) &&
        acct_queue_compact_begin(a->queue))
        loop_timer_start(a->compact_timer, 0);
}

/* One record from the tail to the file. False if the disk refuses. */
static bool to_disk(struct accounting *a, struct acct_entry *e)
{
    if (!acct_queue_append(a->queue, e->packet, e->len, e->status == ACCT_INTERIM, &e->place)) {
        disk_state(a, true, strerror(errno));
        return false;
    }
    DL_DELETE(a->tail, e);
    a->n_tail--;
    if (e->scheduled) {
        acct_queue_skip(a->queue); /* whatever was before it in the file is in memory too */
        DL_APPEND(a->loaded, e);
        a->n_loaded++;
    } else {
        free(e);
    }
    return true;
}

static void flush(struct accounting *a)
{
    bool any = a->tail != NULL;

    make_room(a);
    while (a->tail != NULL)
        if (!to_disk(a, a->tail))
            break;
    if (any && a->tail == NULL)
        disk_state(a, false, NULL);
    sync_later(a);
}

/* --- sending -------------------------------------------------------------------------------------
 */

static struct acct_entry *first_unscheduled(struct accounting *a)
{
    struct acct_entry *e;

    DL_FOREACH (a->tail, e)
        if (!e->scheduled)
            return e;
    return NULL;
}

static bool load_from_file(struct accounting *a, struct acct_queue_record *r)
{
    if (!acct_queue_read(a->queue, r))
        return false;
    struct acct_entry *e = acct_entry_new(r->data, r->len, time(NULL), loop_now_ms());
    if (e == NULL) { /* whole, but no record of ours */
        acct_queue_done(a->queue, r->place);
        a->dropped++;
        log_limited(&a->drop_limit, LOG_WARNING, "event=accounting-record-unreadable place=%llu",
                    (unsigned long long)r->place);
        return true;
    }
    e->owner = a;
    e->place = r->place;
    e->scheduled = true;
    DL_APPEND(a->loaded, e);
    a->n_loaded++;
    acct_order_add(&a->order, e);
    return true;
}

/* Brings records to the order, the file's first. */
static void load(struct accounting *a)
{
    struct acct_queue_record record;
    struct acct_entry *e;

    while (a->n_loaded < LOAD_MAX && load_from_file(a, &record))
        ;
    if (!acct_queue_all_read(a->queue))
        return;
    for (e = first_unscheduled(a); e != NULL && a->order.open < LOAD_MAX; e = e->next) {
        e->scheduled = true;
        acct_order_add(&a->order, e);
    }
}

/* The file's first records that are done leave memory; the last one empties the file. */
static void release(struct accounting *a)
{
    struct acct_entry *e;

    while ((e = a->loaded) != NULL && e->done) {
        acct_queue_release(a->queue, e->place);
        DL_DELETE(a->loaded, e);
        a->n_loaded--;
        free(e);
    }
    if (a->loaded != NULL || !acct_queue_all_read(a->queue) || acct_queue_compacting(a->queue))
        return;
    if (a->spooling && acct_queue_bytes(a->queue) > 0)
        log_msg(LOG_NOTICE, "event=accounting-queue-empty");
    acct_queue_empty(a->queue);
    a->spooling = false;
    if (a->tail == NULL) /* nothing needs the disk any more */
        disk_state(a, false, NULL);
}

static void acknowledged(struct accounting *a, struct acct_entry *e)
{
    a->acknowledged++;
    a->pause_ms = PAUSE_MS;
    if (a->window < WINDOW_MAX)
        a->window *= 2;
    acct_order_done(&a->order, e);
    if (e->place != 0) {
        e->done = true;
        acct_queue_done(a->queue, e->place);
        release(a);
    } else {
        DL_DELETE(a->tail, e);
        a->n_tail--;
        free(e);
    }
}

static uint32_t jittered(uint32_t ms)
{
    uint16_t dice;

    crypto_random(&dice, sizeof dice);
    return ms - ms / 10 + (uint32_t)((uint64_t)ms / 5 * dice / UINT16_MAX);
}

static void not_answered(struct accounting *a, struct acct_entry *e)
{
    acct_order_again(&a->order, e);
    a->window = 1;
    if (!a->spooling)
        log_msg(LOG_WARNING, "event=accounting-unanswered waiting=%zu kept=disk", a->n_tail);
    a->spooling = true;
    if (a->paused)
        return;
    a->paused = true;
    loop_timer_start(a->pause_timer, jittered(a->pause_ms));
    a->pause_ms = a->pause_ms < PAUSE_MAX_MS / 2 ? 2 * a->pause_ms : PAUSE_MAX_MS;
}

static void on_reply(void *arg, const uint8_t *reply, size_t len, uint32_t took_us)
{
    struct acct_entry *e = arg;
    struct accounting *a = e->owner;

    (void)len, (void)took_us;
    e->exchange = NULL;
    a->n_on_the_way--;
    if (reply != NULL)
        acknowledged(a, e);
    else
        not_answered(a, e);
    work_soon(a);
}

static void send_ready(struct accounting *a)
{
    struct acct_entry *e;

    while (!a->paused && a->n_on_the_way < a->window && (e = acct_order_next(&a->order)) != NULL) {
        struct radius_content what = {.begun = e->packet, .len = e->len, .since_ms = e->since_ms};
        e->exchange = radius_exchange_new(a->client, RADIUS_FOR_ACCOUNTING, &what, on_reply, e);
        if (e->exchange == NULL) { /* out of memory */
            not_answered(a, e);
            return;
        }
        a->n_on_the_way++;
    }
}

static void on_work(void *arg)
{
    struct accounting *a = arg;

    if (a->spooling)
        flush(a);
    load(a);
    send_ready(a);
    release(a);
    sync_later(a);
}

static void go_on(void *arg)
{
    struct accounting *a = arg;

    loop_timer_stop(a->pause_timer);
    a->paused = false;
    work_soon(a);
}

/* --- taking records
 * ------------------------------------------------------------------------------- */

/* The tail is full, so the disk refuses. What a later record says again goes first. */
static void drop_one(struct accounting *a)
{
    struct acct_entry *oldest = first_unscheduled(a), *e;

    for (e = oldest; e != NULL && e->status != ACCT_INTERIM; e = e->next)
        ;
    if (e == NULL)
        e = oldest;
    if (e == NULL)
        return;
    DL_DELETE(a->tail, e);
    a->n_tail--;
    a->dropped++;
    log_limited(&a->drop_limit, LOG_ERR, "event=accounting-record-dropped status=%u dropped=%llu",
                (unsigned)e->status, (unsigned long long)a->dropped);
    free(e);
}

void accounting_send(struct accounting *a, const struct acct_record *r)
{
    struct radius_packet p;
    struct acct_entry *e = NULL;

    if (a == NULL)
        return;
    a->sent++;
    if (acct_record_begin(&p, a->conf, r))
        e = acct_entry_new(p.data, p.len, time(NULL), loop_now_ms());
    if (e == NULL) {
        a->dropped++;
        log_limited(&a->drop_limit, LOG_ERR, "event=accounting-record-refused status=%u",
                    (unsigned)r->status);
        return;
    }
    e->owner = a;
    if (a->n_tail >= TAIL_MAX) {
        a->spooling = true;
        flush(a);
    }
    if (a->n_tail >= TAIL_MAX)
        drop_one(a);
    DL_APPEND(a->tail, e);
    a->n_tail++;
    work_soon(a);
}

void accounting_stats(const struct accounting *a, struct accounting_stats *out)
{
    const struct acct_entry *oldest = a != NULL ? a->loaded : NULL;

    if (a == NULL) {
        memset(out, 0, sizeof *out);
        return;
    }
    while (oldest != NULL && oldest->done)
        oldest = oldest->next;
    if (oldest == NULL)
        oldest = a->tail;
    *out = (struct accounting_stats){
        .sent = a->sent,
        .acknowledged = a->acknowledged,
        .dropped = a->dropped,
        .waiting = a->n_tail + acct_queue_records(a->queue),
        .disk_bytes = acct_queue_bytes(a->queue),
        .disk_failing = a->disk_failing,
        .oldest_at = oldest != NULL ? oldest->at : 0,
    };
}

/* --- life
 * ----------------------------------------------------------------------------------------- */

static bool new_timers(struct accounting *a)
{
    a->work_timer = loop_timer_new(a->loop, on_work, a);
    a->pause_timer = loop_timer_new(a->loop, go_on, a);
    a->sync_timer = loop_timer_new(a->loop, on_sync, a);
    a->compact_timer = loop_timer_new(a->loop, on_compact, a);
    return a->work_timer != NULL && a->pause_timer != NULL && a->sync_timer != NULL &&
           a->compact_timer != NULL;
}

struct accounting *accounting_new(struct loop *loop, const struct conf *conf,
                                  struct radius_client *c, char *err, size_t err_len)
{
    struct accounting *a = calloc(1, sizeof *a);

    if (a == NULL)
        goto fail;
    a->loop = loop;
    a->conf = conf;
    a->client = c;
    a->window = WINDOW_MAX;
    a->pause_ms = PAUSE_MS;
    a->drop_limit = (struct log_limit){.interval_ms = 60000, .burst = 3};
    a->queue = acct_queue_new(conf->state_directory, (uint64_t)conf->radius.queue_mb << 20);
    if (a->queue == NULL || !new_timers(a))
        goto fail;
    radius_client_on_revival(c, go_on, a);
    a->spooling = !acct_queue_all_read(a->queue);
    if (a->spooling) {
        log_msg(LOG_NOTICE, "event=accounting-queue-found records=%zu bytes=%llu",
                acct_queue_records(a->queue), (unsigned long long)acct_queue_bytes(a->queue));
        work_soon(a);
    }
    return a;
fail:
    snprintf(err, err_len, "out of memory");
    accounting_free(a);
    return NULL;
}

static void free_list(struct acct_entry **list)
{
    struct acct_entry *e, *tmp;

    DL_FOREACH_SAFE (*list, e, tmp) {
        radius_exchange_free(e->exchange);
        DL_DELETE(*list, e);
        free(e);
    }
}

void accounting_free(struct accounting *a)
{
    if (a == NULL)
        return;
    if (a->client != NULL)
        radius_client_on_revival(a->client, NULL, NULL);
    if (a->queue != NULL)
        flush(a);
    if (a->tail != NULL)
        log_msg(LOG_ERR, "event=accounting-records-lost records=%zu", a->n_tail);
    free_list(&a->tail);
    free_list(&a->loaded);
    acct_order_free(&a->order);
    acct_queue_free(a->queue);
    loop_timer_free(a->work_timer);
    loop_timer_free(a->pause_timer);
    loop_timer_free(a->sync_timer);
    loop_timer_free(a->compact_timer);
    free(a);
}
