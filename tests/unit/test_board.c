/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's side of the noticeboard, as far as it only thinks: what replaces what, which time it
 * is, what is counted, and pages that are kept. */
#include "lib/buf.h"
#include "lib/counts.h"
#include "portal/board.h"
#include "portal/page_cache.h"
#include "portal/whose.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR = 3600, DAY = 86400 };
#define T0 INT64_C(1780000000) /* in 2026 */

/* --- judging ---------------------------------------------------------------------------------- */
static const struct current have = {
    .serial = 7, .sha256 = {7}, .length = 100, .created_s = T0, .expires_s = T0 + 7 * DAY};

static void judged(struct current c, int64_t ref_s, enum board_verdict expected, const char *words)
{
    char why[200] = "";
    assert_int_equal(board_judge(&c, &have, ref_s, why, sizeof why), expected);
    if (words && !strstr(why, words))
        fail_msg("\"%s\" has no \"%s\"", why, words);
}

static struct current later(uint64_t serial, uint8_t sum, int64_t created_s)
{
    return (struct current){.serial = serial,
                            .sha256 = {sum},
                            .length = 100,
                            .created_s = created_s,
                            .expires_s = created_s + 7 * DAY};
}

static void news_replaces_what_is_shown(void **state)
{
    static const struct current none;
    char why[200];
    (void)state;
    judged(later(8, 8, T0 + 5), T0 + 6, BOARD_TAKE, NULL);
    judged(later(7, 7, T0 + 5), T0 + 6, BOARD_TAKE, NULL); /* signed anew */
    judged(have, T0 + 6, BOARD_SAME, NULL);
    struct current first = later(1, 1, T0);
    assert_int_equal(board_judge(&first, &none, T0, why, sizeof why), BOARD_TAKE);
    assert_int_equal(board_judge(&first, &none, 0, why, sizeof why), BOARD_TAKE);
}

static void what_is_replayed_is_refused(void **state)
{
    (void)state;
    judged(later(6, 6, T0 + 5), T0 + 6, BOARD_REFUSE, "it is replayed");
    judged(later(7, 9, T0 + 5), T0 + 6, BOARD_REFUSE, "another bundle under the same serial");
    judged(later(7, 7, T0 - 5), T0 + 6, BOARD_REFUSE, "older signature");
}

static void what_is_too_old_or_of_the_future_is_refused(void **state)
{
    (void)state;
    judged(later(8, 8, T0), T0 + 8 * DAY, BOARD_REFUSE, "too old");
    judged(later(8, 8, T0 + DAY), T0, BOARD_REFUSE, "of the future");
    judged(later(8, 8, T0 + 600), T0, BOARD_TAKE, NULL);     /* two clocks differ a little */
    judged(later(8, 8, T0 + 10 * DAY), 0, BOARD_TAKE, NULL); /* nobody knows the time */
}

/* --- the clock -------------------------------------------------------------------------------- */
static const struct board_clock window = {
    .created_s = T0, .expires_s = T0 + 7 * DAY, .since_ms = 1000};

static int64_t now(struct board_clock c, int64_t wall_s, uint64_t loop_ms)
{
    bool sane = false;
    int64_t t = board_clock_now(&c, wall_s, loop_ms, &sane);
    assert_true(sane);
    return t;
}

static void a_right_clock_is_believed(void **state)
{
    (void)state;
    assert_int_equal(now(window, T0 + HOUR, 2000), T0 + HOUR);
    assert_int_equal(now(window, T0 - 60, 1000), T0 - 60); /* two clocks differ a little */
}

static void a_clock_of_the_past_is_moved_to_what_was_signed_and_goes_on(void **state)
{
    (void)state;
    assert_int_equal(now(window, 17, 1000), T0);
    assert_int_equal(now(window, 17 + HOUR, 1000 + HOUR * 1000), T0 + HOUR);
    assert_int_equal(now(window, T0 - DAY, 1000 + HOUR * 1000), T0 + HOUR);
    struct board_clock dated = window;
    dated.heard_s = T0 + 2 * DAY;
    dated.heard_ms = 5000;
    assert_int_equal(now(dated, 17, 65000), T0 + 2 * DAY + 60);
}

