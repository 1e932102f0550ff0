/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/buf.h"
#include "portal/histogram.h"
#include "portal/metrics_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_duration_is_counted_in_the_smallest_bucket_that_holds_it(void **state)
{
    struct histogram h = {0};
    (void)state;
    histogram_add(&h, 0);
    histogram_add(&h, 2500); /* a bound belongs to its bucket */
    histogram_add(&h, 2501);
    histogram_add(&h, 10000001);
    assert_int_equal(h.counts[0], 2);
    assert_int_equal(h.counts[1], 1);
    assert_int_equal(h.counts[HISTOGRAM_BUCKETS - 1], 1);
    assert_int_equal(h.sum_us, 10005002);
}

static void test_buckets_are_cumulative_and_grow(void **state)
{
    struct histogram h = {0};
    (void)state;
    for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++)
        assert_true(histogram_bound_us(i) > histogram_bound_us(i - 1));
    assert_true(histogram_bound_us(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++)
        histogram_add(&h, histogram_bound_us(i));
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++)
        assert_int_equal(histogram_up_to(&h, i), i + 1);
    assert_int_equal(histogram_up_to(&h, HISTOGRAM_BUCKETS - 1), HISTOGRAM_BUCKETS - 1);
}

static void test_a_sum_that_is_full_stays_full_and_the_longest_time_is_counted(void **state)
{
    struct histogram h = {.sum_us = UINT64_MAX - 1};
    (void)state;
    histogram_add(&h, UINT64_MAX);
    assert_true(h.sum_us == UINT64_MAX);
    assert_int_equal(h.counts[HISTOGRAM_BUCKETS - 1], 1);
}

static void test_a_servers_name_cannot_forge_a_sample(void **state)
{
    struct buf b;
    const struct metrics_label labels[] = {{"server", "a\"} 1\nfake 2\\"}, {NULL, NULL}};
    (void)state;
    buf_init(&b, 4096);
    metrics_family(&b, "loggia_x", "gauge", "Help.");
    metrics_sample(&b, "loggia_x", labels, 7);
    metrics_sample(&b, "loggia_x", NULL, UINT64_MAX);
    assert_string_equal(b.data, "# HELP loggia_x Help.\n# TYPE loggia_x gauge\n"
                                "loggia_x{server=\"a\\\"} 1\\nfake 2\\\\\"} 7\n"
                                "loggia_x 18446744073709551615\n");
    buf_free(&b);
}

static void test_seconds_are_written_with_a_point_and_six_places(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    metrics_sample_us(&b, "loggia_x_seconds", NULL, 1000042);
    assert_string_equal(b.data, "loggia_x_seconds 1.000042\n");
    buf_free(&b);
}

static void test_a_histogram_ends_with_the_bucket_of_all_and_its_sum_and_count(void **state)
{
    struct histogram h = {0};
    struct buf b;
    (void)state;
    histogram_add(&h, 3000);
    histogram_add(&h, 11000000);
    buf_init(&b, 4096);
    metrics_histogram(&b, "loggia_x_seconds", "Help.", &h);
    assert_non_null(strstr(b.data, "# TYPE loggia_x_seconds histogram\n"));
    assert_non_null(strstr(b.data, "loggia_x_seconds_bucket{le=\"0.0025\"} 0\n"));
    assert_non_null(strstr(b.data, "loggia_x_seconds_bucket{le=\"0.0050\"} 1\n"));
    assert_non_null(strstr(b.data, "loggia_x_seconds_bucket{le=\"10.0000\"} 1\n"));
    assert_non_null(strstr(b.data, "loggia_x_seconds_bucket{le=\"+Inf\"} 2\n"
                                   "loggia_x_seconds_sum 11.003000\n"
                                   "loggia_x_seconds_count 2\n"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_duration_is_counted_in_the_smallest_bucket_that_holds_it),
        cmocka_unit_test(test_buckets_are_cumulative_and_grow),
        cmocka_unit_test(test_a_sum_that_is_full_stays_full_and_the_longest_time_is_counted),
        cmocka_unit_test(test_a_servers_name_cannot_forge_a_sample),
        cmocka_unit_test(test_seconds_are_written_with_a_point_and_six_places),
        cmocka_unit_test(test_a_histogram_ends_with_the_bucket_of_all_and_its_sum_and_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
