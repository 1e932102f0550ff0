/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate starts, and the kernel may hold a hundred thousand devices: adopts them.
 *
 * The kernel's dump of the ids is quadratic in their number. So it is read in steps, and between
 * them loggiad is served what changes nothing: it learns whose an address is, and asks for a device
 * by key, which is adopted then and there. Whatever changes something waits until all are known
 * (controller.c): the dump stays whole, no number is given twice, nobody is closed that is dumped
 * as open right after. What others change meanwhile makes the kernel say that the dump was
 * interrupted, and it is made once more; nothing is forgotten for that, for whoever was seen was
 * there, and ends in time by his own end.
 *
 * Where others go on and on the gate does not wait for them for ever: after some dumps it serves
 * (controller.c does not hold changes any more), and asks the kernel by key for each device that is
 * named to it and that it does not know. Meanwhile the dump is repeated from time to time, until
 * one is whole, or some have named nobody new. Whom it names and nobody knew is asked for by key
 * once more (he may have been closed since), and if anybody was found loggiad is made to ask for
 * the list again.
 *
 * A table of another layout, and queues, have to be known whole before anything can be said of
 * anybody: there adoption is one long step. */
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 8 /* dumps, where they are interrupted */, LATER_MS = 2000, QUIET = 3 };

struct adoption {
    struct ruleset_steps *steps;
    struct loop_io *io;
    unsigned passes;
    struct loop_timer *later; /* not NULL: we serve already, and some may be unknown */
    size_t found, told;       /* since; at the end of the dump before */
    unsigned quiet;           /* dumps that named nobody new */
};

static void on_seen(void *arg, const struct ruleset_device *d)
{
    struct gate *g = arg;
    if (!d) {
        clients_clear(g->clients);
        return;
    }
    if (g->adoption && clients_find(g->clients, &d->mac))
        return; /* asked for by key, or the second dump */
    struct client *c =
        clients_add(g->clients, &d->mac, d->number, loop_now_ms() + d->timeout_ms, d->tag);
    if (!c) {
        log_msg(LOG_WARNING, "event=not-adopted number=%u", d->number);
        return;
    }
    c->up_Bps = d->up_Bps >= RULESET_NO_CAP_BPS ? GATE_UNLIMITED : d->up_Bps;
    c->down_Bps = d->down_Bps >= RULESET_NO_CAP_BPS ? GATE_UNLIMITED : d->down_Bps;
    c->rated = d->rated;
    c->shaped = d->shaped;
    c->fast = d->fast;
    c->last = d->counters; /* of who was flushed away and is not counted yet; else zeros */
    c->uncounted = g->returning != NULL;
    client_set_queue(c, &d->queue);
}

/* Reads all, or those alone whose rates nobody has told. */
static void read_now(struct gate *g, bool all)
{
    for (size_t i = 0; i < clients_count(g->clients);) {
        struct client *batch[GATE_BATCH];
        size_t n = 0;
        for (; n < GATE_BATCH && clients_at(g->clients, i); i++) {
            batch[n] = clients_at(g->clients, i);
            n += all || !batch[n]->rated;
        }
        if (n > 0)
            work_read(g, batch, n);
    }
}

void adoption_read_all(struct gate *g)
{
    read_now(g, true);
}

/* Where numbers go on: behind the last block that any gate of this table took. Without a trace of
 * one (a new table) somewhere at random: conntrack may remember numbers that we do not. */
static void adopt_numbers(struct gate *g)
{
    uint32_t end = 0;
    ruleset_reserved(g->rs, &end); /* what an interrupted dump has told is true, too */
    if (end == 0) {
        crypto_random(&end, sizeof end);
        end = 1 + end % CLIENTS_NUMBER_LAST;
    }
    clients_numbers_after(g->clients, end);
}

int adoption_now(struct gate *g)
{
    int r = ruleset_dump(g->rs, on_seen, g);
    if (r == -ENOENT) /* no table yet */
        clients_clear(g->clients);
    read_now(g, false); /* before anybody may flush: nobody comes back without a cap */
    adopt_numbers(g);
    return r == -ENOENT ? 0 : r;
}

/* --- in steps ------------------------------------------------------------------------------------
 */

