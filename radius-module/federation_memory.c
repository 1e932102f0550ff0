/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of the authorities' answers: how long it is fresh, how long it is served
 * stale, what of it outlives the server, and who is asked about again while being online.
 *
 * Stored is only what somebody would miss: who is known somewhere, and above all who is shut out.
 * Most devices are in no directory, and nothing is written of them. It is written when it changes,
 * and again when a quarter of the shortest staleness has passed, for its age is stored with it. */
#include "radius-module/answers.h"
#include "radius-module/federation_private.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define LIVE_S       3600 /* a session of which nobody has said a word for so long is over */
#define MOST_REFRESH 86400
#define SLICE        1024 /* records looked at under one lock */

/* --- how long -----------------------------------------------------------------------------------
 */

void fed_take(const struct memory_answer *a, bool stale, struct decision_answer *out)
{
    memory_answer_get(a, out);
    out->stale = stale;
    fed_date(out);
}

/* Whose time has not come, or is over, is as if not found; whose time will be over stays no
 * longer. What is remembered keeps both dates. */
void fed_date(struct decision_answer *a)
{
    uint64_t now = (uint64_t)time(NULL);
    if (a->state != ANSWER_FOUND)
        return;
    if (!entitlement_valid(&a->entitlement, now))
        *a = (struct decision_answer){.state = ANSWER_NOT_FOUND, .stale = a->stale};
    else if (a->entitlement.until_s)
        a->left_s = a->entitlement.until_s - now;
}

bool fed_fresh(const struct fed *f, const struct memory_answer *a, uint64_t now_ms)
{
    uint32_t life = a->state == ANSWER_FOUND ? f->conf->fresh_found_s : f->conf->fresh_not_found_s;
    return a->state != ANSWER_UNKNOWN && !a->asked_for &&
           memory_answer_age_ms(a, now_ms) < life * UINT64_C(1000);
}

bool fed_usable_stale(const struct fed *f, size_t authority, const struct memory_answer *a,
                      uint64_t now_ms)
{
    if (a->state == ANSWER_UNKNOWN)
        return false;
    return memory_answer_denied(a) ||
           memory_answer_age_ms(a, now_ms) < f->conf->stale_s[authority] * UINT64_C(1000);
}

uint32_t fed_refresh_s(const struct fed_conf *c)
{
    uint32_t least = 4 * MOST_REFRESH;
    for (size_t i = 0; i < c->n_authorities; i++)
        least = c->stale_s[i] < least ? c->stale_s[i] : least;
    return least / 4 ? least / 4 : 1;
}

/* --- what is stored -----------------------------------------------------------------------------
 */

static bool worth_storing(const struct fed *f, const struct memory_device *d, size_t authority,
                          const struct memory_answer *a)
{
    if (a->state == ANSWER_FOUND)
        return true;
    /* Such an authority lets nobody in of whom it has never said a word. */
    return a->state == ANSWER_NOT_FOUND && d->has_pass &&
           f->conf->decision[authority].unavailable == UNAVAILABLE_REJECT;
}

static void collect_one(const struct memory_answer *a, size_t authority, const char *dn,
                        uint64_t now_ms, struct stored_answer *out)
{
    memset(out, 0, sizeof *out);
    out->authority = authority;
    out->person = dn != NULL;
    if (dn)
        answers_sum(dn, out->sum);
    out->at_s = (uint64_t)time(NULL) - memory_answer_age_ms(a, now_ms) / 1000;
    memory_answer_get(a, &out->answer);
}

static size_t collect(const struct fed *f, const struct memory_device *d,
                      struct stored_answer out[ANSWERS_MOST])
{
    uint64_t now = clock_ms();
    size_t n = 0;
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        if (worth_storing(f, d, i, &d->answers[i]))
            collect_one(&d->answers[i], i, NULL, now, &out[n++]);
    if (d->bound && d->bound->answer.state == ANSWER_FOUND)
        collect_one(&d->bound->answer, d->bound->authority, d->bound->dn, now, &out[n++]);
    return n;
}

