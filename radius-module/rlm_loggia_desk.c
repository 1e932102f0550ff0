/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The desk: threads that ask the store, so that no worker does. rlm_sql blocks whoever asks it, for
 * query_timeout and for a new connection behind that, which can be many seconds; a worker that
 * sends somebody else on the errand waits no longer than it wants to, and a citizen with it. The
 * errand then goes on alone, and what comes of it is remembered. There are as many threads as there
 * are places (guard.h), so an errand never waits for a thread, only for a place.
 *
 * An errand has a copy of the request, for the admin's texts may use any of its attributes. */
#include "radius-module/rlm_loggia.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define MOST_THREADS 256

struct errand {
    struct guard *guard;
    REQUEST *request;
    struct mac mac;
    int first; /* a query whose result is not looked at; -1: none */
    enum rlm_query query;
    struct rlm_loggia_row row;
    bool done, abandoned;
    pthread_cond_t finished; /* its own: nobody is woken for somebody else's errand */
    struct errand *prev, *next;
};

struct rlm_loggia_desk {
    rlm_loggia_t *inst;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stop;
    struct errand *errands;
    pthread_t threads[MOST_THREADS];
    unsigned n_threads;
};

static void errand_free(struct errand *e)
{
    talloc_free(e->request);
    pthread_cond_destroy(&e->finished);
    free(e);
}

static REQUEST *copy_of(REQUEST *request)
{
    REQUEST *r = rlm_loggia_request(NULL);
    if (!r)
        return NULL;
    r->packet->vps = fr_pair_list_copy(r->packet, request->packet->vps);
    r->config = fr_pair_list_copy(r, request->config);
    r->timestamp = request->timestamp;
    r->packet->src_ipaddr = request->packet->src_ipaddr;
    return r;
}

/* --- the threads --------------------------------------------------------------------------------
 */

static void run_errand(rlm_loggia_t *inst, struct errand *e)
{
    struct rlm_loggia_row *row = &e->row;
    char ignored[32];
    if (e->first >= 0)
        rlm_loggia_expand(inst, e->request, (enum rlm_query)e->first, ignored, sizeof ignored);
    rlm_loggia_expand(inst, e->request, e->query, row->text, sizeof row->text);
    if (e->query == QUERY_LOOKUP) {
        rlm_loggia_read_row(inst, &e->mac, row);
        row->ok = row->pass != PASS_UNKNOWN;
    } else {
        row->ok = strtoul(row->text, NULL, 10) > 0;
    }
    guard_leave(e->guard, row->ok);
}

static void *sit(void *arg)
{
    struct rlm_loggia_desk *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        struct errand *e = d->errands;
        if (!e) {
            pthread_cond_wait(&d->work, &d->lock);
            continue;
        }
        DL_DELETE(d->errands, e);
        pthread_mutex_unlock(&d->lock);
        run_errand(d->inst, e);
        pthread_mutex_lock(&d->lock);
        e->done = true;
        if (e->abandoned)
            errand_free(e);
        else
            pthread_cond_signal(&e->finished);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

struct rlm_loggia_desk *rlm_loggia_desk_start(rlm_loggia_t *inst)
{
    struct rlm_loggia_desk *d = calloc(1, sizeof *d);
    unsigned wanted = 2 * inst->settings->store_workers;
    sigset_t all, before;
    if (!d)
        return NULL;
    d->inst = inst;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (d->n_threads < wanted && d->n_threads < MOST_THREADS &&
           pthread_create(&d->threads[d->n_threads], NULL, sit, d) == 0)
        d->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (d->n_threads == wanted)
        return d;
    rlm_loggia_desk_stop(d);
    return NULL;
}

void rlm_loggia_desk_stop(struct rlm_loggia_desk *d)
{
    struct errand *e, *next;
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < d->n_threads; i++)
        pthread_join(d->threads[i], NULL);
    DL_FOREACH_SAFE (d->errands, e, next) {
        errand_free(e);
    }
    pthread_cond_destroy(&d->work);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* --- the worker's side --------------------------------------------------------------------------
 */

static struct errand *send_off(struct rlm_loggia_desk *d, REQUEST *request, const struct mac *mac,
                               struct guard *guard, int first, enum rlm_query query)
{
    struct errand *e = calloc(1, sizeof *e);
    pthread_condattr_t attr;
    if (!e)
        return NULL;
    if (!(e->request = copy_of(request))) {
        free(e);
        return NULL;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->finished, &attr);
    pthread_condattr_destroy(&attr);
    e->guard = guard;
    e->mac = *mac;
    e->first = first;
    e->query = query;
    pthread_mutex_lock(&d->lock);
    DL_APPEND(d->errands, e);
    pthread_cond_signal(&d->work);
    pthread_mutex_unlock(&d->lock);
    return e;
}

static void collect(struct rlm_loggia_desk *d, struct errand *e, uint64_t until_ms,
                    struct rlm_loggia_row *row)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&d->lock);
    while (!e->done && clock_ms() < until_ms)
        pthread_cond_timedwait(&e->finished, &d->lock, &until);
    bool done = e->done;
    e->abandoned = !done;
    if (done)
        *row = e->row;
    pthread_mutex_unlock(&d->lock);
    if (done)
        errand_free(e);
}

bool rlm_loggia_ask_store(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          struct guard *guard, int first, enum rlm_query query, uint64_t until_ms,
                          struct rlm_loggia_row *row)
{
    *row = (struct rlm_loggia_row){.pass = PASS_UNKNOWN, .person.authority = -1};
    if (!guard_enter(guard, until_ms))
        return false;
    struct errand *e = send_off(inst->desk, request, mac, guard, first, query);
    if (e)
        collect(inst->desk, e, until_ms, row);
    else
        guard_leave(guard, true);
    return row->ok;
}
