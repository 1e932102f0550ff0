/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of devices, and its bound. */
#include "lib/crypto.h"
#include "radius-module/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY "sixteen letters!"

static struct entitlement said(const struct memory_answer *a)
{
    struct decision_answer out = {0};
    memory_answer_get(a, &out);
    return out.entitlement;
}

static struct mac device(unsigned n)
{
    return (struct mac){{2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

static void the_longest_unused_device_is_forgotten_first(void **state)
{
    struct memory *m = memory_new(3, 2, KEY, 16);
    struct entitlement e = {.profile = 7};
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        struct mac mac = device(n);
        struct memory_device *d = memory_make(m, &mac);
        assert_non_null(d);
        memory_answer_set(m, &d->answers[1], ANSWER_FOUND, n, &e);
    }
    struct mac first = device(0), second = device(1), fourth = device(3);
    assert_non_null(memory_get(m, &first)); /* used again */
    assert_non_null(memory_make(m, &fourth));
    assert_int_equal(memory_count(m), 3);
    assert_null(memory_get(m, &second));
    const struct memory_device *d = memory_get(m, &first);
    assert_non_null(d);
    assert_int_equal(d->answers[0].state, ANSWER_UNKNOWN);
    assert_int_equal(said(&d->answers[1]).profile, 7);
    memory_free(m);
}

static void an_answer_replaces_the_one_before(void **state)
{
    struct memory *m = memory_new(1, 1, KEY, 16);
    struct entitlement e = {.profile = 1};
    struct mac mac = device(1);
    struct memory_device *d = memory_make(m, &mac);
    (void)state;
    assert_non_null(d);
    memory_answer_set(m, &d->answers[0], ANSWER_FOUND, 10, &e);
    e.profile = 2;
    memory_answer_set(m, &d->answers[0], ANSWER_FOUND, 20, &e);
    assert_int_equal(said(&d->answers[0]).profile, 2);
    memory_answer_set(m, &d->answers[0], ANSWER_NOT_FOUND, 3000, NULL);
    assert_null(d->answers[0].found);
    assert_int_equal(memory_answer_age_ms(&d->answers[0], 5000), 2000);
    memory_free(m);
}

static void a_device_is_bound_to_one_person_whose_answer_goes_with_them(void **state)
{
    struct memory *m = memory_new(1, 1, KEY, 16);
    struct entitlement e = {.denied = true};
    struct mac mac = device(1), other = device(2);
    struct memory_device *d = memory_make(m, &mac);
    (void)state;
    assert_true(memory_bind(m, d, 0, "uid=ada"));
    memory_answer_set(m, &d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_true(memory_bind(m, d, 0, "uid=ada"));
    assert_true(memory_answer_denied(&d->bound->answer));
    assert_true(memory_bind(m, d, 0, "uid=bruno"));
    assert_int_equal(d->bound->answer.state, ANSWER_UNKNOWN);
    memory_answer_set(m, &d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_true(memory_bind(m, d, 0, NULL));
    assert_null(d->bound);
    assert_true(memory_bind(m, d, 0, "uid=ada"));
    memory_answer_set(m, &d->bound->answer, ANSWER_FOUND, 10, &e);
    assert_non_null(memory_make(m, &other)); /* the first one is forgotten, with all it had */
    memory_free(m);
}

/* The memory against the simplest thing that could be right, while devices come and go. */
static void after_any_coming_and_going_every_device_is_found_and_no_other(void **state)
{
    enum { MOST = 200, KINDS = 600 };
    struct memory *m = memory_new(MOST, 1, KEY, 16);
    unsigned last_use[KINDS] = {0};
    (void)state;
    srand(3);
    for (unsigned now = 1; now < 40000; now++) {
        unsigned n = (unsigned)rand() % KINDS;
        struct mac mac = device(n);
        struct memory_device *d = memory_make(m, &mac);
        struct entitlement e = {.profile = (int)n % 5, .identity = {(uint8_t)n, (uint8_t)(n >> 8)}};
        assert_non_null(d);
        memory_answer_set(m, &d->answers[0], ANSWER_FOUND, now, &e);
        last_use[n] = now;
    }
    assert_int_equal(memory_count(m), MOST);
    for (unsigned n = 0, found = 0; n < KINDS; n++) {
        char hash[DEVICE_HASH_LEN];
        struct mac mac = device(n);
        unsigned younger = 0;
        for (unsigned k = 0; k < KINDS; k++)
            younger += last_use[k] > last_use[n];
        crypto_device_hash(KEY, 16, &mac, hash);
        struct memory_device *d = memory_by_pseudonym(m, hash);
        assert_int_equal(d != NULL, younger < MOST);
        assert_ptr_equal(d, memory_get(m, &mac));
        if (!d)
            continue;
        found++;
        assert_memory_equal(&d->mac, &mac, sizeof mac);
        assert_int_equal(said(&d->answers[0]).identity[0], n & 255);
        assert_int_equal(said(&d->answers[0]).profile, n % 5);
        assert_true(found <= MOST);
    }
    memory_free(m);
}

static void an_answer_may_be_older_than_the_machine_is_up(void **state)
{
    struct memory *m = memory_new(1, 1, KEY, 16);
    struct entitlement e = {.denied = true};
    struct mac mac = device(1);
    struct memory_device *d = memory_make(m, &mac);
    (void)state;
    assert_non_null(d);
    memory_answer_set(m, &d->answers[0], ANSWER_FOUND, 1000 - 86400000, &e);
    assert_int_equal(memory_answer_age_ms(&d->answers[0], 1000), 86400000);
    memory_answer_set(m, &d->answers[0], ANSWER_FOUND, 2000, &e);
    assert_int_equal(memory_answer_age_ms(&d->answers[0], 1000), 0);
    memory_pass_set(d, PASS_VALID, 5000, 315360000); /* ten years */
    assert_int_equal(memory_pass_left_s(d, 6000), 315359999);
    memory_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_unused_device_is_forgotten_first),
        cmocka_unit_test(a_device_is_bound_to_one_person_whose_answer_goes_with_them),
        cmocka_unit_test(after_any_coming_and_going_every_device_is_found_and_no_other),
        cmocka_unit_test(an_answer_may_be_older_than_the_machine_is_up),
        cmocka_unit_test(an_answer_replaces_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
