/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of docs/decision.md, row by row; then every combination for two authorities, and random
 * ones for five, against the rules that must always hold. */
#include "radius-module/decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUEST, SLOW, FAST };
enum said { NOT_FOUND, FOUND, DENIED, UNKNOWN, OLD_NOT_FOUND, OLD_FOUND, OLD_DENIED, SAID };

static const struct decision_profile profiles[] = {
    [GUEST] = {"guest", {7200, 900, 300, 1000, 2000, 0}},
    [SLOW] = {"slow", {36000, 1800, 300, 5000, 10000, 500}},
    [FAST] = {"fast", {18000, 1800, 60, 9000, 50000, 0}},
};
static struct decision_authority authorities[5] = {
    {UNAVAILABLE_GUEST, SLOW}, {UNAVAILABLE_GUEST, FAST}, {UNAVAILABLE_GUEST, SLOW},
    {UNAVAILABLE_GUEST, FAST}, {UNAVAILABLE_GUEST, SLOW},
};
static struct decision_rules rules = {
    .profiles = profiles, .authorities = authorities, .guest = GUEST, .degraded_session_s = 300};

static struct decision_answer answer(enum said s, int authority)
{
    static const enum decision_state states[SAID] = {
        ANSWER_NOT_FOUND, ANSWER_FOUND, ANSWER_FOUND, ANSWER_UNKNOWN,
        ANSWER_NOT_FOUND, ANSWER_FOUND, ANSWER_FOUND};
    struct decision_answer a = {.state = states[s], .stale = s >= OLD_NOT_FOUND};
    a.entitlement.profile = -1;
    if (s == DENIED || s == OLD_DENIED) {
        a.entitlement.denied = true;
        strcpy(a.entitlement.reason, authority ? "second" : "first");
    }
    return a;
}

struct row {
    const char *what;
    enum decision_kind kind;
    enum decision_pass pass;
    enum said said[2];
    enum decision_verdict verdict;
    const char *reason;
    uint64_t session_s, down;
    bool write, erase, degraded;
};

#define ACCEPT VERDICT_ACCEPT
#define SPLASH VERDICT_SPLASH
#define DENY   VERDICT_DENY
#define SILENT DECISION_SILENT
#define TAP    DECISION_TAP
#define LOGIN  DECISION_LOGIN

