/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/clients.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mac mac_of(uint32_t i)
{
    return (struct mac){
        {2, 0, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static void test_a_device_is_found_by_address_and_by_number(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    struct mac a = mac_of(1), b = mac_of(2);
    struct client *k = clients_add(c, &a, 7, 1000, "s=1");
    assert_non_null(k);
    assert_ptr_equal(clients_find(c, &a), k);
    assert_ptr_equal(clients_by_number(c, 7), k);
    assert_null(clients_find(c, &b));
    assert_null(clients_add(c, &a, 8, 1000, "")); /* the address is taken */
    assert_null(clients_add(c, &b, 7, 1000, "")); /* the number is */
    assert_null(clients_add(c, &b, 0, 1000, "")); /* 0 is nobody's */
    assert_true(clients_set_number(c, k, 9));
    assert_null(clients_by_number(c, 7));
    assert_ptr_equal(clients_by_number(c, 9), k);
    clients_remove(c, k);
    assert_null(clients_find(c, &a));
    assert_int_equal(clients_count(c), 0);
    clients_free(c);
}

/* Random adds, removes and new ends: the one that ends soonest is always known. */
static void test_ends_come_in_order_whatever_happened_before(void **state)
{
    (void)state;
    struct clients *c = clients_new(5000);
    uint32_t seed = 12345, number = 0;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1103515245U + 12345;
        struct mac m = mac_of(seed >> 20);
        struct client *k = clients_find(c, &m);
        uint64_t end = seed >> 8;
        if (!k)
            assert_non_null(clients_add(c, &m, ++number, end, ""));
        else if (seed & 64)
            clients_remove(c, k);
        else
            clients_set_end(c, k, end);
        for (size_t j = 1; i % 1000 == 0 && j < clients_count(c); j++)
            assert_true(clients_at(c, j)->ends_ms >= clients_at(c, (j - 1) / 2)->ends_ms);
    }
    uint64_t last = 0;
    for (struct client *k; (k = clients_soonest(c)); clients_remove(c, k)) {
        assert_true(k->ends_ms >= last);
        last = k->ends_ms;
    }
    clients_free(c);
}

/* Adds, other numbers and removes, through all sizes of the tables: each is found by both its keys,
 * and by no other's. */
static void test_each_of_many_is_found_under_its_own_keys(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct clients *c = clients_new(MANY);
    for (uint32_t i = 1; i <= MANY; i++) {
        struct mac m = mac_of(i * 2654435761U);
        assert_non_null(clients_add(c, &m, i, i, ""));
    }
    for (uint32_t i = 1; i <= MANY; i++) {
        struct mac m = mac_of(i * 2654435761U);
        struct client *k = clients_find(c, &m);
        assert_non_null(k);
        assert_ptr_equal(clients_by_number(c, i), k);
        assert_true(i % 3 || clients_set_number(c, k, MANY + i));
        if (i % 3 == 1)
            clients_remove(c, k);
    }
    for (uint32_t i = 1; i <= MANY; i++) {
        struct mac m = mac_of(i * 2654435761U);
        struct client *k = clients_find(c, &m);
        assert_true((k != NULL) == (i % 3 != 1));
        assert_ptr_equal(clients_by_number(c, i), i % 3 == 2 ? k : NULL);
        assert_ptr_equal(clients_by_number(c, MANY + i), i % 3 == 0 ? k : NULL);
    }
    clients_free(c);
}

static void test_what_few_have_is_nought_for_the_others(void **state)
{
    (void)state;
    struct clients *c = clients_new(2);
    struct mac a = mac_of(1);
    struct client *k = clients_add(c, &a, 1, 0, "");
    struct gate_counters carry = {.up_bytes = 7}, queue = {.down_bytes = 9}, none = {0};
    assert_int_equal(client_carry(k)->up_bytes, 0);
    client_set_carry(k, &none);
    assert_null(k->more);
    client_set_carry(k, &carry);
    client_set_queue(k, &queue);
    assert_int_equal(client_carry(k)->up_bytes, 7);
    assert_int_equal(client_queue(k)->down_bytes, 9);
    client_set_carry(k, &none);
    assert_int_equal(client_carry(k)->up_bytes, 0);
    assert_int_equal(client_queue(k)->down_bytes, 9);
    client_set_queue(k, &none);
    assert_null(k->more);
    client_set_queue(k, &queue); /* freed with the device */
    clients_free(c);
}

static void test_the_bound_is_told(void **state)
{
    (void)state;
    struct clients *c = clients_new(2);
    struct mac a = mac_of(1);
    assert_false(clients_full(c, 2));
    assert_true(clients_full(c, 3));
    clients_add(c, &a, 1, 0, "");
    assert_false(clients_full(c, 1));
    clients_set_max(c, 1);
    assert_true(clients_full(c, 1));
    clients_free(c);
}

static void test_a_number_is_not_used_before_its_block_is_in_the_kernel(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    clients_numbers_after(c, 1000);
    assert_int_equal(clients_take_number(c), 0);
    assert_true(clients_needs_block(c, 1));
    assert_int_equal(clients_next_block(c), 1000 + CLIENTS_NUMBER_BLOCK);
    clients_grant_block(c);
    assert_int_equal(clients_take_number(c), 1001);
    assert_int_equal(clients_take_number(c), 1002);
    clients_free(c);
}

static void test_numbers_wrap_and_pass_over_those_in_use(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    struct mac a = mac_of(1), b = mac_of(2);
    clients_numbers_after(c, CLIENTS_NUMBER_LAST - 2);
    clients_add(c, &a, CLIENTS_NUMBER_LAST, 0, "");
    clients_add(c, &b, 1, 0, "");
    clients_grant_block(c);
    assert_int_equal(clients_numbers_end(c), CLIENTS_NUMBER_LAST);
    assert_int_equal(clients_take_number(c), CLIENTS_NUMBER_LAST - 1);
    assert_int_equal(clients_take_number(c), 0);
    clients_grant_block(c);
    assert_int_equal(clients_numbers_end(c), CLIENTS_NUMBER_BLOCK);
    assert_int_equal(clients_take_number(c), 2);
    clients_free(c);
}

/* A number that came back while conntrack remembers it would bill one device's packets to another.
 */
static void test_a_number_comes_back_only_after_all_others(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    clients_numbers_after(c, CLIENTS_NUMBER_LAST);
    for (uint32_t want = 1; want <= CLIENTS_NUMBER_LAST; want++) {
        if (clients_needs_block(c, 1))
            clients_grant_block(c);
        uint32_t got = clients_take_number(c);
        if (got != want)
            assert_int_equal(got, want);
    }
    clients_grant_block(c);
    assert_int_equal(clients_take_number(c), 1);
    clients_free(c);
}

/* What a device has under way carries the number that it had before its table was deleted. */
static void test_a_device_gets_the_number_back_that_it_asks_for_unless_it_is_taken(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    struct mac a = mac_of(1);
    clients_numbers_after(c, 1000);
    clients_grant_block(c);
    assert_int_equal(clients_want_number(c, 77), 77);
    clients_add(c, &a, 77, 0, "");
    assert_int_equal(clients_want_number(c, 77), 1001);
    assert_int_equal(clients_want_number(c, 0), 1002);
    assert_int_equal(clients_want_number(c, CLIENTS_NUMBER_LAST + 1), 1003);
    clients_free(c);
}

/* Sixteen bits of the number name a device's queue: two in one would have each other's rate, and
 * each other's bytes on their account. */
static void test_with_queues_no_two_devices_have_the_same_class(void **state)
{
    (void)state;
    struct clients *c = clients_new(70000);
    bool taken[65536] = {[0] = true, [65535] = true};
    uint32_t first = 3;
    clients_set_classes(c, 0xffff);
    clients_numbers_after(c, 500000);
    for (unsigned i = 0; i < 65000; i++) {
        struct mac m = mac_of(i);
        uint32_t number = i % 97 == 0 && i > 0 ? clients_want_number(c, first + 65536) : 0;
        for (int blocks = 0; number == 0 && blocks < 64; blocks++) {
            number = clients_take_number(c);
            if (number == 0)
                clients_grant_block(c);
        }
        assert_int_not_equal(number, 0);
        assert_false(taken[number & 0xffff]);
        taken[number & 0xffff] = true;
        assert_non_null(clients_add(c, &m, i == 0 ? first : number, 0, ""));
        if (i == 0) {
            taken[number & 0xffff] = false;
            taken[first] = true;
        }
    }
    clients_free(c);
}

/* What fades does so slowly enough that asking twice makes nobody idle. */
static void test_who_was_seen_to_send_most_comes_first(void **state)
{
    (void)state;
    struct clients *c = clients_new(10);
    struct client *k[5];
    for (uint32_t i = 0; i < 5; i++) {
        struct mac m = mac_of(i);
        k[i] = clients_add(c, &m, 1 + i, 100 * i, "");
    }
    client_sent(k[0], 0);
    client_sent(k[1], 5);
    client_sent(k[2], UINT64_MAX);
    client_sent(k[3], 5000); /* 4 has just joined */
    client_sent(k[3], 0);
    struct client **order = clients_by_activity(c);
    assert_non_null(order);
    const int expected[] = {4, 2, 3, 1, 0};
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(order[i], k[expected[i]]);
    free(order);
    for (int i = 0; i < 20; i++)
        client_sent(k[3], 0);
    order = clients_by_activity(c);
    assert_non_null(order);
    assert_ptr_equal(order[2], k[1]);
    assert_ptr_equal(order[3], k[0]); /* both idle: as they were */
    assert_ptr_equal(order[4], k[3]);
    free(order);
    clients_free(c);
}

static void test_counters_add_up_and_never_go_below_nought(void **state)
{
    (void)state;
    struct gate_counters a = {10, 1, UINT64_C(1) << 33, 2}, b = {4, 2, 1, 1};
    struct gate_counters s = counters_add(&a, &b), d = counters_sub(&a, &b);
    assert_int_equal(s.up_bytes, 14);
    assert_true(s.down_bytes == (UINT64_C(1) << 33) + 1);
    assert_int_equal(d.up_bytes, 6);
    assert_int_equal(d.up_packets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device_is_found_by_address_and_by_number),
        cmocka_unit_test(test_ends_come_in_order_whatever_happened_before),
        cmocka_unit_test(test_each_of_many_is_found_under_its_own_keys),
        cmocka_unit_test(test_what_few_have_is_nought_for_the_others),
        cmocka_unit_test(test_the_bound_is_told),
        cmocka_unit_test(test_a_number_is_not_used_before_its_block_is_in_the_kernel),
        cmocka_unit_test(test_numbers_wrap_and_pass_over_those_in_use),
        cmocka_unit_test(test_a_number_comes_back_only_after_all_others),
        cmocka_unit_test(test_a_device_gets_the_number_back_that_it_asks_for_unless_it_is_taken),
        cmocka_unit_test(test_with_queues_no_two_devices_have_the_same_class),
        cmocka_unit_test(test_who_was_seen_to_send_most_comes_first),
        cmocka_unit_test(test_counters_add_up_and_never_go_below_nought),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
