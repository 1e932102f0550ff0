/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The passes that this server has read or written, and with them the persons that devices are bound
 * to. The store is the truth; this spares the question, and answers while the store is down. */
#include "radius-module/federation_private.h"

#include <string.h>

/* --- passes -------------------------------------------------------------------------------------
 */

static bool pass_usable(const struct fed *f, const struct memory_device *d, bool any_age,
                        uint64_t now)
{
    return d && d->has_pass &&
           (any_age || (!d->pass_asked_for &&
                        memory_pass_age_ms(d, now) < f->conf->fresh_pass_s * UINT64_C(1000))) &&
           (d->pass == PASS_PAUSED || memory_pass_left_s(d, now) > 0);
}

static void take_pass(const struct memory_device *d, uint64_t now, enum decision_pass *pass,
                      uint32_t *left_s)
{
    *pass = d->pass;
    *left_s = d->pass == PASS_VALID ? memory_pass_left_s(d, now) : 0;
}

bool fed_pass_get(struct fed *f, const struct mac *mac, bool any_age, enum decision_pass *pass,
                  uint32_t *left_s, struct fed_person *person)
{
    uint64_t now = clock_ms();
    person->authority = -1;
    pthread_mutex_lock(&f->lock);
    const struct memory_device *d = memory_get(f->memory, mac);
    bool found = pass_usable(f, d, any_age, now);
    if (found) {
        take_pass(d, now, pass, left_s);
        if (d->bound) {
            person->authority = (int)d->bound->authority;
            memcpy(person->dn, d->bound->dn, strlen(d->bound->dn) + 1);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* Who is shut out by any stays so, with a pass or without one. */
static bool shut_out(const struct fed *f, const struct memory_device *d)
{
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        if (memory_answer_denied(&d->answers[i]))
            return true;
    return false;
}

static bool all_fresh(const struct fed *f, const struct memory_device *d, uint64_t now)
{
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        if (!fed_fresh(f, &d->answers[i], now))
            return false;
    return !d->bound || fed_fresh(f, &d->bound->answer, now);
}

bool fed_recall(struct fed *f, const struct mac *mac, bool with_pass, enum decision_pass *pass,
                uint32_t *left_s, struct decision_answer *answers)
{
    uint64_t now = clock_ms();
    struct decision_answer person = {.state = ANSWER_UNKNOWN}, *at;
    memset(answers, 0, f->conf->n_authorities * sizeof *answers);
    *pass = PASS_NONE;
    *left_s = 0;
    pthread_mutex_lock(&f->lock);
    const struct memory_device *d = memory_get(f->memory, mac);
    bool usable = with_pass && pass_usable(f, d, false, now);
    bool all = d && all_fresh(f, d, now) && (!with_pass || usable || shut_out(f, d));
    if (all) {
        if (usable)
            take_pass(d, now, pass, left_s);
        for (size_t i = 0; i < f->conf->n_authorities; i++) {
            fed_take(&d->answers[i], false, &answers[i]);
            f->remembered[i]++;
        }
        if (d->bound) {
            at = &answers[d->bound->authority];
            fed_take(&d->bound->answer, false, &person);
            *at = decision_fold(at, &person);
        }
        f->stats.questions++;
        f->stats.remembered++;
    }
    pthread_mutex_unlock(&f->lock);
    return all;
}

/* That there is no pass is not remembered: another server may write one at any moment. */
void fed_pass_put(struct fed *f, const struct mac *mac, enum decision_pass pass, uint32_t left_s,
                  const struct fed_person *person)
{
    bool keep = pass == PASS_VALID || pass == PASS_PAUSED || pass == PASS_BANNED;
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = keep ? memory_make(f->memory, mac) : memory_get(f->memory, mac);
    if (d) {
        memory_pass_set(d, pass, clock_ms(), left_s);
        if (!keep || person)
            memory_bind(f->memory, d,
                        keep && person->authority >= 0 ? (size_t)person->authority : 0,
                        keep && person->authority >= 0 ? person->dn : NULL);
    }
    pthread_mutex_unlock(&f->lock);
}

/* --- last passwords -----------------------------------------------------------------------------
 */

enum decision_login fed_login(struct fed *f, const struct login_ask *ask, struct login_right *right)
{
    return login_check(f->login, ask, right);
}

void fed_bind(struct fed *f, const struct mac *mac, uint32_t left_s,
              const struct login_right *right)
{
    struct fed_person person = {.authority = (int)right->authority};
    memcpy(person.dn, right->dn, sizeof person.dn);
    fed_pass_put(f, mac, PASS_VALID, left_s, &person);
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_get(f->memory, mac);
    if (d && d->bound)
        fed_remember(f, d, &d->bound->answer, &right->answer);
    pthread_mutex_unlock(&f->lock);
}
