/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No sum below the minimum can be read from a table, nor reckoned from its total. */
#include "noticeboard/suppress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MINIMUM = 10, ROWS = 12 };

/* What each row, and the line of the others, would show: "50/20 60/-1 +15/10(2)"; -1: not told. */
static const char *shown(const int *numbers, size_t n, size_t at_most)
{
    static char out[400];
    struct suppress_row rows[ROWS] = {{0}};
    struct suppress_others others;

    for (size_t i = 0; i < n; i++)
        rows[i] = (struct suppress_row){.displays = numbers[2 * i], .taps = numbers[2 * i + 1]};
    *out = '\0';
    if (!suppress(rows, n, MINIMUM, at_most, &others))
        return "nothing";
    for (size_t i = 0; i < n; i++)
        if (!rows[i].together)
            snprintf(out + strlen(out), sizeof out - strlen(out), "%d/%d ", (int)rows[i].displays,
                     rows[i].taps_hidden ? -1 : (int)rows[i].taps);
    if (others.n)
        snprintf(out + strlen(out), sizeof out - strlen(out), "+%d/%d(%zu)", (int)others.displays,
                 others.taps_hidden ? -1 : (int)others.taps, others.n);
    return out;
}
#define SHOWN(at_most, ...)                                                                        \
    shown((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int) / 2, at_most)

static void large_ones_are_told_as_they_are(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(9, 50, 20, 60, 30), "50/20 60/30 ");
}

static void a_small_one_takes_the_next_larger_with_it(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(9, 412, 17, 3, 1), "+415/18(2)");
    assert_string_equal(SHOWN(9, 412, 17, 3, 11, 50, 30), "412/17 +53/41(2)");
    assert_string_equal(SHOWN(9, 4, 10, 5, 10, 12, 10, 70, 10), "70/10 +21/30(3)");
    assert_string_equal(SHOWN(9, 6, 10, 7, 10, 70, 10), "70/10 +13/20(2)");
}

static void what_is_too_little_altogether_is_not_told(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(9, 9, 9), "nothing");
    assert_string_equal(SHOWN(9, 4, 1, 5, 1), "nothing");
    assert_string_equal(shown(NULL, 0, 9), "nothing");
}

static void few_taps_take_the_next_fewest_with_them(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(9, 100, 3, 90, 40, 80, 50), "100/-1 90/-1 80/50 ");
    assert_string_equal(SHOWN(9, 100, 3, 90, 2), "100/-1 90/-1 ");
    assert_string_equal(SHOWN(9, 100, 0, 90, 20, 80, 30), "100/-1 90/-1 80/30 ");
}

static void a_long_table_ends_with_the_others(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(2, 50, 20, 40, 20, 30, 20, 20, 20), "50/20 40/20 +50/40(2)");
    assert_string_equal(SHOWN(3, 50, 20, 40, 20, 30, 20, 20, 20), "50/20 40/20 +50/40(2)");
}

/* Whoever knows the total subtracts what is told: the rest is nothing, or no small sum and no
 * single row's. */
static void reckon(const struct suppress_row *rows, size_t n, const struct suppress_others *others)
{
    int64_t displays = 0, taps = 0;
    size_t hidden = others->n > 0 && others->taps_hidden, lines = others->n > 0;

    for (size_t i = 0; i < n; i++) {
        assert_true(rows[i].together || rows[i].displays >= MINIMUM);
        assert_true(rows[i].together || rows[i].taps_hidden || rows[i].taps >= MINIMUM);
        displays += rows[i].together ? rows[i].displays : 0;
        taps += !rows[i].together && rows[i].taps_hidden ? rows[i].taps : 0;
        hidden += !rows[i].together && rows[i].taps_hidden;
        lines += !rows[i].together;
    }
    taps += others->n && others->taps_hidden ? others->taps : 0;
    assert_true(others->n != 1 && displays == others->displays);
    assert_true(!others->n || displays >= MINIMUM);
    assert_true(!hidden || hidden == lines || (hidden >= 2 && taps >= MINIMUM));
}

static void nothing_can_be_reckoned_from_any_table(void **state)
{
    (void)state;
    srand(6);
    for (int round = 0; round < 20000; round++) {
        struct suppress_row rows[ROWS] = {{0}};
        struct suppress_others others;
        size_t n = (size_t)rand() % ROWS + 1;
        int range = 1 + rand() % 60;
        for (size_t i = 0; i < n; i++) {
            rows[i].displays = rand() % range;
            rows[i].taps = rand() % (1 + rand() % 40);
        }
        if (suppress(rows, n, MINIMUM, 1 + (size_t)rand() % ROWS, &others))
            reckon(rows, n, &others);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_ones_are_told_as_they_are),
        cmocka_unit_test(a_small_one_takes_the_next_larger_with_it),
        cmocka_unit_test(what_is_too_little_altogether_is_not_told),
        cmocka_unit_test(few_taps_take_the_next_fewest_with_them),
        cmocka_unit_test(a_long_table_ends_with_the_others),
        cmocka_unit_test(nothing_can_be_reckoned_from_any_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
