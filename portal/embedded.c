/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A router without a radius section decides by itself: the network is open, a tap gives the guest
 * profile and a pass, and whoever has a pass is let in at its first packet. There is no accounting,
 * for there is nobody to account to.
 *
 * The passes are written down at a tap and when one is forgotten, and within a minute otherwise. A
 * busy hour must not wear the flash out or hold up the loop, so after a write there is a rest of a
 * second, or of twenty times what the write took if that is more: taps in between share the next
 * one. What a power cut can cost is a tap of that time. If the disk refuses, the network goes on
 * from memory, one line says so, and it is tried again every minute. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/passes.h"
#include "portal/portal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PASSES_A_CLIENT = 4, REST_MS = 1000, REST_FACTOR = 20, MINUTE_MS = 60000 };

struct embedded {
    struct portal *p;
    struct passes *passes;
    struct loop_timer *write_timer, *minute_timer;
    bool dirty, failing;
    uint64_t rest_until_ms;
};

static struct passes_clock clock_now(void)
{
    return (struct passes_clock){.now_s = time(NULL), .sane = texts_clock_sane()};
}

void embedded_save(struct embedded *e)
{
    const char *directory = e->p->boot->state_directory;
    uint64_t began = loop_now_ms();

    if (!e->dirty || !e->p->key_kept) /* without the key nobody could read them again */
        return;
    bool fine = passes_save(e->passes, directory);
    if (!fine && !e->failing)
        log_msg(LOG_ERR, "event=passes_not_kept path=%s/passes why=\"%s\" kept=memory", directory,
                strerror(errno));
    if (fine && e->failing)
        log_msg(LOG_NOTICE, "event=passes_kept_again passes=%zu", passes_count(e->passes));
    e->failing = !fine;
    e->dirty = !fine;
    uint64_t now = loop_now_ms(), rest = (now - began) * REST_FACTOR;
    e->rest_until_ms = now + (rest > REST_MS ? rest : REST_MS);
}

static void on_write(void *arg)
{
    embedded_save(arg);
}

static void write_soon(struct embedded *e)
{
    uint64_t now = loop_now_ms();

    e->dirty = true;
    if (!e->failing && !loop_timer_running(e->write_timer))
        loop_timer_start(e->write_timer, e->rest_until_ms > now ? e->rest_until_ms - now : 0);
}

static void on_minute(void *arg)
{
    struct embedded *e = arg;

    loop_timer_start(e->minute_timer, MINUTE_MS);
    passes_set_life(e->passes, e->p->live->guest.pass_s);
    if (passes_settle(e->passes, clock_now()))
        e->dirty = true;
    embedded_save(e);
}

static bool silent(struct embedded *e, const struct mac *mac)
{
    return passes_find(e->passes, mac, clock_now()) == PASS_GOOD;
}

struct radius_grant embedded_answer(struct embedded *e, enum radius_kind kind,
                                    const struct mac *mac)
{
    bool yes = false;

    passes_set_life(e->passes, e->p->live->guest.pass_s);
    switch (kind) {
    case RADIUS_SILENT:
        yes = silent(e, mac);
        break;
    case RADIUS_TAP:
        yes = true; /* even if there is no memory for a pass */
        if (passes_tap(e->passes, mac, clock_now()))
            write_soon(e);
        break;
    case RADIUS_FORGET:
        if (passes_forget(e->passes, mac))
            write_soon(e);
        break;
    case RADIUS_PASSWORD: /* nobody here knows any */
        break;
    }
    return (struct radius_grant){.result = yes ? RADIUS_ACCEPTED : RADIUS_REJECTED};
}

void embedded_left(struct embedded *e, const struct mac *mac)
{
    if (passes_pause(e->passes, mac))
        e->dirty = true;
}

size_t embedded_passes(const struct embedded *e)
{
    return passes_count(e->passes);
}

bool embedded_failing(const struct embedded *e)
{
    return e->failing || !e->p->key_kept;
}

struct embedded *embedded_new(struct portal *p)
{
    struct embedded *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->p = p;
    e->passes = passes_new((size_t)p->boot->max_clients * PASSES_A_CLIENT, p->boot->guest.pass_s,
                           p->key, sizeof p->key);
    e->write_timer = loop_timer_new(p->loop, on_write, e);
    e->minute_timer = loop_timer_new(p->loop, on_minute, e);
    if (!e->passes || !e->write_timer || !e->minute_timer) {
        embedded_free(e);
        return NULL;
    }
    passes_load(e->passes, p->boot->state_directory);
    e->dirty = passes_settle(e->passes, clock_now());
    loop_timer_start(e->minute_timer, MINUTE_MS);
    log_msg(LOG_NOTICE, "event=decides_alone passes=%zu life_s=%u", passes_count(e->passes),
            p->boot->guest.pass_s);
    return e;
}

void embedded_free(struct embedded *e)
{
    if (!e)
        return;
    if (e->passes)
        embedded_save(e);
    passes_free(e->passes);
    loop_timer_free(e->write_timer);
    loop_timer_free(e->minute_timer);
    free(e);
}
