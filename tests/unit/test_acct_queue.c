/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accounting queue's file: crashes at any byte, worn flash, a bound that is met. */
#include "lib/log.h"
#include "portal/acct_queue.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/loggia-test-queue-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/accounting.queue", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir); /* fails if a file of another name was left */
}

static uint64_t put(struct acct_queue *q, int n, bool droppable)
{
    char text[200];
    uint64_t place;

    memset(text, 'x', sizeof text);
    snprintf(text, sizeof text, "record %d", n);
    assert_true(acct_queue_append(q, (const uint8_t *)text, sizeof text, droppable, &place));
    return place;
}

static int get(struct acct_queue *q, uint64_t *place)
{
    struct acct_queue_record r;
    int n = -1;

    if (!acct_queue_read(q, &r))
        return -1;
    assert_int_equal(sscanf((const char *)r.data, "record %d", &n), 1);
    if (place != NULL)
        *place = r.place;
    return n;
}

static void healthy_network_leaves_no_file(void **state)
{
    struct stat st;

    (void)state;
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    assert_true(acct_queue_all_read(q));
    acct_queue_empty(q);
    acct_queue_free(q);
    assert_int_not_equal(stat(path, &st), 0);
}

static void records_come_back_in_order_after_a_crash(void **state)
{
    uint64_t place;

    (void)state;
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    for (int i = 0; i < 100; i++)
        put(q, i, false);
    acct_queue_free(q);
    q = acct_queue_new(dir, 1 << 20);
    assert_int_equal(acct_queue_records(q), 100);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(get(q, &place), i);
        if (i != 7)
            acct_queue_done(q, place);
    }
    acct_queue_free(q); /* 7 was not acknowledged, the others were */
    q = acct_queue_new(dir, 1 << 20);
    assert_int_equal(acct_queue_records(q), 71);
    assert_int_equal(get(q, NULL), 7);
    for (int i = 30; i < 100; i++)
        assert_int_equal(get(q, NULL), i);
    assert_int_equal(get(q, NULL), -1);
    acct_queue_empty(q);
    assert_int_equal(acct_queue_bytes(q), 0);
    put(q, 5, false);
    assert_int_equal(get(q, NULL), 5);
    acct_queue_free(q);
}

/* Cut anywhere in its last two records: those before are there, and a new one can follow. */
static void power_cut_at_any_byte_loses_only_what_was_being_written(void **state)
{
    (void)state;
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    uint64_t third = 0, end;
    for (int i = 0; i < 4; i++) {
        uint64_t place = put(q, i, false);
        third = i == 2 ? place : third;
    }
    end = acct_queue_bytes(q);
    acct_queue_free(q);
    for (uint64_t cut = end; cut-- > third;) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        q = acct_queue_new(dir, 1 << 20);
        int whole = cut >= third + (end - third) / 2 ? 3 : 2;
        for (int i = 0; i < whole; i++)
            assert_int_equal(get(q, NULL), i);
        assert_int_equal(get(q, NULL), -1);
        put(q, 9, false);
        assert_int_equal(get(q, NULL), 9);
        acct_queue_free(q);
        q = acct_queue_new(dir, 1 << 20); /* as it was, for the next cut */
        acct_queue_empty(q);
        for (int i = 0; i < 4; i++)
            put(q, i, false);
        acct_queue_free(q);
    }
}

static void worn_flash_costs_the_records_it_hit_and_no_more(void **state)
{
    (void)state;
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    uint64_t second = 0;
    for (int i = 0; i < 10; i++) {
        uint64_t place = put(q, i, false);
        second = i == 1 ? place : second;
    }
    acct_queue_free(q);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "?", 1, (off_t)second + 30), 1);
    close(fd);
    q = acct_queue_new(dir, 1 << 20);
    assert_int_equal(acct_queue_records(q), 9);
    assert_int_equal(get(q, NULL), 0);
    assert_int_equal(get(q, NULL), 2);
    acct_queue_free(q);
}

