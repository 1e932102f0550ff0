/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cards of the services directory, publishers and their colours; and notices written by programs.
 */
#include "lib/buf.h"
#include "lib/card.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LIBRARY                                                                                    \
    "zones: piazza-duomo\nlink: https://biblioteca.prato.example/\nicon: library\norder: %s\n"     \
    "--- it\n# Biblioteca\nOrari e sale studio.\n"

static struct service *card(const char *id, const char *order)
{
    char err[320] = "", text[512];
    const char *at = strstr(LIBRARY, "%s");
    memcpy(text, LIBRARY, (size_t)(at - LIBRARY));
    text[at - LIBRARY] = '\0';
    strcat(strcat(text, order), at + 2);
    struct service *s = service_parse(id, text, strlen(text), err, sizeof err);
    if (!s)
        fail_msg("%s", err);
    return s;
}

static void a_card_has_a_title_a_line_a_link_and_an_icon(void **state)
{
    (void)state;
    struct service *s = card("biblioteca", "10");
    assert_string_equal(s->card.id, "biblioteca");
    assert_string_equal(s->card.texts[0].title, "Biblioteca");
    assert_string_equal(s->card.texts[0].markdown, "Orari e sale studio.");
    assert_string_equal(s->card.link, "https://biblioteca.prato.example/");
    assert_string_equal(s->icon, "library");
    assert_int_equal(s->order, 10);
    service_free(s);
}

static void refused(const char *text, const char *expected)
{
    char err[320] = "";
    assert_null(service_parse("x", text, strlen(text), err, sizeof err));
    assert_string_equal(err, expected);
}

static void whoever_writes_a_wrong_card_is_told_the_line(void **state)
{
    (void)state;
    refused("zones: *\nlink: javascript:alert(1)\n--- it\n# A\n",
            "line 2: found \"javascript:alert(1)\", expected a link that begins with https://, "
            "http://, mailto: or tel:");
    refused("zones: *\nlink: https://a.example/\nuntil: 2030-01-01\n--- it\n# A\n",
            "line 3: found \"until\", expected zones, link, icon, order or publisher");
    refused("zones: *\n--- it\n# A\n",
            "line 2: found the end of the header, expected \"zones: \" and \"link: \" in it");
    refused("zones: *\nlink: https://a.example/\n--- it\n# A\nuno\ndue\n",
            "line 1: found a longer text in \"--- it\", expected one line of at most 160 "
            "characters");
}

static void a_square_shows_its_cards_in_their_order(void **state)
{
    (void)state;
    struct service *all[] = {card("c", "20"), card("b", "10"), card("a", "10")};
    const struct service *out[3];
    assert_int_equal(service_select(all, 3, "piazza-duomo", out, 3), 3);
    assert_string_equal(out[0]->card.id, "a");
    assert_string_equal(out[1]->card.id, "b");
    assert_string_equal(out[2]->card.id, "c");
    assert_int_equal(service_select(all, 3, "piazza-duomo", out, 2), 2);
    assert_string_equal(out[1]->card.id, "b");
    assert_int_equal(service_select(all, 3, "stazione", out, 3), 0);
    for (size_t i = 0; i < 3; i++)
        service_free(all[i]);
}

static void a_name_can_be_read_on_every_colour(void **state)
{
    (void)state;
    assert_int_equal(card_contrast(0xFFFFFF, 0), 2100);
    assert_int_equal(card_contrast(0x777777, 0xFFFFFF), 447); /* WCAG's own example: 4.48 */
    assert_int_equal(card_contrast(0x0066CC, 0xFFFFFF), 556);
    for (uint32_t r = 0; r < 256; r += 5)
        for (uint32_t g = 0; g < 256; g += 5)
            for (uint32_t b = 0; b < 256; b += 5) {
                uint32_t colour = r << 16 | g << 8 | b;
                assert_true(card_contrast(colour, card_ink(colour)) >= 450);
            }
}