static void a_clock_of_the_future_hides_nothing_while_the_board_says_the_time(void **state)
{
    (void)state;
    struct board_clock dated = window;
    dated.heard_s = T0 + HOUR;
    dated.heard_ms = 1000;
    assert_int_equal(now(dated, T0 + 400 * DAY, 61000), T0 + HOUR + 60);
    /* a Date outside what was signed is nobody's word */
    dated.heard_s = T0 - 30 * DAY;
    assert_int_equal(now(dated, T0 + 400 * DAY, 61000), T0 + 400 * DAY);
}

static void a_date_that_is_not_authentic_mends_no_clock_that_could_be_right(void **state)
{
    (void)state;
    struct board_clock dated = window;
    dated.heard_s = T0 + 2 * DAY;
    dated.heard_ms = 1000;
    assert_int_equal(now(dated, T0 + HOUR, 1000), T0 + HOUR);
    dated.heard_tls = true;
    assert_int_equal(now(dated, T0 + HOUR, 1000), T0 + 2 * DAY);
}

static void without_a_board_the_clock_is_the_machines(void **state)
{
    bool sane = true;
    (void)state;
    assert_int_equal(board_clock_now(NULL, 17, 5, &sane), 17);
    assert_false(sane);
    assert_int_equal(board_clock_now(&(struct board_clock){0}, T0, 5, &sane), T0);
    assert_true(sane);
}

/* --- counting --------------------------------------------------------------------------------- */
struct heard {
    struct count_row rows[8];
    size_t n;
};

static void hear(void *arg, const struct count_row *row)
{
    struct heard *h = arg;
    assert_true(h->n < 8);
    h->rows[h->n++] = *row;
}

static struct heard sent(struct board_tally *t)
{
    char router[COUNTS_ROUTER_LEN], batch[COUNTS_BATCH_LEN], err[200] = "";
    struct heard h = {0};
    size_t len;
    const char *text = board_tally_text(t, &len);
    assert_non_null(text);
    if (!counts_read(text, len, router, batch, hear, &h, err, sizeof err))
        fail_msg("%s", err);
    assert_string_equal(router, "duomo-1");
    return h;
}

static void displays_and_taps_leave_as_sums_of_an_hour(void **state)
{
    struct board_tally *t = board_tally_new();
    size_t len;
    (void)state;
    int64_t hour = T0 - T0 % HOUR;
    board_tally_add(t, hour + 5, BUNDLE_NOTICE, "orari", "piazza-duomo", "it", 1, 0);
    board_tally_add(t, hour + 3599, BUNDLE_NOTICE, "orari", "piazza-duomo", "it", 1, 1);
    board_tally_add(t, hour + HOUR, BUNDLE_NOTICE, "orari", "piazza-duomo", "it", 1, 0);
    board_tally_add(t, hour + 5, BUNDLE_SERVICE, "orari", "piazza-duomo", "it", 1, 0);
    board_tally_add(t, hour + 5, BUNDLE_NOTICE, "orari", "piazza-duomo", "en", 1, 0);
    assert_null(board_tally_text(t, &len));
    assert_true(board_tally_close(t, "duomo-1"));
    struct heard h = sent(t);
    assert_int_equal(h.n, 4);
    assert_int_equal(h.rows[0].hour_s, hour);
    assert_int_equal(h.rows[0].displays, 2);
    assert_int_equal(h.rows[0].taps, 1);
    board_tally_sent(t);
    assert_null(board_tally_text(t, &len));
    assert_false(board_tally_close(t, "duomo-1"));
    board_tally_free(t);
}

static void a_day_without_the_board_is_kept_and_then_the_oldest_goes(void **state)
{
    struct board_tally *t = board_tally_new();
    (void)state;
    for (int hour = 0; hour < 30; hour++) {
        board_tally_add(t, T0 + hour * HOUR, BUNDLE_NOTICE, "a", "z", "it", 1, 0);
        board_tally_close(t, "duomo-1");
    }
    assert_int_equal(board_tally_lost(t), 6);
    assert_int_equal(sent(t).rows[0].hour_s, T0 + 6 * HOUR - (T0 % HOUR));
    for (int i = 0; i < 24; i++)
        board_tally_sent(t);
    size_t len;
    assert_null(board_tally_text(t, &len));
    board_tally_free(t);
}

