/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and choosing notices: what an editor is told about each mistake, and what a square shows.
 */
#include "lib/notice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "publisher: Comune di Prato\nzones: piazza-duomo\nuntil: 2028-03-31\n"
#define TEXT   "--- it\n# Titolo\nTesto.\n"

static struct notice *must_parse(const char *text)
{
    char err[320] = "";
    struct notice *n = notice_parse("test", text, strlen(text), err, sizeof err);
    if (!n)
        fail_msg("%s", err);
    return n;
}

static void must_fail(const char *text, const char *expected)
{
    char err[320] = "";
    assert_null(notice_parse("test", text, strlen(text), err, sizeof err));
    assert_string_equal(err, expected);
}

static void a_whole_notice_is_read_as_its_editor_wrote_it(void **state)
{
    (void)state;
    struct notice *n = must_parse("publisher: Biblioteca Lazzerini\n"
                                  "zones: piazza-duomo , biblioteca\n"
                                  "from: 2026-03-01 08:00\n"
                                  "until: 2026-03-31\n"
                                  "priority: service\n"
                                  "link: https://www.example.org/a?b=c\n"
                                  "\n"
                                  "--- it\n"
                                  "# Città & libri\n"
                                  "Uno.\n"
                                  "\n"
                                  "---\n"
                                  "Due.\n"
                                  "--- ZH-Hans\n"
                                  "\n"
                                  "# 标题\n"
                                  "正文");
    assert_string_equal(n->id, "test");
    assert_string_equal(n->publisher, "Biblioteca Lazzerini");
    assert_string_equal(n->zones[0], "piazza-duomo");
    assert_string_equal(n->zones[1], "biblioteca");
    assert_null(n->zones[2]);
    assert_int_equal(n->priority, NOTICE_SERVICE);
    assert_string_equal(n->link, "https://www.example.org/a?b=c");
    assert_int_equal(n->from, 1772348400);  /* 08:00 CET */
    assert_int_equal(n->until, 1774994400); /* 24:00 CEST: summer time began in between */
    assert_int_equal(n->n_texts, 2);
    assert_string_equal(n->texts[0].lang, "it");
    assert_string_equal(n->texts[0].title, "Città & libri");
    assert_string_equal(n->texts[0].markdown, "Uno.\n\n---\nDue.");
    assert_string_equal(n->texts[1].lang, "zh-hans");
    assert_string_equal(n->texts[1].title, "标题");
    assert_string_equal(n->texts[1].markdown, "正文");
    notice_free(n);
}

static void a_notice_from_a_windows_editor_is_read(void **state)
{
    (void)state;
    struct notice *n = must_parse("\xEF\xBB\xBFpublisher: A\r\nzones: *\r\nuntil: 2028-01-01\r\n"
                                  "--- it\r\n# T\r\nuno\r\ndue\r\n");
    assert_string_equal(n->texts[0].title, "T");
    assert_string_equal(n->texts[0].markdown, "uno\ndue");
    notice_free(n);
}

static void a_notice_of_a_title_alone_is_enough(void **state)
{
    (void)state;
    struct notice *n = must_parse(HEADER "--- it\n# T\n--- en\n# U");
    assert_string_equal(n->texts[0].markdown, "");
    assert_string_equal(n->texts[1].markdown, "");
    assert_int_equal(n->from, 0);
    assert_null(n->link);
    assert_int_equal(n->priority, NOTICE_INFO);
    notice_free(n);
}

static void a_text_cannot_turn_its_direction_around(void **state)
{
    (void)state;
    struct notice *n = must_parse(HEADER "--- it\n# a\u202Eb\u2066c\n\u2069d\u200Fe\n");
    assert_string_equal(n->texts[0].title, "abc");
    assert_string_equal(n->texts[0].markdown, "d\u200Fe"); /* a mark, which Arabic needs */
    notice_free(n);
}

