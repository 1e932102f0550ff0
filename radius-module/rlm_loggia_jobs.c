/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's thread does of its queue: announces to the other servers, cuts off who has been
 * shut out, changes what a session may do, keeps a person's devices few. */
#include "radius-module/rlm_loggia_store.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define MOST_SESSIONS 16 /* of one device */

/* --- what is done -------------------------------------------------------------------------------
 */

/* "ADDRESS SESSION NAS", the last of which may have blanks in it. */
static bool tell_router(struct rlm_loggia_store *s, char *text, const uint64_t *limits)
{
    char *session = strchr(text, ' '), *nas = session ? strchr(session + 1, ' ') : NULL;
    if (!nas)
        return true; /* "none" */
    *session++ = *nas++ = 0;
    if (!disconnects_send(s->disconnects, text, session, nas, limits))
        return false;
    __atomic_fetch_add(limits ? &s->changes : &s->sent, 1, __ATOMIC_RELAXED);
    return true;
}

/* The n-th row of a query that gives one after the other, "none" behind the last. False: the store
 * did not answer. */
static bool nth_row(rlm_loggia_t *inst, const struct job *j, enum rlm_query query, unsigned n,
                    char *out, size_t room)
{
    REQUEST *r = store_request(inst, j);
    out[0] = 0;
    if (!r)
        return false;
    store_number(r, inst->attributes[ATTRIBUTE_NTH], n);
    if (guard_enter(&inst->reading, clock_ms())) {
        rlm_loggia_expand(inst, r, query, out, room);
        guard_leave(&inst->reading, out[0]);
    }
    talloc_free(r);
    return out[0];
}

/* Every session of the device that is open, on whatever router: ends, or may do this from now on.
 */
static bool tell_routers(struct rlm_loggia_store *s, const struct job *j, const uint64_t *limits)
{
    char text[600];
    for (unsigned n = 0; n < MOST_SESSIONS; n++) {
        if (!nth_row(s->inst, j, QUERY_SESSIONS, n, text, sizeof text))
            return false;
        if (strcmp(text, "none") == 0)
            return true;
        if (!tell_router(s, text, limits))
            return false;
    }
    return true;
}

/* As if the device appeared now. Who would be shut out is cut off by another job; who would be sent
 * to the splash (the entry is gone, and there is no pass) goes on as a guest, for no longer than
 * one; unless somebody who might know better is silent. */
static bool change(struct rlm_loggia_store *s, const struct job *j)
{
    const struct decision_rules *rules = &s->inst->settings->fed.rules;
    struct decision d;
    REQUEST *r = store_request(s->inst, j);
    if (!r)
        return false;
    rlm_loggia_decide(s->inst, r, &j->mac, &d);
    talloc_free(r);
    if (d.verdict == VERDICT_DENY || (d.verdict == VERDICT_SPLASH && d.degraded))
        return true;
    return tell_routers(
        s, j, d.verdict == VERDICT_ACCEPT ? d.limits : rules->profiles[rules->guest].limits);
}

/* Those bound longest ago, beyond so many. */
static bool limit(struct rlm_loggia_store *s, const struct job *j)
{
    unsigned keep = s->inst->settings->login_devices;
    char text[80];
    for (unsigned n = 0; n < MOST_SESSIONS; n++) {
        if (!nth_row(s->inst, j, QUERY_OLDEST, keep + n, text, sizeof text))
            return false;
        if (strcmp(text, "none") == 0)
            return true;
        store_push(s, JOB_OUST, NULL, text);
    }
    return true;
}

/* A device that is known by its pseudonym alone: its pass goes, here and everywhere, and its
 * session. */
static bool oust(struct rlm_loggia_store *s, const struct job *j)
{
    rlm_loggia_t *inst = s->inst;
    char ignored[32];
    REQUEST *r = store_request(inst, j);
    if (!r || !guard_enter(&inst->writing, clock_ms())) {
        talloc_free(r);
        return false;
    }
    rlm_loggia_expand(inst, r, QUERY_FORGET, ignored, sizeof ignored);
    guard_leave(&inst->writing, true);
    fed_changed_elsewhere(inst->fed, j->name, 0);
    bool done = !inst->queries[QUERY_ANNOUNCE] || rlm_loggia_write(inst, r, QUERY_ANNOUNCE);
    talloc_free(r);
    return done && (!inst->queries[QUERY_SESSIONS] || tell_routers(s, j, NULL));
}

/* False: the store (or the routers) must do without it for now. */
static bool do_job(struct rlm_loggia_store *s, const struct job *j)
{
    if (j->kind == JOB_CUT)
        return tell_routers(s, j, NULL);
    if (j->kind == JOB_CHANGE)
        return change(s, j);
    if (j->kind == JOB_LIMIT)
        return limit(s, j);
    if (j->kind == JOB_OUST)
        return oust(s, j);
    /* Who hears of it reads what is stored of the device, at once and once. */
    REQUEST *r = store_write_answers(s) ? store_request(s->inst, j) : NULL;
    bool done = r && rlm_loggia_write(s->inst, r, QUERY_ANNOUNCE);
    talloc_free(r);
    return done;
}

void store_do_jobs(struct rlm_loggia_store *s)
{
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct job *j = s->stop ? NULL : s->jobs;
        if (j)
            DL_DELETE(s->jobs, j);
        pthread_mutex_unlock(&s->lock);
        if (!j)
            return;
        bool done = do_job(s, j);
        pthread_mutex_lock(&s->lock);
        if (done)
            s->n_jobs--;
        else
            DL_PREPEND(s->jobs, j);
        pthread_mutex_unlock(&s->lock);
        if (!done)
            return;
        free(j);
    }
}
