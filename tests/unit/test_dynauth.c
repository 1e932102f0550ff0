/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the centre asks of a router, word by word: RFC 5176's answers to each wrong request. */
#include "portal/dynauth.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "a-secret"
static const uint8_t nobody[16];

static struct radius_packet begun(enum radius_code code)
{
    struct radius_packet p;
    radius_begin(&p, code, 7, nobody);
    return p;
}

static enum dynauth_cause read(struct radius_packet *p, struct dynauth_request *out)
{
    assert_true(radius_sign(p, SECRET));
    assert_int_equal(radius_check_request(p->data, p->len, SECRET), RADIUS_FINE);
    return dynauth_read(p->data, p->len, "router", out);
}

static void a_session_is_named_by_its_id_alone(void **state)
{
    struct radius_packet p = begun(RADIUS_DISCONNECT_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_ACCT_SESSION_ID, "0123456789abcdef");
    assert_int_equal(read(&p, &r), DYNAUTH_FINE);
    assert_true(r.disconnect && !r.has_mac && !r.has_time);
    assert_string_equal(r.session_id, "0123456789abcdef");
}

static void what_a_server_may_add_does_no_harm(void **state)
{
    struct radius_packet p = begun(RADIUS_DISCONNECT_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_USER_NAME, "maria@comune");
    radius_add_text(&p, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-01");
    radius_add_text(&p, RADIUS_CALLED_STATION_ID, "AA-BB-CC-DD-EE-FF:duomo");
    radius_add_text(&p, RADIUS_NAS_PORT_ID, "duomo");
    radius_add_text(&p, RADIUS_NAS_IDENTIFIER, "router");
    radius_add(&p, 0, RADIUS_NAS_IP_ADDRESS, "\xc0\0\2\1", 4);
    radius_add_text(&p, RADIUS_CLASS, "class");
    radius_add_text(&p, RADIUS_CUI, "somebody");
    radius_add_text(&p, 33, "proxy");
    radius_add_u32(&p, RADIUS_ACCT_TERMINATE_CAUSE, 6);
    radius_add_u32(&p, RADIUS_EVENT_TIMESTAMP, 1800000000);
    assert_int_equal(read(&p, &r), DYNAUTH_FINE);
    assert_true(r.has_mac && r.has_time);
    assert_int_equal(r.time_s, 1800000000);
    assert_int_equal(r.cui_len, 8);
    assert_int_equal(r.nas_ip_len, 0); /* behind NAT it is not ours; the name is */
}

static void without_a_name_the_address_must_be_ours(void **state)
{
    struct radius_packet p = begun(RADIUS_DISCONNECT_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_ACCT_SESSION_ID, "x");
    radius_add(&p, 0, RADIUS_NAS_IP_ADDRESS, "\xc0\0\2\1", 4);
    assert_int_equal(read(&p, &r), DYNAUTH_FINE);
    assert_int_equal(r.nas_ip_len, 4);
    assert_memory_equal(r.nas_ip, "\xc0\0\2\1", 4);
}

static enum dynauth_cause with(enum radius_code code, uint8_t type, const void *value, size_t len)
{
    struct radius_packet p = begun(code);
    struct dynauth_request r;
    radius_add_text(&p, RADIUS_ACCT_SESSION_ID, "x");
    radius_add(&p, 0, type, value, len);
    return read(&p, &r);
}

static void every_wrong_request_gets_its_own_reason(void **state)
{
    const enum radius_code end = RADIUS_DISCONNECT_REQUEST, change = RADIUS_COA_REQUEST;
    struct radius_packet p = begun(end);
    struct dynauth_request r;
    (void)state;
    assert_int_equal(read(&p, &r), DYNAUTH_MISSING_ATTRIBUTE); /* whom? */
    assert_int_equal(with(end, RADIUS_NAS_IDENTIFIER, "route", 5), DYNAUTH_NAS_MISMATCH);
    assert_int_equal(with(end, RADIUS_NAS_IDENTIFIER, "router2", 7), DYNAUTH_NAS_MISMATCH);
    assert_int_equal(with(end, RADIUS_FRAMED_IP_ADDRESS, "\12\0\0\1", 4),
                     DYNAUTH_UNSUPPORTED_ATTRIBUTE);
    assert_int_equal(with(end, RADIUS_SERVICE_TYPE, "\0\0\0\21", 4), DYNAUTH_UNSUPPORTED_SERVICE);
    assert_int_equal(with(end, 24, "state", 5), DYNAUTH_UNSUPPORTED_SERVICE);
    assert_int_equal(with(end, 79, "eap", 3), DYNAUTH_UNSUPPORTED_ATTRIBUTE);
    assert_int_equal(with(end, 26, "\0\0\0\11vendor", 10), DYNAUTH_UNSUPPORTED_ATTRIBUTE);
    assert_int_equal(with(end, RADIUS_SESSION_TIMEOUT, "\0\0\0\11", 4),
                     DYNAUTH_UNSUPPORTED_ATTRIBUTE);
    assert_int_equal(with(end, RADIUS_CALLING_STATION_ID, "nobody", 6), DYNAUTH_INVALID_VALUE);
    assert_int_equal(with(end, RADIUS_CALLING_STATION_ID, "01-00-00-00-00-01", 17),
                     DYNAUTH_INVALID_VALUE); /* a group, not a device */
    assert_int_equal(with(end, RADIUS_EVENT_TIMESTAMP, "\0", 1), DYNAUTH_INVALID_VALUE);
    assert_int_equal(with(end, RADIUS_NAS_IP_ADDRESS, "\0\0\0", 3), DYNAUTH_INVALID_VALUE);
    assert_int_equal(with(end, RADIUS_ACCT_SESSION_ID, "y", 1), DYNAUTH_INVALID_REQUEST);
    assert_int_equal(with(change, RADIUS_CLASS, "y", 1), DYNAUTH_MISSING_ATTRIBUTE); /* to what? */
    assert_int_equal(with(change, RADIUS_SESSION_TIMEOUT, "\0\11", 2), DYNAUTH_INVALID_VALUE);
    assert_int_equal(with(change, RADIUS_SESSION_TIMEOUT, "\0\0\0\11", 4), DYNAUTH_FINE);
}

static void a_request_for_another_router_is_told_so_whatever_else_is_wrong(void **state)
{
    struct radius_packet p = begun(RADIUS_DISCONNECT_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_CALLING_STATION_ID, "nobody");
    radius_add_text(&p, RADIUS_NAS_IDENTIFIER, "another");
    assert_int_equal(read(&p, &r), DYNAUTH_NAS_MISMATCH);
}

static void two_devices_in_one_request_are_nobody(void **state)
{
    struct radius_packet p = begun(RADIUS_DISCONNECT_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_USER_NAME, "02-00-00-00-00-02");
    radius_add_text(&p, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-01");
    assert_int_equal(read(&p, &r), DYNAUTH_NOT_FOUND);
}

static void a_change_says_what_it_changes(void **state)
{
    struct radius_packet p = begun(RADIUS_COA_REQUEST);
    struct dynauth_request r;
    (void)state;
    radius_add_text(&p, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-01");
    radius_add_u32(&p, RADIUS_SESSION_TIMEOUT, 600);
    radius_add_u32(&p, RADIUS_IDLE_TIMEOUT, 0);
    radius_add(&p, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, "\0\1\0\0", 4);
    assert_int_equal(read(&p, &r), DYNAUTH_FINE);
    assert_false(r.disconnect);
    assert_true(r.change.has_session && r.change.has_idle && r.change.has_down);
    assert_false(r.change.has_up || r.change.has_quota || r.change.has_interim);
    assert_int_equal(r.change.session_s, 600);
    assert_int_equal(r.change.idle_s, 0);
    assert_int_equal(r.change.down_Bps, 8192);
}

static void the_answer_is_signed_says_why_and_gives_proxy_states_back(void **state)
{
    static const struct {
        enum radius_code asked;
        enum dynauth_cause cause;
        enum radius_code answered;
    } rows[] = {{RADIUS_DISCONNECT_REQUEST, DYNAUTH_FINE, RADIUS_DISCONNECT_ACK},
                {RADIUS_DISCONNECT_REQUEST, DYNAUTH_NOT_FOUND, RADIUS_DISCONNECT_NAK},
                {RADIUS_COA_REQUEST, DYNAUTH_FINE, RADIUS_COA_ACK},
                {RADIUS_COA_REQUEST, DYNAUTH_RESOURCES, RADIUS_COA_NAK}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct radius_packet p = begun(rows[i].asked), answer;
        struct radius_attr_view a;
        uint32_t cause = 0;
        radius_add_text(&p, 33, "one");
        radius_add_text(&p, RADIUS_ACCT_SESSION_ID, "x");
        radius_add_text(&p, 33, "two");
        radius_sign(&p, SECRET);
        assert_true(dynauth_answer(&answer, p.data, p.len, rows[i].cause, SECRET));
        assert_int_equal(answer.data[0], rows[i].answered);
        assert_int_equal(answer.data[1], 7);
        assert_int_equal(radius_check_reply(answer.data, answer.len, p.data + 4, SECRET),
                         RADIUS_FINE);
        assert_true(radius_find(answer.data, answer.len, 0, RADIUS_MESSAGE_AUTHENTICATOR, &a));
        radius_get_u32(answer.data, answer.len, 0, RADIUS_ERROR_CAUSE, &cause);
        assert_int_equal(cause, rows[i].cause);
        size_t at = 0, proxies = 0;
        while (radius_next(answer.data, answer.len, &at, &a))
            if (a.type == 33)
                assert_memory_equal(a.value, proxies++ ? "two" : "one", 3);
        assert_int_equal(proxies, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_named_by_its_id_alone),
        cmocka_unit_test(what_a_server_may_add_does_no_harm),
        cmocka_unit_test(without_a_name_the_address_must_be_ours),
        cmocka_unit_test(every_wrong_request_gets_its_own_reason),
        cmocka_unit_test(a_request_for_another_router_is_told_so_whatever_else_is_wrong),
        cmocka_unit_test(two_devices_in_one_request_are_nobody),
        cmocka_unit_test(a_change_says_what_it_changes),
        cmocka_unit_test(the_answer_is_signed_says_why_and_gives_proxy_states_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
