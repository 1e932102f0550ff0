/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The breaker's half-open state lets one in, as for a directory; only here it is a worker that
 * tries, and it cannot be told from one that asks. See guard.h. */
#include "radius-module/guard.h"

#include <time.h>

void guard_init(struct guard *g, const char *name, uint32_t places, uint32_t grace_ms,
                uint32_t failures, uint32_t open_ms, struct report *report)
{
    pthread_condattr_t attr;
    *g = (struct guard){.name = name, .places = places, .grace_ms = grace_ms, .report = report};
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->left, &attr);
    pthread_condattr_destroy(&attr);
    breaker_init(&g->breaker, failures, open_ms);
    g->heard_ms = clock_ms();
}

/* With lock held. Whether there is a place, or there will be one soon: somebody is inside, and
 * answers have come lately. */
static bool place(struct guard *g, uint64_t until_ms)
{
    while (g->inside >= g->places) {
        uint64_t now = clock_ms(), end = g->heard_ms + g->grace_ms;
        end = end < until_ms ? end : until_ms;
        if (now >= end || !breaker_allows(&g->breaker))
            return false;
        struct timespec at = {.tv_sec = (time_t)(end / 1000),
                              .tv_nsec = (long)(end % 1000) * 1000000};
        pthread_cond_timedwait(&g->left, &g->lock, &at);
    }
    return true;
}

bool guard_enter(struct guard *g, uint64_t until_ms)
{
    pthread_mutex_lock(&g->lock);
    bool in = breaker_allows(&g->breaker)
                  ? place(g, until_ms) && breaker_allows(&g->breaker)
                  : g->inside < g->places && breaker_probe_due(&g->breaker, clock_ms());
    if (in) {
        if (g->inside++ == 0 && clock_ms() > g->heard_ms)
            g->heard_ms = clock_ms(); /* it was idle, not silent */
        g->asked++;
    } else {
        g->refused++;
    }
    pthread_mutex_unlock(&g->lock);
    return in;
}

void guard_leave(struct guard *g, bool ok)
{
    bool opened = false, back = false;
    pthread_mutex_lock(&g->lock);
    uint64_t now = clock_ms();
    g->inside--;
    if (ok)
        g->heard_ms = now;
    else
        g->failed++;
    if (g->breaker.state == BREAKER_HALF_OPEN) {
        breaker_probe_done(&g->breaker, ok, now);
        back = ok;
    } else if (ok) {
        breaker_success(&g->breaker);
    } else {
        opened = breaker_failure(&g->breaker, now);
    }
    /* One place, one who waits for it; but all have to hear that nobody is let in any more. */
    if (breaker_allows(&g->breaker))
        pthread_cond_signal(&g->left);
    else
        pthread_cond_broadcast(&g->left);
    pthread_mutex_unlock(&g->lock);
    if (opened)
        report_line(g->report, LOG_WARNING, "event=store_failing what=%s breaker=open", g->name);
    if (back)
        report_line(g->report, LOG_NOTICE, "event=store_back what=%s breaker=closed", g->name);
}

void guard_stats(struct guard *g, struct guard *copy)
{
    pthread_mutex_lock(&g->lock);
    *copy = *g;
    pthread_mutex_unlock(&g->lock);
}
