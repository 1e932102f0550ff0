/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of most devices that walk across a square the store has nothing: no pass, no ban, no answers. To
 * hear that, each would cost a question as long as anybody's, and the database spends more on
 * reading the question than on the answer. So those who wait are asked about together (pass.known):
 * while one such question is under way the next gathers, and only of whom it names the row is read
 * (pass.lookup).
 *
 * Two clerks ask. The second is there for a connection that has fallen silent: it begins when the
 * first has waited for OVERDUE_MS. A worker that waits for them is bound by the same rules as at a
 * guard: once the store has been silent for a grace, only `places` of them stay on. */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define CLERKS       2
#define MOST_AT_ONCE 32 /* devices of one question: the bits of its answer */
#define OVERDUE_MS   10
#define HASH_LEN     (DEVICE_HASH_LEN - 1)

struct ask {
    char device[DEVICE_HASH_LEN];
    bool done, abandoned;
    enum rlm_known known;
    pthread_cond_t finished;
    struct ask *prev, *next;
};

struct rlm_loggia_clerks {
    rlm_loggia_t *inst;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stop;
    struct ask *asks;
    unsigned waiting;  /* workers */
    uint64_t heard_ms; /* the last answer, or when somebody began to wait */
    uint64_t busy_ms;  /* since when a question has been under way; 0: none is */
    bool watched;      /* the other clerk waits until that is overdue */
    pthread_t threads[CLERKS];
    unsigned n_threads;
};

static struct timespec at(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static void ask_free(struct ask *a)
{
    pthread_cond_destroy(&a->finished);
    free(a);
}

/* --- the clerks ---------------------------------------------------------------------------------
 */

/* Bit i: the store has something of the i-th device. False: it did not answer. */
static bool ask_store(rlm_loggia_t *inst, const char *devices, uint64_t *bits)
{
    char text[32] = "", *end = text;
    REQUEST *r;
    if (!guard_enter(&inst->reading, clock_ms() + inst->settings->fed.deadline_ms))
        return false;
    if ((r = rlm_loggia_request(NULL))) {
        rlm_loggia_control(r, inst->attributes[ATTRIBUTE_BATCH], devices);
        rlm_loggia_expand(inst, r, QUERY_KNOWN, text, sizeof text);
        talloc_free(r);
    }
    *bits = strtoull(text, &end, 10);
    bool ok = end != text && !*end;
    guard_leave(&inst->reading, ok);
    return ok;
}

/* With lock held, and for a while without. */
static void serve(struct rlm_loggia_clerks *c)
{
    struct ask *batch[MOST_AT_ONCE];
    char devices[MOST_AT_ONCE * HASH_LEN + 1];
    unsigned n = 0;
    uint64_t bits = 0, began = clock_ms();
    for (; c->asks && n < MOST_AT_ONCE; n++) {
        batch[n] = c->asks;
        DL_DELETE(c->asks, batch[n]);
        memcpy(devices + n * HASH_LEN, batch[n]->device, HASH_LEN);
    }
    devices[n * HASH_LEN] = 0;
    c->busy_ms = began;
    pthread_mutex_unlock(&c->lock);
    bool ok = ask_store(c->inst, devices, &bits);
    pthread_mutex_lock(&c->lock);
    if (c->busy_ms == began)
        c->busy_ms = 0;
    if (ok)
        c->heard_ms = clock_ms();
    for (unsigned i = 0; i < n; i++) {
        struct ask *a = batch[i];
        a->done = true;
        a->known = !ok ? KNOWN_SILENT : bits >> i & 1 ? KNOWN_SOMETHING : KNOWN_NOTHING;
        if (a->abandoned)
            ask_free(a);
        else
            pthread_cond_signal(&a->finished);
    }
}

static void *sit(void *arg)
{
    struct rlm_loggia_clerks *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        uint64_t overdue = c->busy_ms + OVERDUE_MS;
        struct timespec then = at(overdue);
        if (!c->asks)
            pthread_cond_wait(&c->work, &c->lock);
        else if (c->busy_ms && clock_ms() < overdue) {
            c->watched = true;
            pthread_cond_timedwait(&c->work, &c->lock, &then);
            c->watched = false;
        } else
            serve(c);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct rlm_loggia_clerks *rlm_loggia_clerks_start(rlm_loggia_t *inst)
{
    struct rlm_loggia_clerks *c = calloc(1, sizeof *c);
    sigset_t all, before;
    if (!c)
        return NULL;
    c->inst = inst;
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->work);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (c->n_threads < CLERKS && pthread_create(&c->threads[c->n_threads], NULL, sit, c) == 0)
        c->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (c->n_threads == CLERKS)
        return c;
    rlm_loggia_clerks_stop(c);
    return NULL;
}

void rlm_loggia_clerks_stop(struct rlm_loggia_clerks *c)
{
    struct ask *a, *next;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->n_threads; i++)
        pthread_join(c->threads[i], NULL);
    DL_FOREACH_SAFE (c->asks, a, next) {
        ask_free(a);
    }
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- the worker's side --------------------------------------------------------------------------
 */

/* With lock held. How long this worker may wait: it is one of too many once the store has said
 * nothing for a grace. */
static uint64_t patience(const struct rlm_loggia_clerks *c, uint64_t until_ms)
{
    const struct guard *g = &c->inst->reading;
    uint64_t end = c->heard_ms + g->grace_ms;
    return c->waiting <= g->places || end > until_ms ? until_ms : end;
}

static enum rlm_known wait_for(struct rlm_loggia_clerks *c, struct ask *a, uint64_t until_ms)
{
    uint64_t end;
    while (!a->done && clock_ms() < (end = patience(c, until_ms))) {
        struct timespec then = at(end);
        pthread_cond_timedwait(&a->finished, &c->lock, &then);
    }
    a->abandoned = !a->done;
    return a->done ? a->known : KNOWN_SILENT;
}

enum rlm_known rlm_loggia_known(rlm_loggia_t *inst, const struct mac *mac, uint64_t until_ms)
{
    const struct fed_conf *conf = &inst->settings->fed;
    struct rlm_loggia_clerks *c = inst->clerks;
    struct ask *a;
    if (!c)
        return KNOWN_SOMETHING;
    if (!(a = calloc(1, sizeof *a)))
        return KNOWN_SILENT;
    cond_init(&a->finished);
    crypto_device_hash(conf->key, conf->key_len, mac, a->device);
    pthread_mutex_lock(&c->lock);
    if (c->waiting++ == 0)
        c->heard_ms = clock_ms(); /* it was idle, not silent */
    DL_APPEND(c->asks, a);
    if (!c->busy_ms || !c->watched)
        pthread_cond_signal(&c->work);
    enum rlm_known known = wait_for(c, a, until_ms);
    c->waiting--;
    if (a->done)
        ask_free(a);
    pthread_mutex_unlock(&c->lock);
    return known;
}
