/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session while the centre is away, and when it changes its mind. */
#include "tests/unit/session_events.h"

/* --- while no server answers --- */

static unsigned tap_in_an_outage(struct session *s, uint64_t now_ms)
{
    struct radius_grant g = {.result = RADIUS_NO_ANSWER};
    struct session_event ev = at(SESSION_ANSWERED, now_ms);
    give(s, SESSION_TAPPED, now_ms);
    ev.grant = &g;
    ev.guest_when_down = true;
    return session_step(s, &ev);
}

static struct session provisional(uint64_t now_ms)
{
    struct session s = {0};
    assert_int_equal(tap_in_an_outage(&s, now_ms), SESSION_DO_OPEN);
    opened(&s, now_ms, GATE_OK);
    assert_int_equal(s.state, SESSION_OPEN);
    assert_true(s.provisional);
    return s;
}

static uint64_t asked_again(struct session *s)
{
    uint64_t now = 0;
    while (s->state == SESSION_OPEN && !s->confirming) {
        now = session_next_ms(s);
        unsigned todo = give(s, SESSION_DUE, now);
        if (s->confirming)
            assert_int_equal(todo, SESSION_DO_TAP);
        if (todo & SESSION_DO_READ)
            count(s, SESSION_COUNTED, now, &nothing);
    }
    return now;
}

static void a_tap_in_an_outage_gets_a_short_guest_session(void **state)
{
    struct session s = provisional(1000);
    (void)state;
    assert_int_equal(s.profile.session_s, SESSION_PROVISIONAL_S);
    assert_int_equal(s.profile.down_Bps, 1000000); /* the guest's caps */
    while (s.state == SESSION_OPEN) {
        asked_again(&s);
        if (s.confirming)
            answer(&s, session_next_ms(&s), RADIUS_NO_ANSWER, "");
    }
    assert_int_equal(s.cause, ACCT_CAUSE_SESSION_TIMEOUT);
}

static void a_silent_question_in_an_outage_lets_nobody_in(void **state)
{
    struct session s = {0};
    struct radius_grant g = {.result = RADIUS_NO_ANSWER};
    struct session_event ev = at(SESSION_ANSWERED, 1000);
    (void)state;
    give(&s, SESSION_APPEARED, 1000);
    ev.grant = &g;
    ev.guest_when_down = true;
    assert_int_equal(session_step(&s, &ev), SESSION_DO_SETTLE);
    assert_int_equal(s.state, SESSION_IDLE);
}

static void when_the_centre_is_back_the_session_becomes_what_it_grants(void **state)
{
    struct session s = provisional(1000);
    struct radius_grant g = {.result = RADIUS_ACCEPTED,
                             .has_session = true,
                             .session_s = 4000,
                             .has_down = true,
                             .down_Bps = 77,
                             .class_len = 3,
                             .class_value = "abc"};
    struct session_event ev = at(SESSION_CENTRE_BACK, 5000);
    char id[TAG_ID_LEN];
    (void)state;
    memcpy(id, s.id, sizeof id);
    s.seen.down_bytes = 5555;
    ev.at_ms = 5002;
    session_step(&s, &ev);
    assert_int_equal(session_next_ms(&s), 5002);
    assert_int_equal(give(&s, SESSION_DUE, 5002), SESSION_DO_TAP);
    ev = at(SESSION_ANSWERED, 6000);
    ev.grant = &g;
    assert_int_equal(session_step(&s, &ev), SESSION_DO_OPEN);
    assert_true(s.changing && session_is_open(&s) && !s.provisional);
    assert_int_equal(opened(&s, 6001, GATE_OK), SESSION_DO_SETTLE); /* no second Start */
    assert_string_equal(s.id, id);
    assert_int_equal(s.seen.down_bytes, 5555);
    assert_int_equal(s.profile.down_Bps, 77);
    uint8_t class_len, cui_len;
    assert_memory_equal(session_class(&s, &class_len), "abc", 3);
    assert_int_equal(class_len, 3);
    session_cui(&s, &cui_len);
    assert_int_equal(cui_len, 0);
    assert_int_equal(session_remaining_s(&s, 6000), 4000);
    assert_int_equal(s.end_s - s.start_s, 4005);
    session_fini(&s);
}