/* FNV-1a of all but the times. */
static uint32_t sum_of(const struct fed *f, struct stored_answer *a, size_t n)
{
    uint8_t bytes[ANSWERS_MAX];
    uint32_t sum = 2166136261U;
    for (size_t i = 0; i < n; i++)
        a[i].at_s = 0;
    size_t len = answers_write(f->conf, a, n, bytes);
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * 16777619U;
    return sum;
}

static void tell(struct fed *f, const struct memory_device *d, enum fed_change what)
{
    if (f->changed)
        f->changed(f->changed_arg, &d->mac, what);
}

static bool nothing_known(const struct fed *f, const struct memory_device *d)
{
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        if (worth_storing(f, d, i, &d->answers[i]))
            return false;
    return !d->bound || d->bound->answer.state != ANSWER_FOUND;
}

void fed_check_stored(struct fed *f, struct memory_device *d)
{
    struct stored_answer a[ANSWERS_MOST];
    if (d->queued || !f->changed || (!d->stored && nothing_known(f, d)))
        return;
    size_t n = collect(f, d, a);
    bool old = n > 0 && !memory_ahead(d->stored_s + f->refresh_s, clock_ms());
    if (d->stored && !old && sum_of(f, a, n) == d->stored_sum)
        return;
    d->queued = true;
    tell(f, d, FED_STORE);
}

long fed_store(struct fed *f, const struct mac *mac, uint8_t out[FED_STORED_MAX])
{
    struct stored_answer a[ANSWERS_MOST];
    long len = -1;
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_get(f->memory, mac);
    if (d) {
        size_t n = collect(f, d, a);
        len = (long)answers_write(f->conf, a, n, out);
        d->queued = false;
        d->stored = n > 0;
        d->stored_s = (uint32_t)(clock_ms() / 1000);
        d->stored_sum = sum_of(f, a, n);
    }
    pthread_mutex_unlock(&f->lock);
    return len;
}

void fed_store_failed(struct fed *f, const struct mac *mac)
{
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_get(f->memory, mac);
    if (d) {
        d->stored = true; /* perhaps; at any rate not as it is now */
        d->stored_sum = 0;
    }
    pthread_mutex_unlock(&f->lock);
}

static bool banned(const struct memory_device *d, uint64_t now)
{
    return d->has_pass && d->pass == PASS_BANNED && memory_pass_left_s(d, now) > 0;
}

/* --- what was stored ----------------------------------------------------------------------------
 */

/* Where it goes, unless what is known already is younger. A denial from elsewhere that comes with
 * somebody's word that things have changed counts, whatever the servers' clocks say. */
static struct memory_answer *room_for(struct memory_device *d, const struct stored_answer *s,
                                      int64_t at_ms, uint64_t now_ms)
{
    uint8_t sum[ANSWERS_SUM_LEN];
    struct memory_answer *a = &d->answers[s->authority];
    if (s->person) {
        if (!d->bound || d->bound->authority != s->authority)
            return NULL;
        answers_sum(d->bound->dn, sum);
        if (memcmp(sum, s->sum, sizeof sum) != 0)
            return NULL;
        a = &d->bound->answer;
    }
    int64_t known_ms = (int64_t)now_ms - (int64_t)memory_answer_age_ms(a, now_ms);
    bool younger = a->state == ANSWER_UNKNOWN || at_ms > known_ms + 1000;
    return younger || (a->asked_for && s->answer.entitlement.denied) ? a : NULL;
}

