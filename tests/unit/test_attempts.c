/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of wrong passwords. */
#include "radius-module/attempts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t ada[ATTEMPTS_KEY_LEN] = {1}, bruno[ATTEMPTS_KEY_LEN] = {2};

static void after_so_many_wrong_ones_no_more_are_tried_until_the_window_is_over(void **state)
{
    struct attempts *a = attempts_new(10, 3, 60);
    (void)state;
    assert_true(attempts_take(a, ada, 1000));
    assert_true(attempts_take(a, ada, 2000));
    assert_true(attempts_take(a, ada, 60000));
    assert_false(attempts_take(a, ada, 60999));
    assert_true(attempts_take(a, bruno, 60999));
    assert_true(attempts_take(a, ada, 61000));
    attempts_free(a);
}

static void what_was_not_wrong_is_not_counted(void **state)
{
    struct attempts *a = attempts_new(10, 2, 60);
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(attempts_take(a, ada, 1000));
        attempts_give_back(a, ada);
    }
    attempts_give_back(a, ada); /* once too often */
    assert_true(attempts_take(a, ada, 1000));
    assert_true(attempts_take(a, ada, 1000));
    assert_false(attempts_take(a, ada, 1000));
    attempts_free(a);
}

static void many_at_once_are_no_way_round(void **state)
{
    struct attempts *a = attempts_new(10, 5, 60);
    int taken = 0;
    (void)state;
    for (int i = 0; i < 50; i++)
        taken += attempts_take(a, ada, 1000); /* none of them has its outcome yet */
    assert_int_equal(taken, 5);
    attempts_free(a);
}

static void the_memory_is_bounded_and_the_oldest_goes_first(void **state)
{
    struct attempts *a = attempts_new(2, 1, 60);
    uint8_t key[ATTEMPTS_KEY_LEN] = {0};
    (void)state;
    assert_true(attempts_take(a, ada, 1000));
    assert_true(attempts_take(a, bruno, 1001));
    key[15] = 9;
    assert_true(attempts_take(a, key, 1002));
    assert_false(attempts_take(a, bruno, 1003));
    assert_true(attempts_take(a, ada, 1003));
    attempts_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_so_many_wrong_ones_no_more_are_tried_until_the_window_is_over),
        cmocka_unit_test(what_was_not_wrong_is_not_counted),
        cmocka_unit_test(many_at_once_are_no_way_round),
        cmocka_unit_test(the_memory_is_bounded_and_the_oldest_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
