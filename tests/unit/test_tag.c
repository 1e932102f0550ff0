/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tag in the kernel: what a restart must not lose, and what it must not believe. */
#include "portal/tag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tag usual(void)
{
    struct tag t = {.start_s = 1763885248,
                    .end_s = 1763892448,
                    .interim_s = 600,
                    .idle_s = 900,
                    .quota_bytes = 2000000000,
                    .class_len = 5,
                    .class_value = {0, 255, '=', ' ', 10},
                    .cui_len = 3,
                    .cui = "abc"};
    strcpy(t.id, "0123456789abcdef");
    strcpy(t.zone, "piazza-duomo");
    return t;
}

static void a_restart_finds_the_same_session(void **state)
{
    struct tag in = usual(), out;
    char text[GATE_TAG_LEN];
    (void)state;
    in.base = (struct gate_counters){1, 2, 3, UINT32_MAX};
    assert_int_equal(tag_write(&in, text), TAG_FITS);
    assert_true(tag_read(text, &out));
    assert_memory_equal(&in, &out, sizeof in);
}

static void an_admin_can_read_it_in_nft_list(void **state)
{
    struct tag in = usual();
    char text[GATE_TAG_LEN];
    (void)state;
    tag_write(&in, text);
    assert_string_equal(text, "s=0123456789abcdef t=1763885248 e=1763892448 z=piazza-duomo i=600 "
                              "d=900 q=2000000000 c=AP89IAo u=YWJj");
}

static void a_session_of_an_outage_is_marked_whatever_the_language_is_called(void **state)
{
    struct tag in = usual(), out;
    char text[GATE_TAG_LEN];
    (void)state;
    strcpy(in.lang, "zh-hans");
    tag_write(&in, text);
    assert_true(tag_read(text, &out));
    assert_string_equal(out.lang, "zh-hans");
    strcpy(in.lang, "zh_Hans b=1");
    tag_write(&in, text);
    assert_true(tag_read(text, &out)); /* what could not be read again would cost the session */
    assert_string_equal(out.lang, "x");
}

static void the_session_survives_a_class_that_is_too_long(void **state)
{
    struct tag in = usual(), out;
    char text[GATE_TAG_LEN];
    (void)state;
    in.cui_len = in.class_len = TAG_OPAQUE;
    assert_int_equal(tag_write(&in, text), TAG_WITHOUT_CUI);
    assert_true(tag_read(text, &out));
    assert_int_equal(out.class_len, TAG_OPAQUE);
    assert_int_equal(out.cui_len, 0);

    memset(in.zone, 'z', sizeof in.zone - 1);
    in.base = (struct gate_counters){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    in.quota_bytes = UINT64_MAX / 2;
    assert_int_equal(tag_write(&in, text), TAG_WITHOUT_CLASS);
    assert_true(strlen(text) < GATE_TAG_LEN);
    assert_true(tag_read(text, &out));
    assert_string_equal(out.id, in.id);
    assert_int_equal(out.class_len, 0);
}

static bool reads(const char *words)
{
    char text[GATE_TAG_LEN] = "";
    struct tag out;
    snprintf(text, sizeof text, "%s", words);
    return tag_read(text, &out);
}

static void words_of_a_later_version_are_passed_over(void **state)
{
    (void)state;
    assert_true(reads("s=ab t=1 e=2 z=duomo x=new,thing"));
}

static void nothing_hostile_is_adopted(void **state)
{
    static const char *const bad[] = {
        "",
        "s=ab",
        "s=ab t=1 e=2",           /* no zone */
        "t=1 e=2 z=duomo",        /* no session */
        "s= t=1 e=2 z=duomo",     /* an empty one */
        "s=../x t=1 e=2 z=duomo", /* would travel to the centre */
        "s=a\"b t=1 e=2 z=duomo",
        "s=ab t=2 e=1 z=duomo", /* ends before it began */
        "s=ab t=-1 e=2 z=duomo",
        "s=ab t=1 e=99999999999999999999 z=duomo", /* overflows */
        "s=ab t=1 e=2 z=Duomo!",
        "s=ab t=1 e=2 z=duomo s=cd", /* twice */
        "s=ab t=1 e=2 z=duomo q=18446744073709551616",
        "s=ab t=1 e=2 z=duomo q=",
        "s=ab t=1 e=2 z=duomo i=0",
        "s=ab t=1 e=2 z=duomo c=!!",
        "s=ab t=1 e=2 z=duomo b=1,2,3",
        "s=ab t=1 e=2 z=duomo b=1,2,3,4,5",
        "s=ab t=1 e=2 z=duomo =x",
        "s=ab  t=1 e=2 z=duomo",
        "s=0123456789abcdef0123456789abcdef0 t=1 e=2 z=duomo",
    };
    (void)state;
    assert_true(reads("s=ab t=1 e=2 z=duomo"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reads(bad[i]))
            fail_msg("was read: %s", bad[i]);
}

static void a_tag_without_an_end_is_not_read_past(void **state)
{
    char text[GATE_TAG_LEN];
    struct tag out;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(tag_read(text, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_finds_the_same_session),
        cmocka_unit_test(an_admin_can_read_it_in_nft_list),
        cmocka_unit_test(a_session_of_an_outage_is_marked_whatever_the_language_is_called),
        cmocka_unit_test(the_session_survives_a_class_that_is_too_long),
        cmocka_unit_test(words_of_a_later_version_are_passed_over),
        cmocka_unit_test(nothing_hostile_is_adopted),
        cmocka_unit_test(a_tag_without_an_end_is_not_read_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
