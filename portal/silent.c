/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Silent joining: a device was seen, the city is asked whether it knows it. After a power cut a
 * whole square appears within a second, so questions in flight are bounded and the others wait in
 * line; those for whom a web request is held go first. */
#include "lib/loop.h"
#include "portal/portal.h"
#include <utlist.h>

static void next(struct portal *p);

static void leave_line(struct device *d)
{
    DL_DELETE2(d->portal->asking_queue, d, queue_prev, queue_next);
    d->portal->n_queued--;
    d->queued = false;
}

static void on_answer(void *arg, const struct radius_grant *grant)
{
    struct device *d = arg;
    struct portal *p = d->portal;

    d->question = NULL;
    d->in_flight = false;
    p->n_asking--;
    sessions_answered(d, grant);
    next(p);
}

static void no_answer(void *arg)
{
    struct device *d = arg;
    d->refs--;
    if (d->session.state == SESSION_ASKING && !d->queued && !d->in_flight)
        sessions_answered(d, &(struct radius_grant){.result = RADIUS_NO_ANSWER});
    else
        devices_touch(d->portal->devices, d);
}

static void fail_later(struct device *d)
{
    d->refs++;
    loop_defer(d->portal->loop, no_answer, d);
}

static void send(struct device *d)
{
    struct portal *p = d->portal;
    char station[PORTAL_STATION_LEN];
    d->session_zone = d->zone;
    d->asked_us = loop_now_us();
    if (p->embedded) {
        struct radius_grant grant = embedded_answer(p->embedded, RADIUS_SILENT, &d->mac);
        sessions_answered(d, &grant);
        return;
    }
    struct radius_ask ask = {.kind = RADIUS_SILENT,
                             .mac = d->mac,
                             .called_station = sessions_station(d, station),
                             .zone = d->zone ? d->zone->name : "",
                             .acct_session_id = d->session.id};

    d->question = radius_ask(p->radius, &ask, on_answer, d);
    d->in_flight = d->question != NULL;
    if (d->in_flight)
        p->n_asking++;
    else
        fail_later(d);
}

static void next(struct portal *p)
{
    while (p->asking_queue && p->n_asking < PORTAL_MAX_ASKING) {
        struct device *d = p->asking_queue;
        leave_line(d);
        send(d);
    }
}

void silent_ask(struct device *d)
{
    struct portal *p = d->portal;

    if (p->n_asking < PORTAL_MAX_ASKING) {
        send(d);
    } else if (p->n_queued < PORTAL_MAX_QUEUED) {
        d->queued = true;
        DL_APPEND2(p->asking_queue, d, queue_prev, queue_next);
        p->n_queued++;
    } else {
        fail_later(d); /* its next packet, or its probe, asks again */
    }
}

void silent_urge(struct device *d)
{
    struct portal *p = d->portal;
    if (!d->queued)
        return;
    DL_DELETE2(p->asking_queue, d, queue_prev, queue_next);
    DL_PREPEND2(p->asking_queue, d, queue_prev, queue_next);
}

static void next_later(void *arg)
{
    next(arg);
}

void silent_cancel(struct device *d)
{
    if (d->queued)
        leave_line(d);
    if (!d->in_flight)
        return;
    radius_cancel(d->question);
    d->question = NULL;
    d->in_flight = false;
    d->portal->n_asking--;
    loop_defer(d->portal->loop, next_later, d->portal);
}
