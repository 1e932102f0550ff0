/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments between machines: one moment, one text. */
#include "lib/utc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_moment_comes_back_as_it_was_written(void **state)
{
    (void)state;
    static const int64_t moments[] = {946684800, 1772348400, 1764111599, 7258118399};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        char text[UTC_LEN];
        int64_t back = 0;
        utc_write(moments[i], text);
        assert_true(utc_read(text, &back));
        assert_int_equal(back, moments[i]);
    }
    int64_t t = 0;
    assert_true(utc_read("2026-03-01T07:00Z", &t));
    assert_int_equal(t, 1772348400);
}

static void a_day_that_is_in_no_calendar_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:60Z",
        "2026-01-01 23:59:00Z", "2026-01-01T23:59:00",  "2026-01-01T23:59:00Zx",
        "1999-12-31T00:00:00Z", "2200-01-01T00:00:00Z", ""};
    int64_t t;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (utc_read(wrong[i], &t))
            fail_msg("%s was read", wrong[i]);
}

static void a_number_has_one_text(void **state)
{
    (void)state;
    uint64_t n;
    assert_true(utc_read_number("0", 10, &n));
    assert_true(utc_read_number("18446744073709551615", UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    static const char *const wrong[] = {
        "", "01", "+1", "-1", " 1", "1 ", "11", "1e0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (utc_read_number(wrong[i], 10, &n))
            fail_msg("%s was read", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_comes_back_as_it_was_written),
        cmocka_unit_test(a_day_that_is_in_no_calendar_is_refused),
        cmocka_unit_test(a_number_has_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
