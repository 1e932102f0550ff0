/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeds and alerts of other sites, as their sites write them and as an enemy would. */
#include "lib/buf.h"
#include "noticeboard/cap_parse.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/source.h"
#include "noticeboard/xml.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char data[1 << 16], err[256];

static size_t load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/%s", TEST_SRCDIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    return len;
}

static struct source must_read(const char *name)
{
    struct source s = {0};
    size_t len = load(name);
    if (!source_read(data, len, &s, err, sizeof err))
        fail_msg("%s: %s", name, err);
    return s;
}

static void must_refuse(const char *text, const char *expected)
{
    struct source s = {0};
    assert_false(source_read(text, strlen(text), &s, err, sizeof err));
    assert_null(s.feed);
    assert_string_equal(err, expected);
}

static void an_rss_feed_is_read_as_its_comune_wrote_it(void **state)
{
    (void)state;
    struct source s = must_read("feed/rss-comune");
    struct feed *f = s.feed;
    assert_string_equal(f->title, "Comune di Prato è vicino: notizie");
    assert_string_equal(f->link, "https://www.comune.example/notizie");
    assert_string_equal(f->lang, "it");
    assert_int_equal(f->n, 3);
    assert_int_equal(f->skipped, 2);
    assert_string_equal(f->items[0].id, "comune-4711");
    assert_string_equal(f->items[0].title, "Chiusura di via Mazzini – dal 3 marzo");
    assert_string_equal(f->items[0].link, "https://www.comune.example/notizie/via-mazzini?a=1&b=2");
    assert_string_equal(f->items[0].text,
                        "Dal **3 marzo** la via è chiusa.\n- linea 5: deviata\n- linea 7: "
                        "[orari](<https://www.cap.example/linee?n=7&x=(1)>)\n\nInfo: qui");
    assert_int_equal(f->items[0].published, 1795678200);
    assert_string_equal(f->items[1].id, "https://www.comune.example/notizie/biblioteca");
    assert_string_equal(f->items[1].title, "Biblioteca: nuovi orari estivi");
    assert_string_equal(f->items[1].text, "**Orari**\n\n9-19\\\ntutti i giorni & la domenica");
    assert_int_equal(f->items[1].updated, 1795165200);
    assert_string_equal(f->items[2].id, "Solo un titolo");
    assert_null(f->items[2].link);
    source_free(&s);
}

static void an_atom_feed_is_read_in_its_languages(void **state)
{
    (void)state;
    struct source s = must_read("feed/atom-protezione-civile");
    struct feed *f = s.feed;
    assert_string_equal(f->title, "Protezione civile: avvisi");
    assert_string_equal(f->link, "https://allerta.example/");
    assert_int_equal(f->n, 2);
    assert_string_equal(f->items[0].title, "Allerta gialla & vento");
    assert_string_equal(f->items[0].text,
                        "Vento forte \\* domani.\\\nNon sostare sotto gli alberi.");
    assert_string_equal(f->items[0].link, "https://allerta.example/2026/17");
    assert_string_equal(f->items[0].alert_url, "https://allerta.example/2026/17.cap");
    assert_string_equal(f->items[0].lang, "it");
    assert_int_equal(f->items[0].published, 1795671000);
    assert_string_equal(f->items[1].lang, "en");
    assert_string_equal(
        f->items[1].text,
        "All *parks* are closed: see [the list](<https://allerta.example/parks>).\n\n"
        "Thank you.");
    source_free(&s);
}

static void old_encodings_are_understood(void **state)
{
    (void)state;
    struct source s = must_read("feed/rss-windows-1252");
    assert_string_equal(s.feed->title, "Città");
    assert_string_equal(s.feed->items[0].title, "L’orario € 5");
    source_free(&s);
}

