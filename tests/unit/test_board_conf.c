/* SPDX-License-Identifier: GPL-2.0-or-later */
/* board.conf: what is right is read as it is meant, what is wrong is named with its line. */
#include "noticeboard/conf.h"
#include "noticeboard/logo.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char said[8192];

static void note(void *arg, const char *line)
{
    (void)arg;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static struct board_conf *parse(const char *text)
{
    *said = '\0';
    return board_conf_parse("board.conf", text, strlen(text), 0, note, NULL);
}

static const char good[] = "url = \"https://bacheca.prato.example\"\n"
                           "zone \"duomo\" { title = \"Piazza del Duomo\" }\n"
                           "zone \"stazione\" { }\n"
                           "administration \"comune\" {\n"
                           "  name = \"Comune di Prato\"\n"
                           "  approval = yes\n"
                           "  publisher \"comune\" { name = \"Comune di Prato\" zones = {\"*\"} }\n"
                           "  publisher \"acqua\" { name = \"Acqua\" colour = \"#004d40\" zones = "
                           "{\"stazione\"} }\n"
                           "  directory { uri = \"ldaps://a.example\" base = \"o=comune\" }\n"
                           "  role \"redazione\" { group = \"editors\" grants = writer publishers "
                           "= {\"acqua\"} }\n"
                           "  feed \"notizie\" { url = \"https://x.example/f\" publisher = "
                           "\"acqua\" zones = {\"stazione\"} }\n"
                           "}\n";

static void a_good_file_is_read_as_it_is_meant(void **state)
{
    struct board_conf *c = parse(good);
    (void)state;

    assert_string_equal(said, "");
    assert_non_null(c);
    const struct board_administration *a = board_conf_administration(c, "comune");
    assert_non_null(a);
    assert_int_equal(a->approval, 1);
    const struct board_publisher *p = board_conf_publisher(a, "acqua");
    assert_true(board_publisher_may_use(p, "stazione"));
    assert_false(board_publisher_may_use(p, "duomo"));
    assert_true(board_publisher_may_use(board_conf_publisher(a, "comune"), "duomo"));
    assert_string_equal(board_conf_publisher(a, "comune")->colour, "#0066cc");
    assert_string_equal(board_conf_zone(c, "stazione")->title, "stazione");
    assert_true(board_grant_covers(&a->grants[0], "acqua"));
    assert_false(board_grant_covers(&a->grants[0], "comune"));
    assert_int_equal(c->n_languages, 2);
    assert_int_equal(a->feeds[0].poll_s, 600);
    board_conf_free(c);
}

static void every_mistake_is_named_with_its_line_at_once(void **state)
{
    (void)state;
    assert_null(parse("url = \"http://bacheca.prato.example\"\n"
                      "zone \"duomo\" { }\n"
                      "administration \"comune\" {\n"
                      "  name = \"Comune\"\n"
                      "  colour = \"#ffee00\"\n"
                      "  publisher \"comune\" { name = \"C\" zones = {\"duomo\", \"luna\"} }\n"
                      "  publisher \"comune\" { name = \"C\" zones = {\"duomo\"} }\n"
                      "  directory { uri = \"http://x\" base = \"o=x\" }\n"
                      "  role \"r\" { group = \"g\" publishers = {\"altri\"} }\n"
                      "  feed \"f\" { url = \"http://x.example\" publisher = \"altri\" zones = "
                      "{\"duomo\"} }\n"
                      "}\n"
                      "recheck = 600\nrecheck_keep = 900\n"));
    static const char *const expected[] = {
        "board.conf:1: url: found \"http://bacheca.prato.example\", expected an address that "
        "begins with https://",
        "board.conf:5: administration comune.colour: found \"#ffee00\", on which white text has",
        "board.conf:6: administration.publisher comune.zones: found \"luna\", expected a zone",
        "board.conf:7: administration.publisher comune: found a second section",
        "board.conf:8: administration.directory.uri: found \"http://x\"",
        "board.conf:9: administration.role r.publishers: found \"altri\"",
        "board.conf:10: administration.feed f.url: found \"http://x.example\"",
        "board.conf:10: administration.feed f.publisher: found \"altri\"",
        "recheck_keep: found 900 s, expected at least twice recheck (600 s)"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(said, expected[i]))
            fail_msg("not said: %s\n%s", expected[i], said);
}

static void two_administrations_may_have_publishers_of_the_same_name(void **state)
{
    struct board_conf *c = parse(
        "url = \"https://b.example\"\nzone \"a\" { }\n"
        "administration \"x\" { name = \"X\" publisher \"p\" { name = \"P\" zones = {\"a\"} } }\n"
        "administration \"y\" { name = \"Y\" publisher \"p\" { name = \"P\" zones = {\"a\"} } "
        "}\n");
    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    board_conf_free(c);
}

#define LOGOS TEST_SRCDIR "/tests/fuzz/seeds/"

static struct board_conf *with_logos(const char *own)
{
    char text[2048];
    snprintf(text, sizeof text,
             "url = \"https://b.example\"\nzone \"a\" { }\n"
             "administration \"x\" { name = \"X\" logo = \"" LOGOS "logo/crest.png\"\n"
             "logo_alt = \"Stemma\"\n"
             "publisher \"p\" { name = \"P\" zones = {\"a\"} }\n"
             "publisher \"q\" { name = \"Q\" zones = {\"a\"} logo = \"" LOGOS "%s\" } }\n",
             own);
    *said = '\0';
    return board_conf_parse("board.conf", text, strlen(text), BOARD_PICTURES, note, NULL);
}

static void a_publisher_has_its_own_logo_or_its_administrations(void **state)
{
    struct board_conf *c = with_logos("logo/wide.webp");
    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    const struct board_administration *a = &c->administrations[0];
    struct publisher p = board_publisher_card(a, &a->publishers[0]),
                     q = board_publisher_card(a, &a->publishers[1]);
    assert_string_equal(p.logo, a->picture->name);
    assert_string_equal(p.logo_alt, "Stemma");
    assert_int_equal(p.logo_height, 64);
    assert_string_not_equal(p.logo, q.logo);
    assert_null(q.logo_alt); /* the words are of the other picture */
    assert_int_equal(q.logo_width, 60);
    assert_ptr_equal(board_logo_named(c, q.logo), a->publishers[1].picture);
    assert_null(board_logo_named(c, "x.png"));
    board_conf_free(c);
}

static void a_logo_that_cannot_be_shown_is_named_with_its_line(void **state)
{
    (void)state;
    assert_null(with_logos("card/service"));
    assert_non_null(strstr(said, "board.conf:6: administration.publisher q.logo: found another "
                                 "format, expected PNG, JPEG or WebP"));
    assert_null(with_logos("logo/none.png"));
    assert_non_null(strstr(said, "which cannot be read (No such file or directory)"));
    assert_null(with_logos("logo"));
    assert_non_null(strstr(said, "which cannot be read"));
}

static void a_misspelt_option_is_told_its_right_name(void **state)
{
    (void)state;
    assert_null(parse("ulr = \"https://b.example\"\n"));
    assert_non_null(strstr(said, "did you mean url?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read_as_it_is_meant),
        cmocka_unit_test(every_mistake_is_named_with_its_line_at_once),
        cmocka_unit_test(two_administrations_may_have_publishers_of_the_same_name),
        cmocka_unit_test(a_publisher_has_its_own_logo_or_its_administrations),
        cmocka_unit_test(a_logo_that_cannot_be_shown_is_named_with_its_line),
        cmocka_unit_test(a_misspelt_option_is_told_its_right_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
