/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The passes of a router that decides alone: who need not tap again, through damage, power cuts and
 * clocks that are wrong. */
#include "lib/buf.h"
#include "portal/passes.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIFE = 1000 };
static const uint8_t key[32] = {7}, other_key[32] = {8};

static struct mac numbered(unsigned n)
{
    return (struct mac){{2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct passes_clock at(int64_t now_s)
{
    return (struct passes_clock){1800000000 + now_s, true};
}

static const struct passes_clock wrong_clock = {17, false};

static enum pass_found found(struct passes *t, unsigned n, struct passes_clock now)
{
    struct mac mac = numbered(n);
    return passes_find(t, &mac, now);
}

static void tap(struct passes *t, unsigned n, struct passes_clock now)
{
    struct mac mac = numbered(n);
    assert_true(passes_tap(t, &mac, now));
}

static struct passes *with(unsigned n)
{
    struct passes *t = passes_new(100, LIFE, key, sizeof key);
    for (unsigned i = 0; i < n; i++)
        tap(t, i, at(i));
    return t;
}

static char *text_of(const struct passes *t, size_t *len)
{
    struct buf b;
    buf_init(&b, passes_write_max(t));
    passes_write(t, &b);
    char *text = buf_take(&b, len);
    assert_non_null(text); /* passes_write_max was enough */
    return text;
}

static struct {
    unsigned n;
    size_t line;
    char why[32];
} told;

static void tell(void *arg, size_t line, const char *why)
{
    (void)arg;
    told.n++;
    told.line = line;
    snprintf(told.why, sizeof told.why, "%s", why);
}

static struct passes *read_back(const char *text, size_t len)
{
    struct passes *t = passes_new(100, LIFE, key, sizeof key);
    char *exact = malloc(len ? len : 1);
    memset(&told, 0, sizeof told);
    memcpy(exact, text, len);
    passes_read(t, exact, len, tell, NULL);
    free(exact);
    return t;
}

static void nobody_taps_twice_while_the_pass_lives(void **state)
{
    struct passes *t = with(1);
    (void)state;
    assert_int_equal(found(t, 0, at(LIFE - 1)), PASS_GOOD);
    assert_int_equal(found(t, 0, at(LIFE)), PASS_NONE);
    assert_int_equal(found(t, 1, at(0)), PASS_NONE);
    passes_free(t);
}

static void who_left_is_not_let_in_again_until_the_next_tap(void **state)
{
    struct passes *t = with(1);
    struct mac mac = numbered(0), stranger = numbered(9);
    (void)state;
    assert_true(passes_pause(t, &mac));
    assert_false(passes_pause(t, &mac)); /* nothing to write again */
    assert_false(passes_pause(t, &stranger));
    assert_int_equal(found(t, 0, at(1)), PASS_PAUSED);
    tap(t, 0, at(2));
    assert_int_equal(found(t, 0, at(3)), PASS_GOOD);
    passes_free(t);
}

static void who_wants_to_be_forgotten_is(void **state)
{
    struct passes *t = with(2);
    struct mac mac = numbered(0);
    size_t len;
    (void)state;
    assert_true(passes_forget(t, &mac));
    assert_false(passes_forget(t, &mac));
    assert_int_equal(found(t, 0, at(1)), PASS_NONE);
    char *text = text_of(t, &len);
    struct passes *again = read_back(text, len);
    assert_int_equal(passes_count(again), 1);
    assert_int_equal(found(again, 0, at(1)), PASS_NONE);
    free(text);
    passes_free(again);
    passes_free(t);
}

static void a_full_table_gives_up_the_pass_given_longest_ago(void **state)
{
    struct passes *t = passes_new(4, LIFE, key, sizeof key);
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        tap(t, i, at(i));
    tap(t, 0, at(10)); /* is the newest now */
    tap(t, 4, at(11));
    assert_int_equal(passes_count(t), 4);
    assert_int_equal(found(t, 1, at(12)), PASS_NONE);
    assert_int_equal(found(t, 0, at(12)), PASS_GOOD);
    assert_int_equal(found(t, 4, at(12)), PASS_GOOD);
    passes_free(t);
}

static void a_file_bigger_than_the_table_keeps_the_newest(void **state)
{
    struct passes *t = with(50), *small = passes_new(10, LIFE, key, sizeof key);
    size_t len;
    char *text = text_of(t, &len);
    (void)state;
    assert_true(passes_read(small, text, len, tell, NULL));
    assert_int_equal(passes_count(small), 10);
    assert_int_equal(found(small, 49, at(50)), PASS_GOOD);
    assert_int_equal(found(small, 39, at(50)), PASS_NONE);
    free(text);
    passes_free(small);
    passes_free(t);
}

static void passes_survive_the_file_word_for_word(void **state)
{
    struct passes *t = with(3);
    struct mac mac = numbered(1);
    size_t len, len2;
    (void)state;
    passes_pause(t, &mac);
    char *text = text_of(t, &len);
    struct passes *again = read_back(text, len);
    char *text2 = text_of(again, &len2);
    assert_int_equal(told.n, 0);
    assert_string_equal(text, text2);
    assert_int_equal(found(again, 1, at(5)), PASS_PAUSED);
    assert_null(strstr(text, "02:00")); /* no address in clear */
    free(text);
    free(text2);
    passes_free(again);
    passes_free(t);
}

static void a_torn_file_costs_only_what_was_not_written(void **state)
{
    struct passes *t = with(3);
    size_t len;
    char *text = text_of(t, &len);
    (void)state;
    for (size_t n = 0; n < len; n++) {
        struct passes *again = read_back(text, n);
        size_t lines = 0;
        for (size_t i = 0; i < n; i++)
            lines += text[i] == '\n';
        assert_int_equal(passes_count(again), lines ? lines - 1 : 0);
        assert_int_equal(told.n, lines && text[n - 1] != '\n');
        if (told.n) {
            assert_int_equal(told.line, lines + 1);
            assert_string_equal(told.why, "torn");
        }
        passes_free(again);
    }
    free(text);
    passes_free(t);
}

static void a_damaged_line_costs_one_citizen_one_tap_and_is_named(void **state)
{
    struct passes *t = with(3);
    size_t len;
    char *text = text_of(t, &len), *second = strchr(strchr(text, '\n') + 1, '\n') + 1;
    char *end = strchr(second, '\n');
    (void)state;
    for (char *at_byte = second; at_byte < end; at_byte++) {
        char was = *at_byte;
        *at_byte = (char)(was ^ 1);
        struct passes *again = read_back(text, len);
        assert_int_equal(passes_count(again), 2);
        assert_int_equal(told.n, 1);
        assert_int_equal(told.line, 3);
        assert_int_equal(found(again, 0, at(5)), PASS_GOOD);
        assert_int_equal(found(again, 1, at(5)), PASS_NONE);
        assert_int_equal(found(again, 2, at(5)), PASS_GOOD);
        passes_free(again);
        *at_byte = was;
    }
    free(text);
    passes_free(t);
}

static void a_line_copied_within_the_file_counts_once(void **state)
{
    struct passes *t = with(1);
    size_t len;
    char *text = text_of(t, &len), twice[400];
    (void)state;
    snprintf(twice, sizeof twice, "%s%s", text, strchr(text, '\n') + 1);
    struct passes *again = read_back(twice, strlen(twice));
    assert_int_equal(passes_count(again), 1);
    assert_string_equal(told.why, "told twice");
    free(text);
    passes_free(again);
    passes_free(t);
}

static void a_file_of_another_key_is_nobodys(void **state)
{
    struct passes *t = with(3), *other = passes_new(100, LIFE, other_key, sizeof other_key);
    size_t len;
    char *text = text_of(t, &len);
    (void)state;
    assert_false(passes_read(other, text, len, tell, NULL));
    assert_int_equal(passes_count(other), 0);
    free(text);
    passes_free(other);
    passes_free(t);
}

static void a_router_that_wakes_up_in_1970_expires_nobody(void **state)
{
    struct passes *t = with(2);
    (void)state;
    assert_int_equal(found(t, 0, wrong_clock), PASS_GOOD);
    assert_int_equal(found(t, 0, (struct passes_clock){INT64_C(1) << 40, false}), PASS_GOOD);
    assert_false(passes_settle(t, wrong_clock));
    assert_int_equal(passes_count(t), 2);
    passes_free(t);
}

static void a_pass_given_under_a_wrong_clock_gets_its_whole_life_later(void **state)
{
    struct passes *t = passes_new(100, LIFE, key, sizeof key);
    size_t len;
    (void)state;
    tap(t, 0, wrong_clock);
    assert_int_equal(found(t, 0, wrong_clock), PASS_GOOD);
    char *text = text_of(t, &len);
    struct passes *again = read_back(text, len); /* and the restart before the clock was set */
    assert_int_equal(found(again, 0, at(0)), PASS_GOOD);
    assert_true(passes_settle(again, at(0)));
    assert_false(passes_settle(again, at(1)));
    assert_int_equal(found(again, 0, at(LIFE - 1)), PASS_GOOD);
    assert_int_equal(found(again, 0, at(LIFE)), PASS_NONE);
    assert_true(passes_settle(again, at(LIFE)));
    assert_int_equal(passes_count(again), 0);
    free(text);
    passes_free(again);
    passes_free(t);
}

static void a_pass_of_the_year_2090_lasts_one_life(void **state)
{
    struct passes *t = passes_new(100, LIFE, key, sizeof key);
    (void)state;
    tap(t, 0, at(2000000000));
    assert_true(passes_settle(t, at(0)));
    assert_int_equal(found(t, 0, at(LIFE)), PASS_NONE);
    passes_free(t);
}

/* --- on the disk --- */

static void the_file_is_replaced_as_a_whole(void **state)
{
    char dir[] = "/tmp/passes-XXXXXX", path[64], half[64];
    struct stat st;
    struct passes *t = with(3);
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/passes", dir);
    snprintf(half, sizeof half, "%s/passes.new", dir);
    FILE *f = fopen(half, "w"); /* what a power cut left */
    fputs("half", f);
    fclose(f);
    assert_true(passes_save(t, dir));
    assert_int_equal(access(half, F_OK), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct passes *again = passes_new(100, LIFE, key, sizeof key);
    passes_load(again, dir);
    assert_int_equal(passes_count(again), 3);
    passes_free(again);
    passes_free(t);
    unlink(path);
    rmdir(dir);
}

static void no_file_and_no_directory_are_no_passes(void **state)
{
    struct passes *t = passes_new(100, LIFE, key, sizeof key);
    (void)state;
    passes_load(t, "/nonexistent/state");
    assert_int_equal(passes_count(t), 0);
    assert_false(passes_save(t, "/nonexistent/state"));
    assert_int_equal(errno, ENOENT);
    passes_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_taps_twice_while_the_pass_lives),
        cmocka_unit_test(who_left_is_not_let_in_again_until_the_next_tap),
        cmocka_unit_test(who_wants_to_be_forgotten_is),
        cmocka_unit_test(a_full_table_gives_up_the_pass_given_longest_ago),
        cmocka_unit_test(a_file_bigger_than_the_table_keeps_the_newest),
        cmocka_unit_test(passes_survive_the_file_word_for_word),
        cmocka_unit_test(a_torn_file_costs_only_what_was_not_written),
        cmocka_unit_test(a_damaged_line_costs_one_citizen_one_tap_and_is_named),
        cmocka_unit_test(a_line_copied_within_the_file_counts_once),
        cmocka_unit_test(a_file_of_another_key_is_nobodys),
        cmocka_unit_test(a_router_that_wakes_up_in_1970_expires_nobody),
        cmocka_unit_test(a_pass_given_under_a_wrong_clock_gets_its_whole_life_later),
        cmocka_unit_test(a_pass_of_the_year_2090_lasts_one_life),
        cmocka_unit_test(the_file_is_replaced_as_a_whole),
        cmocka_unit_test(no_file_and_no_directory_are_no_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
