/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the authorities said, as bytes that outlive the server. */
#include "radius-module/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char comune[] = "comune", provincia[] = "provincia";

static struct fed_conf *city(bool swapped)
{
    struct fed_conf *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->n_authorities = 2;
    c->authorities[swapped].name = comune;
    c->authorities[!swapped].name = provincia;
    c->n_profiles = 2;
    strcpy(c->profiles[swapped].name, "guest");
    strcpy(c->profiles[!swapped].name, "staff");
    return c;
}

static size_t sample(struct stored_answer a[3])
{
    memset(a, 0, 3 * sizeof *a);
    a[0].answer.state = ANSWER_FOUND;
    a[0].at_s = 1700000000;
    a[0].answer.entitlement = (struct entitlement){.profile = 1,
                                                   .has = 1U << LIMIT_DOWN,
                                                   .own = {[LIMIT_DOWN] = 5000000000},
                                                   .identity = "0123456789abcde",
                                                   .has_link = true,
                                                   .link = "edcba9876543210",
                                                   .until_s = 1800000000};
    a[1].authority = 1;
    a[1].at_s = 1700000001;
    a[1].answer.state = ANSWER_FOUND;
    a[1].answer.entitlement =
        (struct entitlement){.profile = -1, .denied = true, .reason = "suspended"};
    a[2].answer.state = ANSWER_NOT_FOUND;
    a[2].person = true;
    answers_sum("uid=ada", a[2].sum);
    return 3;
}

static void what_was_written_is_read_again_by_name(void **state)
{
    struct fed_conf *c = city(false), *other = city(true);
    struct stored_answer a[3], back[ANSWERS_MOST];
    uint8_t bytes[ANSWERS_MAX];
    (void)state;
    size_t len = answers_write(c, a, sample(a), bytes);
    assert_int_equal(answers_read(other, bytes, len, back), 3);
    assert_int_equal(back[0].authority, 0); /* the denial comes first; provincia is first here */
    assert_true(back[0].answer.entitlement.denied);
    assert_string_equal(back[0].answer.entitlement.reason, "suspended");
    assert_int_equal(back[0].answer.entitlement.profile, -1);
    assert_int_equal(back[1].authority, 1);
    assert_int_equal(back[1].at_s, 1700000000);
    assert_int_equal(back[1].answer.entitlement.profile, 0);
    assert_int_equal(back[1].answer.entitlement.own[LIMIT_DOWN], 5000000000);
    assert_memory_equal(back[1].answer.entitlement.identity, a[0].answer.entitlement.identity, 16);
    assert_int_equal(back[1].answer.entitlement.until_s, 1800000000);
    assert_int_equal(back[1].answer.entitlement.from_s, 0);
    assert_memory_equal(back[1].answer.entitlement.link, a[0].answer.entitlement.link, 16);
    assert_true(back[2].person);
    assert_memory_equal(back[2].sum, a[2].sum, ANSWERS_SUM_LEN);
    free(c);
    free(other);
}

static void an_authority_that_is_no_more_costs_its_own_answer_alone(void **state)
{
    struct fed_conf *c = city(false);
    struct stored_answer a[3], back[ANSWERS_MOST];
    uint8_t bytes[ANSWERS_MAX];
    (void)state;
    size_t len = answers_write(c, a, sample(a), bytes);
    c->n_authorities = 1;
    assert_int_equal(answers_read(c, bytes, len, back), 2);
    assert_int_equal(back[0].authority, 0);
    free(c);
}

static void bytes_of_any_length_and_content_are_read_without_harm(void **state)
{
    struct fed_conf *c = city(false);
    struct stored_answer a[3], back[ANSWERS_MOST];
    uint8_t bytes[ANSWERS_MAX];
    (void)state;
    size_t len = answers_write(c, a, sample(a), bytes);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* the sanitizer sees one byte too many */
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        assert_true(answers_read(c, exact, cut, back) <= 3);
        free(exact);
    }
    srand(4);
    for (int i = 0; i < 20000; i++) {
        uint8_t wrong[ANSWERS_MAX];
        memcpy(wrong, bytes, len);
        for (int k = rand() % 4; k >= 0; k--)
            wrong[(size_t)rand() % len] = (uint8_t)rand();
        size_t n = answers_read(c, wrong, len, back);
        for (size_t k = 0; k < n; k++)
            assert_true(back[k].authority < 2 && back[k].answer.entitlement.profile < 2);
    }
    bytes[0] = 2; /* of a later release */
    assert_int_equal(answers_read(c, bytes, len, back), 0);
    free(c);
}

static void a_denial_always_finds_room(void **state)
{
    struct fed_conf *c = city(false);
    struct stored_answer a[ANSWERS_MOST] = {0}, back[ANSWERS_MOST];
    uint8_t bytes[ANSWERS_MAX];
    (void)state;
    for (size_t i = 0; i < ANSWERS_MOST; i++) {
        a[i].answer.state = ANSWER_FOUND;
        a[i].answer.entitlement.has = (1U << LIMITS) - 1;
    }
    a[ANSWERS_MOST - 1].answer.entitlement.denied = true;
    size_t len = answers_write(c, a, ANSWERS_MOST, bytes);
    assert_true(len > ANSWERS_MAX / 2 && len <= ANSWERS_MAX);
    assert_true(answers_read(c, bytes, len, back) > 2);
    assert_true(back[0].answer.entitlement.denied);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_again_by_name),
        cmocka_unit_test(an_authority_that_is_no_more_costs_its_own_answer_alone),
        cmocka_unit_test(bytes_of_any_length_and_content_are_read_without_harm),
        cmocka_unit_test(a_denial_always_finds_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