static void a_publisher_has_a_name_and_perhaps_a_colour(void **state)
{
    (void)state;
    static const char text[] = "name: Comune di Prato\ncolour: #0066CC\n";
    static const char wrong[] = "name: A\ncolour: red\n";
    char err[320] = "";
    struct publisher *p = publisher_parse("comune", text, sizeof text - 1, err, sizeof err);
    assert_non_null(p);
    assert_string_equal(p->name, "Comune di Prato");
    assert_int_equal(p->colour, 0x0066CC);
    publisher_free(p);
    assert_null(publisher_parse("x", wrong, sizeof wrong - 1, err, sizeof err));
    assert_string_equal(err, "line 2: found \"red\", expected a colour such as #0066cc");
}

static void a_publisher_may_have_a_logo_and_words_for_it(void **state)
{
    (void)state;
    static const char text[] = "name: Comune di Prato\n"
                               "logo: 00112233445566778899aabbccddeeff.png\n"
                               "logo_alt: Lo stemma di Prato\n";
    static const char wrong[] = "name: A\nlogo: https://elsewhere.example/a.png\n";
    char err[320] = "";
    struct buf b;
    struct publisher *p = publisher_parse("comune", text, sizeof text - 1, err, sizeof err);
    assert_non_null(p);
    assert_string_equal(p->logo, "00112233445566778899aabbccddeeff.png");
    assert_string_equal(p->logo_alt, "Lo stemma di Prato");
    assert_int_equal(p->logo_width, 0); /* the picture is another part of the bundle */
    buf_init(&b, 1024);
    publisher_write(&b, p);
    assert_int_equal(b.len, sizeof text - 1);
    assert_memory_equal(b.data, text, b.len);
    buf_free(&b);
    publisher_free(p);
    assert_null(publisher_parse("x", wrong, sizeof wrong - 1, err, sizeof err));
    assert_non_null(strstr(err, "expected 32 hexadecimal digits and .png, .jpg or .webp"));
}

/* Two administrations share a board: no text of the one may become a field of the other. */
static void no_field_of_a_notice_can_smuggle_in_another(void **state)
{
    (void)state;
    char *zones[] = {"piazza-duomo", NULL}, err[320] = "";
    struct notice_text texts[] = {
        {"it", "Titolo\n--- en\n# Altro", "Testo.\n--- zh\n# falso\nfine"}};
    struct notice n = {.publisher = "Pro Loco\nzones: *",
                       .zones = zones,
                       .until = 1900000000,
                       .link = "https://a.example/",
                       .source = "ANSA\npriority: emergency",
                       .texts = texts,
                       .n_texts = 1};
    struct buf b;
    buf_init(&b, 4096);
    notice_write(&b, &n);
    struct notice *read = notice_parse("x", b.data, b.len, err, sizeof err);
    assert_non_null(read);
    assert_string_equal(read->publisher, "Pro Loco zones: *");
    assert_string_equal(read->source, "ANSA priority: emergency");
    assert_string_equal(read->zones[0], "piazza-duomo");
    assert_null(read->zones[1]);
    assert_int_equal(read->priority, NOTICE_INFO);
    assert_int_equal(read->until, 1900000000);
    assert_int_equal(read->n_texts, 1);
    assert_string_equal(read->texts[0].title, "Titolo --- en # Altro");
    assert_string_equal(read->texts[0].markdown, "Testo.\n\\--- zh\n# falso\nfine");
    notice_free(read);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_has_a_title_a_line_a_link_and_an_icon),
        cmocka_unit_test(whoever_writes_a_wrong_card_is_told_the_line),
        cmocka_unit_test(a_square_shows_its_cards_in_their_order),
        cmocka_unit_test(a_name_can_be_read_on_every_colour),
        cmocka_unit_test(a_publisher_has_a_name_and_perhaps_a_colour),
        cmocka_unit_test(a_publisher_may_have_a_logo_and_words_for_it),
        cmocka_unit_test(no_field_of_a_notice_can_smuggle_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
