/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One lock for the questions and the memory; nothing slow is done under it, and nothing at all of
 * libldap. The lock order is federation, then authorities; the I/O thread calls on_answer holding
 * none.
 *
 * The bulkhead. A worker waits; there are few of them (FreeRADIUS has 32 unless told otherwise),
 * and one frozen directory must not hold them all until each one's deadline. A short grace is free,
 * for a healthy directory answers within it; after that only `bulkhead` workers may stay on for one
 * authority, and for the others it is "unknown" now. Its answer, if it comes, is remembered for the
 * next question. */
#include "radius-module/federation.h"
#include "radius-module/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#define GRACE_DIVISOR                                                                              \
    4 /* of the deadline: 50 ms of 200, which a busy machine may take to schedule */

struct fed_question {
    struct mac mac;
    unsigned refs;    /* workers, and authorities that have still to answer */
    uint32_t pending; /* bit i: authority i has still to answer */
    bool listed;      /* others may join */
    bool selective;   /* somebody waits for some of them only */
    pthread_cond_t changed;
    UT_hash_handle hh;
    struct decision_answer answers[];
};

struct fed {
    const struct fed_conf *conf;
    struct report *report;
    struct authorities *authorities;
    pthread_mutex_t lock;
    struct fed_question *questions; /* that others may join, by device */
    struct memory *memory;
    uint32_t waiting[FED_MAX_AUTHORITIES];  /* workers inside the bulkhead */
    uint64_t heard_ms[FED_MAX_AUTHORITIES]; /* the last answer to anybody */
    struct fed_stats stats;
};

/* --- questions ----------------------------------------------------------------------------------
 */

static struct fed_question *question_new(struct fed *f, const struct mac *mac)
{
    size_t n = f->conf->n_authorities;
    struct fed_question *q = calloc(1, sizeof *q + n * sizeof q->answers[0]);
    pthread_condattr_t attr;
    if (!q)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
    q->mac = *mac;
    q->refs = 1;
    return q;
}

static void unlist(struct fed *f, struct fed_question *q)
{
    if (q->listed)
        HASH_DEL(f->questions, q);
    q->listed = false;
}

static void question_release(struct fed *f, struct fed_question *q)
{
    if (--q->refs)
        return;
    unlist(f, q);
    pthread_cond_destroy(&q->changed);
    free(q);
}

/* --- what is remembered -------------------------------------------------------------------------
 */

static void take(const struct memory_answer *a, bool stale, struct decision_answer *out)
{
    out->state = a->state;
    out->stale = stale;
    if (a->state == ANSWER_FOUND)
        out->entitlement = *a->entitlement;
}

static bool fresh(const struct fed *f, const struct memory_answer *a, uint64_t now)
{
    uint32_t life = a->state == ANSWER_FOUND ? f->conf->fresh_found_s : f->conf->fresh_not_found_s;
    return a->state != ANSWER_UNKNOWN && now - a->at_ms < life * UINT64_C(1000);
}

static bool usable_stale(const struct fed *f, size_t i, const struct memory_answer *a, uint64_t now)
{
    if (a->state == ANSWER_UNKNOWN)
        return false;
    if (a->state == ANSWER_FOUND && a->entitlement->denied)
        return true;
    return now - a->at_ms < f->conf->stale_s[i] * UINT64_C(1000);
}

static void remember(struct fed *f, const struct mac *mac, size_t authority,
                     const struct decision_answer *a)
{
    struct memory_device *d = memory_make(f->memory, mac);
    if (d)
        memory_answer_set(&d->answers[authority], a->state, clock_ms(),
                          a->state == ANSWER_FOUND ? &a->entitlement : NULL);
}

/* --- asking -------------------------------------------------------------------------------------
 */

/* Whom the memory spares the question; bit i of the result: authority i has to be asked. */
static uint32_t recall(struct fed *f, struct fed_question *q)
{
    uint32_t ask = 0;
    uint64_t now = clock_ms();
    const struct memory_device *d = memory_get(f->memory, &q->mac);
    for (size_t i = 0; i < f->conf->n_authorities; i++) {
        if (d && fresh(f, &d->answers[i], now))
            take(&d->answers[i], false, &q->answers[i]);
        else
            ask |= UINT32_C(1) << i;
    }
    if (!ask)
        f->stats.remembered++;
    return ask;
}