void fed_stored(struct fed *f, const struct mac *mac, const uint8_t *in, size_t len)
{
    struct stored_answer s[ANSWERS_MOST];
    size_t n = answers_read(f->conf, in, len, s);
    uint64_t unix_s = (uint64_t)time(NULL), oldest_s = unix_s;
    if (len == 0)
        return;
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_make(f->memory, mac);
    uint64_t now = clock_ms();
    for (size_t i = 0; d && i < n; i++) {
        uint64_t age_s = unix_s > s[i].at_s ? unix_s - s[i].at_s : 0;
        int64_t at_ms = (int64_t)now - (int64_t)age_s * 1000;
        struct memory_answer *a = room_for(d, &s[i], at_ms, now);
        oldest_s = s[i].at_s < oldest_s ? s[i].at_s : oldest_s;
        s[i].at_s = 0;
        if (!a)
            continue;
        memory_answer_set(f->memory, a, s[i].answer.state, at_ms, &s[i].answer.entitlement);
        a->asked_for = true;
    }
    if (d) {
        d->stored = true;
        d->stored_sum = sum_of(f, s, n);
        d->stored_s = (uint32_t)(now / 1000) - (uint32_t)(unix_s - oldest_s);
        fed_check_stored(f, d);
    }
    pthread_mutex_unlock(&f->lock);
}

void fed_changed_elsewhere(struct fed *f, const char *pseudonym, uint32_t banned_s)
{
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_by_pseudonym(f->memory, pseudonym);
    if (d) {
        if (banned_s)
            memory_pass_set(d, PASS_BANNED, clock_ms(), banned_s);
        else if (d->pass == PASS_BANNED)
            memory_pass_set(d, PASS_NONE, clock_ms(), 0);
        d->pass_asked_for = true;
        for (size_t i = 0; i < f->conf->n_authorities; i++)
            d->answers[i].asked_for = true;
        if (d->bound)
            d->bound->answer.asked_for = true;
    }
    pthread_mutex_unlock(&f->lock);
}

void fed_forget(struct fed *f, const struct mac *mac)
{
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = memory_get(f->memory, mac);
    if (d) {
        if (!banned(d, clock_ms()))
            memory_pass_set(d, PASS_NONE, clock_ms(), 0);
        memory_bind(f->memory, d, 0, NULL);
        for (size_t i = 0; i < f->conf->n_authorities; i++)
            if (!memory_answer_denied(&d->answers[i]))
                memory_answer_set(f->memory, &d->answers[i], ANSWER_UNKNOWN, 0, NULL);
        fed_check_stored(f, d);
    }
    pthread_mutex_unlock(&f->lock);
}

/* --- who is shut out while being online ---------------------------------------------------------
 */

/* Whether a session that began by the one would be another by the other. Of somebody of whom
 * nothing was known (the server has begun anew, the authority was silent) nobody can say; a session
 * that began half blind is a short one. */
static bool differs(const struct memory_answer *before, const struct decision_answer *said)
{
    struct decision_answer was;
    const struct entitlement *a = &was.entitlement, *b = &said->entitlement;
    memory_answer_get(before, &was);
    if (was.state == ANSWER_UNKNOWN)
        return false;
    if (was.state != ANSWER_FOUND || said->state != ANSWER_FOUND)
        return (was.state == ANSWER_FOUND) != (said->state == ANSWER_FOUND);
    for (int i = 0; i < LIMITS; i++)
        if ((a->has & b->has & 1U << i) && a->own[i] != b->own[i])
            return true;
    return a->profile != b->profile || a->has != b->has || a->from_s != b->from_s ||
           a->until_s != b->until_s;
}

void fed_remember(struct fed *f, struct memory_device *d, struct memory_answer *a,
                  const struct decision_answer *said)
{
    uint64_t now = clock_ms();
    bool before = memory_answer_denied(a), live = memory_ahead(d->live_until_s, now);
    bool changed = live && !before && !said->entitlement.denied && differs(a, said);
    memory_answer_set(f->memory, a, said->state, (int64_t)now, &said->entitlement);
    fed_check_stored(f, d);
    if (changed) {
        f->stats.changed++;
        tell(f, d, FED_CHANGED);
    }
    if (!memory_answer_denied(a) || (before && !live))
        return;
    f->stats.denied += !before;
    tell(f, d, FED_DENIED);
}

