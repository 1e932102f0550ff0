/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an answer grants, and what a question says. */
#include "lib/config.h"
#include "portal/radius_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct radius_packet p;

static void begin(void)
{
    static const uint8_t zeros[16];

    radius_begin(&p, RADIUS_ACCESS_ACCEPT, 0, zeros);
}

static void add_vendor_u32(uint32_t vendor, uint8_t type, uint32_t v)
{
    uint8_t wire[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    radius_add(&p, vendor, type, wire, sizeof wire);
}

static struct radius_grant read_grant(void)
{
    struct radius_grant g;

    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_FINE);
    radius_grant_read(p.data, p.len, &g);
    return g;
}

static void bare_accept_leaves_all_to_the_configuration(void **state)
{
    (void)state;
    begin();
    struct radius_grant g = read_grant();
    assert_false(g.has_session || g.has_idle || g.has_interim || g.has_up || g.has_down ||
                 g.has_quota);
    assert_string_equal(g.reason, "");
    assert_int_equal(g.class_len + g.cui_len, 0);
}

static void slip_of_an_admin_is_brought_into_range(void **state)
{
    (void)state;
    begin();
    radius_add_u32(&p, RADIUS_SESSION_TIMEOUT, UINT32_MAX);
    radius_add_u32(&p, RADIUS_IDLE_TIMEOUT, 99999999);
    radius_add_u32(&p, RADIUS_ACCT_INTERIM_INTERVAL, 1);
    add_vendor_u32(RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, 3);
    add_vendor_u32(RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, UINT32_MAX);
    struct radius_grant g = read_grant();
    assert_true(g.has_session && g.has_idle && g.has_interim && g.has_up && g.has_down);
    assert_int_equal(g.session_s, 31 * 86400);
    assert_int_equal(g.idle_s, 31 * 86400);
    assert_int_equal(g.interim_s, 60);
    assert_int_equal(g.up_Bps, 1000); /* and not 0, which would be no cap at all */
    assert_int_equal(g.down_Bps, UINT32_MAX / 8);
}

static void zero_means_what_the_trade_means_by_it(void **state)
{
    (void)state;
    begin();
    radius_add_u32(&p, RADIUS_SESSION_TIMEOUT, 0);
    radius_add_u32(&p, RADIUS_IDLE_TIMEOUT, 0);
    radius_add_u32(&p, RADIUS_ACCT_INTERIM_INTERVAL, 0);
    add_vendor_u32(RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, 0);
    struct radius_grant g = read_grant();
    assert_false(g.has_session); /* the profile's own */
    assert_false(g.has_interim);
    assert_true(g.has_idle && g.idle_s == 0); /* none, said explicitly */
    assert_true(g.has_up && g.up_Bps == 0);
}

static void quota_has_64_bits(void **state)
{
    (void)state;
    begin();
    add_vendor_u32(RADIUS_VENDOR_CHILLISPOT, RADIUS_CHILLI_MAX_TOTAL_OCTETS, 5);
    add_vendor_u32(RADIUS_VENDOR_CHILLISPOT, RADIUS_CHILLI_MAX_TOTAL_GIGAWORDS, 3);
    struct radius_grant g = read_grant();
    assert_true(g.has_quota);
    assert_true(g.quota_bytes == (UINT64_C(3) << 32) + 5);
}

static void value_of_a_wrong_length_counts_as_not_sent(void **state)
{
    static const uint8_t three[3] = {0, 0, 9}, big[65] = {1};

    (void)state;
    begin();
    radius_add(&p, 0, RADIUS_SESSION_TIMEOUT, three, sizeof three);
    radius_add(&p, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, three, sizeof three);
    radius_add(&p, 0, RADIUS_CLASS, big, sizeof big);
    radius_add(&p, 0, RADIUS_CUI, big, 64);
    struct radius_grant g = read_grant();
    assert_false(g.has_session || g.has_up);
    assert_int_equal(g.class_len, 0);
    assert_int_equal(g.cui_len, 64);
}

static void long_reason_is_cut_between_characters(void **state)
{
    char text[254];

    (void)state;
    begin();
    radius_add_text(&p, RADIUS_REPLY_MESSAGE, "so");
    radius_add_text(&p, RADIUS_REPLY_MESSAGE, "speso");
    assert_string_equal(read_grant().reason, "sospeso");
    for (size_t lead = 0; lead < 4; lead++) {
        begin();
        snprintf(
            text, sizeof text, "%.*s", (int)(250 + lead),
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "a");
        radius_add_text(&p, RADIUS_REPLY_MESSAGE, text);
        radius_add_text(&p, RADIUS_REPLY_MESSAGE, "\xe4\xb8\xad\xe6\x96\x87");
        struct radius_grant g = read_grant();
        size_t want = lead == 0 ? 253 : 250 + lead;
        assert_int_equal(strlen(g.reason), want);
    }
}