void adoption_free(struct gate *g)
{
    if (!g->adoption)
        return;
    loop_io_free(g->adoption->io);
    loop_timer_free(g->adoption->later);
    ruleset_steps_free(g->adoption->steps);
    free(g->adoption);
    g->adoption = NULL;
}

/* Before anybody may flush: nobody comes back without a cap. */
static void drop_unrated(struct gate *g)
{
    for (size_t i = clients_count(g->clients); i-- > 0;)
        if (!clients_at(g->clients, i)->rated)
            clients_remove(g->clients, clients_at(g->clients, i));
}

static void end(struct gate *g)
{
    drop_unrated(g);
    adoption_free(g);
    keeper_adopted(g);
}

/* --- when others do not let a dump come to its end -----------------------------------------------
 */

static void on_later(void *arg)
{
    struct gate *g = arg;
    if (ruleset_steps_begin(g->adoption->steps) < 0)
        loop_timer_start(g->adoption->later, LATER_MS);
}

static void on_seen_later(void *arg, const struct ruleset_device *d)
{
    struct gate *g = arg;
    if (d)
        adoption_look(g, &d->mac);
}

static void end_later(struct gate *g)
{
    size_t found = g->adoption->found;
    log_msg(LOG_NOTICE, "event=adoption-completed found=%zu", found);
    adoption_free(g);
    returning_seen(g);
    if (found > 0)
        controller_list_again(g->controller);
}

/* Who is missing is found by key until then. */
static void serve_meanwhile(struct gate *g, int error)
{
    struct adoption *a = g->adoption;
    log_msg(LOG_WARNING,
            "event=adoption-interrupted adopted=%zu error=\"%s\" why=\"other programs change the "
            "ruleset all the time: who is not known yet is asked for by address\"",
            clients_count(g->clients), strerror(-error));
    a->later = loop_timer_new(g->loop, on_later, g);
    if (!a->later) {
        end(g);
        return;
    }
    drop_unrated(g);
    keeper_adopted(g);
    loop_timer_start(a->later, LATER_MS);
}

static void on_step(void *arg, int fd, int events)
{
    struct gate *g = arg;
    struct adoption *a = g->adoption;
    (void)fd, (void)events;
    int r = ruleset_steps_take(a->steps, a->later ? on_seen_later : on_seen, g);
    if (r > 0)
        return;
    if (a->later) {
        a->quiet = a->found > a->told ? 0 : a->quiet + 1;
        a->told = a->found;
        if (r < 0 && a->quiet < QUIET)
            loop_timer_start(a->later, LATER_MS);
        else
            end_later(g);
        return;
    }
    if (r < 0 && ++a->passes < PASSES && ruleset_steps_begin(a->steps) == 0)
        return;
    read_now(g, false);
    if (r < 0)
        serve_meanwhile(g, r);
    else
        end(g);
}

int adoption_begin(struct gate *g)
{
    struct adoption *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    g->adoption = a;
    adopt_numbers(g);
    a->steps = ruleset_steps_new(g->rs);
    a->io =
        a->steps ? loop_io_new(g->loop, ruleset_steps_fd(a->steps), LOOP_READ, on_step, g) : NULL;
    int r = a->io ? ruleset_steps_begin(a->steps) : -ENOMEM;
    if (r < 0)
        adoption_free(g);
    return r;
}

void adoption_look(struct gate *g, const struct mac *mac)
{
    struct client *c;
    if (!g->adoption || clients_find(g->clients, mac))
        return;
    if (g->adoption->later && controller_dumping(g->controller)) /* the next dump has him, too */
        return;
    ruleset_look(g->rs, mac, on_seen, g);
    if (!g->adoption->later || !(c = clients_find(g->clients, mac)))
        return;
    g->adoption->found++;
    work_read(g, &c, 1);
    keeper_schedule(g);
}

bool adoption_holds(const struct gate *g)
{
    return g->adoption && !g->adoption->later;
}

void adoption_give_up(struct gate *g)
{
    if (!g->adoption)
        return;
    bool serves = !adoption_holds(g);
    log_msg(LOG_WARNING, "event=adoption-given-up adopted=%zu why=\"the table is gone\"",
            clients_count(g->clients));
    if (serves)
        adoption_free(g);
    else
        end(g);
}
