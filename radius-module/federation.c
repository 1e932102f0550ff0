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
#include "radius-module/federation_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GRACE_DIVISOR                                                                              \
    4 /* of the deadline: 50 ms of 200, which a busy machine may take to schedule */

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
    q->person.authority = -1;
    return q;
}

/* The authorities that have still to answer, as a mask. */
static uint32_t awaited(const struct fed_question *q)
{
    return q->pending | (q->person_pending ? UINT32_C(1) << q->person.authority : 0);
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

/* --- asking -------------------------------------------------------------------------------------
 */

/* Whom the memory spares the question; bit i of the result: authority i has to be asked. */
static uint32_t recall(struct fed *f, struct fed_question *q)
{
    uint32_t ask = 0;
    uint64_t now = clock_ms();
    const struct memory_device *d = memory_get(f->memory, &q->mac);
    for (size_t i = 0; i < f->conf->n_authorities; i++) {
        if (d && fed_fresh(f, &d->answers[i], now)) {
            fed_take(&d->answers[i], false, &q->answers[i]);
            f->remembered[i]++;
        } else {
            ask |= UINT32_C(1) << i;
        }
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
        if (!authorities_ask(f->authorities, i, &(struct subject){.mac = q->mac}, q))
            continue;
        q->pending |= UINT32_C(1) << i;
        q->refs++;
    }
    if (awaited(q)) {
        HASH_ADD(hh, f->questions, mac, sizeof q->mac, q);
        q->listed = true;
    }
}

static bool is_bound_to(const struct memory_device *d, const struct fed_person *person)
{
    return d && d->bound && (int)d->bound->authority == person->authority &&
           strcmp(d->bound->dn, person->dn) == 0;
}

/* With lock held. Once for a question. */
static void ask_person(struct fed *f, struct fed_question *q, const struct fed_person *person)
{
    const struct memory_device *d = memory_get(f->memory, &q->mac);
    const struct subject whom = {SUBJECT_PERSON, q->mac, person->dn};
    if (q->person.authority >= 0)
        return;
    q->person = *person;
    if (!q->anew && is_bound_to(d, person) && fed_fresh(f, &d->bound->answer, clock_ms())) {
        fed_take(&d->bound->answer, false, &q->person_answer);
    } else if (authorities_ask(f->authorities, (size_t)person->authority, &whom, q)) {
        q->person_pending = true;
        q->refs++;
    }
}

static void ask_bound(struct fed *f, struct fed_question *q)
{
    const struct memory_device *d = memory_get(f->memory, &q->mac);
    struct fed_person person = {.authority = -1};
    if (!d || !d->bound)
        return;
    person.authority = (int)d->bound->authority;
    memcpy(person.dn, d->bound->dn, strlen(d->bound->dn) + 1);
    ask_person(f, q, &person);
}

void fed_ask_person(struct fed *f, struct fed_question *q, const struct fed_person *person)
{
    if (!q || person->authority < 0)
        return;
    pthread_mutex_lock(&f->lock);
    ask_person(f, q, person);
    pthread_mutex_unlock(&f->lock);
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
        uint32_t ask = recall(f, q);
        ask_bound(f, q);
        send_out(f, q, ask);
    }
    pthread_mutex_unlock(&f->lock);
    return q;
}

