/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking, and the connectors. A connector opens links until its authority has K of them, one after
 * the other. The opening is the breaker's probe too: a fresh connection that resolves, connects,
 * binds and reads, so that half-open never draws a stale socket. While an authority has no link and
 * the first try has not failed yet, questions wait in the queue; once it has failed they are
 * "unknown" at once. */
#include "radius-module/authority.h"
#include "radius-module/authority_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

const uint32_t authority_bucket_ms[AUTHORITY_BUCKETS] = {1,   2,   5,   10,   20, 50,
                                                         100, 200, 500, 2000, 0};

struct authorities *authorities_new(const struct authority_conf *confs, size_t n,
                                    authority_answer_fn fn, void *arg, struct report *report)
{
    struct authorities *a = calloc(1, sizeof *a + n * sizeof a->lanes[0]);
    pthread_condattr_t attr;
    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    a->wake = -1;
    a->fn = fn;
    a->arg = arg;
    a->report = report;
    a->n = n;
    for (size_t i = 0; i < n; i++) {
        struct lane *l = &a->lanes[i];
        l->set = a;
        l->index = i;
        l->conf = &confs[i];
        mapping_attributes(&confs[i].mapping, l->attributes);
        breaker_init(&l->breaker, confs[i].breaker_failures, confs[i].breaker_open_ms);
    }
    return a;
}

void authority_wake(struct authorities *a)
{
    if (a->woken || a->wake < 0)
        return;
    a->woken = true;
    if (eventfd_write(a->wake, 1)) {
        /* Only a counter at its end refuses, and then the thread is awake already. */
    }
}

/* --- connectors ---------------------------------------------------------------------------------
 */

/* With lock held: whether to open a link now; else *wait_ms until it is worth another look. */
static bool wants_link(struct lane *l, uint64_t now, uint64_t *wait_ms)
{
    *wait_ms = 60000;
    if (l->breaker.state == BREAKER_HALF_OPEN) /* this thread's probe goes on at the next server */
        return true;
    if (l->breaker.state != BREAKER_CLOSED) {
        if (breaker_probe_due(&l->breaker, now))
            return true;
        if (l->breaker.probe_at_ms > now)
            *wait_ms = l->breaker.probe_at_ms - now;
        return false;
    }
    if (l->open >= l->conf->connections)
        return false;
    if (l->open > 0 && l->retry_at_ms > now) {
        *wait_ms = l->retry_at_ms - now;
        return false;
    }
    return true;
}

