/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's way through the portal, transition by transition. */
#include "tests/unit/session_events.h"

static void a_known_phone_is_online_without_a_tap(void **state)
{
    struct session s = {0};
    (void)state;
    assert_int_equal(give(&s, SESSION_APPEARED, 1000), SESSION_DO_ASK);
    assert_int_equal(s.state, SESSION_ASKING);
    assert_string_equal(s.id, "ab01020304050607");
    assert_int_equal(give(&s, SESSION_APPEARED, 1001), 0); /* one question at a time */
    assert_int_equal(answer(&s, 1020, RADIUS_ACCEPTED, ""), SESSION_DO_OPEN);
    assert_true(session_is_settling(&s));
    assert_int_equal(opened(&s, 1021, GATE_OK), SESSION_DO_START | SESSION_DO_SETTLE);
    assert_true(session_is_open(&s));
    assert_int_equal(s.profile.session_s, 7200);
    assert_int_equal(s.profile.down_Bps, 1000000);
    assert_int_equal(session_timeout_s(&s, 1020), 7230);
}

static void an_unknown_phone_is_not_asked_about_again_and_again(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_APPEARED, 1000);
    assert_int_equal(answer(&s, 1020, RADIUS_REJECTED, ""), SESSION_DO_SETTLE);
    assert_int_equal(s.outcome, SESSION_UNKNOWN);
    assert_int_equal(give(&s, SESSION_APPEARED, 1020 + RETRY_MS - 1), 0);
    assert_int_equal(give(&s, SESSION_APPEARED, 1020 + RETRY_MS), SESSION_DO_ASK);
}

static void a_silent_centre_is_no_rejection(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_APPEARED, 1000);
    answer(&s, 3000, RADIUS_NO_ANSWER, "");
    assert_int_equal(s.outcome, SESSION_UNKNOWN);
    assert_int_equal(give(&s, SESSION_APPEARED, 3100), 0);
    assert_int_equal(give(&s, SESSION_APPEARED, 5000), SESSION_DO_ASK);
}

static void a_denied_phone_is_told_why_until_it_is_let_in_again(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_APPEARED, 1000);
    answer(&s, 1020, RADIUS_REJECTED, "suspended");
    assert_int_equal(s.outcome, SESSION_DENIED);
    assert_string_equal(session_reason(&s), "suspended");
    give(&s, SESSION_APPEARED, 1020 + RETRY_MS);
    answer(&s, 1040 + RETRY_MS, RADIUS_NO_ANSWER, "");
    assert_int_equal(s.outcome, SESSION_DENIED); /* nobody said otherwise */
    assert_int_equal(give(&s, SESSION_TAPPED, 1050 + RETRY_MS), SESSION_DO_TAP);
    answer(&s, 1060 + RETRY_MS, RADIUS_ACCEPTED, "");
    opened(&s, 1060 + RETRY_MS, GATE_OK);
    assert_int_equal(s.outcome, SESSION_UNKNOWN);
    assert_string_equal(session_reason(&s), "");
}

static void a_tap_does_not_wait_for_the_silent_question(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_APPEARED, 1000);
    assert_int_equal(give(&s, SESSION_TAPPED, 1010), SESSION_DO_CANCEL | SESSION_DO_TAP);
    assert_int_equal(s.state, SESSION_JOINING);
}

static void a_second_tap_joins_the_first(void **state)
{
    struct session s = {0};
    (void)state;
    assert_int_equal(give(&s, SESSION_TAPPED, 1000), SESSION_DO_TAP);
    assert_int_equal(give(&s, SESSION_TAPPED, 1001), 0);
    answer(&s, 1020, RADIUS_ACCEPTED, "");
    assert_int_equal(give(&s, SESSION_TAPPED, 1021), 0);
    opened(&s, 1022, GATE_OK);
    assert_int_equal(give(&s, SESSION_TAPPED, 1023), SESSION_DO_SETTLE);
    assert_int_equal(s.state, SESSION_OPEN);
}