static void send_out(struct fed *f, struct fed_question *q, uint32_t ask)
{
    for (size_t i = 0; i < f->conf->n_authorities; i++) {
        if (!(ask & UINT32_C(1) << i))
            continue;
        if (!authorities_ask(f->authorities, i, &q->mac, q))
            continue;
        q->pending |= UINT32_C(1) << i;
        q->refs++;
    }
    if (q->pending) {
        HASH_ADD(hh, f->questions, mac, sizeof q->mac, q);
        q->listed = true;
    }
}

struct fed_question *fed_ask(struct fed *f, const struct mac *mac)
{
    struct fed_question *q;
    pthread_mutex_lock(&f->lock);
    f->stats.questions++;
    HASH_FIND(hh, f->questions, mac, sizeof *mac, q);
    if (q) {
        q->refs++;
        f->stats.coalesced++;
    } else if ((q = question_new(f, mac))) {
        send_out(f, q, recall(f, q));
    }
    pthread_mutex_unlock(&f->lock);
    return q;
}

struct ignored {
    struct fed *f;
    const char *authority;
};

static void report_ignored(void *arg, const char *attribute, const char *why)
{
    struct ignored *i = arg;
    report_limited(i->f->report, LOG_WARNING,
                   "event=value_ignored authority=%s attribute=%s why=\"%s\"", i->authority,
                   attribute, why);
}

static void on_answer(void *arg, size_t authority, void *token, enum authority_outcome outcome,
                      const struct values *values)
{
    struct fed *f = arg;
    struct fed_question *q = token;
    struct decision_answer a = {.state = ANSWER_UNKNOWN};
    if (outcome == OUTCOME_FOUND) {
        struct ignored i = {f, f->conf->authorities[authority].name};
        a.state = ANSWER_FOUND;
        entitlement_read(&f->conf->authorities[authority].mapping, values, &a.entitlement,
                         report_ignored, &i);
    } else if (outcome == OUTCOME_NOT_FOUND) {
        a.state = ANSWER_NOT_FOUND;
    }
    pthread_mutex_lock(&f->lock);
    if (a.state != ANSWER_UNKNOWN) {
        remember(f, &q->mac, authority, &a);
        f->heard_ms[authority] = clock_ms();
    }
    q->answers[authority] = a;
    q->pending &= ~(UINT32_C(1) << authority);
    if (!q->pending)
        unlist(f, q);
    if (!q->pending || q->selective)
        pthread_cond_broadcast(&q->changed);
    question_release(f, q);
    pthread_mutex_unlock(&f->lock);
}

/* --- collecting ---------------------------------------------------------------------------------
 */

/* Waits until nobody in `whom` is awaited any more or until_ms. */
static void wait_for(struct fed *f, struct fed_question *q, uint32_t whom, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    while ((q->pending & whom) && clock_ms() < until_ms)
        if (pthread_cond_timedwait(&q->changed, &f->lock, &until) == ETIMEDOUT)
            break;
}

/* Who of `pending` has said nothing to anybody for a grace: a worker stays on for such an authority
 * only inside its bulkhead. entered: where this worker is inside. Returns for whom it stays on. */
static uint32_t patience(struct fed *f, uint32_t pending, uint32_t *entered, uint64_t grace_ms)
{
    uint64_t now = clock_ms();
    for (size_t i = 0; i < f->conf->n_authorities; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (!(pending & bit & ~*entered) || now < f->heard_ms[i] + grace_ms)
            continue;
        if (f->waiting[i] < f->conf->bulkhead) {
            f->waiting[i]++;
            *entered |= bit;
        } else {
            f->stats.bulkhead++;
            pending &= ~bit;
        }
    }
    return pending;
}

static void leave_bulkhead(struct fed *f, uint32_t entered)
{
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        if (entered & UINT32_C(1) << i)
            f->waiting[i]--;
}