static bool wait_until_wanted(struct lane *l)
{
    struct authorities *a = l->set;
    uint64_t wait_ms;
    while (!a->stop && !wants_link(l, clock_ms(), &wait_ms)) {
        uint64_t at = clock_ms() + wait_ms;
        struct timespec until = {.tv_sec = (time_t)(at / 1000),
                                 .tv_nsec = (long)(at % 1000) * 1000000};
        pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    return !a->stop;
}

static void link_opened(struct lane *l, struct directory *d)
{
    bool back = l->breaker.state != BREAKER_CLOSED;
    l->ready[l->n_ready++] = d;
    l->open++;
    breaker_probe_done(&l->breaker, true, clock_ms());
    authority_wake(l->set);
    if (back)
        report_line(l->set->report, LOG_NOTICE, "event=authority_back authority=%s breaker=closed",
                    l->conf->name);
}

static void link_failed(struct lane *l, const char *uri, const char *err)
{
    uint64_t now = clock_ms();
    bool was_open = l->breaker.state != BREAKER_CLOSED;
    snprintf(l->stats.last_error, sizeof l->stats.last_error, "%s", err);
    l->retry_at_ms = now + l->conf->breaker_open_ms;
    if (was_open)
        breaker_probe_done(&l->breaker, false, now);
    else if (l->open == 0)
        breaker_trip(&l->breaker, now);
    authority_wake(l->set); /* what is queued need not wait any longer */
    if (!was_open)
        report_line(l->set->report, LOG_WARNING,
                    "event=authority_unreachable authority=%s server=%s breaker=%s error=\"%s\"",
                    l->conf->name, uri, breaker_name(l->breaker.state), err);
}

static void *connector(void *arg)
{
    struct lane *l = arg;
    struct authorities *a = l->set;
    const struct directory_conf *conf = &l->conf->directory;
    size_t server = 0;
    pthread_mutex_lock(&a->lock);
    while (wait_until_wanted(l)) {
        char err[128] = "";
        pthread_mutex_unlock(&a->lock);
        struct directory *d = directory_open(conf, server, err, sizeof err);
        pthread_mutex_lock(&a->lock);
        if (d) {
            link_opened(l, d);
        } else if (server + 1 < conf->n_servers && l->breaker.state != BREAKER_OPEN) {
            server++; /* the next one, at once */
        } else {
            link_failed(l, conf->servers[server], err);
            server = 0;
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* --- begin and end -------------------------------------------------------------------------------
 */

static int start_threads(struct authorities *a)
{
    int rc = pthread_create(&a->io, NULL, authority_io, a);
    if (rc)
        return rc;
    a->has_io = true;
    for (size_t i = 0; i < a->n; i++) {
        if ((rc = pthread_create(&a->lanes[i].connector, NULL, connector, &a->lanes[i])))
            return rc;
        a->lanes[i].has_connector = true;
    }
    return 0;
}

int authorities_start(struct authorities *a)
{
    sigset_t all, before;
    directory_prepare();
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->wake < 0)
        return errno;
    /* The server's signals are for the server's threads; and a directory that hangs up while
     * libldap writes must not end the program (SIGPIPE). The new threads inherit the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int rc = start_threads(a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void stop_connectors(struct authorities *a)
{
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    /* A connector may be in the middle of opening: net_timeout bounds that. */
    for (size_t i = 0; i < a->n; i++)
        if (a->lanes[i].has_connector)
            pthread_join(a->lanes[i].connector, NULL);
}

static void stop_io(struct authorities *a)
{
    pthread_mutex_lock(&a->lock);
    a->io_stop = true;
    authority_wake(a);
    pthread_mutex_unlock(&a->lock);
    if (a->has_io)
        pthread_join(a->io, NULL);
}

void authorities_free(struct authorities *a)
{
    if (!a)
        return;
    stop_connectors(a);
    stop_io(a); /* closes all the links */
    if (a->wake >= 0)
        close(a->wake);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static struct search *search_new(const struct subject *whom, void *token)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s || (whom->name && !(s->name = strdup(whom->name)))) {
        free(s);
        return NULL;
    }
    s->token = token;
    s->whom = *whom;
    s->whom.name = s->name;
    return s;
}

void search_free(struct search *s)
{
    free(s->name);
    free(s->values);
    free(s);
}

bool authorities_ask(struct authorities *a, size_t authority, const struct subject *whom,
                     void *token)
{
    struct lane *l = &a->lanes[authority];
    struct search *s = search_new(whom, token);
    bool taken = false;
    if (!s)
        return false;
    s->asked_ms = clock_ms();
    pthread_mutex_lock(&a->lock);
    if (!a->stop && a->has_io && breaker_allows(&l->breaker) &&
        l->queued < l->conf->connections * l->conf->pipeline) {
        taken = true;
        DL_APPEND(l->queue, s);
        l->queued++;
        l->stats.asked++;
        l->stats.in_flight++;
        authority_wake(a);
    } else {
        l->stats.refused++;
    }
    pthread_mutex_unlock(&a->lock);
    if (!taken)
        search_free(s);
    return taken;
}

void authorities_stats(struct authorities *a, size_t authority, struct authority_stats *out)
{
    struct lane *l = &a->lanes[authority];
    pthread_mutex_lock(&a->lock);
    *out = l->stats;
    out->breaker = l->breaker.state;
    out->opened = l->breaker.opened;
    out->connections = l->open;
    out->queued = l->queued;
    pthread_mutex_unlock(&a->lock);
}