static void what_went_wrong_with_a_tap_is_told_apart(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_TAPPED, 1000);
    answer(&s, 1020, RADIUS_REJECTED, "");
    assert_int_equal(s.outcome, SESSION_REFUSED);
    give(&s, SESSION_TAPPED, 2000);
    answer(&s, 2020, RADIUS_REJECTED, "suspended");
    assert_int_equal(s.outcome, SESSION_DENIED);
    give(&s, SESSION_TAPPED, 3000);
    answer(&s, 3020, RADIUS_NO_ANSWER, "");
    assert_int_equal(s.outcome, SESSION_CENTRE_DOWN);
    give(&s, SESSION_TAPPED, 4000);
    answer(&s, 4020, RADIUS_ACCEPTED, "");
    assert_int_equal(opened(&s, 4030, GATE_FULL), SESSION_DO_SETTLE); /* no Start, no Stop */
    assert_int_equal(s.outcome, SESSION_GATE_FULL);
    give(&s, SESSION_TAPPED, 5000);
    answer(&s, 5020, RADIUS_ACCEPTED, "");
    opened(&s, 5030, GATE_KERNEL);
    assert_int_equal(s.outcome, SESSION_GATE_FAILED);
    assert_int_equal(s.state, SESSION_IDLE);
}

static void who_leaves_is_closed_at_once_and_not_let_back_in_silently(void **state)
{
    struct session s = online(1000);
    struct gate_counters c = {.up_bytes = 10, .up_packets = 1, .down_bytes = 20, .down_packets = 1};
    (void)state;
    assert_int_equal(finish(&s, 5000, ACCT_CAUSE_USER_REQUEST), SESSION_DO_CLOSE);
    assert_false(session_is_open(&s));
    assert_int_equal(count(&s, SESSION_CLOSED, 5001, &c), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(s.cause, ACCT_CAUSE_USER_REQUEST);
    assert_int_equal(s.seen.down_bytes, 20);
    assert_int_equal(session_time_s(&s, 5001), 4);
    assert_int_equal(give(&s, SESSION_APPEARED, 900000000), 0);
    assert_int_equal(give(&s, SESSION_TAPPED, 900000001), SESSION_DO_TAP);
    assert_false(s.left);
}

static void who_leaves_while_being_asked_about_is_not_let_in(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_TAPPED, 1000);
    assert_int_equal(finish(&s, 1001, ACCT_CAUSE_USER_REQUEST),
                     SESSION_DO_CANCEL | SESSION_DO_SETTLE);
    assert_int_equal(answer(&s, 1002, RADIUS_ACCEPTED, ""), 0); /* too late */
    assert_int_equal(s.state, SESSION_IDLE);
}

static void who_leaves_while_being_opened_has_a_start_and_a_stop(void **state)
{
    struct session s = {0};
    (void)state;
    give(&s, SESSION_TAPPED, 1000);
    answer(&s, 1001, RADIUS_ACCEPTED, "");
    assert_int_equal(finish(&s, 1002, ACCT_CAUSE_USER_REQUEST), 0);
    assert_int_equal(opened(&s, 1003, GATE_OK), SESSION_DO_START | SESSION_DO_CLOSE);
    assert_int_equal(count(&s, SESSION_CLOSED, 1004, &nothing),
                     SESSION_DO_STOP | SESSION_DO_SETTLE);
}

static void a_tap_right_after_leaving_is_not_lost(void **state)
{
    struct session s = online(1000);
    (void)state;
    finish(&s, 2000, ACCT_CAUSE_USER_REQUEST);
    assert_int_equal(give(&s, SESSION_TAPPED, 2001), 0);
    assert_int_equal(count(&s, SESSION_CLOSED, 2002, &nothing),
                     SESSION_DO_STOP | SESSION_DO_SETTLE | SESSION_DO_TAP_AGAIN);
    assert_int_equal(give(&s, SESSION_TAPPED, 2002), SESSION_DO_TAP);
}

