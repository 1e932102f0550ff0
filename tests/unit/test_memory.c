/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of devices, and its bound. */
#include "radius-module/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mac device(unsigned n)
{
    return (struct mac){{2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

static void the_longest_unused_device_is_forgotten_first(void **state)
{
    struct memory *m = memory_new(3, 2);
    struct entitlement e = {.profile = 7};
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        struct mac mac = device(n);
        struct memory_device *d = memory_make(m, &mac);
        assert_non_null(d);
        memory_answer_set(&d->answers[1], ANSWER_FOUND, n, &e);
    }
    struct mac first = device(0), second = device(1), fourth = device(3);
    assert_non_null(memory_get(m, &first)); /* used again */
    assert_non_null(memory_make(m, &fourth));
    assert_int_equal(memory_count(m), 3);
    assert_null(memory_get(m, &second));
    const struct memory_device *d = memory_get(m, &first);
    assert_non_null(d);
    assert_int_equal(d->answers[0].state, ANSWER_UNKNOWN);
    assert_int_equal(d->answers[1].entitlement->profile, 7);
    memory_free(m);
}

static void an_answer_replaces_the_one_before(void **state)
{
    struct memory *m = memory_new(1, 1);
    struct entitlement e = {.profile = 1};
    struct mac mac = device(1);
    struct memory_device *d = memory_make(m, &mac);
    (void)state;
    assert_non_null(d);
    memory_answer_set(&d->answers[0], ANSWER_FOUND, 10, &e);
    e.profile = 2;
    memory_answer_set(&d->answers[0], ANSWER_FOUND, 20, &e);
    assert_int_equal(d->answers[0].entitlement->profile, 2);
    memory_answer_set(&d->answers[0], ANSWER_NOT_FOUND, 30, NULL);
    assert_null(d->answers[0].entitlement);
    assert_int_equal(d->answers[0].at_ms, 30);
    memory_free(m);
}

static void a_device_is_bound_to_one_person_whose_answer_goes_with_them(void **state)
{
    struct memory *m = memory_new(1, 1);
    struct entitlement e = {.denied = true};
    struct mac mac = device(1), other = device(2);
    struct memory_device *d = memory_make(m, &mac);
    (void)state;
    assert_true(memory_bind(d, 0, "uid=ada"));
    memory_answer_set(&d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_true(memory_bind(d, 0, "uid=ada"));
    assert_true(d->bound->answer.entitlement->denied);
    assert_true(memory_bind(d, 0, "uid=bruno"));
    assert_int_equal(d->bound->answer.state, ANSWER_UNKNOWN);
    memory_answer_set(&d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_true(memory_bind(d, 0, NULL));
    assert_null(d->bound);
    assert_true(memory_bind(d, 0, "uid=ada"));
    memory_answer_set(&d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_non_null(memory_make(m, &other)); /* the first one is forgotten, with all it had */
    memory_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_unused_device_is_forgotten_first),
        cmocka_unit_test(a_device_is_bound_to_one_person_whose_answer_goes_with_them),
        cmocka_unit_test(an_answer_replaces_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