static void an_alert_keeps_all_that_cap_says(void **state)
{
    (void)state;
    struct source s = must_read("cap/update");
    struct cap_alert *a = s.alert;
    assert_string_equal(a->identifier, "2.49.0.0.380.0.IT.20261126.002");
    assert_int_equal(a->status, CAP_ACTUAL);
    assert_int_equal(a->msg_type, CAP_UPDATE);
    assert_int_equal(a->references.n, 1);
    assert_true(cap_refers(a->references.items[0], a->sender, "2.49.0.0.380.0.IT.20261126.001"));
    assert_false(cap_refers(a->references.items[0], a->sender, "2.49.0.0.380.0.IT.20261126.00"));
    assert_int_equal(a->n_infos, 3);
    assert_string_equal(a->infos[0].lang, "it");
    assert_int_equal(a->infos[0].severity, CAP_EXTREME);
    assert_int_equal(a->infos[0].urgency, CAP_IMMEDIATE);
    assert_int_equal(a->infos[0].certainty, CAP_LIKELY);
    assert_int_equal(a->infos[0].expires, 1795733940);
    assert_string_equal(a->infos[0].geocodes.items[0], "EMMA_ID=IT901");
    assert_string_equal(a->infos[1].lang, "en");
    source_free(&s);
    s = must_read("cap/cancel");
    assert_int_equal(s.alert->msg_type, CAP_CANCEL);
    assert_int_equal(s.alert->references.n, 2);
    source_free(&s);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    must_refuse("<html>\n</html>",
                "line 1: found <html>, expected <rss>, Atom's <feed> or CAP's <alert>");
    must_refuse("<rss>\n<channel>\n</rss>",
                "line 3: found \"mismatched tag\", expected well-formed XML");
    must_refuse("", "line 1: found \"no element found\", expected well-formed XML");
    must_refuse("<rss>&nbsp;</rss>",
                "line 1: found \"undefined entity\", expected well-formed XML");
    must_refuse(
        "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>x</identifier></alert>",
        "found an alert without sender, expected <sender>");
    must_refuse(
        "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>\n<status>Real</status></alert>",
        "line 2: found another one, expected a word that CAP 1.2 lists for this element");
}

static void an_entity_bomb_never_gets_to_its_entities(void **state)
{
    (void)state;
    struct source s = {0};
    size_t len = load("feed/bomb");
    assert_false(source_read(data, len, &s, err, sizeof err));
    assert_string_equal(
        err, "line 2: found <!DOCTYPE, expected no document type: entities are not read");
}

/* 100 MB are offered; no more than the bound is taken, and nothing is kept of what was read. */
static void a_feed_without_end_is_refused_while_it_arrives(void **state)
{
    (void)state;
    static char piece[1 << 16];
    static const char item[] = "<item><title>aaaaaaaa</title><guid>b</guid></item>";
    size_t taken = 0;
    struct source_reader *r = source_reader_new();
    assert_true(source_push(r, "<rss><channel>", 14));
    for (size_t i = 0; i + sizeof item < sizeof piece; i += sizeof item - 1)
        memcpy(piece + i, item, sizeof item - 1);
    size_t whole = (sizeof piece - 1) / (sizeof item - 1) * (sizeof item - 1);
    while (taken < 100u << 20 && source_push(r, piece, whole))
        taken += whole;
    assert_true(taken <= XML_MAX_BYTES);
    struct source s;
    assert_false(source_finish(r, &s, err, sizeof err));
    assert_non_null(strstr(err, "found a longer one, expected a document of at most 2 MiB"));
    source_reader_free(r);
}

static void depth_and_names_are_bounded(void **state)
{
    (void)state;
    struct source_reader *r = source_reader_new();
    struct source s;
    source_push(r, "<rss>", 5);
    for (int i = 0; i < 1000; i++)
        source_push(r, "<a>", 3);
    assert_false(source_finish(r, &s, err, sizeof err));
    assert_string_equal(err,
                        "line 1: found a deeper one, expected at most 48 elements in each other");
    source_reader_free(r);
    r = source_reader_new();
    memset(data, 'n', 600);
    source_push(r, "<rss><", 6);
    source_push(r, data, 600);
    source_push(r, "/>", 2);
    assert_false(source_finish(r, &s, err, sizeof err));
    assert_string_equal(
        err, "line 1: found longer ones, expected names of elements of at most 511 bytes together");
    source_reader_free(r);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct source_reader *r = source_reader_new();
    struct source s = {0};
    const char head[] = "<rss><channel><item><title>";
    source_push(r, head, sizeof head - 1);
    for (int i = 0; i < 100000; i++)
        source_push(r, "\xC3\xA0", 2);
    const char tail[] = "</title></item></channel></rss>";
    source_push(r, tail, sizeof tail - 1);
    assert_true(source_finish(r, &s, err, sizeof err));
    assert_int_equal(s.feed->n, 1);
    source_free(&s);
    source_reader_free(r);
}