static void foreign_file_is_replaced(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is no queue of ours ", f);
    fclose(f);
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    assert_true(acct_queue_all_read(q));
    put(q, 1, false);
    assert_int_equal(get(q, NULL), 1);
    acct_queue_free(q);
}

static size_t compact(struct acct_queue *q, uint64_t *moved, int *added)
{
    size_t dropped = 0;
    int steps = 0;

    assert_true(acct_queue_compact_begin(q));
    while (acct_queue_compact_step(q, moved, &dropped)) {
        assert_int_equal(get(q, NULL), -1); /* nothing is read meanwhile */
        put(q, (*added)++, false);
        steps++;
    }
    assert_true(steps >= 3); /* it did not hold up the loop */
    return dropped;
}

static void full_queue_lets_the_oldest_interims_go(void **state)
{
    uint64_t max = 1 << 20, moved, place[5];
    int n = 0, added, before = -1, starts = 0, interims = 0, oldest_interim = 0;

    (void)state;
    struct acct_queue *q = acct_queue_new(dir, max);
    for (; !acct_queue_full(q); n++)
        put(q, n, n % 3 != 0);
    added = n;
    for (int i = 0; i < 5; i++) /* these are in memory, and on their way */
        assert_int_equal(get(q, &place[i]), i);
    acct_queue_done(q, place[0]);
    acct_queue_release(q, place[0]);
    size_t dropped = compact(q, &moved, &added);
    assert_true(dropped > 1000);
    assert_true(acct_queue_bytes(q) < max * 4 / 5);
    for (int i = 1; i < 5; i++)
        acct_queue_done(q, place[i] - moved);
    for (int i; (i = get(q, NULL)) >= 0; before = i) {
        assert_true(i > before && i >= 5);
        starts += i < n && i % 3 == 0;
        interims += i < n && i % 3 != 0;
        if (oldest_interim == 0 && i < n && i % 3 != 0)
            oldest_interim = i;
    }
    assert_int_equal(starts, (n - 1) / 3 + 1 - 2); /* but 0 and 3, which were read before */
    assert_int_equal(before, added - 1);
    assert_true(interims >= n / 3 && oldest_interim > n / 4);
    acct_queue_free(q);
    q = acct_queue_new(dir, max); /* and the file says the same */
    assert_int_equal(acct_queue_records(q), (size_t)(starts + interims + added - n));
    acct_queue_free(q);
}

static void queue_full_of_starts_and_stops_still_takes_todays(void **state)
{
    uint64_t max = 1 << 20, moved;
    int n = 0, added;

    (void)state;
    struct acct_queue *q = acct_queue_new(dir, max);
    while (!acct_queue_full(q))
        put(q, n++, false);
    added = n;
    assert_true(compact(q, &moved, &added) > 1000);
    assert_false(acct_queue_full(q));
    assert_true(get(q, NULL) > 1000);
    acct_queue_free(q);
}

static void second_portal_on_the_same_directory_is_refused_the_file(void **state)
{
    uint64_t place;

    (void)state;
    struct acct_queue *q = acct_queue_new(dir, 1 << 20);
    put(q, 1, false);
    struct acct_queue *other = acct_queue_new(dir, 1 << 20);
    assert_true(acct_queue_all_read(other));
    assert_false(acct_queue_append(other, (const uint8_t *)"x", 1, false, &place));
    acct_queue_free(other);
    assert_int_equal(get(q, NULL), 1);
    acct_queue_free(q);
}

#define queue_test(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        queue_test(healthy_network_leaves_no_file),
        queue_test(records_come_back_in_order_after_a_crash),
        queue_test(power_cut_at_any_byte_loses_only_what_was_being_written),
        queue_test(worn_flash_costs_the_records_it_hit_and_no_more),
        queue_test(foreign_file_is_replaced),
        queue_test(full_queue_lets_the_oldest_interims_go),
        queue_test(queue_full_of_starts_and_stops_still_takes_todays),
        queue_test(second_portal_on_the_same_directory_is_refused_the_file),
    };
    log_open("test_acct_queue", LOG_CRIT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