static void what_has_no_room_is_said_to_be_lost(void **state)
{
    struct board_tally *t = board_tally_new();
    char id[20];
    size_t len;
    (void)state;
    for (int i = 0; i < COUNTS_MAX_LINES + 3; i++) {
        snprintf(id, sizeof id, "n%d", i);
        board_tally_add(t, T0, BUNDLE_NOTICE, id, "z", "it", 1, 0);
    }
    assert_int_equal(board_tally_lost(t), 3);
    board_tally_close(t, "duomo-1");
    assert_non_null(board_tally_text(t, &len));
    board_tally_free(t);
}

/* --- pages that are kept ---------------------------------------------------------------------- */
static void a_kept_page_gets_each_devices_own_token_and_ends_in_time(void **state)
{
    struct page_cache *c = page_cache_new();
    struct page_key key = {.kind = PAGE_SPLASH, .lang = "it", .zone = "z"}, other = key;
    char html[200];
    (void)state;
    assert_int_equal(strlen(page_cache_placeholder(c)), TOKEN_LEN - 1);
    assert_null(page_cache_find(c, &key, 1, T0));
    snprintf(html, sizeof html, "<a>%s</a><b>%s</b>", page_cache_placeholder(c),
             page_cache_placeholder(c));
    assert_non_null(page_cache_keep(c, &key, 1, T0, T0 + 60, strdup(html), strlen(html)));
    const struct page_kept *k = page_cache_find(c, &key, 1, T0 + 59);
    assert_non_null(k);
    char *page = page_cache_page(k, "0123456789ABCDEFGHIJKLMNOPQ");
    assert_memory_equal(
        page, "<a>0123456789ABCDEFGHIJKLMNOPQ</a><b>0123456789ABCDEFGHIJKLMNOPQ</b>", k->len);
    free(page);
    assert_null(page_cache_find(c, &key, 1, T0 + 60)); /* a notice ends, or begins */
    assert_null(page_cache_find(c, &key, 1, T0 - 1));  /* the clock was set back */
    assert_null(page_cache_find(c, &key, 2, T0));      /* something changed */
    other.lang = "en";
    assert_null(page_cache_find(c, &other, 1, T0));
    other = key;
    other.https = true;
    assert_null(page_cache_find(c, &other, 1, T0));
    page_cache_free(c);
}

static void the_cache_is_bounded(void **state)
{
    struct page_cache *c = page_cache_new();
    static const char zones[2 * PAGE_CACHE_ENTRIES][2];
    struct page_key key = {.kind = PAGE_SPLASH, .lang = "it"};
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < 2 * PAGE_CACHE_ENTRIES; i++) {
        key.zone = zones[i];
        assert_non_null(page_cache_keep(c, &key, 1, T0, T0 + 60, strdup("x"), 1));
    }
    for (size_t i = 0; i < 2 * PAGE_CACHE_ENTRIES; i++) {
        key.zone = zones[i];
        found += page_cache_find(c, &key, 1, T0) != NULL;
    }
    assert_int_equal(found, PAGE_CACHE_ENTRIES);
    page_cache_free(c);
}

/* --- whose address ---------------------------------------------------------------------------- */
static void an_address_is_known_for_a_second_and_not_after_the_gate_spoke(void **state)
{
    struct whose *w = whose_new();
    struct gate_address asked = {.family = 4, .ip = {10, 80, 0, 9}}, other = asked;
    struct gate_address told = {.family = 4, .mac = {{2, 0, 0, 0, 0, 9}}, .ifname = "br-lan"};
    (void)state;
    assert_null(whose_find(w, &asked, 0));
    whose_note(w, &asked, &told, 5000);
    assert_non_null(whose_find(w, &asked, 5999));
    assert_memory_equal(whose_find(w, &asked, 5999), &told, sizeof told);
    assert_null(whose_find(w, &asked, 6000));
    other.ip[3] = 10;
    assert_null(whose_find(w, &other, 5000));
    other = asked;
    other.ifindex = 3; /* the same link-local address elsewhere */
    assert_null(whose_find(w, &other, 5000));
    whose_forget(w);
    assert_null(whose_find(w, &asked, 5000));
    whose_free(w);
}

