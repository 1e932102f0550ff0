/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form token: what would let a stranger's page tap for a citizen, or keep a citizen's tap out.
 */
#include "portal/token.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[TOKEN_KEY_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
static const struct mac phone = {{2, 0, 0, 0, 0, 1}}, other_phone = {{2, 0, 0, 0, 0, 2}};

static void a_tap_on_a_fresh_page_counts_and_so_does_the_second_post(void **state)
{
    char token[TOKEN_LEN];
    (void)state;
    token_make(key, &phone, "2026-1", 5000, token);
    assert_int_equal(strlen(token), TOKEN_LEN - 1);
    assert_true(token_check(key, &phone, "2026-1", 5000, token));
    assert_true(token_check(key, &phone, "2026-1", 5001, token));
    assert_true(token_check(key, &phone, "2026-1", 5000 + TOKEN_LIFETIME_S, token));
}

static void a_page_of_yesterday_does_not_tap(void **state)
{
    char token[TOKEN_LEN];
    (void)state;
    token_make(key, &phone, "2026-1", 5000, token);
    assert_false(token_check(key, &phone, "2026-1", 5001 + TOKEN_LIFETIME_S, token));
    assert_false(token_check(key, &phone, "2026-1", 4999, token)); /* nor one of tomorrow */
}

static void one_phone_cannot_tap_for_another(void **state)
{
    char token[TOKEN_LEN];
    (void)state;
    token_make(key, &phone, "2026-1", 5000, token);
    assert_false(token_check(key, &other_phone, "2026-1", 5000, token));
}

static void old_terms_cannot_be_accepted_once_there_are_new_ones(void **state)
{
    char token[TOKEN_LEN];
    (void)state;
    token_make(key, &phone, "2026-1", 5000, token);
    assert_false(token_check(key, &phone, "2026-2", 5000, token));
}

static void another_routers_key_does_not_open_this_one(void **state)
{
    char token[TOKEN_LEN];
    uint8_t other[TOKEN_KEY_LEN];
    (void)state;
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    token_make(other, &phone, "2026-1", 5000, token);
    assert_false(token_check(key, &phone, "2026-1", 5000, token));
}

static void every_changed_character_is_noticed(void **state)
{
    char token[TOKEN_LEN], bad[TOKEN_LEN];
    (void)state;
    token_make(key, &phone, "2026-1", 5000, token);
    /* The last character's two lowest bits carry nothing: RFC 4648 wants them zero or ignored. */
    for (size_t i = 0; i < TOKEN_LEN - 1; i++) {
        memcpy(bad, token, sizeof bad);
        bad[i] = bad[i] == 'A' ? 'Q' : 'A';
        if (bad[i] != token[i])
            assert_false(token_check(key, &phone, "2026-1", 5000, bad));
    }
}

static void what_is_no_token_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                      "../../../../../../etc/passw",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAA\xff"};
    (void)state;
    assert_false(token_check(key, &phone, "2026-1", 5000, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(token_check(key, &phone, "2026-1", 5000, bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tap_on_a_fresh_page_counts_and_so_does_the_second_post),
        cmocka_unit_test(a_page_of_yesterday_does_not_tap),
        cmocka_unit_test(one_phone_cannot_tap_for_another),
        cmocka_unit_test(old_terms_cannot_be_accepted_once_there_are_new_ones),
        cmocka_unit_test(another_routers_key_does_not_open_this_one),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
