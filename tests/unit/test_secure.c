/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the secure pages rest on: the API's words, the bound on wrong passwords, the facts of the
 * privacy page. */
#include "lib/config.h"
#include "lib/log.h"
#include "portal/api.h"
#include "portal/limit.h"
#include "portal/privacy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void says(const struct api_state *s, const char *expected)
{
    char *text = api_json(s);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void a_captive_phone_is_told_where_to_go_and_no_numbers(void **state)
{
    (void)state;
    struct api_state s = {
        .portal_name = "wifi.prato.example", .captive = true, .has_seconds = true, .seconds = 7};
    says(&s, "{\"captive\":true,\"user-portal-url\":\"https://wifi.prato.example/\","
             "\"venue-info-url\":\"https://wifi.prato.example/news\"}");
}

static void a_phone_that_is_online_is_told_what_it_has_left(void **state)
{
    (void)state;
    struct api_state s = {.portal_name = "w.example", .has_seconds = true, .seconds = 326};
    says(&s, "{\"captive\":false,\"user-portal-url\":\"https://w.example/\","
             "\"venue-info-url\":\"https://w.example/news\",\"can-extend-session\":false,"
             "\"seconds-remaining\":326}");
    s.has_seconds = false;
    s.has_bytes = true;
    s.bytes = UINT64_MAX; /* no phone reads it as a negative number */
    says(&s, "{\"captive\":false,\"user-portal-url\":\"https://w.example/\","
             "\"venue-info-url\":\"https://w.example/news\",\"can-extend-session\":false,"
             "\"bytes-remaining\":9223372036854775807}");
}

static void the_longest_name_fits_into_what_phones_read(void **state)
{
    char name[256];
    (void)state;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    char *text = api_json(&(struct api_state){.portal_name = name});
    assert_non_null(text);
    assert_true(strlen(text) <= API_MAX_BYTES);
    assert_non_null(strstr(text, "aaa/news\""));
    free(text);
}

enum { MAX = 5, WINDOW = 600000 };

static void the_sixth_guess_waits_until_the_first_is_forgotten(void **state)
{
    struct limit l = {0};
    (void)state;
    for (int i = 0; i < MAX; i++)
        assert_true(limit_take(&l, 1000 + (uint64_t)i, MAX, WINDOW));
    assert_false(limit_take(&l, 2000, MAX, WINDOW));
    assert_int_equal(limit_wait_ms(&l, 2000, MAX, WINDOW), 1000 + WINDOW - 2000);
    assert_false(limit_take(&l, 1000 + WINDOW - 1, MAX, WINDOW));
    assert_true(limit_take(&l, 1000 + WINDOW, MAX, WINDOW));
    assert_int_equal(limit_wait_ms(&l, 1000 + WINDOW, MAX, WINDOW), 0);
}

static void who_types_it_right_or_meets_a_dead_centre_uses_up_nothing(void **state)
{
    struct limit l = {0};
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_true(limit_take(&l, (uint64_t)i, MAX, WINDOW));
        limit_give_back(&l);
    }
    limit_give_back(&l);
    assert_int_equal(l.n, 0);
}

static void the_privacy_page_follows_the_configuration(void **state)
{
    struct conf c = {.has_radius = true, .guest = {.session_s = 10, .idle_s = 20, .interim_s = 30}};
    struct page_privacy f;
    (void)state;
    c.guest.pass_s = 40;
    c.privacy.retention_s = 50;
    c.privacy.controller = (char *)(uintptr_t) "Comune";
    log_open("test", LOG_INFO);
    privacy_facts(&c, &c.guest, true, &f);
    assert_true(f.centre && f.old_accounts && !f.detailed_log);
    assert_int_equal(f.session_s, 10);
    assert_int_equal(f.idle_s, 20);
    assert_int_equal(f.interim_s, 30);
    assert_int_equal(f.retention_s, 50);
    assert_int_equal(f.pass_s, 0);
    assert_ptr_equal(f.controller, c.privacy.controller);
    assert_false(f.counted);
    c.has_radius = false;
    c.has_board = true;
    c.board.token_file = (char *)(uintptr_t) "/token";
    log_open("test", LOG_DEBUG);
    privacy_facts(&c, &c.guest, true, &f);
    assert_true(!f.centre && !f.old_accounts && f.detailed_log);
    assert_true(f.counted);
    assert_int_equal(f.pass_s, 40);
    assert_int_equal(f.retention_s, 0);
    assert_int_equal(f.interim_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_captive_phone_is_told_where_to_go_and_no_numbers),
        cmocka_unit_test(a_phone_that_is_online_is_told_what_it_has_left),
        cmocka_unit_test(the_longest_name_fits_into_what_phones_read),
        cmocka_unit_test(the_sixth_guess_waits_until_the_first_is_forgotten),
        cmocka_unit_test(who_types_it_right_or_meets_a_dead_centre_uses_up_nothing),
        cmocka_unit_test(the_privacy_page_follows_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
