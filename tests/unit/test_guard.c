/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bulkhead and the breaker around the pass store. */
#include "radius-module/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct report report;
static struct guard g;

static int begin(void **state)
{
    (void)state;
    report_init(&report, NULL, NULL);
    guard_init(&g, "reading", 2, 60000, 2, 3600000, &report);
    return 0;
}

static void a_silent_store_holds_no_more_than_its_places(void **state)
{
    (void)state;
    assert_true(guard_enter(&g, clock_ms()));
    assert_true(guard_enter(&g, clock_ms()));
    assert_false(guard_enter(&g, clock_ms())); /* waits for nothing: its time is up */
    guard_leave(&g, true);
    assert_true(guard_enter(&g, clock_ms()));
    guard_leave(&g, true);
    guard_leave(&g, true);
}

static void *leave(void *arg)
{
    (void)arg;
    guard_leave(&g, true);
    return NULL;
}

static void who_finds_a_healthy_store_full_waits_for_a_place(void **state)
{
    pthread_t thread;
    (void)state;
    assert_true(guard_enter(&g, clock_ms()));
    assert_true(guard_enter(&g, clock_ms()));
    assert_int_equal(pthread_create(&thread, NULL, leave, NULL), 0);
    assert_true(guard_enter(&g, clock_ms() + 30000));
    pthread_join(thread, NULL);
    guard_leave(&g, true);
    guard_leave(&g, true);
}

static void a_store_that_fails_is_left_alone_until_somebody_finds_it_well(void **state)
{
    struct guard now;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(guard_enter(&g, clock_ms()));
        guard_leave(&g, false);
    }
    assert_false(guard_enter(&g, clock_ms() + 30000)); /* at once */
    g.breaker.probe_at_ms = 0;                         /* an hour later */
    assert_true(guard_enter(&g, clock_ms()));
    assert_false(guard_enter(&g, clock_ms() + 30000)); /* one is enough to see */
    guard_leave(&g, true);
    assert_true(guard_enter(&g, clock_ms()));
    guard_leave(&g, true);
    guard_stats(&g, &now);
    assert_int_equal(now.failed, 2);
    assert_int_equal(now.refused, 2);
    assert_int_equal(now.inside, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_silent_store_holds_no_more_than_its_places, begin),
        cmocka_unit_test_setup(who_finds_a_healthy_store_full_waits_for_a_place, begin),
        cmocka_unit_test_setup(a_store_that_fails_is_left_alone_until_somebody_finds_it_well,
                               begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
