/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The circuit breaker, step by step. */
#include "radius-module/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void one_slow_answer_shuts_no_authority_out(void **state)
{
    struct breaker b;
    (void)state;
    breaker_init(&b, 3, 500);
    assert_true(breaker_allows(&b));
    assert_false(breaker_failure(&b, 0));
    assert_false(breaker_failure(&b, 1));
    breaker_success(&b); /* not in a row */
    assert_false(breaker_failure(&b, 2));
    assert_false(breaker_failure(&b, 3));
    assert_true(breaker_allows(&b));
    assert_true(breaker_failure(&b, 4));
    assert_false(breaker_allows(&b));
    assert_int_equal(b.state, BREAKER_OPEN);
}

static void nobody_waits_while_the_probe_is_on_its_way(void **state)
{
    struct breaker b;
    (void)state;
    breaker_init(&b, 1, 500);
    assert_true(breaker_failure(&b, 1000));
    assert_false(breaker_probe_due(&b, 1499));
    assert_true(breaker_probe_due(&b, 1500));
    assert_false(breaker_probe_due(&b, 1500)); /* one probe */
    assert_false(breaker_allows(&b));
    assert_string_equal(breaker_name(b.state), "half-open");
    breaker_probe_done(&b, false, 2500);
    assert_false(breaker_probe_due(&b, 2999));
    assert_true(breaker_probe_due(&b, 3000));
    breaker_probe_done(&b, true, 3010);
    assert_true(breaker_allows(&b));
    assert_int_equal(b.opened, 2);
}

static void stragglers_do_not_push_the_probe_back(void **state)
{
    struct breaker b;
    (void)state;
    breaker_init(&b, 1, 500);
    breaker_failure(&b, 1000);
    assert_false(breaker_failure(&b, 1400));
    breaker_trip(&b, 1450);
    breaker_success(&b); /* late, over a connection that is gone */
    assert_false(breaker_allows(&b));
    assert_true(breaker_probe_due(&b, 1500));
    assert_false(breaker_failure(&b, 1501));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
}

static void an_authority_without_connections_is_unknown_at_once(void **state)
{
    struct breaker b;
    (void)state;
    breaker_init(&b, 5, 500);
    breaker_trip(&b, 1000);
    assert_false(breaker_allows(&b));
    breaker_init(&b, 0, 500); /* at least one failure opens it */
    assert_true(breaker_failure(&b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slow_answer_shuts_no_authority_out),
        cmocka_unit_test(nobody_waits_while_the_probe_is_on_its_way),
        cmocka_unit_test(stragglers_do_not_push_the_probe_back),
        cmocka_unit_test(an_authority_without_connections_is_unknown_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