bool fed_live(struct fed *f, const struct mac *mac, bool live)
{
    uint64_t now = clock_ms();
    bool unknown = false;
    pthread_mutex_lock(&f->lock);
    struct memory_device *d = live ? memory_make(f->memory, mac) : memory_get(f->memory, mac);
    if (d) {
        bool was = memory_ahead(d->live_until_s, now);
        unknown = live && !d->has_pass;
        d->live_until_s = (uint32_t)(now / 1000) + (live ? LIVE_S : 0);
        if (!was) /* spread, so that a server that begins anew does not ask about all at once */
            d->recheck_s = (uint32_t)(now / 1000) + (uint32_t)(d->pseudonym % f->conf->recheck_s);
    }
    pthread_mutex_unlock(&f->lock);
    return unknown;
}

static void look_at(struct fed *f, struct memory_device *d, uint64_t now)
{
    if (!memory_ahead(d->live_until_s, now) || memory_ahead(d->recheck_s, now))
        return;
    d->recheck_s = (uint32_t)(now / 1000) + f->conf->recheck_s;
    f->stats.rechecked++;
    if (banned(d, now)) /* and online all the same: the cut was lost, or came before the Start */
        tell(f, d, FED_BANNED);
    fed_ask_anew(f, &d->mac);
}

/* Goes through all records once in a fifth of recheck_s. */
void fed_tick(struct fed *f, unsigned rounds)
{
    size_t left = 1;
    for (bool first = true; left > 0; first = false) {
        pthread_mutex_lock(&f->lock);
        uint64_t now = clock_ms();
        size_t count = memory_count(f->memory);
        if (first)
            left = count / (rounds / 5 + 1) + 1;
        for (size_t i = 0; i < SLICE && left > 0 && count > 0; i++, left--) {
            f->cursor = f->cursor < count ? f->cursor : 0;
            look_at(f, memory_nth(f->memory, f->cursor++), now);
        }
        left = count ? left : 0;
        pthread_mutex_unlock(&f->lock);
    }
}

/* --- what a directory tells by itself -----------------------------------------------------------
 */

/* With lock held. What it says now is asked for: at once if somebody is online, else when they
 * come. */
static void changed_there(struct fed *f, struct memory_device *d, size_t authority)
{
    uint64_t now = clock_ms();
    f->stats.followed++;
    d->answers[authority].asked_for = true;
    if (d->bound && d->bound->authority == authority)
        d->bound->answer.asked_for = true;
    if (!memory_ahead(d->live_until_s, now))
        return;
    fed_ask_anew(f, &d->mac);
    d->recheck_s = (uint32_t)(now / 1000) + 1; /* an answer may be on its way that is older */
}

/* Devices that are bound to the entry of this name: nothing finds them but looking. */
static void changed_person(struct fed *f, size_t authority, const char *dn)
{
    size_t at = 0, count = 1;
    while (at < count) {
        pthread_mutex_lock(&f->lock);
        count = memory_count(f->memory);
        for (size_t i = 0; i < SLICE && at < count; i++, at++) {
            struct memory_device *d = memory_nth(f->memory, at);
            if (d->bound && d->bound->authority == authority && strcasecmp(d->bound->dn, dn) == 0)
                changed_there(f, d, authority);
        }
        pthread_mutex_unlock(&f->lock);
    }
}

void fed_followed(void *fed, size_t authority, const struct values *values)
{
    struct fed *f = fed;
    struct mac mac;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < values->n; i++) {
        const struct value *v = &values->v[i];
        struct memory_device *d = !v->too_long && mac_parse(v->data, &mac) && mac_is_device(&mac)
                                      ? memory_get(f->memory, &mac)
                                      : NULL;
        if (d)
            changed_there(f, d, authority);
    }
    pthread_mutex_unlock(&f->lock);
    if (values->dn[0] && !values->dn_cut)
        changed_person(f, authority, values->dn);
}

void fed_on_change(struct fed *f, fed_changed_fn fn, void *arg)
{
    pthread_mutex_lock(&f->lock);
    f->changed = fn;
    f->changed_arg = arg;
    pthread_mutex_unlock(&f->lock);
}
