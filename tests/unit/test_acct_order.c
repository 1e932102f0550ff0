/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accounting record may go when. */
#include "portal/acct_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 4000 };
static struct acct_entry entries[MAX];
static struct acct_order order;

static struct acct_entry *give(int n, enum acct_status status, const char *session)
{
    struct acct_entry *e = &entries[n];

    memset(e, 0, sizeof *e);
    e->status = status;
    e->at = n;
    snprintf(e->session, sizeof e->session, "%s", session);
    acct_order_add(&order, e);
    return e;
}

static int reset(void **state)
{
    (void)state;
    acct_order_free(&order);
    return 0;
}

static void stop_waits_for_its_start_and_not_for_others(void **state)
{
    (void)state;
    struct acct_entry *a1 = give(0, ACCT_START, "a"), *a2 = give(1, ACCT_STOP, "a");
    struct acct_entry *b1 = give(2, ACCT_START, "b");
    assert_ptr_equal(acct_order_next(&order), a1);
    assert_ptr_equal(acct_order_next(&order), b1);
    assert_null(acct_order_next(&order));
    acct_order_done(&order, b1);
    assert_null(acct_order_next(&order));
    acct_order_done(&order, a1);
    assert_ptr_equal(acct_order_next(&order), a2);
    acct_order_done(&order, a2);
    assert_int_equal(order.open, 0);
    assert_null(order.sessions);
}

static void unanswered_record_keeps_its_turn(void **state)
{
    (void)state;
    struct acct_entry *a1 = give(0, ACCT_START, "a");
    give(1, ACCT_INTERIM, "a");
    assert_ptr_equal(acct_order_next(&order), a1);
    acct_order_again(&order, a1);
    assert_ptr_equal(acct_order_next(&order), a1);
    assert_null(acct_order_next(&order));
}

static void nothing_overtakes_a_router_start(void **state)
{
    (void)state;
    struct acct_entry *a = give(0, ACCT_STOP, "a"), *on = give(1, ACCT_ON, "r");
    struct acct_entry *b = give(2, ACCT_START, "b"), *off = give(3, ACCT_OFF, "r");
    struct acct_entry *on2 = give(4, ACCT_ON, "r"), *c = give(5, ACCT_START, "c");
    struct acct_entry *in_order[] = {a, on, b, off, on2, c};
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(acct_order_next(&order), in_order[i]);
        assert_null(acct_order_next(&order));
        acct_order_done(&order, in_order[i]);
    }
    assert_int_equal(order.open, 0);
}

/* Random lives, answers in random order, some unanswered: what a centre sees is checked. */
static void any_order_of_answers_keeps_the_promise(void **state)
{
    struct acct_entry *on_the_way[64];
    static int last[40];
    int n = 0, given = 0, seen = 0, barrier = -1;
    char id[8];

    (void)state;
    srandom(7);
    for (int s = 0; s < 40; s++)
        last[s] = -1;
    while (seen < MAX) {
        for (int burst = (int)random() % 20; burst > 0 && given < MAX; burst--, given++) {
            snprintf(id, sizeof id, "%ld", random() % 40);
            give(given, random() % 50 == 0 ? ACCT_ON : ACCT_INTERIM, id);
        }
        struct acct_entry *e;
        while (n < 64 && (e = acct_order_next(&order)) != NULL)
            on_the_way[n++] = e;
        if (n == 0)
            continue;
        int i = (int)random() % n;
        e = on_the_way[i];
        on_the_way[i] = on_the_way[--n];
        if (random() % 4 == 0) {
            acct_order_again(&order, e);
            continue;
        }
        assert_true(e->at > barrier);
        if (e->status == ACCT_ON) {
            assert_int_equal(seen, e->at); /* all before it, nothing after it */
            barrier = (int)e->at;
        } else {
            assert_true(e->at > last[atoi(e->session)]);
            last[atoi(e->session)] = (int)e->at;
        }
        seen++;
        acct_order_done(&order, e);
    }
    assert_int_equal(order.open, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(stop_waits_for_its_start_and_not_for_others, reset),
        cmocka_unit_test_teardown(unanswered_record_keeps_its_turn, reset),
        cmocka_unit_test_teardown(nothing_overtakes_a_router_start, reset),
        cmocka_unit_test_teardown(any_order_of_answers_keeps_the_promise, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
