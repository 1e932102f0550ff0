/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Forget this device": the centre is asked to erase the pass. It is a promise to a citizen, so
 * where the centre does not answer it is asked again for a while, unless the citizen taps
 * meanwhile. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/portal.h"
#include <stdlib.h>

enum { MAX_TRIES = 6, FIRST_RETRY_MS = 5000, MAX_FORGETTING = 1024 };

struct forgetting {
    struct device *d;
    unsigned tries;
    struct radius_question *question;
    struct loop_timer *timer;
};

static void try_again(void *arg);

enum forget_state forget_state(const struct device *d)
{
    if (!d->forgetting)
        return FORGET_NONE;
    return d->forgetting->question ? FORGET_ASKING : FORGET_WAITING;
}

void forget_cancel(struct device *d)
{
    struct forgetting *f = d->forgetting;
    if (!f)
        return;
    if (f->question)
        radius_cancel(f->question);
    loop_timer_free(f->timer);
    free(f);
    d->forgetting = NULL;
    d->portal->n_forgetting--;
}

static void settle(struct device *d)
{
    d->refs++;
    if (!device_is_settling(d))
        device_wake(d);
    d->refs--;
    devices_touch(d->portal->devices, d);
}

static void later(struct forgetting *f)
{
    struct device *d = f->d;
    if (f->tries >= MAX_TRIES) {
        log_msg(LOG_WARNING, "event=forget_given_up device=%s tries=%u", d->pseudonym, f->tries);
        forget_cancel(d);
        return;
    }
    loop_timer_start(f->timer, (uint64_t)FIRST_RETRY_MS << (2 * (f->tries - 1)));
}

static void on_answer(void *arg, const struct radius_grant *grant)
{
    struct forgetting *f = arg;
    struct device *d = f->d;

    f->question = NULL;
    if (grant->result != RADIUS_REJECTED) { /* a Reject confirms it (radius_client.h) */
        log_msg(LOG_WARNING, "event=forget_not_confirmed device=%s tries=%u answered=%s",
                d->pseudonym, f->tries, grant->result == RADIUS_NO_ANSWER ? "no" : "accept");
        later(f);
    } else {
        log_msg(LOG_INFO, "event=forgotten device=%s tries=%u", d->pseudonym, f->tries);
        forget_cancel(d);
    }
    settle(d);
}

static void try_again(void *arg)
{
    struct forgetting *f = arg;
    struct device *d = f->d;
    char station[PORTAL_STATION_LEN];
    struct radius_ask ask = {.kind = RADIUS_FORGET,
                             .mac = d->mac,
                             .called_station = sessions_station(d, station),
                             .zone = d->zone ? d->zone->name : ""};
    f->tries++;
    if (d->portal->embedded) {
        embedded_answer(d->portal->embedded, RADIUS_FORGET, &d->mac);
        on_answer(f, &(struct radius_grant){.result = RADIUS_REJECTED});
        return;
    }
    f->question = radius_ask(d->portal->radius, &ask, on_answer, f);
    if (!f->question)
        later(f);
}

bool forget_begin(struct device *d)
{
    struct forgetting *f = d->forgetting;

    if (f && f->question)
        return true;
    if (f) { /* asked once more by hand: no need to wait for the timer */
        loop_timer_stop(f->timer);
        f->tries = 0;
        try_again(f);
        return true;
    }
    if (d->portal->n_forgetting >= MAX_FORGETTING)
        return false;
    f = calloc(1, sizeof *f);
    struct loop_timer *timer = f ? loop_timer_new(d->portal->loop, try_again, f) : NULL;
    if (!timer) {
        free(f);
        return false;
    }
    f->d = d;
    f->timer = timer;
    d->forgetting = f;
    d->portal->n_forgetting++;
    try_again(f);
    return true;
}
