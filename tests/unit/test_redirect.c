/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captive redirects: words of strangers come back in a header. */
#include "portal/redirect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_portal_knows_its_own_name(void **state)
{
    (void)state;
    assert_true(redirect_is_portal("wifi.prato.example", "wifi.prato.example"));
    assert_true(redirect_is_portal("WiFi.Prato.Example", "wifi.prato.example"));
    assert_true(redirect_is_portal("wifi.prato.example.", "wifi.prato.example"));
    assert_true(redirect_is_portal("wifi.prato.example:80", "wifi.prato.example"));
    assert_false(redirect_is_portal(NULL, "wifi.prato.example"));
    assert_false(redirect_is_portal("", "wifi.prato.example"));
    assert_false(redirect_is_portal("wifi.prato.example.evil.example", "wifi.prato.example"));
    assert_false(redirect_is_portal("wifi.prato.example:80x", "wifi.prato.example"));
    assert_false(redirect_is_portal("xwifi.prato.example", "wifi.prato.example"));
    assert_false(redirect_is_portal("10.80.0.1", "wifi.prato.example"));
}

static void a_phone_that_is_online_gets_the_true_answer_of_its_probe(void **state)
{
    char url[REDIRECT_MAX_URL];
    (void)state;
    assert_true(redirect_to_itself("captive.apple.com", "/hotspot-detect.html", url, sizeof url));
    assert_string_equal(url, "http://captive.apple.com/hotspot-detect.html");
    assert_true(redirect_to_itself("www.msftconnecttest.com:80", "/a?b=c&d=%20", url, sizeof url));
    assert_string_equal(url, "http://www.msftconnecttest.com:80/a?b=c&d=%20");
    assert_true(redirect_to_itself("[2001:db8::1]:8080", "/", url, sizeof url));
    assert_string_equal(url, "http://[2001:db8::1]:8080/");
}

static void no_header_can_be_smuggled_through_a_redirect(void **state)
{
    static const struct {
        const char *host, *target;
    } bad[] = {
        {NULL, "/"},
        {"a.example", NULL},
        {"", "/"},
        {"a.example", ""},
        {"a.example\r\nSet-Cookie: x=1", "/"},
        {"a.example", "/\r\nSet-Cookie: x=1"},
        {"a.example", "/a b"},
        {"a.example", "/\"><script>"},
        {"a.example", "/\xc3\xa8"},
        {"a.example", "http://evil.example/"},
        {"a.example", "*"},
        {"user@a.example", "/"},
        {"a.example/evil", "/"},
        {"a.example?x", "/"},
        {"a.example:", "/"},
        {"a.example:123456", "/"},
        {"a.example:80:80", "/"},
        {"-a.example", "/"},
        {"[2001:db8::1", "/"},
        {"[2001:db8::1]x", "/"},
        {"\xd0\xb0.example", "/"},
    };
    char url[REDIRECT_MAX_URL];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (redirect_to_itself(bad[i].host, bad[i].target, url, sizeof url))
            fail_msg("row %zu gave %s", i, url);
        assert_string_equal(url, "");
    }
}

static void a_very_long_request_is_not_repeated(void **state)
{
    static char host[400], target[5000], url[REDIRECT_MAX_URL];
    (void)state;
    memset(host, 'a', sizeof host - 1);
    memset(target, 'a', sizeof target - 1);
    target[0] = '/';
    assert_false(redirect_to_itself(host, "/", url, sizeof url));
    assert_false(redirect_to_itself("a.example", target, url, sizeof url));
    target[REDIRECT_MAX_URL - 5] = 0; /* fits alone, but not with its host */
    assert_false(redirect_to_itself("a.example", target, url, sizeof url));
    assert_string_equal(url, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_portal_knows_its_own_name),
        cmocka_unit_test(a_phone_that_is_online_gets_the_true_answer_of_its_probe),
        cmocka_unit_test(no_header_can_be_smuggled_through_a_redirect),
        cmocka_unit_test(a_very_long_request_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