static void assert_text(uint8_t type, const char *want)
{
    struct radius_attr_view a;

    if (want == NULL) {
        assert_false(radius_find(p.data, p.len, 0, type, &a));
        return;
    }
    assert_true(radius_find(p.data, p.len, 0, type, &a));
    assert_int_equal(a.len, strlen(want));
    assert_memory_equal(a.value, want, a.len);
}

static void assert_service(uint32_t want)
{
    uint32_t v;

    assert_true(radius_get_u32(p.data, p.len, 0, RADIUS_SERVICE_TYPE, &v));
    assert_int_equal(v, want);
}

static void questions_say_what_the_wire_table_says(void **state)
{
    const struct conf conf = {.nas_identifier = (char *)"duomo-1"};
    struct radius_ask ask = {.kind = RADIUS_TAP,
                             .mac = {{2, 0, 0, 0xab, 0xcd, 0xef}},
                             .called_station = "02-00-00-00-00-01:piazza",
                             .zone = "piazza",
                             .terms_id = "2026-1",
                             .lang = "zh-hans",
                             .acct_session_id = "5e"};
    char mac[MAC_TEXT_LEN];
    const char *password;

    (void)state;
    assert_true(radius_request_begin(&p, &conf, &ask, mac, &password));
    assert_service(2);
    assert_string_equal(password, "02-00-00-AB-CD-EF");
    assert_text(RADIUS_USER_NAME, "02-00-00-AB-CD-EF");
    assert_text(RADIUS_CALLING_STATION_ID, "02-00-00-AB-CD-EF");
    assert_text(RADIUS_CALLED_STATION_ID, "02-00-00-00-00-01:piazza");
    assert_text(RADIUS_NAS_IDENTIFIER, "duomo-1");
    assert_text(RADIUS_NAS_PORT_ID, "piazza");
    assert_text(RADIUS_ACCT_SESSION_ID, "5e");
    assert_text(RADIUS_CONNECT_INFO, "terms=2026-1 lang=zh-hans");
    ask.kind = RADIUS_SILENT;
    assert_true(radius_request_begin(&p, &conf, &ask, mac, &password));
    assert_service(10);
    assert_text(RADIUS_CONNECT_INFO, NULL);
    ask.kind = RADIUS_FORGET;
    assert_true(radius_request_begin(&p, &conf, &ask, mac, &password));
    assert_service(10);
    assert_text(RADIUS_CONNECT_INFO, "forget");
    ask.kind = RADIUS_PASSWORD;
    ask.user = "anna@comune";
    ask.password = "segreto";
    assert_true(radius_request_begin(&p, &conf, &ask, mac, &password));
    assert_service(1);
    assert_text(RADIUS_USER_NAME, "anna@comune");
    assert_text(RADIUS_CALLING_STATION_ID, "02-00-00-AB-CD-EF");
    assert_string_equal(password, "segreto");
}

static void name_that_radius_cannot_carry_is_refused_and_not_cut(void **state)
{
    const struct conf conf = {0};
    char mac[MAC_TEXT_LEN], name[300];
    const char *password;
    struct radius_ask ask = {.kind = RADIUS_PASSWORD, .user = name, .password = "x"};

    (void)state;
    memset(name, 'n', sizeof name);
    name[254] = '\0';
    assert_false(radius_request_begin(&p, &conf, &ask, mac, &password));
    name[253] = '\0';
    assert_true(radius_request_begin(&p, &conf, &ask, mac, &password));
    name[0] = '\0';
    assert_false(radius_request_begin(&p, &conf, &ask, mac, &password));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_accept_leaves_all_to_the_configuration),
        cmocka_unit_test(slip_of_an_admin_is_brought_into_range),
        cmocka_unit_test(zero_means_what_the_trade_means_by_it),
        cmocka_unit_test(quota_has_64_bits),
        cmocka_unit_test(value_of_a_wrong_length_counts_as_not_sent),
        cmocka_unit_test(long_reason_is_cut_between_characters),
        cmocka_unit_test(questions_say_what_the_wire_table_says),
        cmocka_unit_test(name_that_radius_cannot_carry_is_refused_and_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
