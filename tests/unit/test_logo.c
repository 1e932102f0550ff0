/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Publishers' pictures: what a browser made is read with its size, what is more than a small still
 * picture is refused with words that an admin can use. */
#include "lib/logo.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint8_t data[LOGO_MAX_BYTES + 2];

static size_t load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, TEST_SRCDIR "/tests/fuzz/seeds/logo/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    memset(data, 0, sizeof data);
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    return len;
}

static const char *refused(size_t len)
{
    static char err[200];
    struct logo logo;
    *err = '\0';
    assert_false(logo_read(data, len, &logo, err, sizeof err));
    return err;
}

static void pictures_of_three_formats_are_read_with_their_size(void **state)
{
    static const struct {
        const char *name;
        struct logo logo;
    } all[] = {{"crest.png", {LOGO_PNG, 48, 64}},
               {"crest.jpg", {LOGO_JPEG, 48, 64}},
               {"wide.webp", {LOGO_WEBP, 60, 20}},
               {"lossless.webp", {LOGO_WEBP, 60, 20}},
               {"alpha.webp", {LOGO_WEBP, 60, 20}}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct logo logo;
        char err[200] = "";
        if (!logo_read(data, load(all[i].name), &logo, err, sizeof err))
            fail_msg("%s: %s", all[i].name, err);
        assert_int_equal(logo.kind, all[i].logo.kind);
        assert_int_equal(logo.width, all[i].logo.width);
        assert_int_equal(logo.height, all[i].logo.height);
    }
}

static void half_a_picture_and_one_with_a_rider_are_refused(void **state)
{
    static const char *const names[] = {"crest.png", "crest.jpg", "wide.webp", "alpha.webp"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = load(names[i]);
        for (size_t n = 0; n < len; n += 3)
            refused(n);
        data[len] = '<'; /* a page behind it */
        assert_non_null(strstr(refused(len + 1), "cut short or has something behind its end"));
    }
}

static void no_script_comes_as_a_picture(void **state)
{
    static const char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>";
    (void)state;
    memcpy(data, svg, sizeof svg);
    assert_string_equal(refused(sizeof svg - 1),
                        "found another format, expected PNG, JPEG or WebP");
    memcpy(data, "GIF89a", 6);
    refused(64);
}

static void what_is_too_large_or_moves_is_refused(void **state)
{
    size_t len = load("crest.png");
    (void)state;
    data[18] = 2; /* 2 * 256 + 48 pixels wide */
    assert_string_equal(refused(len), "found 560 by 64 pixels, expected 1 to 512 each way");
    data[18] = 1;
    data[19] = 69;
    assert_string_equal(refused(len),
                        "found 325 by 64 pixels, expected no side longer than 5 times the other");
    data[18] = data[19] = 0;
    assert_string_equal(refused(len), "found 0 by 64 pixels, expected 1 to 512 each way");
    len = load("crest.png");
    memcpy(data + 37, "acTL", 4); /* in the place of what follows IHDR */
    assert_non_null(strstr(refused(len), "a picture that moves"));
    load("crest.png");
    assert_string_equal(refused(LOGO_MAX_BYTES + 1), "found 16385 bytes, expected at most 16384");
    len = load("alpha.webp");
    data[24] = 200; /* the canvas is not what its pixels are */
    assert_non_null(strstr(refused(len), "cut short"));
}

static void a_picture_is_named_by_what_it_holds(void **state)
{
    uint8_t sum[32] = {0x3f, 0x0c};
    char name[LOGO_NAME_LEN];
    enum logo_kind kind = LOGO_PNG;
    (void)state;
    logo_name(sum, LOGO_WEBP, name);
    assert_string_equal(name, "3f0c0000000000000000000000000000.webp");
    assert_true(logo_name_ok(name, &kind));
    assert_int_equal(kind, LOGO_WEBP);
    assert_string_equal(logo_type(kind), "image/webp");
    assert_false(logo_name_ok("3f0c0000000000000000000000000000.svg", NULL));
    assert_false(logo_name_ok("3F0C0000000000000000000000000000.png", NULL));
    assert_false(logo_name_ok("../../../../../../../etc/passwd.png", NULL));
    assert_false(logo_name_ok("", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_of_three_formats_are_read_with_their_size),
        cmocka_unit_test(half_a_picture_and_one_with_a_rider_are_refused),
        cmocka_unit_test(no_script_comes_as_a_picture),
        cmocka_unit_test(what_is_too_large_or_moves_is_refused),
        cmocka_unit_test(a_picture_is_named_by_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
