/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile or careless publisher cannot bring onto a citizen's phone. */
#include "lib/buf.h"
#include "lib/notice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void renders(const char *markdown, const char *expected)
{
    struct buf b;
    buf_init(&b, 100000);
    notice_render(&b, markdown);
    assert_false(b.failed);
    assert_string_equal(b.data, expected);
    buf_free(&b);
}

static void what_editors_use_comes_out(void **state)
{
    (void)state;
    renders("Ciao **Prato** e *Pecci*.", "<p>Ciao <strong>Prato</strong> e <em>Pecci</em>.</p>\n");
    renders("- a\n- b\n", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n");
    renders("3 < 4 & \"5\"", "<p>3 &lt; 4 &amp; &quot;5&quot;</p>\n");
    renders("[urp](mailto:urp@comune.example)",
            "<p><a href=\"mailto:urp@comune.example\">urp</a></p>\n");
    renders("[112](TEL:112)", "<p><a href=\"TEL:112\">112</a></p>\n");
    renders("<https://a.example/?b=c&d>",
            "<p><a href=\"https://a.example/?b=c&amp;d\">https://a.example/?b=c&amp;d</a></p>\n");
}

static void no_html_of_a_publisher_reaches_a_phone(void **state)
{
    (void)state;
    renders("<script>alert(1)</script>\n\nciao", "<p>ciao</p>\n");
    renders("a <img src=x onerror=alert(1)> b", "<p>a  b</p>\n");
    renders("a <b onclick=\"x()\">c</b> d", "<p>a c d</p>\n");
    renders("<style>body{display:none}</style>\n", "");
    renders("<!-- hidden --> a\n", "");
    renders("a <!-- hidden --> b", "<p>a  b</p>\n");
    renders("<iframe src=\"https://evil.example\"></iframe>", "");
    renders("&lt;script&gt;alert(1)&lt;/script&gt;",
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    renders("`<script>`", "<p><code>&lt;script&gt;</code></p>\n");
    renders("```\"><script>\n<script>\n```\n", "<pre><code>&lt;script&gt;\n</code></pre>\n");
}

static void a_link_that_could_run_code_becomes_its_text(void **state)
{
    (void)state;
    renders("[a](javascript:alert(1))", "<p>a</p>\n");
    renders("[a](JaVaScRiPt:alert(1))", "<p>a</p>\n");
    renders("[a](java&#115;cript&#58;alert(1))", "<p>a</p>\n");
    renders("[a](&#x01;javascript:alert(1))", "<p>a</p>\n");
    renders("[a](data:text/html;base64,PHNjcmlwdD4=)", "<p>a</p>\n");
    renders("[a](vbscript:x)", "<p>a</p>\n");
    renders("[a](file:///etc/passwd)", "<p>a</p>\n");
    renders("[a](//evil.example/)", "<p>a</p>\n");
    renders("[a](/leave)", "<p>a</p>\n");
    renders("[a](#top)", "<p>a</p>\n");
    renders("<javascript:alert(1)>", "<p>javascript:alert(1)</p>\n");
    renders("[**a** b][x]\n\n[x]: javascript:alert(1)", "<p><strong>a</strong> b</p>\n");
    renders("[a](https://a.example/ \"\\\" onmouseover=alert(1)\")",
            "<p><a href=\"https://a.example/\">a</a></p>\n");
    renders("[](https://a.example/)", "<p></p>\n"); /* a link without words cannot be read aloud */
}

static void an_image_becomes_its_description(void **state)
{
    (void)state;
    renders("![mappa del mercato](https://tracker.example/x.png)", "<p>mappa del mercato</p>\n");
    renders("![](https://tracker.example/x.png)", "<p></p>\n");
    renders("[![logo](https://t.example/x.png)](https://a.example/)",
            "<p><a href=\"https://a.example/\">logo</a></p>\n");
    renders("![a [b](https://a.example/) c](x.png)",
            "<p>a <a href=\"https://a.example/\">b</a> c</p>\n");
}

static void headings_sink_below_the_page_s_own(void **state)
{
    (void)state;
    renders("# A\n###### B\n", "<h3>A</h3>\n<h3>B</h3>\n");
    struct buf b;
    buf_init(&b, 1000);
    notice_render_at(&b, "# A", 5);
    assert_string_equal(b.data, "<h5>A</h5>\n");
    buf_free(&b);
}

static void direction_overrides_do_not_come_back_as_entities(void **state)
{
    (void)state;
    renders("a&#x202E;b&#8294;c `d` &#7;e", "<p>abc <code>d</code> e</p>\n");
}

static void a_text_full_of_tricks_does_not_hold_up_the_others(void **state)
{
    (void)state;
    static const char *const tricks[] = {">",   "- ",    "[",      "*a_ ", "![",
                                         "`a",  "<a ",   "[a](",   "&#9;", "1. ",
                                         "**x", "[a]: ", "\\\n> ", "<!A ", "__a*"};
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        char *text = malloc(NOTICE_MAX_BYTES + 1), *at = text;
        struct buf b;
        assert_non_null(text);
        while ((size_t)(at - text) + strlen(tricks[i]) < NOTICE_MAX_BYTES)
            at = stpcpy(at, tricks[i]);
        buf_init(&b, 10000000);
        notice_render(&b, text);
        assert_false(b.failed);
        assert_null(strstr(b.data, "<img"));
        buf_free(&b);
        free(text);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_in_range(ended.tv_sec - began.tv_sec, 0, 20); /* sanitized; plain it is well below 1 s */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_editors_use_comes_out),
        cmocka_unit_test(no_html_of_a_publisher_reaches_a_phone),
        cmocka_unit_test(a_link_that_could_run_code_becomes_its_text),
        cmocka_unit_test(an_image_becomes_its_description),
        cmocka_unit_test(headings_sink_below_the_page_s_own),
        cmocka_unit_test(direction_overrides_do_not_come_back_as_entities),
        cmocka_unit_test(a_text_full_of_tricks_does_not_hold_up_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