static void dates_of_both_kinds_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t when;
    } good[] = {
        {"Thu, 26 Nov 2026 08:30:00 +0100", 1795678200},
        {"26 Nov 26 07:30 GMT", 1795678200},
        {"Thu, 26 November 2026 07:30:00 Z", 1795678200},
        {" 2026-11-26T08:30:00+01:00 ", 1795678200},
        {"2026-11-26T07:30:00.123Z", 1795678200},
        {"2026-11-26", 1795651200},
        {"2026-11-26T07:30:00-00:00", 1795678200},
        {"Thu, 26 Nov 2026 03:30:00 EDT (x)", 1795678200},
    };
    static const char *const bad[] = {"",
                                      "domani",
                                      "2026-02-30",
                                      "2026-13-01",
                                      "31 Foo 2026 10:00",
                                      "2026-11-26T25:00:00Z",
                                      "2026-11-26T07:30:00+99:00",
                                      "26 Nov 2026 07:30 Nowhere"};
    int64_t when;
    char out[FEED_DATE_LEN];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!feed_date(good[i].text, &when))
            fail_msg("%s", good[i].text);
        assert_int_equal(when, good[i].when);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (feed_date(bad[i], &when))
            fail_msg("%s", bad[i]);
    feed_date_822(1795678200, out);
    assert_string_equal(out, "Thu, 26 Nov 2026 07:30:00 +0000");
    feed_date_3339(1795678200, false, out);
    assert_string_equal(out, "2026-11-26T07:30:00Z");
}

static void alerts_inside_of_entries_are_read_as_if_they_stood_alone(void **state)
{
    (void)state;
    struct source s = must_read("feed/atom-with-alerts");
    assert_null(s.alert);
    assert_int_equal(s.n_inside, 2);
    assert_string_equal(s.inside[0]->identifier, "2.49.0.0.380.0.IT.20261126.001");
    assert_string_equal(s.inside[0]->infos[0].headline, "Allerta arancione: temporali forti");
    assert_int_equal(s.inside[1]->msg_type, CAP_CANCEL);
    assert_int_equal(s.feed->n, 3);
    assert_true(s.feed->items[0].carries_alert);
    assert_true(s.feed->items[1].carries_alert);
    assert_null(s.feed->items[1].alert_url); /* it is here: not asked for once more */
    assert_false(s.feed->items[2].carries_alert);
    assert_string_equal(s.feed->items[2].text, "Anche di sabato.");
    source_free(&s);
    must_refuse("<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><title>A</title>\n"
                "<content><alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n"
                "<status>Actual</status></alert></content></entry></feed>",
                "line 3: found an alert in an entry: found an alert without identifier, expected "
                "<identifier>, expected a whole one");
}

static void more_alerts_than_a_look_takes_are_left_and_said(void **state)
{
    (void)state;
    struct source s = {0};
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_str(&b, "<feed xmlns=\"http://www.w3.org/2005/Atom\">");
    for (int i = 0; i < SOURCE_MAX_INSIDE + 2; i++)
        buf_fmt(&b,
                "<entry><id>%d</id><title>A</title><content type=\"text/xml\"><c:alert "
                "xmlns:c=\"urn:oasis:names:tc:emergency:cap:1.2\"><c:identifier>%d</c:identifier>"
                "<c:sender>x@y.example</c:sender><c:sent>2026-11-26T07:30:00+01:00</c:sent>"
                "<c:status>Actual</c:status><c:msgType>Cancel</c:msgType><c:scope>Public</c:scope>"
                "<c:references>x@y.example,0,2026-11-26T07:30:00+01:00</c:references></c:alert>"
                "</content></entry>",
                i, i);
    buf_str(&b, "</feed>");
    if (!source_read(b.data, b.len, &s, err, sizeof err))
        fail_msg("%s", err);
    assert_int_equal(s.n_inside, SOURCE_MAX_INSIDE);
    assert_true(s.more);
    source_free(&s);
    buf_free(&b);
}

static void language_tags_become_those_of_notices(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"it-IT", "it"}, {"EN", "en"},     {"zh-TW", "zh-hant"}, {"zh-Hans-CN", "zh-hans"},
        {"x", ""},       {"italiano", ""}, {" de_AT", "de"},     {"", ""}};
    char out[16];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        feed_lang(pairs[i][0], out);
        assert_string_equal(out, pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rss_feed_is_read_as_its_comune_wrote_it),
        cmocka_unit_test(an_atom_feed_is_read_in_its_languages),
        cmocka_unit_test(old_encodings_are_understood),
        cmocka_unit_test(an_alert_keeps_all_that_cap_says),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(an_entity_bomb_never_gets_to_its_entities),
        cmocka_unit_test(a_feed_without_end_is_refused_while_it_arrives),
        cmocka_unit_test(depth_and_names_are_bounded),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(dates_of_both_kinds_are_read),
        cmocka_unit_test(alerts_inside_of_entries_are_read_as_if_they_stood_alone),
        cmocka_unit_test(more_alerts_than_a_look_takes_are_left_and_said),
        cmocka_unit_test(language_tags_become_those_of_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