static void a_session_ends_on_time_with_its_last_counters(void **state)
{
    struct session s = online(1000);
    (void)state;
    assert_int_equal(give(&s, SESSION_DUE, 7201000), SESSION_DO_CLOSE);
    assert_int_equal(s.cause, ACCT_CAUSE_SESSION_TIMEOUT);
    assert_int_equal(session_next_ms(&s), 0);
    assert_int_equal(count(&s, SESSION_CLOSED, 7201001, NULL), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(give(&s, SESSION_APPEARED, 7201002),
                     SESSION_DO_ASK); /* and rejoins silently */
}

static void idle_is_no_traffic_not_little_traffic(void **state)
{
    struct session s = online(0);
    struct gate_counters c = {0};
    uint64_t now = 0;
    (void)state;
    for (int i = 0; i < 10; i++) { /* a packet now and then */
        now = session_next_ms(&s);
        assert_true(now <= s.read_ms + 300000);
        assert_int_equal(give(&s, SESSION_DUE, now), SESSION_DO_READ);
        c.up_packets++;
        count(&s, SESSION_COUNTED, now, &c);
        assert_int_equal(s.state, SESSION_OPEN);
    }
    uint64_t quiet_since = now;
    while (s.state == SESSION_OPEN) {
        now = session_next_ms(&s);
        give(&s, SESSION_DUE, now);
        count(&s, SESSION_COUNTED, now, &c);
    }
    assert_int_equal(s.cause, ACCT_CAUSE_IDLE_TIMEOUT);
    assert_in_range(now - quiet_since, 900000, 1200000);
}

/* As fast as its rates allow, from the first moment on: what passes beyond the quota is less than
 * the device may move between two readings, which are a second apart by then. */
static void use_up(uint64_t quota, uint64_t up_Bps, uint64_t down_Bps)
{
    struct session s = {0};
    struct radius_grant g = {.result = RADIUS_ACCEPTED,
                             .has_quota = true,
                             .quota_bytes = quota,
                             .has_up = true,
                             .up_Bps = up_Bps,
                             .has_down = true,
                             .down_Bps = down_Bps};
    struct session_event ev = at(SESSION_ANSWERED, 0);
    struct gate_counters c = {0};
    uint64_t now = 0;
    give(&s, SESSION_TAPPED, 0);
    ev.grant = &g;
    session_step(&s, &ev);
    opened(&s, 0, GATE_OK);
    while (s.state == SESSION_OPEN) {
        uint64_t next = session_next_ms(&s);
        assert_true(next > now && next - now <= 60000);
        c.up_bytes += (next - now) * up_Bps / 1000;
        c.down_bytes += (next - now) * down_Bps / 1000;
        c.down_packets++;
        now = next;
        give(&s, SESSION_DUE, now);
        count(&s, SESSION_COUNTED, now, &c);
    }
    assert_in_range(s.seen.up_bytes + s.seen.down_bytes, quota, quota + up_Bps + down_Bps);
    assert_int_equal(s.cause, ACCT_CAUSE_SESSION_TIMEOUT);
}

static void a_quota_ends_the_session_within_one_interval_of_its_being_used_up(void **state)
{
    (void)state;
    use_up(100000000, 500000, 500000);
    use_up(1000000, 125000, 125000);
    use_up(5000000000, 125000000, 125000000);
    use_up(300000000, 32000, 10000000);
    use_up(1000001, 1000, 3000);
}

static void interim_records_come_at_their_interval_give_or_take_a_tenth(void **state)
{
    struct session s = online(0);
    struct gate_counters c = {0};
    uint64_t now = 0, last = 0;
    int records = 0;
    (void)state;
    while (records < 5) {
        now = session_next_ms(&s);
        c.up_packets++;
        give(&s, SESSION_DUE, now);
        if (count(&s, SESSION_COUNTED, now, &c) & SESSION_DO_INTERIM) {
            assert_in_range(now - last, 540000, 660001);
            last = now;
            records++;
        }
    }
}

static void what_the_kernel_lost_is_opened_again_and_not_counted_twice(void **state)
{
    struct session s = online(0);
    struct gate_counters c = {.down_bytes = 1000, .down_packets = 1};
    struct tag tag;
    (void)state;
    give(&s, SESSION_DUE, session_next_ms(&s));
    count(&s, SESSION_COUNTED, 300000, &c);
    assert_int_equal(give(&s, SESSION_MISSING, 300001), SESSION_DO_OPEN);
    assert_true(session_is_open(&s)); /* pages say online meanwhile */
    session_tag(&s, "duomo", &tag);
    assert_int_equal(tag.base.down_bytes, 1000);
    assert_int_equal(opened(&s, 300002, GATE_OK), SESSION_DO_SETTLE); /* no second Start */
    c.down_bytes = 7;
    count(&s, SESSION_COUNTED, 400000, &c);
    assert_int_equal(s.seen.down_bytes, 1007);
}

static void what_cannot_be_opened_again_is_accounted_for(void **state)
{
    struct session s = online(0);
    (void)state;
    give(&s, SESSION_MISSING, 1000);
    /* It may be half open in the kernel: closed, so that its last counters are in the Stop. */
    assert_int_equal(opened(&s, 1001, GATE_KERNEL), SESSION_DO_CLOSE);
    assert_int_equal(give(&s, SESSION_CLOSED, 1002), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(s.cause, ACCT_CAUSE_NAS_REQUEST);
    assert_int_equal(s.outcome, SESSION_GATE_FAILED);
    s = online(0);
    assert_int_equal(give(&s, SESSION_MISSING, 7200000), SESSION_DO_STOP | SESSION_DO_SETTLE);
}

static void the_kernels_backstop_ends_accounting_too(void **state)
{
    struct session s = online(0);
    struct gate_counters c = {.up_bytes = 9, .up_packets = 1};
    (void)state;
    assert_int_equal(count(&s, SESSION_EXPIRED, 7230000, &c), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(s.seen.up_bytes, 9);
    s = online(0);
    finish(&s, 1, ACCT_CAUSE_ADMIN_RESET);
    assert_int_equal(count(&s, SESSION_EXPIRED, 2, &c), 0); /* the CLOSE is answered all the same */
    assert_int_equal(count(&s, SESSION_CLOSED, 3, NULL), SESSION_DO_STOP | SESSION_DO_SETTLE);
    assert_int_equal(s.seen.up_bytes, 9);
}

static void a_failed_read_does_not_spin(void **state)
{
    struct session s = online(0);
    uint64_t next = session_next_ms(&s);
    (void)state;
    s.next_interim_ms = next;
    assert_int_equal(give(&s, SESSION_DUE, next), SESSION_DO_READ);
    assert_int_equal(give(&s, SESSION_DUE, next), 0); /* one at a time */
    count(&s, SESSION_COUNTED, next, NULL);
    assert_true(session_next_ms(&s) >= next + 1000);
}

static void a_kicked_phone_may_come_back(void **state)
{
    struct session s = online(0);
    (void)state;
    finish(&s, 1000, ACCT_CAUSE_ADMIN_RESET);
    count(&s, SESSION_CLOSED, 1001, &nothing);
    assert_int_equal(s.cause, ACCT_CAUSE_ADMIN_RESET);
    assert_int_equal(give(&s, SESSION_APPEARED, 1002), SESSION_DO_ASK);
}

static struct tag of(int64_t start_s, int64_t end_s)
{
    struct tag t = {.start_s = start_s, .end_s = end_s, .interim_s = 600};
    strcpy(t.id, "0011223344556677");
    strcpy(t.zone, "duomo");
    return t;
}

static void a_restart_goes_on_with_the_same_session_and_end(void **state)
{
    struct tag tag = of(1700000000, 1700007200);
    struct gate_entry e = {.timeout_s = 3630, .up_Bps = 5, .down_Bps = 7};
    struct session s = {0};
    (void)state;
    session_adopt(&s, &tag, &e, 50000000, 1700003601); /* the kernel rounds by a second */
    assert_true(session_is_open(&s));
    assert_string_equal(s.id, "0011223344556677");
    assert_int_equal(session_remaining_s(&s, 50000000), 3599);
    assert_int_equal(session_time_s(&s, 50000000), 3601);
    assert_int_equal(s.profile.down_Bps, 7);
    assert_in_range(session_next_ms(&s), 50000001, 50006000); /* counters are read soon */
}

static void a_clock_that_was_set_meanwhile_ends_nobody(void **state)
{
    struct tag tag = of(100, 7300); /* began when the router thought it was 1970 */
    struct gate_entry e = {.timeout_s = 3630};
    struct session s = {0};
    (void)state;
    session_adopt(&s, &tag, &e, 50000000, 1700000000);
    assert_int_equal(session_remaining_s(&s, 50000000), 3600);
    assert_int_equal(session_time_s(&s, 50000000), 3600);
}

static void a_session_that_ended_while_nobody_looked_is_closed(void **state)
{
    struct tag tag = of(1700000000, 1700007200);
    struct gate_entry e = {.timeout_s = 12};
    struct session s = {0};
    (void)state;
    session_adopt(&s, &tag, &e, 50000000, 1700007218);
    assert_true(session_next_ms(&s) <= 50000000);
    assert_int_equal(give(&s, SESSION_DUE, 50000000), SESSION_DO_CLOSE);
    assert_int_equal(s.cause, ACCT_CAUSE_SESSION_TIMEOUT);
}

static void no_event_in_any_state_breaks_the_rules(void **state)
{
    uint32_t r = 12345;
    struct session s = {0};
    int open_records = 0;
    (void)state;
    for (uint64_t i = 0; i < 400000; i++) {
        static const enum radius_result results[] = {RADIUS_ACCEPTED, RADIUS_REJECTED,
                                                     RADIUS_NO_ANSWER};
        struct gate_counters c = {.up_packets = i};
        r = r * 1664525 + 1013904223;
        struct session_event ev =
            at((enum session_event_kind)((r >> 8) % (SESSION_CENTRE_BACK + 1)), i * 500);
        struct radius_grant g = {.result = results[(r >> 16) % 3]};
        enum session_state was = s.state;
        ev.guest_when_down = r & 1u << 23;
        ev.at_ms = ev.now_ms + 100;
        ev.grant = &g;
        ev.counters = r & 1u << 20 ? &c : NULL;
        ev.status = r & 1u << 21 ? GATE_OK : GATE_KERNEL;
        ev.cause = r & 1u << 22 ? ACCT_CAUSE_USER_REQUEST : ACCT_CAUSE_ADMIN_RESET;
        bool asked = s.state == SESSION_ASKING || s.state == SESSION_JOINING || s.confirming;
        unsigned todo = session_step(&s, &ev);
        bool asks = s.state == SESSION_ASKING || s.state == SESSION_JOINING || s.confirming;
        /* No question is forgotten and none is put twice. */
        bool ends = todo & SESSION_DO_CANCEL || (asked && ev.kind == SESSION_ANSWERED);
        assert_int_equal(asks, (asked && !ends) || (todo & (SESSION_DO_ASK | SESSION_DO_TAP)));
        open_records += !!(todo & SESSION_DO_START) - !!(todo & SESSION_DO_STOP);
        /* Every Start has its Stop, never two; nobody waits for a device that nothing is asked
         * about. */
        assert_in_range(open_records, 0, 1);
        assert_int_equal(open_records == 1, s.state == SESSION_OPEN || s.state == SESSION_CLOSING ||
                                                (s.state == SESSION_OPENING && s.resumed));
        if (was != s.state && !session_is_settling(&s) && s.state != SESSION_OPENING)
            assert_true(todo & SESSION_DO_SETTLE);
        if (was != SESSION_OPEN && s.state == SESSION_OPEN)
            assert_int_equal(was, SESSION_OPENING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_phone_is_online_without_a_tap),
        cmocka_unit_test(an_unknown_phone_is_not_asked_about_again_and_again),
        cmocka_unit_test(a_silent_centre_is_no_rejection),
        cmocka_unit_test(a_denied_phone_is_told_why_until_it_is_let_in_again),
        cmocka_unit_test(a_tap_does_not_wait_for_the_silent_question),
        cmocka_unit_test(a_second_tap_joins_the_first),
        cmocka_unit_test(what_went_wrong_with_a_tap_is_told_apart),
        cmocka_unit_test(who_leaves_is_closed_at_once_and_not_let_back_in_silently),
        cmocka_unit_test(who_leaves_while_being_asked_about_is_not_let_in),
        cmocka_unit_test(who_leaves_while_being_opened_has_a_start_and_a_stop),
        cmocka_unit_test(a_tap_right_after_leaving_is_not_lost),
        cmocka_unit_test(a_session_ends_on_time_with_its_last_counters),
        cmocka_unit_test(idle_is_no_traffic_not_little_traffic),
        cmocka_unit_test(a_quota_ends_the_session_within_one_interval_of_its_being_used_up),
        cmocka_unit_test(interim_records_come_at_their_interval_give_or_take_a_tenth),
        cmocka_unit_test(what_the_kernel_lost_is_opened_again_and_not_counted_twice),
        cmocka_unit_test(what_cannot_be_opened_again_is_accounted_for),
        cmocka_unit_test(the_kernels_backstop_ends_accounting_too),
        cmocka_unit_test(a_failed_read_does_not_spin),
        cmocka_unit_test(a_kicked_phone_may_come_back),
        cmocka_unit_test(a_restart_goes_on_with_the_same_session_and_end),
        cmocka_unit_test(a_clock_that_was_set_meanwhile_ends_nobody),
        cmocka_unit_test(a_session_that_ended_while_nobody_looked_is_closed),
        cmocka_unit_test(no_event_in_any_state_breaks_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
