/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From other sites' documents to notices: whose name, which square, how urgent, how long. */
#include "noticeboard/cap_parse.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/import.h"
#include "noticeboard/source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795680000 /* 2026-11-26 08:00 UTC */

static char *zones[] = {"piazza-duomo", "stazione"};
static char *bisenzio[] = {"it901"}, *mugello[] = {"Mugello"}, *elsewhere[] = {"IT999"};
static struct import_rule rule;

static struct import import(const char *name, int64_t now)
{
    static char data[1 << 16];
    char path[4096], err[256];
    struct source s = {0};
    struct import out = {0};
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/%s", TEST_SRCDIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    if (!source_read(data, len, &s, err, sizeof err))
        fail_msg("%s", err);
    if (s.feed)
        assert_true(import_feed(s.feed, &rule, now, &out));
    else
        assert_true(import_alert(s.alert, &rule, now, &out));
    source_free(&s);
    return out;
}

static int begin(void **state)
{
    (void)state;
    rule = (struct import_rule){
        .publisher = "Comune di Prato", .language = "it", .zones = zones, .n_zones = 2, .days = 7};
    return 0;
}

static void an_item_appears_under_its_publisher_and_names_its_source(void **state)
{
    (void)state;
    struct import out = import("feed/rss-comune", NOW);
    assert_int_equal(out.n, 3);
    const struct notice *n = out.items[0].notice;
    assert_string_equal(out.items[0].guid, "comune-4711");
    assert_string_equal(n->publisher, "Comune di Prato");
    assert_string_equal(n->source, "Comune di Prato è vicino: notizie");
    assert_string_equal(n->zones[0], "piazza-duomo");
    assert_string_equal(n->zones[1], "stazione");
    assert_null(n->zones[2]);
    assert_int_equal(n->priority, NOTICE_INFO);
    assert_int_equal(n->from, 1795678200);
    assert_int_equal(n->until, 1795678200 + 7 * 86400);
    assert_string_equal(n->texts[0].lang, "it");
    assert_int_equal(out.items[2].notice->until, NOW + 7 * 86400); /* without a date */
    import_free(&out);
}

static void what_is_older_than_its_days_is_left_out(void **state)
{
    (void)state;
    struct import out = import("feed/rss-comune", 1795165200 + 7 * 86400);
    assert_int_equal(out.n, 2);
    assert_int_equal(out.left_out, 1);
    import_free(&out);
}

static void the_hash_changes_with_what_is_said_and_with_the_rules_only(void **state)
{
    (void)state;
    struct import a = import("feed/rss-comune", NOW), b = import("feed/rss-comune", NOW + 600);
    for (size_t i = 0; i < a.n; i++)
        assert_string_equal(a.items[i].hash, b.items[i].hash);
    assert_string_not_equal(a.items[0].hash, a.items[1].hash);
    import_free(&b);
    rule.n_zones = 1;
    b = import("feed/rss-comune", NOW);
    assert_string_not_equal(a.items[0].hash, b.items[0].hash);
    import_free(&a);
    import_free(&b);
}

static void an_alert_becomes_one_notice_in_its_languages(void **state)
{
    (void)state;
    rule.areas = bisenzio;
    rule.n_areas = 1;
    struct import out = import("cap/alert", NOW);
    assert_int_equal(out.n, 1);
    const struct notice *n = out.items[0].notice;
    assert_string_equal(out.items[0].guid,
                        "allerta@protezionecivile.example,2.49.0.0.380.0.IT.20261126.001");
    assert_string_equal(n->source, "Protezione civile della Toscana");
    assert_int_equal(n->priority, NOTICE_EMERGENCY);
    assert_int_equal(n->from, 1795674600); /* sent: the English block says no other */
    assert_int_equal(n->until, 1795733940);
    assert_string_equal(n->link, "https://allerta.example/2026/1");
    assert_int_equal(n->n_texts, 2);
    assert_string_equal(n->texts[0].title, "Allerta arancione: temporali forti");
    assert_string_equal(
        n->texts[0].markdown,
        "Temporali forti dal pomeriggio.\n\nPossibili allagamenti \\*locali\\* dei sottopassi.\n\n"
        "Restare in casa.\n\nZona: Bisenzio e Ombrone Pistoiese");
    assert_string_equal(n->texts[1].lang, "en");
    import_free(&out);
}