static void every_mistake_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "line 1: found the end of the header, expected \"publisher: NAME\" in it"},
        {"zones: *\nuntil: 2028-01-01\n" TEXT,
         "line 3: found the end of the header, expected \"publisher: NAME\" in it"},
        {"publisher: A\nuntil: 2028-01-01\n" TEXT, "line 3: found the end of the header, expected "
                                                   "\"zones: NAME, NAME\" or \"zones: *\" in it"},
        {"publisher: A\nzones: *\n" TEXT,
         "line 3: found the end of the header, expected \"until: DATE\" in it"},
        {"publisher: A\nHello\n",
         "line 2: found \"Hello\", expected \"name: value\" or \"--- LANGUAGE\""},
        {"publisher: A\nauthor: B\n", "line 2: found \"author\", expected publisher, zones, from, "
                                      "until, priority, link or source"},
        {"publisher: A\npublisher: B\n",
         "line 2: found a second \"publisher\", expected each field once"},
        {"publisher:  \n", "line 1: found \"publisher:\" with nothing behind, expected a value"},
        {"publisher: A\nzones: Piazza Duomo\n",
         "line 2: found \"Piazza Duomo\", expected the name of a zone (a-z, 0-9 and -, at most "
         "32), or *"},
        {"zones: a,,b\n", "line 1: found \"\", expected the name of a zone (a-z, 0-9 and -, at "
                          "most 32), or *"},
        {"zones: a, *\n", "line 1: found \"*\", expected * alone, or names of zones"},
        {"zones: abcdefghijklmnopqrstuvwxyz0123456\n",
         "line 1: found \"abcdefghijklmnopqrstuvwxyz0123456\", expected the name of a zone (a-z, "
         "0-9 and -, at most 32), or *"},
        {"from: tomorrow\n", "line 1: found \"tomorrow\", expected a date such as 2026-03-31 or "
                             "2026-03-31 18:30"},
        {"until: 31/03/2026\n", "line 1: found \"31/03/2026\", expected a date such as 2026-03-31 "
                                "or 2026-03-31 18:30"},
        {"until: 2026-03-31 18\n", "line 1: found \"2026-03-31 18\", expected a date such as "
                                   "2026-03-31 or 2026-03-31 18:30"},
        {"until: 2027-02-29\n",
         "line 1: found \"2027-02-29\", expected a day that is in the calendar"},
        {"until: 2027-13-01\n",
         "line 1: found \"2027-13-01\", expected a day that is in the calendar"},
        {"until: 2026-03-31 24:01\n",
         "line 1: found \"2026-03-31 24:01\", expected a time from 00:00 to 24:00"},
        {"until: 1970-01-01\n", "line 1: found \"1970-01-01\", expected a year from 2000 to 2199"},
        {"publisher: A\nzones: *\nfrom: 2026-03-31 10:00\nuntil: 2026-03-31 10:00\n" TEXT,
         "line 5: found a notice that ends before it begins, expected \"until\" later than "
         "\"from\""},
        {"priority: urgent\n",
         "line 1: found \"urgent\", expected info, service, warning or emergency"},
        {"link: javascript:alert(1)\n", "line 1: found \"javascript:alert(1)\", expected a link "
                                        "that begins with https://, http://, mailto: or tel:"},
        {"link: https://a b\n", "line 1: found \"https://a b\", expected a link that begins with "
                                "https://, http://, mailto: or tel:"},
        {"link: //evil.example\n", "line 1: found \"//evil.example\", expected a link that begins "
                                   "with https://, http://, mailto: or tel:"},
        {HEADER, "line 3: found the end of the file, expected \"--- LANGUAGE\" and a text"},
        {HEADER "---\n# T\n", "line 4: found \"---\", expected \"--- LANGUAGE\" with a tag such "
                              "as it, en or zh-hans"},
        {HEADER "--- italiano\n# T\n", "line 4: found \"italiano\", expected \"--- LANGUAGE\" with "
                                       "a tag such as it, en or zh-hans"},
        {HEADER TEXT "--- it\n# T\n",
         "line 7: found a second \"--- it\", expected each language once"},
        {HEADER "--- it\n", "line 4: found the end of the file, expected a title: \"# TITLE\""},
        {HEADER "--- it\nTesto senza titolo, che è lunghissimo davvero\n",
         "line 5: found \"Testo senza titolo, che è lunghissimo d…\", expected a title: \"# "
         "TITLE\""},
        {HEADER "--- it\n#  \n", "line 5: found \"#\", expected a title: \"# TITLE\""},
        {HEADER "--- it\n# T\nok\nba\x07"
                "d\n",
         "line 7: found control character U+0007, expected text"},
        {HEADER "--- it\n# caff\xE8\n", "line 5: found byte 0xE8, expected UTF-8 text"},
        {HEADER "--- it\n# \xED\xA0\x80\n", "line 5: found byte 0xED, expected UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        must_fail(cases[i].text, cases[i].expected);
}