static void who_is_denied_when_the_centre_is_back_is_closed_and_told_why(void **state)
{
    struct session s = provisional(1000);
    uint64_t now = asked_again(&s);
    (void)state;
    assert_int_equal(answer(&s, now, RADIUS_REJECTED, "suspended"), SESSION_DO_CLOSE);
    assert_int_equal(count(&s, SESSION_CLOSED, now, &nothing), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(s.cause, ACCT_CAUSE_NAS_REQUEST);
    assert_int_equal(s.outcome, SESSION_DENIED);
    assert_string_equal(session_reason(&s), "suspended");
    assert_int_equal(give(&s, SESSION_APPEARED, now + RETRY_MS - 1), 0);
    assert_int_equal(give(&s, SESSION_APPEARED, now + RETRY_MS), SESSION_DO_ASK);
    session_fini(&s);
}

/* A word for whoever is refused now, while the record of the session before still needs its own. */
static void the_centres_words_are_kept_side_by_side(void **state)
{
    struct session s = {0};
    struct radius_grant grant = {.result = RADIUS_ACCEPTED,
                                 .class_len = 3,
                                 .class_value = "abc",
                                 .cui_len = 4,
                                 .cui = "anna"};
    struct session_event ev = at(SESSION_ANSWERED, 1000);
    struct tag tag;
    uint8_t n;
    (void)state;
    ev.grant = &grant;
    give(&s, SESSION_TAPPED, 1000);
    session_step(&s, &ev);
    opened(&s, 1000, GATE_OK);
    finish(&s, 2000, ACCT_CAUSE_IDLE_TIMEOUT);
    count(&s, SESSION_CLOSED, 2000, &nothing);
    give(&s, SESSION_TAPPED, 3000);
    answer(&s, 3000, RADIUS_REJECTED, "suspended");
    assert_string_equal(session_reason(&s), "suspended");
    assert_memory_equal(session_class(&s, &n), "abc", 3);
    assert_memory_equal(session_cui(&s, &n), "anna", 4);
    session_tag(&s, "square", &tag);
    assert_memory_equal(tag.cui, "anna", 4);
    give(&s, SESSION_TAPPED, 4000);
    answer(&s, 4000, RADIUS_ACCEPTED, "");
    assert_string_equal(session_reason(&s), "");
    assert_null(session_class(&s, &n));
    session_fini(&s);
}

static void who_leaves_while_being_confirmed_stays_away(void **state)
{
    struct session s = provisional(1000);
    uint64_t now = asked_again(&s);
    (void)state;
    assert_int_equal(finish(&s, now, ACCT_CAUSE_USER_REQUEST),
                     SESSION_DO_CANCEL | SESSION_DO_CLOSE);
    assert_int_equal(answer(&s, now, RADIUS_ACCEPTED, ""), 0);
    assert_int_equal(s.state, SESSION_CLOSING);
}

static void a_restart_in_an_outage_still_asks_later(void **state)
{
    struct session was = provisional(1000), s = {0};
    struct gate_entry e = {.timeout_s = 300};
    struct tag tag;
    (void)state;
    session_tag(&was, "duomo", &tag);
    strcpy(tag.lang, "it");
    session_adopt(&s, &tag, &e, 50000, 1700000050);
    assert_true(s.provisional);
    assert_in_range(asked_again(&s), 50000, 53000);
    memset(tag.lang, 0, sizeof tag.lang);
    session_adopt(&s, &tag, &e, 50000, 1700000050);
    assert_false(s.provisional);
}

/* --- the centre changes its mind (RFC 5176) --- */

static unsigned changed(struct session *s, uint64_t now_ms, const struct radius_grant *g)
{
    struct session_event ev = at(SESSION_CHANGED, now_ms);
    ev.grant = g;
    return session_step(s, &ev);
}

static void a_change_touches_only_what_it_names(void **state)
{
    struct session s = online(0);
    struct radius_grant g = {.has_down = true, .down_Bps = 5000};
    struct session_profile before = s.profile;
    int64_t end_ms = s.end_ms;
    (void)state;
    assert_int_equal(changed(&s, 60000, &g), SESSION_DO_OPEN);
    assert_int_equal(opened(&s, 60001, GATE_OK), SESSION_DO_SETTLE);
    before.down_Bps = 5000;
    assert_memory_equal(&s.profile, &before, sizeof before);
    assert_int_equal(s.end_ms, end_ms);
    g = (struct radius_grant){.has_session = true, .session_s = 100};
    changed(&s, 70000, &g);
    assert_int_equal(session_remaining_s(&s, 70000), 100);
    opened(&s, 70001, GATE_OK);
    g.session_s = UINT32_MAX;
    changed(&s, 80000, &g);
    assert_int_equal(s.profile.session_s, SESSION_MAX_S); /* what the kernel can hold */
}

static void two_changes_at_once_both_arrive(void **state)
{
    struct session s = online(0);
    struct radius_grant g = {.has_down = true, .down_Bps = 5000};
    (void)state;
    assert_int_equal(changed(&s, 60000, &g), SESSION_DO_OPEN);
    g.down_Bps = 6000;
    assert_int_equal(changed(&s, 60001, &g), 0);
    assert_int_equal(opened(&s, 60002, GATE_OK), SESSION_DO_OPEN);
    assert_int_equal(s.profile.down_Bps, 6000);
    assert_int_equal(opened(&s, 60003, GATE_OK), SESSION_DO_SETTLE);
    assert_int_equal(s.state, SESSION_OPEN);
}

static void nobody_is_changed_who_is_not_online(void **state)
{
    struct session s = {0};
    struct radius_grant g = {.has_down = true, .down_Bps = 5000};
    (void)state;
    assert_int_equal(changed(&s, 1000, &g), 0);
    give(&s, SESSION_TAPPED, 1000);
    assert_int_equal(changed(&s, 1000, &g), 0);
    answer(&s, 1000, RADIUS_ACCEPTED, "");
    assert_int_equal(changed(&s, 1000, &g), 0);
    opened(&s, 1000, GATE_OK);
    finish(&s, 1000, ACCT_CAUSE_ADMIN_RESET);
    assert_int_equal(changed(&s, 1000, &g), 0);
    assert_int_equal(s.profile.down_Bps, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tap_in_an_outage_gets_a_short_guest_session),
        cmocka_unit_test(a_silent_question_in_an_outage_lets_nobody_in),
        cmocka_unit_test(when_the_centre_is_back_the_session_becomes_what_it_grants),
        cmocka_unit_test(who_is_denied_when_the_centre_is_back_is_closed_and_told_why),
        cmocka_unit_test(the_centres_words_are_kept_side_by_side),
        cmocka_unit_test(who_leaves_while_being_confirmed_stays_away),
        cmocka_unit_test(a_restart_in_an_outage_still_asks_later),
        cmocka_unit_test(a_change_touches_only_what_it_names),
        cmocka_unit_test(two_changes_at_once_both_arrive),
        cmocka_unit_test(nobody_is_changed_who_is_not_online),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
