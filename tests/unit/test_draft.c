/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is typed, and what becomes of it: days and hours of the city with its summer time, what is
 * left out of a text, who may speak where; and how often somebody may be wrong. */
#include "lib/buf.h"
#include "lib/crypto_password.h"
#include "noticeboard/draft.h"
#include "noticeboard/throttle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1780000000 }; /* 28 May 2026 */
static struct board_conf *conf;

static void note(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

static int setup(void **state)
{
    static const char text[] =
        "url = \"https://b.example\"\nlanguages = {\"it\", \"en\"}\nzone \"duomo\" { }\n"
        "zone \"fontana\" { title = \"Fontana\" }\n"
        "administration \"c\" { name = \"C\" max_notices = 2\n"
        " publisher \"c\" { name = \"Comune\" zones = {\"*\"} }\n"
        " publisher \"acqua\" { name = \"Acqua\" zones = {\"fontana\"} } }\n";
    (void)state;
    notice_timezone(NULL);
    conf = board_conf_parse("board.conf", text, sizeof text - 1, 0, note, NULL);
    return conf ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    board_conf_free(conf);
    return 0;
}

static int load = 0;
static int zone_load(void *arg, const char *zone, int64_t at)
{
    (void)arg;
    (void)zone;
    (void)at;
    return load;
}

static struct draft_place place(void)
{
    return (struct draft_place){.conf = conf,
                                .administration = &conf->administrations[0],
                                .now = NOW,
                                .zone_load = zone_load};
}

static struct draft *draft(const char *form)
{
    struct draft *d = draft_new(form, strlen(form));
    assert_non_null(d);
    return d;
}

/* The codes that a form is told, as "3 17 ". */
static const char *told(const char *more)
{
    static char out[200];
    char form[2000];
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place p = place();

    snprintf(
        form, sizeof form,
        "%s&publisher=c&title.it=Uno&text.it=Due&title.en=One&zone.duomo=1&until_day=2026-06-10",
        more);
    struct draft *d = draft(form);
    size_t n = draft_check(d, &p, f);
    *out = '\0';
    for (size_t i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%d ", f[i].code);
    draft_free(d);
    return out;
}

static void assert_told(const char *more, int code)
{
    char expected[16];
    snprintf(expected, sizeof expected, "%d ", code);
    assert_string_equal(told(more), expected);
}

static void a_whole_notice_is_told_nothing(void **state)
{
    (void)state;
    assert_string_equal(told("link=https://a.example/"), "");
}

static void each_mistake_is_told_once(void **state)
{
    (void)state;
    assert_told("until_day=2026-02-30", DRAFT_BAD_DATE);
    assert_told("until_day=2026-05-01", DRAFT_ENDED);
    assert_told("from_day=2026-07-01", DRAFT_ENDS_BEFORE);
    assert_told("publisher=acqua", DRAFT_ZONE_FORBIDDEN);
    assert_told("link=javascript:alert(1)", DRAFT_BAD_LINK);
    assert_told("link=http://a.example/", DRAFT_PLAIN_HTTP);
    assert_told("text.it=%5BClicca+qui%5D(https://a.example)", DRAFT_VAGUE_LINK);
    assert_told("text.it=%FF%FE", DRAFT_NOT_TEXT);
    assert_told("publisher=nessuno", DRAFT_NO_PUBLISHER);
    load = 2;
    assert_told("", DRAFT_MANY_IN_ZONE);
    load = 0;
}

static void assert_card(const char *form, int code)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place p = place();
    struct draft *d = draft(form);
    char err[200];
    struct buf b;

    p.is_card = true;
    load = 9; /* cards are not counted among notices */
    size_t n = draft_check(d, &p, f);
    load = 0;
    buf_init(&b, 10000);
    assert_int_equal(n, code ? 1 : 0);
    if (code)
        assert_int_equal(f[0].code, code);
    assert_int_equal(draft_write(d, &p, 0, 0, &b, err, sizeof err),
                     code != DRAFT_NO_LINK && code != DRAFT_LINE_LONG);
    if (!code)
        assert_non_null(strstr(b.data, "icon: library\norder: 20\n"));
    buf_free(&b);
    draft_free(d);
}

static void a_card_needs_no_end_but_a_link_and_one_line(void **state)
{
    char form[1000];
    static const char whole[] = "publisher=c&title.it=Uno&title.en=One&everywhere=1&icon=library&"
                                "order=20&link=https://a.example/";

    (void)state;
    assert_card(whole, 0);
    assert_card("publisher=c&title.it=Uno&title.en=One&everywhere=1", DRAFT_NO_LINK);
    snprintf(form, sizeof form, "%s&text.it=%0161d", whole, 1);
    assert_card(form, DRAFT_LINE_LONG);
    snprintf(form, sizeof form, "%s&text.it=uno%%0Adue", whole);
    assert_card(form, 0);
}

static int64_t until(const char *form)
{
    int64_t t = -1;
    struct draft *d = draft(form);
    if (!draft_until(d, &t))
        t = -1;
    draft_free(d);
    return t;
}

static void days_and_hours_are_the_citys_in_summer_and_in_winter(void **state)
{
    (void)state;
    assert_int_equal(until("until_day=2026-07-01&until_hour=18:30"), 1782923400); /* 16:30 UTC */
    assert_int_equal(until("until_day=2026-01-15&until_hour=18:30"), 1768498200); /* 17:30 UTC */
    /* A day without an hour ends at its midnight, also the day that has 25 hours. */
    assert_int_equal(until("until_day=2026-10-25"), 1792969200); /* 23:00 UTC */
    assert_int_equal(until("until_day=2026-07-01"), 1782943200); /* 22:00 UTC */
    /* Half past two does not exist on the day that summer time begins: an hour that does is taken.
     */
    int64_t t = until("until_day=2026-03-29&until_hour=02:30");
    assert_true(t == 1774747800 || t == 1774744200); /* 03:30 or 01:30 by the clock */
    assert_int_equal(until("until_day=2026-13-01"), -1);
    assert_int_equal(until("until_day=2026-06-31"), -1);
    assert_int_equal(until("until_day=2026-06-01&until_hour=25:00"), -1);
    assert_int_equal(until("until_day=oggi"), -1);
}

static void what_could_deceive_is_left_out_of_texts(void **state)
{
    struct draft *d =
        draft("title.it=%E2%80%AEuno%E2%80%AC%0Adue&text.it=a%0D%0Ab%07&sneaky=1&zone.=1");
    (void)state;

    assert_string_equal(draft_get(d, "title.it"), "uno due");
    assert_string_equal(draft_get(d, "text.it"), "a\nb");
    assert_string_equal(draft_get(d, "sneaky"), "");
    assert_int_equal(d->n, 2);
    draft_free(d);
}

static void a_text_cannot_smuggle_in_a_field_or_a_language(void **state)
{
    struct draft_place p = place();
    char err[200];
    struct buf b;
    struct draft *d = draft(
        "publisher=acqua&title.it=Uno&text.it=x%0A---+en%0A%23+Falso%0Azones:+*&zone.fontana=1&"
        "until_day=2026-06-10");
    (void)state;

    buf_init(&b, 1 << 16);
    bool whole = draft_write(d, &p, 0, 0, &b, err, sizeof err);
    struct notice *n = whole ? notice_parse("x", b.data, b.len, err, sizeof err) : NULL;
    assert_non_null(n);
    assert_int_equal(n->n_texts, 1);
    assert_string_equal(n->zones[0], "fontana");
    assert_null(n->zones[1]);
    assert_string_equal(n->publisher, "Acqua");
    notice_free(n);
    buf_free(&b);
    draft_free(d);
}

static void after_five_failures_there_is_one_try_in_half_a_minute(void **state)
{
    static struct throttle t = {.free = 5, .pause_s = 30, .forget_s = 3600};
    (void)state;

    for (int i = 0; i < 5; i++) {
        assert_true(throttle_may(&t, 77, NOW));
        throttle_failed(&t, 77, NOW);
    }
    assert_false(throttle_may(&t, 77, NOW + 29));
    assert_true(throttle_may(&t, 78, NOW));
    assert_true(throttle_may(&t, 77, NOW + 30));
    throttle_failed(&t, 77, NOW + 30);
    assert_false(throttle_may(&t, 77, NOW + 31));
    throttle_fine(&t, 77);
    assert_true(throttle_may(&t, 77, NOW + 31));
    for (uint64_t i = 1; i < 100000; i += 2) /* many others do not make it grow, or fall over */
        throttle_failed(&t, i, NOW);
}

static void a_password_is_known_again_and_no_other_is(void **state)
{
    char stored[CRYPTO_PASSWORD_LEN], other[CRYPTO_PASSWORD_LEN];
    (void)state;

    crypto_password_hash("una frase lunga", stored);
    crypto_password_hash("una frase lunga", other);
    assert_string_not_equal(stored, other); /* salted */
    assert_true(crypto_password_check("una frase lunga", stored));
    assert_false(crypto_password_check("una frase lungA", stored));
    assert_false(crypto_password_check("una frase lunga", NULL));
    stored[strlen(stored) - 1] ^= 1;
    assert_false(crypto_password_check("una frase lunga", stored));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_notice_is_told_nothing),
        cmocka_unit_test(each_mistake_is_told_once),
        cmocka_unit_test(a_card_needs_no_end_but_a_link_and_one_line),
        cmocka_unit_test(days_and_hours_are_the_citys_in_summer_and_in_winter),
        cmocka_unit_test(what_could_deceive_is_left_out_of_texts),
        cmocka_unit_test(a_text_cannot_smuggle_in_a_field_or_a_language),
        cmocka_unit_test(after_five_failures_there_is_one_try_in_half_a_minute),
        cmocka_unit_test(a_password_is_known_again_and_no_other_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
