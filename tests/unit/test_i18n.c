/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Languages: the real catalogues, every damage a file can take, plural rules, and which language a
 * phone's Accept-Language gets. */
#include "lib/i18n.h"
#include "lib/i18n_mo.h"
#include "lib/log.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct i18n *all;

static int load(void **state)
{
    (void)state;
    all = i18n_load(TEST_BUILDDIR "/po");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    i18n_free(all);
    return 0;
}

static void citizens_read_their_own_language(void **state)
{
    (void)state;
    assert_string_equal(i18n_text(all, "it", "Go online"), "Naviga gratis");
    assert_string_equal(i18n_text(all, "en", "Go online"), "Go online");
    assert_string_equal(i18n_text(all, "zh-hans", "Go online"), "免费上网");
    assert_string_equal(i18n_text(all, "xx", "Go online"), "Go online");
    assert_string_equal(i18n_text(all, NULL, "Go online"), "Go online");
    assert_string_equal(i18n_text(all, "it", "no such message"), "no such message");
}

static void numbers_take_the_right_form_of_the_word(void **state)
{
    (void)state;
    static const struct {
        const char *lang;
        unsigned long n;
        const char *expected;
    } cases[] = {{"it", 0, "{n} ore"},   {"it", 1, "{n} ora"},      {"it", 2, "{n} ore"},
                 {"en", 1, "{n} hour"},  {"en", 5, "{n} hours"},    {"zh-hans", 1, "{n} 小时"},
                 {"xx", 0, "{n} hours"}, {"zh-hans", 9, "{n} 小时"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(i18n_plural(all, cases[i].lang, "{n} hour", "{n} hours", cases[i].n),
                            cases[i].expected);
    assert_string_equal(i18n_plural(all, "it", "{n} cat", "{n} cats", 1), "{n} cat");
}

static void the_list_of_languages_begins_at_home(void **state)
{
    (void)state;
    const char *const *tags;
    assert_int_equal(i18n_languages(all, &tags), 3);
    assert_string_equal(tags[0], "it");
    assert_string_equal(tags[1], "en");
    assert_string_equal(tags[2], "zh-hans");
    assert_string_equal(i18n_language_name(all, "it"), "Italiano");
    assert_string_equal(i18n_language_name(all, "en"), "English");
    assert_string_equal(i18n_language_name(all, "zh-hans"), "中文");
    assert_true(i18n_has(all, "it"));
    assert_false(i18n_has(all, "zh"));
    assert_false(i18n_has(all, NULL));
}

static void arabic_and_urdu_run_from_right_to_left(void **state)
{
    (void)state;
    assert_true(i18n_rtl("ar"));
    assert_true(i18n_rtl("ur-pk"));
    assert_true(i18n_rtl("ckb"));
    assert_false(i18n_rtl("it"));
    assert_false(i18n_rtl("arn"));
    assert_false(i18n_rtl("zh-hans"));
}

static void a_phone_s_accept_language_finds_the_best_page(void **state)
{
    (void)state;
    static const struct {
        const char *header, *expected;
    } cases[] = {
        {NULL, "it"},
        {"", "it"},
        {"it-IT,it;q=0.9,en-US;q=0.8,en;q=0.7", "it"},
        {"en-US,en;q=0.9", "en"},
        {"zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"},
        {"zh", "zh-hans"},
        {"zh-Hans", "zh-hans"},
        {"zh-Hans-CN", "zh-hans"},
        {"zh-TW", "zh-hans"},
        {"ZH-hans", "zh-hans"},
        {"fr-FR,fr;q=0.9", "it"},
        {"fr-FR,fr;q=0.9,en;q=0.1", "en"},
        {"en;q=0.1,zh;q=0.8", "zh-hans"},
        {"en;q=0.5,zh;q=0.5", "en"},
        {"en;q=0", "it"},
        {"en;q=0.000,zh;q=0.001", "zh-hans"},
        {"*", "it"},
        {"fr,*;q=0.5", "it"},
        {" en ; q=0.4 , zh ; q=0.9 ", "zh-hans"},
        {"en;q=2", "it"},
        {"en;q=1.5,zh;q=0.1", "zh-hans"},
        {"en;q=0.1234", "it"},
        {"en;level=1", "it"},
        {"en-x-private", "en"},
        {"english", "it"},
        {"e", "it"},
        {"-,--,en-,;q=1,,,", "en"},
        {"en\"><script>", "it"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,en", "en"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(i18n_negotiate(all, cases[i].header), cases[i].expected);
}

static void a_header_of_a_thousand_languages_is_no_burden(void **state)
{
    (void)state;
    char header[8192], *at = header;
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "a%c;q=1,", 'a' + i % 26);
    assert_string_equal(i18n_negotiate(all, header), "it");
}

static void without_catalogues_pages_are_english(void **state)
{
    (void)state;
    struct i18n *none = i18n_load("/nonexistent");
    const char *const *tags;
    assert_int_equal(i18n_languages(none, &tags), 1);
    assert_string_equal(tags[0], "en");
    assert_string_equal(i18n_negotiate(none, "it"), "en");
    assert_string_equal(i18n_text(none, "it", "Go online"), "Go online");
    i18n_free(none);
}

static void a_damaged_catalogue_costs_its_language_only(void **state)
{
    (void)state;
    char dir[] = "/tmp/loggia-locale-XXXXXX", path[128], command[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/it.mo", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("this is no catalogue, although it is long enough", f);
    fclose(f);
    snprintf(command, sizeof command, "%s/zh-hans.mo", dir);
    assert_int_equal(symlink(TEST_BUILDDIR "/po/zh-hans.mo", command), 0);
    struct i18n *some = i18n_load(dir);
    assert_false(i18n_has(some, "it"));
    assert_true(i18n_has(some, "en"));
    assert_string_equal(i18n_text(some, "zh-hans", "Go online"), "免费上网");
    i18n_free(some);
    unlink(path);
    unlink(command);
    rmdir(dir);
}

/* --- the file -----------------------------------------------------------------------------------
 */

static char *italian(size_t *len)
{
    FILE *f = fopen(TEST_BUILDDIR "/po/it.mo", "rb");
    assert_non_null(f);
    char *data = malloc(MO_MAX_BYTES);
    assert_non_null(data);
    *len = fread(data, 1, MO_MAX_BYTES, f);
    fclose(f);
    return data;
}

/* A copy of exactly len bytes, so that reading past its end is seen. */
static struct mo *open_copy(const char *data, size_t len)
{
    const char *why = NULL;
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    struct mo *mo = mo_new(copy, len, &why);
    assert_true((mo == NULL) == (why != NULL));
    return mo;
}

static void use(struct mo *mo)
{
    static const char *const ids[] = {"", "Go online", "{n} hour", "zzz", "Your data"};
    for (size_t i = 0; mo && i < sizeof ids / sizeof *ids; i++) {
        const char *text = mo_text(mo, ids[i]);
        assert_true(!text || strlen(text) < MO_MAX_BYTES);
        for (unsigned long n = 0; n < 3; n++)
            mo_plural(mo, ids[i], n);
    }
    mo_free(mo);
}

static void a_catalogue_cut_off_anywhere_is_refused_or_whole(void **state)
{
    (void)state;
    size_t len;
    char *data = italian(&len);
    for (size_t cut = 0; cut < len; cut += cut < 4096 ? 1 : 13)
        assert_null(open_copy(data, cut));
    use(open_copy(data, len));
    free(data);
}

static void a_catalogue_with_any_byte_changed_harms_nobody(void **state)
{
    (void)state;
    size_t len;
    char *data = italian(&len);
    static const uint8_t changes[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    for (size_t i = 0; i < len; i += i < 2400 ? 1 : 17)
        for (size_t c = 0; c < sizeof changes; c++) {
            char old = data[i];
            data[i] = (char)changes[c];
            use(open_copy(data, len));
            data[i] = old;
        }
    free(data);
}

static void put32(char *data, size_t offset, uint32_t value)
{
    memcpy(data + offset, &value, sizeof value);
}

static void a_catalogue_that_lies_about_its_size_is_refused(void **state)
{
    (void)state;
    size_t len;
    char *data = italian(&len);
    static const size_t words[] = {8, 12, 16};
    static const uint32_t lies[] = {0xFFFFFFFF, 0x80000000, 0x1FFFFFFF, 0x7FFFFFFC};
    for (size_t w = 0; w < 3; w++)
        for (size_t l = 0; l < 4; l++) {
            uint32_t old;
            memcpy(&old, data + words[w], sizeof old);
            put32(data, words[w], lies[l]);
            assert_null(open_copy(data, len));
            put32(data, words[w], old);
        }
    free(data);
}

static void a_catalogue_of_the_other_byte_order_is_read(void **state)
{
    (void)state;
    size_t len;
    char *data = italian(&len);
    uint32_t n, tables[2];
    memcpy(&n, data + 8, 4);
    memcpy(tables, data + 12, 8);
    for (size_t t = 0; t < 2; t++)
        for (uint32_t i = 0; i < 2 * n; i++) {
            uint32_t w;
            memcpy(&w, data + tables[t] + 4 * i, 4);
            put32(data, tables[t] + 4 * i, __builtin_bswap32(w));
        }
    for (size_t at = 0; at < 28; at += 4) {
        uint32_t w;
        memcpy(&w, data + at, 4);
        put32(data, at, __builtin_bswap32(w));
    }
    struct mo *mo = open_copy(data, len);
    assert_non_null(mo);
    assert_string_equal(mo_text(mo, "Go online"), "Naviga gratis");
    mo_free(mo);
    free(data);
}

/* --- plural rules -------------------------------------------------------------------------------
 */

static void the_known_rules_give_the_forms_their_languages_use(void **state)
{
    (void)state;
    static const char slavic[] =
        "(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2)";
    static const char arabic[] =
        "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5)";
    static const char romanian[] = "n==1 ? 0 : (n==0 || (n%100 > 0 && n%100 < 20)) ? 1 : 2";
    static const struct {
        const char *rule;
        unsigned long n;
        long form;
    } cases[] = {
        {"0", 7, 0},       {"n != 1", 1, 0},    {"(n != 1);", 1, -1}, {"(n > 1)", 1, 0},
        {"n>1", 2, 1},     {slavic, 1, 0},      {slavic, 11, 2},      {slavic, 22, 1},
        {slavic, 112, 2},  {slavic, 101, 0},    {arabic, 0, 0},       {arabic, 2, 2},
        {arabic, 103, 3},  {arabic, 111, 4},    {arabic, 100, 5},     {romanian, 1, 0},
        {romanian, 19, 1}, {romanian, 20, 2},   {romanian, 101, 1},   {"!n", 0, 1},
        {"!(n)", 3, 0},    {"1+2*3", 0, 7},     {"(1+2)*3", 0, 9},    {"7-2-1", 0, 4},
        {"8/2/2", 0, 2},   {"1?2:3?4:5", 0, 2}, {"0?2:0?4:5", 0, 5},  {"1||0&&0", 0, 1},
        {"n<=2==1", 2, 1}, {"n", 100, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(plural_form(cases[i].rule, cases[i].n), cases[i].form);
}

static void a_rule_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "",        "n n",       "n+",  "(n",    "n)", "n?1", "n?1:",       "n/0",        "n%0",
        "m",       "n=1",       "1&2", "n-1-n", "-1", "n;",  "9999999999", "1000000000", "101",
        "n%(n-n)", "system(1)", "n++", "?:",    "()", "!",   "n != 1 ; 5",
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        assert_int_equal(plural_form(rules[i], 3), -1);
    assert_true(plural_form("n+1", ULONG_MAX) == 0); /* wraps, as gettext has it */

    char deep[PLURAL_MAX_TEXT + 2];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(plural_form(deep, 1), -1);
    deep[PLURAL_MAX_TEXT] = '\0';
    assert_int_equal(plural_form(deep, 1), -1);
    memset(deep, '!', PLURAL_MAX_TEXT - 1);
    strcpy(deep + PLURAL_MAX_TEXT - 1, "n");
    assert_int_equal(plural_form(deep, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(citizens_read_their_own_language),
        cmocka_unit_test(numbers_take_the_right_form_of_the_word),
        cmocka_unit_test(the_list_of_languages_begins_at_home),
        cmocka_unit_test(arabic_and_urdu_run_from_right_to_left),
        cmocka_unit_test(a_phone_s_accept_language_finds_the_best_page),
        cmocka_unit_test(a_header_of_a_thousand_languages_is_no_burden),
        cmocka_unit_test(without_catalogues_pages_are_english),
        cmocka_unit_test(a_damaged_catalogue_costs_its_language_only),
        cmocka_unit_test(a_catalogue_cut_off_anywhere_is_refused_or_whole),
        cmocka_unit_test(a_catalogue_with_any_byte_changed_harms_nobody),
        cmocka_unit_test(a_catalogue_that_lies_about_its_size_is_refused),
        cmocka_unit_test(a_catalogue_of_the_other_byte_order_is_read),
        cmocka_unit_test(the_known_rules_give_the_forms_their_languages_use),
        cmocka_unit_test(a_rule_that_is_none_is_refused),
    };
    log_open("test", LOG_CRIT);
    return cmocka_run_group_tests(tests, load, unload);
}