static const struct row table[] = {
    {"1: forget erases",
     DECISION_FORGET,
     PASS_VALID,
     {NOT_FOUND, NOT_FOUND},
     SPLASH,
     "",
     0,
     0,
     0,
     1,
     0},
    {"1: forget erases, whatever an authority says",
     DECISION_FORGET,
     PASS_NONE,
     {DENIED, UNKNOWN},
     SPLASH,
     "",
     0,
     0,
     0,
     1,
     0},
    {"1a: whom the city shuts out no tap helps",
     TAP,
     PASS_BANNED,
     {NOT_FOUND, NOT_FOUND},
     DENY,
     "banned",
     0,
     0,
     0,
     0,
     0},
    {"1a: nor a card, nor a password",
     LOGIN,
     PASS_BANNED,
     {FOUND, FOUND},
     DENY,
     "banned",
     0,
     0,
     0,
     0,
     0},
    {"1a: and it is the city's own reason that is told",
     SILENT,
     PASS_BANNED,
     {DENIED, NOT_FOUND},
     DENY,
     "banned",
     0,
     0,
     0,
     0,
     0},
    {"2: a suspended device is told why",
     SILENT,
     PASS_VALID,
     {NOT_FOUND, DENIED},
     DENY,
     "second",
     0,
     0,
     0,
     0,
     0},
    {"2: a tap does not help", TAP, PASS_NONE, {FOUND, DENIED}, DENY, "second", 0, 0, 0, 0, 0},
    {"2: the first in the configuration gives the reason",
     SILENT,
     PASS_NONE,
     {DENIED, DENIED},
     DENY,
     "first",
     0,
     0,
     0,
     0,
     0},
    {"2: a denial outlives its authority's silence",
     SILENT,
     PASS_VALID,
     {FOUND, OLD_DENIED},
     DENY,
     "second",
     0,
     0,
     0,
     0,
     1},
    {"2: denied comes before paused",
     SILENT,
     PASS_PAUSED,
     {NOT_FOUND, DENIED},
     DENY,
     "second",
     0,
     0,
     0,
     0,
     0},
    {"3: who left is not let back in silently",
     SILENT,
     PASS_PAUSED,
     {NOT_FOUND, NOT_FOUND},
     SPLASH,
     "",
     0,
     0,
     0,
     0,
     0},
    {"3: not even a card-holder",
     SILENT,
     PASS_PAUSED,
     {FOUND, NOT_FOUND},
     SPLASH,
     "",
     0,
     0,
     0,
     0,
     0},
    {"4: a card-holder joins without a tap",
     SILENT,
     PASS_NONE,
     {FOUND, NOT_FOUND},
     ACCEPT,
     "",
     36000,
     10000,
     0,
     0,
     0},
    {"4: the pass does not shorten a card-holder's session",
     SILENT,
     PASS_VALID,
     {NOT_FOUND, FOUND},
     ACCEPT,
     "",
     18000,
     50000,
     0,
     0,
     0},
    {"4: known to both gets the better of both",
     SILENT,
     PASS_NONE,
     {FOUND, FOUND},
     ACCEPT,
     "",
     36000,
     50000,
     0,
     0,
     0},
    {"4: silence of one does not lower what the other grants",
     SILENT,
     PASS_NONE,
     {FOUND, UNKNOWN},
     ACCEPT,
     "",
     36000,
     10000,
     0,
     0,
     1},
    {"4: nor an old answer",
     SILENT,
     PASS_NONE,
     {FOUND, OLD_FOUND},
     ACCEPT,
     "",
     36000,
     50000,
     0,
     0,
     1},
    {"4: nor a database that is down",
     SILENT,
     PASS_UNKNOWN,
     {FOUND, NOT_FOUND},
     ACCEPT,
     "",
     36000,
     10000,
     0,
     0,
     1},
    {"4: a card-holder's tap writes a pass",
     TAP,
     PASS_PAUSED,
     {FOUND, NOT_FOUND},
     ACCEPT,
     "",
     36000,
     10000,
     1,
     0,
     0},
    {"4: a right password lets in, and is remembered",
     LOGIN,
     PASS_NONE,
     {NOT_FOUND, FOUND},
     ACCEPT,
     "",
     18000,
     50000,
     1,
     0,
     0},
    {"2: a right password does not help whom an authority shuts out",
     LOGIN,
     PASS_NONE,
     {FOUND, OLD_DENIED},
     DENY,
     "second",
     0,
     0,
     0,
     0,
     1},
    {"5: remembered, and asked again soon",
     SILENT,
     PASS_NONE,
     {OLD_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     300,
     10000,
     0,
     0,
     1},
    {"5: both remembered", TAP, PASS_NONE, {OLD_FOUND, OLD_FOUND}, ACCEPT, "", 300, 50000, 1, 0, 1},
    {"6: a stranger sees the splash",
     SILENT,
     PASS_NONE,
     {NOT_FOUND, NOT_FOUND},
     SPLASH,
     "",
     0,
     0,
     0,
     0,
     0},
    {"6: also when nobody answers",
     SILENT,
     PASS_NONE,
     {UNKNOWN, UNKNOWN},
     SPLASH,
     "",
     0,
     0,
     0,
     0,
     1},
    {"6: also when the database does not",
     SILENT,
     PASS_UNKNOWN,
     {NOT_FOUND, NOT_FOUND},
     SPLASH,
     "",
     0,
     0,
     0,
     0,
     1},
    {"8: no splash twice",
     SILENT,
     PASS_VALID,
     {NOT_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     1000,
     2000,
     0,
     0,
     0},
    {"9: a tap opens the network",
     TAP,
     PASS_NONE,
     {NOT_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     7200,
     2000,
     1,
     0,
     0},
    {"9: a tap ends the pause",
     TAP,
     PASS_PAUSED,
     {NOT_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     7200,
     2000,
     1,
     0,
     0},
    {"10: a pass is good while a directory hangs",
     SILENT,
     PASS_VALID,
     {UNKNOWN, NOT_FOUND},
     ACCEPT,
     "",
     300,
     2000,
     0,
     0,
     1},
    {"10: a tap is good while all of them hang",
     TAP,
     PASS_NONE,
     {UNKNOWN, UNKNOWN},
     ACCEPT,
     "",
     300,
     2000,
     1,
     0,
     1},
    {"10: a tap is good while the database is down",
     TAP,
     PASS_UNKNOWN,
     {NOT_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     300,
     2000,
     1,
     0,
     1},
    {"10: an old `not found` is no certainty",
     TAP,
     PASS_NONE,
     {OLD_NOT_FOUND, NOT_FOUND},
     ACCEPT,
     "",
     300,
     2000,
     1,
     0,
     1},
};

static void run(const struct row *r, struct decision *d)
{
    struct decision_answer a[2] = {answer(r->said[0], 0), answer(r->said[1], 1)};
    decide(&rules, r->kind, r->pass, r->pass == PASS_VALID ? 1000 : 0, a, 2, d);
}

static void every_row_of_the_documented_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct row *r = &table[i];
        struct decision d;
        run(r, &d);
        if (d.verdict != r->verdict || strcmp(d.reason, r->reason) != 0 ||
            d.limits[LIMIT_SESSION] != r->session_s || d.limits[LIMIT_DOWN] != r->down ||
            d.write_pass != r->write || d.erase_pass != r->erase || d.degraded != r->degraded)
            fail_msg(
                "row \"%s\": verdict %d reason \"%s\" session %llu down %llu write %d erase %d "
                "degraded %d",
                r->what, d.verdict, d.reason, (unsigned long long)d.limits[LIMIT_SESSION],
                (unsigned long long)d.limits[LIMIT_DOWN], d.write_pass, d.erase_pass, d.degraded);
    }
}

static void an_authority_that_wants_certainty_gets_it(void **state)
{
    (void)state;
    struct decision d;
    struct row r = {.kind = TAP, .pass = PASS_NONE, .said = {UNKNOWN, NOT_FOUND}};
    authorities[0].unavailable = UNAVAILABLE_REJECT;
    run(&r, &d);
    assert_int_equal(d.verdict, VERDICT_DENY);
    assert_string_equal(d.reason, "unavailable");
    assert_false(d.write_pass);
    r.said[0] = OLD_NOT_FOUND; /* it has said so once */
    run(&r, &d);
    assert_int_equal(d.verdict, VERDICT_ACCEPT);
    r = (struct row){.kind = SILENT, .pass = PASS_VALID, .said = {UNKNOWN, NOT_FOUND}};
    run(&r, &d);
    assert_int_equal(d.verdict, VERDICT_DENY);
    r.said[1] = FOUND; /* somebody vouches for it */
    run(&r, &d);
    assert_int_equal(d.verdict, VERDICT_ACCEPT);
    r = (struct row){.kind = SILENT, .pass = PASS_NONE, .said = {UNKNOWN, NOT_FOUND}};
    run(&r, &d);
    assert_int_equal(d.verdict, VERDICT_SPLASH);
    authorities[0].unavailable = UNAVAILABLE_GUEST;
}

static void each_limit_is_merged_by_its_own_rule(void **state)
{
    (void)state;
    struct decision d;
    struct row r = {.kind = SILENT, .pass = PASS_NONE, .said = {FOUND, FOUND}};
    rules.merge[LIMIT_SESSION] = RULE_LEAST;
    rules.merge[LIMIT_QUOTA] = RULE_LEAST;
    rules.merge[LIMIT_UP] = RULE_HOME;
    run(&r, &d);
    assert_int_equal(d.limits[LIMIT_SESSION], 18000);
    assert_int_equal(d.limits[LIMIT_QUOTA], 500); /* no quota is more than any */
    assert_int_equal(d.limits[LIMIT_UP], 5000);
    assert_int_equal(d.limits[LIMIT_DOWN], 50000);
    memset(rules.merge, 0, sizeof rules.merge);
    run(&r, &d);
    assert_int_equal(d.limits[LIMIT_QUOTA], 0);
}

static void what_the_directory_says_itself_goes_over_the_profile(void **state)
{
    (void)state;
    struct decision d;
    struct decision_answer a[2] = {answer(FOUND, 0), answer(NOT_FOUND, 1)};
    a[0].entitlement.profile = FAST;
    a[0].entitlement.has = 1U << LIMIT_DOWN;
    a[0].entitlement.own[LIMIT_DOWN] = 77;
    decide(&rules, SILENT, PASS_NONE, 0, a, 2, &d);
    assert_int_equal(d.limits[LIMIT_DOWN], 77);
    assert_int_equal(d.limits[LIMIT_UP], 9000);
    assert_int_equal(d.profile, FAST);
    assert_int_equal(d.home, 0);
}

static void two_people_who_share_a_device_do_not_share_entitlements(void **state)
{
    (void)state;
    struct decision d;
    struct decision_answer a[2] = {answer(FOUND, 0), answer(FOUND, 1)};
    a[0].entitlement.has_link = a[1].entitlement.has_link = true;
    a[0].entitlement.link[3] = 1;
    decide(&rules, SILENT, PASS_NONE, 0, a, 2, &d);
    assert_int_equal(d.limits[LIMIT_DOWN], 10000);
    a[1].entitlement.link[3] = 1; /* one person after all */
    decide(&rules, SILENT, PASS_NONE, 0, a, 2, &d);
    assert_int_equal(d.limits[LIMIT_DOWN], 50000);
}

/* --- the last password --------------------------------------------------------------------------
 */

static void a_login_that_is_not_right_lets_nobody_in_and_says_as_much_as_it_may(void **state)
{
    static const struct {
        enum decision_login why;
        enum decision_verdict verdict;
        const char *reason;
    } rows[] = {
        {LOGIN_LIMITED, DENY, "attempts"},
        {LOGIN_UNKNOWN, DENY, "unavailable"},
        {LOGIN_WRONG, SPLASH, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decision d;
        decide_login_failed(&rules, rows[i].why, &d);
        assert_int_equal(d.verdict, rows[i].verdict);
        assert_string_equal(d.reason, rows[i].reason);
        assert_false(d.write_pass);
    }
}

/* Row by row: what the authority says of the device's address, of the person, and what comes out.
 */
static void what_is_said_of_the_person_counts_before_what_is_said_of_the_address(void **state)
{
    static const struct {
        enum said device, person;
        enum decision_state state;
        bool denied, stale, is_person;
    } rows[] = {
        {NOT_FOUND, FOUND, ANSWER_FOUND, 0, 0, 1},
        {FOUND, FOUND, ANSWER_FOUND, 0, 0, 1},
        {UNKNOWN, FOUND, ANSWER_FOUND, 0, 0, 1},
        {DENIED, FOUND, ANSWER_FOUND, 1, 0, 0},
        {OLD_DENIED, FOUND, ANSWER_FOUND, 1, 1, 0},
        {NOT_FOUND, DENIED, ANSWER_FOUND, 1, 0, 1},
        {FOUND, DENIED, ANSWER_FOUND, 1, 0, 1},
        {FOUND, OLD_DENIED, ANSWER_FOUND, 1, 1, 1},
        {NOT_FOUND, OLD_FOUND, ANSWER_FOUND, 0, 1, 1},
        {NOT_FOUND, NOT_FOUND, ANSWER_NOT_FOUND, 0, 0, 0}, /* the account is gone */
        {FOUND, NOT_FOUND, ANSWER_FOUND, 0, 0, 0},
        {FOUND, UNKNOWN, ANSWER_FOUND, 0, 0, 0},
        {DENIED, UNKNOWN, ANSWER_FOUND, 1, 0, 0},
        {NOT_FOUND, UNKNOWN, ANSWER_UNKNOWN, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decision_answer device = answer(rows[i].device, 0),
                               person = answer(rows[i].person, 1);
        struct decision_answer got = decision_fold(&device, &person);
        if (got.state != rows[i].state || got.entitlement.denied != rows[i].denied ||
            got.stale != rows[i].stale || got.person != rows[i].is_person)
            fail_msg("row %zu: state %d denied %d stale %d person %d", i, got.state,
                     got.entitlement.denied, got.stale, got.person);
    }
}

static void who_typed_a_password_is_at_home_there_not_where_the_device_is_listed(void **state)
{
    struct decision d;
    struct decision_answer a[2] = {answer(FOUND, 0), answer(FOUND, 1)};
    (void)state;
    a[1].person = true;
    a[0].entitlement.has_link = a[1].entitlement.has_link = true;
    a[0].entitlement.link[0] = 1; /* it is somebody else's device */
    decide(&rules, LOGIN, PASS_NONE, 0, a, 2, &d);
    assert_int_equal(d.home, 1);
    assert_int_equal(d.limits[LIMIT_SESSION], 18000);
    assert_true(d.write_pass);
    a[0].entitlement.link[0] = 0; /* it is their own */
    decide(&rules, SILENT, PASS_VALID, 1000, a, 2, &d);
    assert_int_equal(d.home, 1);
    assert_int_equal(d.limits[LIMIT_SESSION], 36000);
    a[0].entitlement.denied = true;
    decide(&rules, LOGIN, PASS_NONE, 0, a, 2, &d);
    assert_int_equal(d.verdict, DENY);
    assert_false(d.write_pass);
}

/* --- what must always hold ----------------------------------------------------------------------
 */

static bool at_least(uint64_t a, uint64_t b) /* as a limit: 0 is none */
{
    return a == 0 || (b != 0 && a >= b);
}

static void check_rules(enum decision_kind kind, enum decision_pass pass, const enum said *said,
                        unsigned n)
{
    struct decision_answer a[5], without[5];
    struct decision d, blind;
    bool denied = pass == PASS_BANNED, found = false;
    for (unsigned i = 0; i < n; i++) {
        a[i] = answer(said[i], (int)i);
        without[i] = a[i];
        denied = denied || said[i] == DENIED || said[i] == OLD_DENIED;
        found = found || said[i] == FOUND || said[i] == OLD_FOUND;
    }
    decide(&rules, kind, pass, 1000, a, n, &d);
    if (kind == DECISION_FORGET) {
        assert_int_equal(d.verdict, VERDICT_SPLASH);
        assert_true(d.erase_pass);
        return;
    }
    assert_int_equal(d.verdict == VERDICT_DENY, denied);
    assert_int_equal(d.reason[0] != 0, denied);
    if (kind == TAP && !denied)
        assert_int_equal(d.verdict, VERDICT_ACCEPT); /* no outage closes the open network */
    if (kind == SILENT && !denied)
        assert_int_equal(d.verdict == VERDICT_ACCEPT,
                         pass != PASS_PAUSED && (found || pass == PASS_VALID));
    if (kind == DECISION_LOGIN && found && !denied)
        assert_int_equal(d.verdict, VERDICT_ACCEPT);
    assert_int_equal(d.write_pass, (kind == TAP || kind == DECISION_LOGIN) && !denied);
    if (d.verdict == VERDICT_ACCEPT)
        assert_true(d.limits[LIMIT_SESSION] > 0);
    /* One authority more falls silent: nothing that a found answer gave becomes less. */
    for (unsigned i = 0; i < n; i++) {
        if (said[i] != NOT_FOUND)
            continue;
        without[i] = answer(UNKNOWN, (int)i);
        decide(&rules, kind, pass, 1000, without, n, &blind);
        without[i] = a[i];
        assert_int_equal(blind.verdict, d.verdict);
        for (int l = 0; found && !denied && l < LIMITS; l++)
            assert_true(at_least(blind.limits[l], d.limits[l]));
    }
}

static void every_combination_for_two_authorities_keeps_the_rules(void **state)
{
    (void)state;
    for (int kind = 0; kind <= DECISION_FORGET; kind++)
        for (int pass = 0; pass <= PASS_BANNED; pass++)
            for (int s = 0; s < SAID * SAID; s++) {
                enum said said[2] = {(enum said)(s % SAID), (enum said)(s / SAID)};
                check_rules((enum decision_kind)kind, (enum decision_pass)pass, said, 2);
            }
}

static void random_cities_of_five_authorities_keep_the_rules(void **state)
{
    (void)state;
    srand(5);
    for (int i = 0; i < 20000; i++) {
        enum said said[5];
        for (int k = 0; k < 5; k++)
            said[k] = (enum said)(rand() % SAID);
        check_rules((enum decision_kind)(rand() % 4), (enum decision_pass)(rand() % 5), said, 5);
    }
}

/* A city as it may be: each limit merged by any rule, authorities that want certainty, people who
 * are in several of them or share a device, who are bound, and whose directory has limits of its
 * own. */
static void random_city(struct decision_answer a[5])
{
    for (int l = 0; l < LIMITS; l++)
        rules.merge[l] = (enum decision_rule)(rand() % 3);
    for (int i = 0; i < 5; i++) {
        authorities[i].unavailable = rand() % 4 ? UNAVAILABLE_GUEST : UNAVAILABLE_REJECT;
        authorities[i].default_profile = rand() % 3;
        a[i] = answer((enum said)(rand() % SAID), i);
        a[i].person = a[i].state == ANSWER_FOUND && rand() % 5 == 0;
        a[i].left_s = rand() % 3 ? 0 : (uint64_t)(rand() % 9000 + 1);
        a[i].entitlement.profile = rand() % 4 - 1;
        a[i].entitlement.has_link = rand() % 2;
        a[i].entitlement.link[0] = (uint8_t)(rand() % 2);
        a[i].entitlement.has = (uint32_t)rand() & ((1U << LIMITS) - 1);
        for (int l = 0; l < LIMITS; l++)
            a[i].entitlement.own[l] = (uint64_t)(rand() % 3) * 1000;
    }
}

static void plain_city(void)
{
    memset(rules.merge, 0, sizeof rules.merge);
    for (int i = 0; i < 5; i++) {
        authorities[i].unavailable = UNAVAILABLE_GUEST;
        authorities[i].default_profile = i % 2 ? FAST : SLOW;
    }
}

/* Whatever the configuration: a denial wins, and who is known to somebody has from them what they
 * would have if the silent ones had never heard of the device. */
static void whatever_is_configured_a_denial_wins_and_silence_takes_nothing_away(void **state)
{
    unsigned granted = 0;
    (void)state;
    srand(55);
    for (int n = 0; n < 20000; n++) {
        struct decision_answer a[5], heard[5];
        struct decision d, without;
        bool denied = false;
        enum decision_kind kind = (enum decision_kind)(rand() % DECISION_FORGET);
        random_city(a);
        for (int i = 0; i < 5; i++) {
            heard[i] = a[i];
            if (a[i].state == ANSWER_UNKNOWN)
                heard[i] = answer(NOT_FOUND, i);
            denied = denied || (a[i].state == ANSWER_FOUND && a[i].entitlement.denied);
        }
        decide(&rules, kind, PASS_VALID, 1000, a, 5, &d);
        decide(&rules, kind, PASS_VALID, 1000, heard, 5, &without);
        if (denied)
            assert_int_equal(d.verdict, VERDICT_DENY);
        if (denied || !d.known)
            continue;
        granted += d.unknown != 0;
        assert_int_equal(d.verdict, VERDICT_ACCEPT);
        assert_int_equal(d.profile, without.profile);
        assert_int_equal(d.home, without.home);
        assert_memory_equal(d.limits, without.limits, sizeof d.limits);
    }
    assert_true(granted > 1000);
    plain_city();
}

/* Answers lie in the configuration's order however they arrive; and even another order there
 * changes nothing but who is at home, and whose reason for a denial is told. */
static void the_order_of_authorities_changes_only_who_is_at_home(void **state)
{
    (void)state;
    srand(555);
    for (int n = 0; n < 20000; n++) {
        struct decision_answer a[5];
        struct decision d, turned;
        enum decision_kind kind = (enum decision_kind)(rand() % DECISION_FORGET);
        enum decision_pass pass = (enum decision_pass)(rand() % (PASS_BANNED + 1));
        random_city(a);
        for (int l = 0; l < LIMITS; l++)
            rules.merge[l] = rand() % 2 ? RULE_MOST : RULE_LEAST;
        for (int i = 0; i < 5; i++)
            a[i].entitlement.has_link = false; /* two people are a matter of who is at home */
        decide(&rules, kind, pass, 1000, a, 5, &d);
        for (int i = 4; i > 0; i--) {
            int k = rand() % (i + 1);
            struct decision_answer answer_i = a[i];
            struct decision_authority authority_i = authorities[i];
            a[i] = a[k];
            a[k] = answer_i;
            authorities[i] = authorities[k];
            authorities[k] = authority_i;
        }
        decide(&rules, kind, pass, 1000, a, 5, &turned);
        assert_int_equal(d.verdict, turned.verdict);
        assert_int_equal(d.reason[0] != 0, turned.reason[0] != 0);
        assert_int_equal(d.degraded, turned.degraded);
        assert_int_equal(d.write_pass, turned.write_pass);
        assert_memory_equal(d.limits, turned.limits, sizeof d.limits);
    }
    plain_city();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_documented_table_holds),
        cmocka_unit_test(an_authority_that_wants_certainty_gets_it),
        cmocka_unit_test(each_limit_is_merged_by_its_own_rule),
        cmocka_unit_test(what_the_directory_says_itself_goes_over_the_profile),
        cmocka_unit_test(two_people_who_share_a_device_do_not_share_entitlements),
        cmocka_unit_test(a_login_that_is_not_right_lets_nobody_in_and_says_as_much_as_it_may),
        cmocka_unit_test(what_is_said_of_the_person_counts_before_what_is_said_of_the_address),
        cmocka_unit_test(who_typed_a_password_is_at_home_there_not_where_the_device_is_listed),
        cmocka_unit_test(every_combination_for_two_authorities_keeps_the_rules),
        cmocka_unit_test(random_cities_of_five_authorities_keep_the_rules),
        cmocka_unit_test(whatever_is_configured_a_denial_wins_and_silence_takes_nothing_away),
        cmocka_unit_test(the_order_of_authorities_changes_only_who_is_at_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