/* prefix, then fill n times, then suffix. */
static char *grown(const char *prefix, const char *fill, size_t n, const char *suffix)
{
    char *text = malloc(strlen(prefix) + strlen(fill) * n + strlen(suffix) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, prefix);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, fill);
    strcpy(at, suffix);
    return text;
}

static void every_bound_is_named(void **state)
{
    (void)state;
    struct {
        char *text;
        const char *expected;
    } cases[] = {
        {grown(HEADER TEXT, "x", 16384, ""),
         "line 1: found a file of more, expected at most 16384 bytes"},
        {grown("publisher: ", "è", 81, "\n"),
         "line 1: found a name of 81 characters, expected a name of at most 80"},
        {grown("zones: a", ",a", 256, "\n"),
         "line 1: found 257 zones, expected at most 256, or * for all"},
        {grown(HEADER "--- it\n# ", "è", 121, "\n"),
         "line 5: found a title of 121 characters, expected a title of at most 120"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_fail(cases[i].text, cases[i].expected);
        free(cases[i].text);
    }
    char text[4096] = HEADER;
    size_t at = strlen(text);
    for (int i = 0; i < 25; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "--- a%c\n# T\n", 'a' + i);
    must_fail(text, "line 52: found one language more, expected at most 24");
}

static void a_zero_byte_does_not_hide_what_is_behind_it(void **state)
{
    (void)state;
    char err[320];
    static const char text[] = HEADER TEXT "\0--- en\n";
    assert_null(notice_parse("test", text, sizeof text - 1, err, sizeof err));
    assert_string_equal(err, "line 7: found control character U+0000, expected text");
}

static void links_that_could_run_code_are_none(void **state)
{
    (void)state;
    static const char *const good[] = {"https://a.example/", "HTTP://a.example", "tel:+390574",
                                       "mailto:urp@a.example", "https://[2001:db8::1]/"};
    static const char *const bad[] = {"javascript:alert(1)",
                                      "data:text/html,x",
                                      "https://",
                                      "https:a",
                                      "ftp://a",
                                      "/a",
                                      "",
                                      "tel:",
                                      "https://a\"b",
                                      "https://a\nb",
                                      " https://a",
                                      "https:///a"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(notice_link_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(notice_link_ok(bad[i]));
    char *longer = grown("https://", "a", NOTICE_MAX_LINK, "");
    assert_false(notice_link_ok(longer));
    longer[NOTICE_MAX_LINK] = '\0';
    assert_true(notice_link_ok(longer));
    free(longer);
}

/* --- choosing -----------------------------------------------------------------------------------
 */

struct made {
    struct notice notices[16];
    struct notice *items[16];
    struct notice_set set;
};
static char *all_zones[] = {"*", NULL};
static char *duomo[] = {"piazza-duomo", NULL};
static char *two[] = {"stazione", "piazza-duomo", NULL};

static void add(struct made *m, const char *id, char **zones, int64_t from, int64_t until,
                enum notice_priority priority)
{
    struct notice *n = &m->notices[m->set.n];
    *n = (struct notice){.id = (char *)(uintptr_t)id,
                         .zones = zones,
                         .from = from,
                         .until = until,
                         .priority = priority};
    m->items[m->set.n++] = n;
    m->set.items = m->items;
}

/* The ids chosen, with blanks between. */
static const char *chosen(const struct made *m, const char *zone, int64_t now, bool sane,
                          size_t max)
{
    static char ids[256];
    const struct notice *out[16];
    size_t n = notice_select(&m->set, zone, now, sane, out, max);
    ids[0] = '\0';
    for (size_t i = 0; i < n; i++)
        sprintf(ids + strlen(ids), "%s%s", i ? " " : "", out[i]->id);
    return ids;
}

static void a_square_shows_its_own_notices_and_the_city_s(void **state)
{
    (void)state;
    struct made m = {0};
    add(&m, "all", all_zones, 0, 100, NOTICE_INFO);
    add(&m, "duomo", duomo, 0, 100, NOTICE_INFO);
    add(&m, "two", two, 0, 100, NOTICE_INFO);
    assert_string_equal(chosen(&m, "piazza-duomo", 50, true, 16), "all duomo two");
    assert_string_equal(chosen(&m, "stazione", 50, true, 16), "all two");
    assert_string_equal(chosen(&m, "piazza", 50, true, 16), "all");
    assert_string_equal(chosen(&m, "*", 50, true, 16), "all");
}

static void a_notice_begins_and_ends_on_its_second(void **state)
{
    (void)state;
    struct made m = {0};
    add(&m, "a", all_zones, 100, 200, NOTICE_INFO);
    assert_string_equal(chosen(&m, "z", 99, true, 16), "");
    assert_string_equal(chosen(&m, "z", 100, true, 16), "a");
    assert_string_equal(chosen(&m, "z", 199, true, 16), "a");
    assert_string_equal(chosen(&m, "z", 200, true, 16), "");
}

static void the_most_urgent_stand_first_then_the_newest_then_by_name(void **state)
{
    (void)state;
    struct made m = {0};
    add(&m, "old", all_zones, 1, 900, NOTICE_INFO);
    add(&m, "emergency", all_zones, 1, 900, NOTICE_EMERGENCY);
    add(&m, "new-b", all_zones, 5, 900, NOTICE_INFO);
    add(&m, "new-a", all_zones, 5, 900, NOTICE_INFO);
    add(&m, "warning", all_zones, 2, 900, NOTICE_WARNING);
    add(&m, "service", all_zones, 3, 900, NOTICE_SERVICE);
    assert_string_equal(chosen(&m, "z", 10, true, 16), "emergency warning service new-a new-b old");
    assert_string_equal(chosen(&m, "z", 10, true, 3), "emergency warning service");
    assert_string_equal(chosen(&m, "z", 10, true, 1), "emergency");
    assert_string_equal(chosen(&m, "z", 10, true, 0), "");
}

static void a_router_with_a_wrong_clock_hides_only_what_is_surely_over(void **state)
{
    (void)state;
    struct made m = {0};
    add(&m, "over", all_zones, 0, NOTICE_EPOCH, NOTICE_INFO);
    add(&m, "future", all_zones, NOTICE_EPOCH + 1000, NOTICE_EPOCH + 2000, NOTICE_INFO);
    add(&m, "now", all_zones, 0, NOTICE_EPOCH + 1, NOTICE_INFO);
    assert_string_equal(chosen(&m, "z", 0, false, 16), "future now");
}

static void a_reader_gets_the_nearest_language_there_is(void **state)
{
    (void)state;
    struct notice_text texts[] = {
        {.lang = "de"}, {.lang = "zh-hans"}, {.lang = "it"}, {.lang = "en"}};
    struct notice n = {.texts = texts, .n_texts = 4};
    static const struct {
        const char *lang, *fallback, *expected;
    } cases[] = {{"zh-hans", "en", "zh-hans"}, {"zh", "en", "zh-hans"}, {"zh-tw", "en", "zh-hans"},
                 {"de-at", "en", "de"},        {"ur", "en", "en"},      {"ur", "sq", "it"},
                 {"ur", NULL, "it"},           {NULL, NULL, "it"},      {"d", "en", "en"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(notice_text_for(&n, cases[i].lang, cases[i].fallback)->lang,
                            cases[i].expected);
    n.n_texts = 2;
    assert_string_equal(notice_text_for(&n, "ur", "sq")->lang, "de");
}

int main(void)
{
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_notice_is_read_as_its_editor_wrote_it),
        cmocka_unit_test(a_notice_from_a_windows_editor_is_read),
        cmocka_unit_test(a_notice_of_a_title_alone_is_enough),
        cmocka_unit_test(a_text_cannot_turn_its_direction_around),
        cmocka_unit_test(every_mistake_is_named_with_its_line),
        cmocka_unit_test(every_bound_is_named),
        cmocka_unit_test(a_zero_byte_does_not_hide_what_is_behind_it),
        cmocka_unit_test(links_that_could_run_code_are_none),
        cmocka_unit_test(a_square_shows_its_own_notices_and_the_city_s),
        cmocka_unit_test(a_notice_begins_and_ends_on_its_second),
        cmocka_unit_test(the_most_urgent_stand_first_then_the_newest_then_by_name),
        cmocka_unit_test(a_router_with_a_wrong_clock_hides_only_what_is_surely_over),
        cmocka_unit_test(a_reader_gets_the_nearest_language_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