/* With lock held: asks everybody, however fresh the memory is, and waits for nobody. */
void fed_ask_anew(struct fed *f, const struct mac *mac)
{
    struct fed_question *q;
    HASH_FIND(hh, f->questions, mac, sizeof *mac, q);
    if (q || !(q = question_new(f, mac)))
        return;
    q->anew = true;
    ask_bound(f, q);
    send_out(f, q, (uint32_t)((UINT64_C(1) << f->conf->n_authorities) - 1));
    question_release(f, q);
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

/* With lock held. */
static void settle(struct fed *f, struct fed_question *q, size_t authority, bool person,
                   const struct decision_answer *a)
{
    bool said = a->state != ANSWER_UNKNOWN;
    if (said)
        f->heard_ms[authority] = clock_ms();
    if (person) {
        struct memory_device *d = memory_get(f->memory, &q->mac);
        if (said && is_bound_to(d, &q->person))
            fed_remember(f, d, &d->bound->answer, a);
        q->person_answer = *a;
        fed_date(&q->person_answer);
        q->person_pending = false;
    } else {
        struct memory_device *d = said ? memory_make(f->memory, &q->mac) : NULL;
        if (d)
            fed_remember(f, d, &d->answers[authority], a);
        q->answers[authority] = *a;
        fed_date(&q->answers[authority]);
        q->pending &= ~(UINT32_C(1) << authority);
    }
}

static void on_answer(void *arg, size_t authority, enum subject_kind kind, void *token,
                      enum authority_outcome outcome, const struct values *values)
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
    if (kind == SUBJECT_USER) {
        login_found(f->login, authority, token, &a, values ? values->dn : NULL);
        return;
    }
    pthread_mutex_lock(&f->lock);
    settle(f, q, authority, kind == SUBJECT_PERSON, &a);
    if (!awaited(q))
        unlist(f, q);
    if (!awaited(q) || q->selective)
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
    while ((awaited(q) & whom) && clock_ms() < until_ms)
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

/* Folds in what was said of the person, if the device is still bound to that one. */
static void fold_person(struct fed *f, const struct fed_question *q,
                        struct decision_answer *answers)
{
    const struct memory_device *d = memory_get(f->memory, &q->mac);
    struct decision_answer person = q->person_answer, *at;
    if (q->person.authority < 0 || !is_bound_to(d, &q->person))
        return;
    at = &answers[q->person.authority];
    if (person.state == ANSWER_UNKNOWN &&
        fed_usable_stale(f, d->bound->authority, &d->bound->answer, clock_ms())) {
        fed_take(&d->bound->answer, true, &person);
        f->stats.stale++;
        f->stale[d->bound->authority]++;
    }
    *at = decision_fold(at, &person);
}

static void fill_unknown(struct fed *f, const struct mac *mac, struct decision_answer *answers)
{
    uint64_t now = clock_ms();
    const struct memory_device *d = memory_get(f->memory, mac);
    for (size_t i = 0; d && i < f->conf->n_authorities; i++) {
        if (answers[i].state != ANSWER_UNKNOWN || !fed_usable_stale(f, i, &d->answers[i], now))
            continue;
        fed_take(&d->answers[i], true, &answers[i]);
        f->stats.stale++;
        f->stale[i]++;
    }
}

void fed_collect(struct fed *f, struct fed_question *q, uint64_t began_ms, bool with_person,
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
        whom = patience(f, awaited(q) & whom, &entered, grace);
        q->selective = q->selective || whom != awaited(q);
    } while (whom && until < end);
    leave_bulkhead(f, entered);
    if (whom)
        f->stats.deadline++;
    memcpy(answers, q->answers, c->n_authorities * sizeof *answers);
    fill_unknown(f, &q->mac, answers);
    if (with_person)
        fold_person(f, q, answers);
    question_release(f, q);
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
    f->memory = memory_new(conf->remember, conf->n_authorities, conf->key, conf->key_len);
    f->refresh_s = fed_refresh_s(conf);
    f->authorities = authorities_new(conf->authorities, conf->n_authorities, on_answer, f, report);
    if (f->authorities)
        f->login = login_new(conf, f->authorities, report);
    f->follow = follow_new(conf->authorities, conf->n_authorities, fed_followed, f, report);
    if (!f->memory || !f->login || !f->follow) {
        fed_free(f);
        return NULL;
    }
    return f;
}

int fed_start(struct fed *f)
{
    sigset_t all, before;
    int rc = authorities_start(f->authorities);
    /* As for those: the server's signals are not for these threads, and no SIGPIPE ends it. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (rc == 0)
        rc = login_start(f->login);
    if (rc == 0)
        rc = follow_start(f->follow);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

void fed_free(struct fed *f)
{
    if (!f)
        return;
    follow_free(f->follow);
    authorities_free(f->authorities);
    login_free(f->login);
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
    pthread_mutex_lock(&f->lock);
    out->remembered = f->remembered[authority];
    out->stale = f->stale[authority];
    pthread_mutex_unlock(&f->lock);
}
