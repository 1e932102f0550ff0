/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision, in the order of its rules:
 *
 *   forget             erases, whatever else is true;
 *   banned             by the city itself: nobody and nothing helps;
 *   denied by any      wins over everything that is generous;
 *   paused pass        a device whose owner left is not let in silently;
 *   known to any       gets in without a tap, with the merge of what its authorities grant; so does
 *                      whoever has just typed the right password, whom one of them knows;
 *   pass, or a tap     gets in as a guest;
 *   nobody knows it    sees the splash.
 *
 * Two thoughts stand behind the half-blind cases. An authority that says nothing must not take the
 * network down, so a guest stays a guest (unless that authority's configuration wants `reject`),
 * only for a short session. And silence must never lower what another authority has just granted,
 * so somebody freshly found keeps all of it. See docs/decision.md for the table. */
#include "radius-module/decision.h"

#include <string.h>

static void copy_text(char *out, size_t room, const char *text)
{
    size_t len = strlen(text);
    len = len < room ? len : room - 1;
    memcpy(out, text, len);
    out[len] = 0;
}

/* Limits are "at most": 0 means none, which is more than any number. */
static uint64_t merge_limit(enum decision_rule rule, uint64_t home, uint64_t other)
{
    if (rule == RULE_HOME)
        return home;
    if (home == 0 || other == 0)
        return rule == RULE_MOST ? 0 : home + other;
    if (rule == RULE_MOST)
        return home > other ? home : other;
    return home < other ? home : other;
}

static int profile_of(const struct decision_rules *rules, unsigned authority,
                      const struct entitlement *e)
{
    return e->profile >= 0 ? e->profile : rules->authorities[authority].default_profile;
}

/* What one authority grants: its profile, and over it what the directory itself said. */
static void granted(const struct decision_rules *rules, unsigned authority,
                    const struct decision_answer *a, uint64_t out[LIMITS])
{
    const struct entitlement *e = &a->entitlement;
    const struct decision_profile *p = &rules->profiles[profile_of(rules, authority, e)];
    for (int l = 0; l < LIMITS; l++)
        out[l] = (e->has & 1U << l) ? e->own[l] : p->limits[l];
    if (a->left_s && (out[LIMIT_SESSION] == 0 || out[LIMIT_SESSION] > a->left_s))
        out[LIMIT_SESSION] = a->left_s;
}

/* Two linking attributes that differ: two people share this device, and what one of them may is not
 * the other's. */
static bool other_person(const struct entitlement *home, const struct entitlement *e)
{
    return home->has_link && e->has_link && memcmp(home->link, e->link, sizeof home->link) != 0;
}

struct decision_answer decision_fold(const struct decision_answer *device,
                                     const struct decision_answer *person)
{
    struct decision_answer out = *person;
    bool shut_out = device->state == ANSWER_FOUND && device->entitlement.denied;
    if (person->state == ANSWER_NOT_FOUND) /* nobody of that name any more */
        return *device;
    if (person->state == ANSWER_UNKNOWN)
        return device->state == ANSWER_FOUND ? *device : *person;
    if (shut_out && !person->entitlement.denied)
        return *device;
    out.person = true;
    return out;
}

static void merge_known(const struct decision_rules *rules, const struct decision_answer *answers,
                        unsigned n, struct decision *out)
{
    const struct entitlement *home = &answers[out->home].entitlement;
    granted(rules, (unsigned)out->home, &answers[out->home], out->limits);
    out->profile = profile_of(rules, (unsigned)out->home, home);
    for (unsigned i = 0; i < n; i++) {
        uint64_t other[LIMITS];
        if (i == (unsigned)out->home || !(out->known & 1U << i) ||
            other_person(home, &answers[i].entitlement))
            continue;
        granted(rules, i, &answers[i], other);
        for (int l = 0; l < LIMITS; l++)
            out->limits[l] = merge_limit(rules->merge[l], out->limits[l], other[l]);
    }
}

static void shorten(struct decision *out, uint64_t most_s)
{
    uint64_t *session = &out->limits[LIMIT_SESSION];
    if (*session == 0 || *session > most_s)
        *session = most_s;
}

static void deny(struct decision *out, const char *reason)
{
    out->verdict = VERDICT_DENY;
    copy_text(out->reason, sizeof out->reason, reason);
}

/* Fills the masks; true if somebody denies. The first in the configuration's order gives the
 * reason, so that the order of arrival never shows. */
static bool survey(const struct decision_answer *answers, unsigned n, struct decision *out)
{
    const char *reason = NULL;
    for (unsigned i = 0; i < n; i++) {
        const struct decision_answer *a = &answers[i];
        if (a->state == ANSWER_UNKNOWN) {
            out->unknown |= 1U << i;
            continue;
        }
        if (a->stale)
            out->stale |= 1U << i;
        if (a->state != ANSWER_FOUND)
            continue;
        out->known |= 1U << i;
        if (out->home < 0 || (a->person && !answers[out->home].person))
            out->home = (int)i;
        if (a->entitlement.denied && !reason)
            reason = a->entitlement.reason;
    }
    if (reason)
        deny(out, reason[0] ? reason : "denied");
    return reason != NULL;
}

static bool must_not_guess(const struct decision_rules *rules, uint32_t unknown, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if ((unknown & 1U << i) && rules->authorities[i].unavailable == UNAVAILABLE_REJECT)
            return true;
    return false;
}

static void admit_guest(const struct decision_rules *rules, enum decision_kind kind,
                        enum decision_pass pass, uint32_t pass_left_s, unsigned n,
                        struct decision *out)
{
    if (kind == DECISION_SILENT && pass != PASS_VALID)
        return;
    if (must_not_guess(rules, out->unknown, n)) {
        deny(out, "unavailable");
        return;
    }
    out->verdict = VERDICT_ACCEPT;
    memcpy(out->limits, rules->profiles[rules->guest].limits, sizeof out->limits);
    if (kind == DECISION_SILENT)
        shorten(out, pass_left_s);
    if (out->degraded)
        shorten(out, rules->degraded_session_s);
}

void decide_login_failed(const struct decision_rules *rules, enum decision_login why,
                         struct decision *out)
{
    memset(out, 0, sizeof *out);
    out->home = -1;
    out->profile = rules->guest;
    out->verdict = VERDICT_SPLASH;
    out->degraded = why == LOGIN_UNKNOWN;
    if (why != LOGIN_WRONG)
        deny(out, why == LOGIN_LIMITED ? "attempts" : "unavailable");
}

void decide(const struct decision_rules *rules, enum decision_kind kind, enum decision_pass pass,
            uint32_t pass_left_s, const struct decision_answer *answers, unsigned n,
            struct decision *out)
{
    memset(out, 0, sizeof *out);
    out->verdict = VERDICT_SPLASH;
    out->home = -1;
    out->profile = rules->guest;
    if (kind == DECISION_FORGET) {
        out->erase_pass = true;
        return;
    }
    bool denied = survey(answers, n, out);
    out->degraded = out->unknown || out->stale || pass == PASS_UNKNOWN;
    if (pass == PASS_BANNED)
        deny(out, "banned");
    if (denied || pass == PASS_BANNED || (kind == DECISION_SILENT && pass == PASS_PAUSED))
        return;
    if (out->known) {
        out->verdict = VERDICT_ACCEPT;
        merge_known(rules, answers, n, out);
        if (!(out->known & ~out->stale)) /* nobody vouches for it now */
            shorten(out, rules->degraded_session_s);
    } else {
        admit_guest(rules, kind, pass, pass_left_s, n, out);
    }
    out->write_pass =
        (kind == DECISION_TAP || kind == DECISION_LOGIN) && out->verdict == VERDICT_ACCEPT;
}