/* --- through a restart ------------------------------------------------------------------------ */
static void counts_that_were_not_sent_survive_a_restart_under_their_names(void **state)
{
    struct board_tally *t = board_tally_new(), *later_on = board_tally_new();
    char err[200] = "";
    struct buf b;
    size_t len, kept_len;
    (void)state;
    board_tally_add(t, T0, BUNDLE_NOTICE, "a", "z", "it", 3, 1);
    board_tally_close(t, "duomo-1");
    board_tally_add(t, T0 + HOUR, BUNDLE_SERVICE, "s", "z", "it", 2, 2); /* still being counted */
    buf_init(&b, BOARD_TALLY_MAX_FILE);
    board_tally_write(t, "duomo-1", &b);
    if (!board_tally_read(later_on, b.data, b.len, err, sizeof err))
        fail_msg("%s", err);
    for (int i = 0; i < 2; i++) { /* the very texts, so that the board counts each once */
        board_tally_close(t, "duomo-1");
        const char *sent_text = board_tally_text(t, &len);
        const char *kept = board_tally_text(later_on, &kept_len);
        assert_int_equal(len, kept_len);
        assert_memory_equal(sent_text, kept, len);
        board_tally_sent(t);
        board_tally_sent(later_on);
    }
    assert_null(board_tally_text(later_on, &len));
    buf_free(&b);
    board_tally_free(t);
    board_tally_free(later_on);
}

static void a_damaged_file_of_counts_gives_what_is_whole(void **state)
{
    struct board_tally *t = board_tally_new(), *later_on = board_tally_new();
    char err[200] = "";
    struct buf b;
    size_t len;
    (void)state;
    board_tally_add(t, T0, BUNDLE_NOTICE, "a", "z", "it", 3, 1);
    board_tally_close(t, "duomo-1");
    board_tally_add(t, T0, BUNDLE_NOTICE, "b", "z", "it", 1, 0);
    board_tally_close(t, "duomo-1");
    buf_init(&b, BOARD_TALLY_MAX_FILE);
    board_tally_write(t, "duomo-1", &b);
    assert_false(board_tally_read(later_on, b.data, b.len - 3, err, sizeof err));
    assert_non_null(strstr(err, "line "));
    assert_non_null(board_tally_text(later_on, &len));
    board_tally_sent(later_on);
    assert_null(board_tally_text(later_on, &len));
    assert_false(board_tally_read(later_on, "garbage\n", 8, err, sizeof err));
    assert_true(board_tally_read(later_on, "", 0, err, sizeof err));
    buf_free(&b);
    buf_init(&b, 150); /* room for one: the newest */
    board_tally_write(t, "duomo-1", &b);
    assert_non_null(memmem(b.data, b.len, " notice b ", 10));
    assert_null(memmem(b.data, b.len, " notice a ", 10));
    buf_free(&b);
    board_tally_free(t);
    board_tally_free(later_on);
}

/* --- when to ask ------------------------------------------------------------------------------ */
#define BETWEEN(ms, low, high) assert_in_range(ms, low, high)

static void a_server_that_does_not_wait_is_asked_often_only_while_somebody_looks(void **state)
{
    struct board_pace p = {.poll_s = 60, .long_poll = true};
    uint64_t now = 1000000, in = 0;
    (void)state;
    board_pace_asked(&p, now, false);
    BETWEEN(board_pace_next(&p, now + 50, false), 5 * 54000, 5 * 66000); /* nobody was here */
    assert_true(board_pace_looked(&p, now + 20000, &in));
    assert_int_equal(in, 40000); /* a minute behind the last question */
    assert_false(board_pace_looked(&p, now + 21000, &in));
    board_pace_asked(&p, now + 60000, false);
    BETWEEN(board_pace_next(&p, now + 60050, false), 54000, 66000);
    board_pace_asked(&p, now + 120000, false);
    board_pace_next(&p, now + 120050, false); /* the last look is long ago */
    assert_true(board_pace_looked(&p, now + 300000, &in));
    assert_int_equal(in, 0); /* at once: what the first phone reads is no older than a minute */
}

