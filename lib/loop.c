/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libev. Each watcher is one allocation that holds libev's own; a callback is always
 * the last thing that touches it, so that it may free itself there. Time is read afresh where a
 * timer starts: libev's cached clock would let a timer fire early after a long turn.
 *
 * Deferred calls run in a prepare watcher, which libev invokes after all events of a turn and
 * before it waits. A deferred call may defer again; after ROUNDS rounds the loop polls once without
 * waiting, so that neither the calls nor the sockets starve.
 *
 * A turn is measured from the check watcher, which libev invokes first of all when it has waited,
 * to the end of the deferred calls. The processor's time costs a system call, so that it is asked
 * for where MARK_US have passed since it was known: of a long turn's, at most so much is an earlier
 * one's. */
#include "lib/loop.h"
#include "lib/log.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS    16
#define MARK_US   200
#define WINDOW_US (60 * UINT64_C(1000000))

struct deferred {
    loop_timer_fn fn;
    void *arg;
};

struct queue {
    struct deferred *items;
    size_t n, room;
};

struct loop {
    struct ev_loop *ev;
    ev_prepare prepare;
    ev_idle idle; /* active while deferred calls are left over: keeps the loop from waiting */
    struct queue waiting, running;
    size_t next; /* in running */
    bool stopped;
    ev_check check;
    uint64_t began_us;               /* this turn; 0: it is over */
    uint64_t mark_us, ran_us;        /* when the processor's time was known last, and it */
    uint64_t window_us;              /* since when the longest is looked for */
    struct loop_turns turns, before; /* before: the window before this one */
};

struct loop_io {
    ev_io ev;
    struct loop *loop;
    loop_io_fn fn;
    void *arg;
};

struct loop_timer {
    ev_timer ev;
    struct loop *loop;
    loop_timer_fn fn;
    void *arg;
};

struct loop_signal {
    ev_signal ev;
    struct loop *loop;
    loop_signal_fn fn;
    void *arg;
};

/* --- the loop -------------------------------------------------------------------------------- */
static void turn_ends(struct loop *loop);

static void run_deferred(struct ev_loop *ev, ev_prepare *w, int revents)
{
    struct loop *loop = w->data;

    (void)revents;
    for (int round = 0; round < ROUNDS && loop->waiting.n && !loop->stopped; round++) {
        struct queue turn = loop->waiting;
        loop->waiting = loop->running;
        loop->running = turn;
        for (loop->next = 0; loop->next < loop->running.n;) {
            struct deferred d = loop->running.items[loop->next++];
            if (d.fn)
                d.fn(d.arg);
        }
        loop->running.n = loop->next = 0;
    }
    if (loop->waiting.n)
        ev_idle_start(ev, &loop->idle);
    else
        ev_idle_stop(ev, &loop->idle);
    turn_ends(loop);
}

/* --- how long a turn takes ---------------------------------------------------------------------
 */
static uint64_t ran_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void turn_begins(struct ev_loop *ev, ev_check *w, int revents)
{
    struct loop *loop = w->data;

    (void)ev, (void)revents;
    loop->began_us = loop_now_us();
}

static void turn_ends(struct loop *loop)
{
    uint64_t now = loop_now_us(), took = now - loop->began_us, ran = 0;

    if (!loop->began_us)
        return;
    loop->began_us = 0;
    if (now - loop->window_us >= WINDOW_US) {
        loop->before = loop->turns;
        if (now - loop->window_us >= 2 * WINDOW_US)
            loop->before.longest_us = loop->before.waited_us = 0;
        loop->turns.longest_us = loop->turns.waited_us = 0;
        loop->window_us = now;
    }
    if (now - loop->mark_us >= MARK_US) {
        uint64_t known = loop->ran_us;
        loop->mark_us = now;
        loop->ran_us = ran_us();
        ran = loop->ran_us - known;
    }
    loop->turns.n++;
    loop->turns.slow += took > LOOP_SLOW_US;
    if (took <= loop->turns.longest_us)
        return;
    loop->turns.longest_us = took;
    loop->turns.waited_us = took >= MARK_US && ran < took ? took - ran : 0;
}

void loop_turns(const struct loop *loop, struct loop_turns *out)
{
    *out = loop->turns;
    if (loop->before.longest_us > out->longest_us) {
        out->longest_us = loop->before.longest_us;
        out->waited_us = loop->before.waited_us;
    }
}

static void on_idle(struct ev_loop *ev, ev_idle *w, int revents)
{
    (void)ev, (void)w, (void)revents;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!loop->ev) {
        free(loop);
        return NULL;
    }
    ev_prepare_init(&loop->prepare, run_deferred);
    loop->prepare.data = loop;
    ev_prepare_start(loop->ev, &loop->prepare);
    ev_idle_init(&loop->idle, on_idle);
    ev_check_init(&loop->check, turn_begins);
    ev_set_priority(&loop->check, EV_MAXPRI);
    loop->check.data = loop;
    ev_check_start(loop->ev, &loop->check);
    loop->window_us = loop_now_us();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    ev_loop_destroy(loop->ev);
    free(loop->waiting.items);
    free(loop->running.items);
    free(loop);
}