static void only_the_areas_that_are_ours_are_shown(void **state)
{
    (void)state;
    rule.n_areas = 1;
    rule.areas = mugello;
    struct import out = import("cap/alert", NOW);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.items[0].notice->texts[0].title, "Neve");
    assert_int_equal(out.items[0].notice->priority, NOTICE_WARNING);
    import_free(&out);
    rule.areas = elsewhere;
    out = import("cap/alert", NOW);
    assert_int_equal(out.n, 0);
    assert_int_equal(out.left_out, 1);
    import_free(&out);
    rule.n_areas = 0;
    out = import("cap/alert", NOW); /* both, the second under a name of its own */
    assert_int_equal(out.n, 2);
    assert_non_null(strstr(out.items[1].guid, ".001#2"));
    import_free(&out);
}

static void an_exercise_or_a_cancel_shows_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"cap/exercise", "cap/cancel"};
    for (size_t i = 0; i < 2; i++) {
        struct import out = import(names[i], NOW);
        assert_int_equal(out.n, 0);
        assert_int_equal(out.left_out, 1);
        import_free(&out);
    }
}

static void urgency_is_for_somebody_on_a_square(void **state)
{
    (void)state;
    static const struct {
        struct cap_info info;
        enum notice_priority priority;
    } rows[] = {
        {{.severity = CAP_EXTREME, .urgency = CAP_IMMEDIATE, .certainty = CAP_OBSERVED},
         NOTICE_EMERGENCY},
        {{.severity = CAP_EXTREME, .urgency = CAP_EXPECTED, .certainty = CAP_LIKELY},
         NOTICE_EMERGENCY},
        {{.severity = CAP_EXTREME, .urgency = CAP_FUTURE, .certainty = CAP_LIKELY}, NOTICE_WARNING},
        {{.severity = CAP_EXTREME, .urgency = CAP_IMMEDIATE, .certainty = CAP_POSSIBLE},
         NOTICE_WARNING},
        {{.severity = CAP_SEVERE, .urgency = CAP_IMMEDIATE, .certainty = CAP_OBSERVED},
         NOTICE_EMERGENCY},
        {{.severity = CAP_SEVERE, .urgency = CAP_EXPECTED, .certainty = CAP_OBSERVED},
         NOTICE_WARNING},
        {{.severity = CAP_MODERATE, .urgency = CAP_IMMEDIATE, .certainty = CAP_OBSERVED},
         NOTICE_WARNING},
        {{.severity = CAP_MINOR, .urgency = CAP_IMMEDIATE, .certainty = CAP_OBSERVED}, NOTICE_INFO},
        {{.severity = CAP_SEVERITY_UNKNOWN, .urgency = CAP_IMMEDIATE, .certainty = CAP_OBSERVED},
         NOTICE_INFO},
        {{.severity = CAP_EXTREME, .urgency = CAP_PAST, .certainty = CAP_OBSERVED}, NOTICE_INFO},
        {{.severity = CAP_EXTREME,
          .urgency = CAP_IMMEDIATE,
          .certainty = CAP_OBSERVED,
          .all_clear = true},
         NOTICE_INFO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(import_priority(&rows[i].info), rows[i].priority);
}

static void hostile_text_stays_text(void **state)
{
    (void)state;
    struct import out = import("feed/hostile", NOW);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.items[0].notice->texts[0].title, "gnp.exe safe x");
    assert_null(strstr(out.items[0].text, "<script"));
    assert_null(strstr(out.items[0].text, "\xE2\x80\xAE"));
    import_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_item_appears_under_its_publisher_and_names_its_source, begin),
        cmocka_unit_test_setup(what_is_older_than_its_days_is_left_out, begin),
        cmocka_unit_test_setup(the_hash_changes_with_what_is_said_and_with_the_rules_only, begin),
        cmocka_unit_test_setup(an_alert_becomes_one_notice_in_its_languages, begin),
        cmocka_unit_test_setup(only_the_areas_that_are_ours_are_shown, begin),
        cmocka_unit_test_setup(an_exercise_or_a_cancel_shows_nothing, begin),
        cmocka_unit_test_setup(urgency_is_for_somebody_on_a_square, begin),
        cmocka_unit_test_setup(hostile_text_stays_text, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