static void fill_unknown(struct fed *f, const struct mac *mac, struct decision_answer *answers)
{
    uint64_t now = clock_ms();
    const struct memory_device *d = memory_get(f->memory, mac);
    for (size_t i = 0; d && i < f->conf->n_authorities; i++) {
        if (answers[i].state != ANSWER_UNKNOWN || !usable_stale(f, i, &d->answers[i], now))
            continue;
        take(&d->answers[i], true, &answers[i]);
        f->stats.stale++;
    }
}

void fed_collect(struct fed *f, struct fed_question *q, uint64_t began_ms,
                 struct decision_answer *answers)
{
    const struct fed_conf *c = f->conf;
    memset(answers, 0, c->n_authorities * sizeof *answers);
    if (!q)
        return;
    pthread_mutex_lock(&f->lock);
    uint64_t grace = c->deadline_ms / GRACE_DIVISOR, until = began_ms,
             end = began_ms + c->deadline_ms;
    uint32_t whom = UINT32_MAX, entered = 0;
    do {
        until = until + grace < end ? until + grace : end;
        wait_for(f, q, whom, until);
        whom = patience(f, q->pending & whom, &entered, grace);
        q->selective = q->selective || whom != q->pending;
    } while (whom && until < end);
    leave_bulkhead(f, entered);
    if (whom)
        f->stats.deadline++;
    memcpy(answers, q->answers, c->n_authorities * sizeof *answers);
    fill_unknown(f, &q->mac, answers);
    question_release(f, q);
    pthread_mutex_unlock(&f->lock);
}

/* --- passes -------------------------------------------------------------------------------------
 */

bool fed_pass_get(struct fed *f, const struct mac *mac, bool any_age, enum decision_pass *pass,
                  uint32_t *left_s)
{
    uint64_t now = clock_ms();
    bool found = false;
    pthread_mutex_lock(&f->lock);
    const struct memory_device *d = memory_get(f->memory, mac);
    if (d && d->has_pass &&
        (any_age || now - d->pass_at_ms < f->conf->fresh_pass_s * UINT64_C(1000)) &&
        (d->pass != PASS_VALID || d->pass_until_ms > now + 1000)) {
        found = true;
        *pass = d->pass;
        *left_s = d->pass == PASS_VALID ? (uint32_t)((d->pass_until_ms - now) / 1000) : 0;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* That there is no pass is not remembered: another server may write one at any moment. */
void fed_pass_put(struct fed *f, const struct mac *mac, enum decision_pass pass, uint32_t left_s)
{
    bool keep = pass == PASS_VALID || pass == PASS_PAUSED;
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = keep ? memory_make(f->memory, mac) : memory_get(f->memory, mac);
    if (d) {
        d->has_pass = keep;
        d->pass = pass;
        d->pass_at_ms = clock_ms();
        d->pass_until_ms = d->pass_at_ms + left_s * UINT64_C(1000);
    }
    pthread_mutex_unlock(&f->lock);
}

/* --- begin and end ------------------------------------------------------------------------------
 */

struct fed *fed_new(const struct fed_conf *conf, struct report *report)
{
    struct fed *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    f->conf = conf;
    f->report = report;
    f->memory = memory_new(conf->remember, conf->n_authorities);
    f->authorities = authorities_new(conf->authorities, conf->n_authorities, on_answer, f, report);
    if (!f->memory || !f->authorities) {
        fed_free(f);
        return NULL;
    }
    return f;
}

int fed_start(struct fed *f)
{
    return authorities_start(f->authorities);
}

void fed_free(struct fed *f)
{
    if (!f)
        return;
    authorities_free(f->authorities);
    memory_free(f->memory);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void fed_stats(struct fed *f, struct fed_stats *out)
{
    pthread_mutex_lock(&f->lock);
    *out = f->stats;
    out->devices = memory_count(f->memory);
    pthread_mutex_unlock(&f->lock);
}

void fed_authority_stats(struct fed *f, size_t authority, struct authority_stats *out)
{
    authorities_stats(f->authorities, authority, out);
}