static void a_board_that_waits_is_asked_again_at_once(void **state)
{
    struct board_pace p = {.poll_s = 60, .long_poll = true};
    (void)state;
    assert_false(board_pace_terse(&p));
    board_pace_asked(&p, 1000000, false);
    BETWEEN(board_pace_next(&p, 1000050, true), 0, 499); /* its first tag: now it can wait */
    board_pace_asked(&p, 1000100, true);
    p.waited = true;
    BETWEEN(board_pace_next(&p, 1240100, true), 0, 499);
    BETWEEN(board_pace_next(&p, 1000300, true), 1000, 1499); /* it came back too soon */
    for (int i = 0; i < 30; i++)
        assert_false(board_pace_terse(&p));
}

static void a_plain_server_is_told_a_name_only_now_and_then(void **state)
{
    struct board_pace p = {.poll_s = 60, .long_poll = true};
    int named = 0;
    (void)state;
    board_pace_asked(&p, 1000000, true);
    board_pace_next(&p, 1000050, true); /* asked to wait: it did not */
    for (int i = 0; i < 30; i++) {
        bool terse = board_pace_terse(&p);
        named += !terse;
        board_pace_asked(&p, 1060000, !terse);
        BETWEEN(board_pace_next(&p, 1060050, true), 54000, 5 * 66000);
    }
    assert_int_equal(named, 3);
    p.long_poll = false;
    assert_true(board_pace_terse(&p));
}

static void what_fails_is_tried_later_and_later_up_to_a_bound(void **state)
{
    struct board_pace p = {.poll_s = 60};
    (void)state;
    BETWEEN(board_pace_failed(&p, 0), 54000, 66000);
    BETWEEN(board_pace_failed(&p, 0), 108000, 132000);
    for (int i = 0; i < 70; i++)
        BETWEEN(board_pace_failed(&p, 0), 216000, 330000);
    BETWEEN(board_pace_failed(&p, 1000), 900000, 1100000);
    BETWEEN(board_pace_failed(&p, 4000000000u), 3240000, 3960000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_replaces_what_is_shown),
        cmocka_unit_test(what_is_replayed_is_refused),
        cmocka_unit_test(what_is_too_old_or_of_the_future_is_refused),
        cmocka_unit_test(a_right_clock_is_believed),
        cmocka_unit_test(a_clock_of_the_past_is_moved_to_what_was_signed_and_goes_on),
        cmocka_unit_test(a_clock_of_the_future_hides_nothing_while_the_board_says_the_time),
        cmocka_unit_test(a_date_that_is_not_authentic_mends_no_clock_that_could_be_right),
        cmocka_unit_test(without_a_board_the_clock_is_the_machines),
        cmocka_unit_test(displays_and_taps_leave_as_sums_of_an_hour),
        cmocka_unit_test(a_day_without_the_board_is_kept_and_then_the_oldest_goes),
        cmocka_unit_test(what_has_no_room_is_said_to_be_lost),
        cmocka_unit_test(a_kept_page_gets_each_devices_own_token_and_ends_in_time),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(an_address_is_known_for_a_second_and_not_after_the_gate_spoke),
        cmocka_unit_test(counts_that_were_not_sent_survive_a_restart_under_their_names),
        cmocka_unit_test(a_damaged_file_of_counts_gives_what_is_whole),
        cmocka_unit_test(a_server_that_does_not_wait_is_asked_often_only_while_somebody_looks),
        cmocka_unit_test(a_board_that_waits_is_asked_again_at_once),
        cmocka_unit_test(a_plain_server_is_told_a_name_only_now_and_then),
        cmocka_unit_test(what_fails_is_tried_later_and_later_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