void loop_run(struct loop *loop)
{
    loop->began_us = 0; /* of the turn that stopped it before */
    loop->mark_us = loop_now_us();
    loop->ran_us = ran_us();
    if (!loop->stopped)
        ev_run(loop->ev, 0);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true; /* also when it does not run yet */
    ev_break(loop->ev, EVBREAK_ALL);
}

uint64_t loop_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t loop_now_ms(void)
{
    return loop_now_us() / 1000;
}

void loop_defer(struct loop *loop, loop_timer_fn fn, void *arg)
{
    struct queue *q = &loop->waiting;

    if (q->n == q->room) {
        size_t room = q->room ? 2 * q->room : 64;
        struct deferred *items = reallocarray(q->items, room, sizeof *items);
        if (!items) {
            /* A promise that cannot be kept or refused: start again from what the kernel holds. */
            log_msg(LOG_ERR, "event=out-of-memory what=deferred-calls");
            abort();
        }
        q->items = items;
        q->room = room;
    }
    q->items[q->n++] = (struct deferred){fn, arg};
}

static void forget(struct queue *q, size_t from, loop_timer_fn fn, const void *arg)
{
    for (size_t i = from; i < q->n; i++)
        if (q->items[i].fn == fn && q->items[i].arg == arg)
            q->items[i].fn = NULL;
}

void loop_undefer(struct loop *loop, loop_timer_fn fn, void *arg)
{
    forget(&loop->running, loop->next, fn, arg);
    forget(&loop->waiting, 0, fn, arg);
}

/* --- descriptors ----------------------------------------------------------------------------- */
static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
    struct loop_io *io = w->data;
    int events = (revents & EV_READ ? LOOP_READ : 0) | (revents & EV_WRITE ? LOOP_WRITE : 0);

    (void)ev;
    io->fn(io->arg, w->fd, events);
}

struct loop_io *loop_io_new(struct loop *loop, int fd, int events, loop_io_fn fn, void *arg)
{
    struct loop_io *io = calloc(1, sizeof *io);

    if (!io)
        return NULL;
    io->loop = loop;
    io->fn = fn;
    io->arg = arg;
    ev_io_init(&io->ev, on_io, fd, 0);
    io->ev.data = io;
    loop_io_set(io, events);
    return io;
}

void loop_io_set(struct loop_io *io, int events)
{
    int want = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);

    if (ev_is_active(&io->ev) && want && want == (io->ev.events & (EV_READ | EV_WRITE)))
        return;
    ev_io_stop(io->loop->ev, &io->ev);
    ev_io_set(&io->ev, io->ev.fd, want);
    if (want)
        ev_io_start(io->loop->ev, &io->ev);
}

void loop_io_free(struct loop_io *io)
{
    if (!io)
        return;
    ev_io_stop(io->loop->ev, &io->ev);
    free(io);
}

/* --- timers ---------------------------------------------------------------------------------- */
static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct loop_timer *t = w->data;

    (void)ev, (void)revents;
    t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *arg)
{
    struct loop_timer *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->loop = loop;
    t->fn = fn;
    t->arg = arg;
    ev_timer_init(&t->ev, on_timer, 0, 0);
    t->ev.data = t;
    return t;
}

void loop_timer_start(struct loop_timer *t, uint64_t after_ms)
{
    ev_timer_stop(t->loop->ev, &t->ev);
    ev_now_update(t->loop->ev);
    ev_timer_set(&t->ev, (double)after_ms / 1000, 0);
    ev_timer_start(t->loop->ev, &t->ev);
}

void loop_timer_stop(struct loop_timer *t)
{
    ev_timer_stop(t->loop->ev, &t->ev);
}

bool loop_timer_running(const struct loop_timer *t)
{
    return ev_is_active(&t->ev) || ev_is_pending(&t->ev);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    ev_timer_stop(t->loop->ev, &t->ev);
    free(t);
}

/* --- signals --------------------------------------------------------------------------------- */
static void on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
    struct loop_signal *s = w->data;

    (void)ev, (void)revents;
    s->fn(s->arg, w->signum);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_signal_fn fn, void *arg)
{
    struct loop_signal *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->loop = loop;
    s->fn = fn;
    s->arg = arg;
    ev_signal_init(&s->ev, on_signal, signum);
    s->ev.data = s;
    ev_signal_start(loop->ev, &s->ev);
    return s;
}

void loop_signal_free(struct loop_signal *s)
{
    if (!s)
        return;
    ev_signal_stop(s->loop->ev, &s->ev);
    free(s);
}
