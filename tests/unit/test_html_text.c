/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTML of other sites as Markdown: what a citizen reads of it, and what never gets through. */
#include "lib/buf.h"
#include "lib/notice.h"
#include "noticeboard/html_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[70000];

static const char *markdown(const char *html, size_t max)
{
    struct buf b;
    buf_init(&b, sizeof text - 1);
    html_to_markdown(&b, html, max);
    assert_false(b.failed);
    assert_true(b.len <= max);
    memcpy(text, b.data, b.len + 1);
    buf_free(&b);
    return text;
}

/* What cmark makes of it. */
static const char *page(const char *html)
{
    struct buf b;
    buf_init(&b, sizeof text - 1);
    notice_render(&b, markdown(html, 2000));
    memcpy(text, b.data, b.len + 1);
    buf_free(&b);
    return text;
}

static const char *line(const char *html, size_t max)
{
    struct buf b;
    buf_init(&b, sizeof text - 1);
    html_to_line(&b, html, max);
    memcpy(text, b.data, b.len + 1);
    buf_free(&b);
    return text;
}

static void paragraphs_lists_emphasis_and_links_stay(void **state)
{
    (void)state;
    assert_string_equal(
        markdown("<p>Uno <b>due</b>  <i>tre</i></p>\n<p>quattro<br/>cinque</p>", 2000),
        "Uno **due** *tre*\n\nquattro\\\ncinque");
    assert_string_equal(markdown("Prima:<ul><li>a</li><li><p>b</p></li></ul>dopo", 2000),
                        "Prima:\n- a\n- b\n\ndopo");
    assert_string_equal(markdown("<h2>Orari</h2>9-19", 2000), "**Orari**\n\n9-19");
    assert_string_equal(markdown("<a href='https://x.example/?a=1&amp;b=(2)'>qui</a>.", 2000),
                        "[qui](<https://x.example/?a=1&b=(2)>).");
    assert_string_equal(page("Ciao! <a href=https://x.example/>qui</a>"),
                        "<p>Ciao! <a href=\"https://x.example/\">qui</a></p>\n");
}

static void references_become_characters(void **state)
{
    (void)state;
    assert_string_equal(
        markdown("Citt&agrave; &#8211; l&#x2019;orario &euro; 5&nbsp;&amp; R&D &foo; a &", 2000),
        "Città – l’orario € 5 & R\\&D \\&foo; a &");
    assert_string_equal(page("&amp;lt;b&amp;gt; &amp;#60;i&amp;#62;"),
                        "<p>&amp;lt;b&amp;gt; &amp;#60;i&amp;#62;</p>\n");
}

static void what_looks_like_markdown_is_shown_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(page("# a *b* _c_ `d` [e](https://f.example) ![g](h)"),
                        "<p># a *b* _c_ `d` [e](https://f.example) ![g](h)</p>\n");
    assert_string_equal(page("1. uno"), "<p>1. uno</p>\n");
    assert_string_equal(page("- due"), "<p>- due</p>\n");
    assert_string_equal(page("<p>a</p>--- it<p>===</p>"), "<p>a</p>\n<p>--- it</p>\n<p>===</p>\n");
    assert_string_equal(page("<p>~~~</p>&gt; x &lt;script&gt;"),
                        "<p>~~~</p>\n<p>&gt; x &lt;script&gt;</p>\n");
    assert_string_equal(page("a < b &lt; c"), "<p>a &lt; b &lt; c</p>\n");
}

static void scripts_styles_comments_and_bad_links_leave_nothing(void **state)
{
    (void)state;
    assert_string_equal(
        markdown("a<script>x<b>y</script >b<style>p{}</STYLE><!-- c > -->d<?php e?><!DOCTYPE f>",
                 2000),
        "abd");
    assert_string_equal(
        markdown("<a href=\"javascript:alert(1)\">x</a><img src=x onerror=y>", 2000), "x");
    assert_string_equal(
        markdown("<a href=\" java&#115;cript:1\">x</a> <a href='https://a.example/\"'>y</a>", 2000),
        "x y");
    assert_string_equal(markdown("a<script>never closed", 2000), "a");
    assert_string_equal(markdown("a<b title=\"never closed", 2000), "a");
    assert_string_equal(markdown("a\xE2\x80\xAE"
                                 "b&#x202E;c\x01&#1;&#x9f;d\xff",
                                 2000),
                        "abcd");
}

static void marks_are_whole_wherever_the_text_is_cut(void **state)
{
    (void)state;
    const char *html = "uno <b>due tre <a href=https://x.example/>quattro cinque</a> sei</b> sette";
    for (size_t max = 60; max > 12; max--) {
        const char *md = markdown(html, max);
        size_t stars = 0, open = 0, closed = 0;
        for (const char *c = md; *c; c++) {
            stars += *c == '*';
            open += *c == '[';
            closed += *c == ']';
        }
        assert_true(stars == 0 || stars == 4);
        assert_int_equal(open, closed);
    }
    assert_string_equal(markdown("uno due tre quattro", 18), "uno due tre…");
    assert_string_equal(markdown("<b></b>a<b> </b><i><b>b</b></i>", 200), "a ***b***");
    assert_string_equal(page("<b>a<p>b</b>c"), "<p><strong>a</strong></p>\n<p>bc</p>\n");
}

static void a_title_is_one_line_of_text(void **state)
{
    (void)state;
    assert_string_equal(line(" Allerta <b>gialla</b> &amp;\n vento * ", 120),
                        "Allerta gialla & vento *");
    assert_string_equal(line("uno due tre", 9), "uno due…");
    assert_string_equal(line("precipitevolissimevolmente", 9), "precipit…");
    assert_string_equal(line("\xC3\xA0\xC3\xA0\xC3\xA0 \xC3\xA0\xC3\xA0", 6),
                        "\xC3\xA0\xC3\xA0\xC3\xA0…");
    assert_string_equal(line("", 9), "");
}

static void a_megabyte_of_tags_takes_no_time(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *html = malloc(n + 1);
    const char *pieces[] = {
        "<b><i>", "<a href=https://x.example/>", "<!--", "&#", "</", "<script></", "<li>", "x "};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        size_t len = strlen(pieces[p]);
        for (size_t i = 0; i < n; i++)
            html[i] = pieces[p][i % len];
        html[n] = '\0';
        markdown(html, 2000);
    }
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paragraphs_lists_emphasis_and_links_stay),
        cmocka_unit_test(references_become_characters),
        cmocka_unit_test(what_looks_like_markdown_is_shown_as_it_is),
        cmocka_unit_test(scripts_styles_comments_and_bad_links_leave_nothing),
        cmocka_unit_test(marks_are_whole_wherever_the_text_is_cut),
        cmocka_unit_test(a_title_is_one_line_of_text),
        cmocka_unit_test(a_megabyte_of_tags_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
