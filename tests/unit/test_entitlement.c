/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read from directories: the mapping, hostile values, filters. */
#include "lib/ldap_filter.h"
#include "radius-module/entitlement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char said[256];
static unsigned reports;

static void report(void *arg, const char *attribute, const char *why)
{
    (void)arg;
    reports++;
    snprintf(said, sizeof said, "%s %s", attribute, why);
}

static struct mapping mapping = {
    .authority = "provincia",
    .profile_attribute = "employeeType",
    .profiles = {{"dipendente", 1}, {"residente", 2}},
    .n_profiles = 2,
    .group_attribute = "provNome",
    .group_search = true,
    .groups = {{"banda-larga", 3}, {"scuole", 4}},
    .n_groups = 2,
    .suspended_attribute = "provSospeso",
    .suspended_value = "TRUE",
    .suspended_reason = "suspended",
    .limit_attribute = {[LIMIT_DOWN] = "provBanda"},
    .limit_unit = {[LIMIT_DOWN] = 1000},
    .from_attribute = "provDal",
    .until_attribute = "provAl",
    .identity_attribute = "provMatricola",
    .link_attribute = "provCodice",
    .key = "0123456789abcdef",
    .key_len = 16,
};

static struct entitlement read_values(struct values *v)
{
    struct entitlement e;
    reports = 0;
    said[0] = 0;
    entitlement_read(&mapping, v, &e, report, NULL);
    return e;
}

static void add(struct values *v, const char *attribute, const char *data)
{
    values_add(v, attribute, data, strlen(data));
}

static void a_person_has_the_profile_of_their_attribute(void **state)
{
    struct values v;
    (void)state;
    values_reset(&v);
    add(&v, "EMPLOYEETYPE", "Residente"); /* LDAP knows no case */
    assert_int_equal(read_values(&v).profile, 2);
    add(&v, "employeeType", "dipendente"); /* the first in the configuration's order wins */
    assert_int_equal(read_values(&v).profile, 1);
    assert_int_equal(reports, 0);
    values_reset(&v);
    add(&v, "employeeType", "marziano");
    assert_int_equal(read_values(&v).profile, -1);
}

static void a_group_comes_before_the_attribute_and_only_from_groups(void **state)
{
    struct values v;
    (void)state;
    values_reset(&v);
    add(&v, "employeeType", "residente");
    add(&v, "provNome", "banda-larga"); /* a person of that name */
    assert_int_equal(read_values(&v).profile, 2);
    v.from_group = true;
    add(&v, "provNome", "scuole");
    assert_int_equal(read_values(&v).profile, 4);
    add(&v, "provNome", "banda-larga");
    assert_int_equal(read_values(&v).profile, 3);
}

static void member_of_names_are_understood(void **state)
{
    struct values v;
    (void)state;
    mapping.group_search = false;
    values_reset(&v);
    add(&v, "provNome", "cn=banda-larga-2,ou=gruppi");
    assert_int_equal(read_values(&v).profile, -1);
    add(&v, "provNome", "cn=Banda-larga,ou=gruppi");
    assert_int_equal(read_values(&v).profile, 3);
    mapping.group_search = true;
}

static void only_the_configured_value_suspends(void **state)
{
    struct values v;
    (void)state;
    values_reset(&v);
    add(&v, "provSospeso", "FALSE");
    assert_false(read_values(&v).denied);
    assert_int_equal(reports, 0);
    values_reset(&v);
    add(&v, "provSospeso", "forse");
    assert_false(read_values(&v).denied);
    assert_string_equal(said, "provSospeso is neither TRUE nor FALSE");
    values_reset(&v);
    add(&v, "provSospeso", "TRUEE");
    assert_false(read_values(&v).denied);
    values_reset(&v);
    add(&v, "provSospeso", "true");
    struct entitlement e = read_values(&v);
    assert_true(e.denied);
    assert_string_equal(e.reason, "suspended");
}

static void a_value_of_the_wrong_type_costs_nobody_the_network(void **state)
{
    static const char *const wrong[] = {
        "otto mega", "-1", "", " 8", "8 ", "8.5", "0x10", "1e3", "9999999999999999"};
    struct values v;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        values_reset(&v);
        add(&v, "provBanda", wrong[i]);
        struct entitlement e = read_values(&v);
        assert_false(e.denied);
        assert_int_equal(e.has, 0);
        assert_string_equal(said, "provBanda is no number");
    }
    values_reset(&v);
    values_add(&v, "provBanda", "8\0008", 3);
    assert_int_equal(read_values(&v).has, 0);
    values_reset(&v);
    add(&v, "provBanda", "8000");
    add(&v, "provBanda", "ventimila");
    add(&v, "provBanda", "16000"); /* several: the largest */
    struct entitlement e = read_values(&v);
    assert_int_equal(e.has, 1U << LIMIT_DOWN);
    assert_int_equal(e.own[LIMIT_DOWN], 16000000);
}

static void a_megabyte_of_attribute_is_bounded(void **state)
{
    struct values *v = malloc(sizeof *v);
    size_t len = 1 << 20;
    char *big = malloc(len);
    (void)state;
    assert_non_null(v);
    assert_non_null(big);
    memset(big, 'A', len);
    values_reset(v);
    values_add(v, "provBanda", big, len);
    struct entitlement e = read_values(v);
    assert_int_equal(e.has, 0);
    assert_string_equal(said, "provBanda is too long");
    for (int i = 0; i < 100; i++)
        values_add(v, "provCodice", big, VALUES_MAX_LEN);
    assert_true(v->n <= VALUES_MAX && v->used <= VALUES_MAX_TEXT);
    read_values(v);
    assert_string_equal(said, "(all) has more values than are read");
    free(big);
    free(v);
}

static void equal_codes_link_two_administrations_and_equal_names_do_not(void **state)
{
    struct values v;
    (void)state;
    values_reset(&v);
    add(&v, "provMatricola", "rossi");
    add(&v, "provCodice", "RSSMRA80A01G999X");
    struct entitlement here = read_values(&v);
    mapping.authority = "comune";
    struct entitlement there = read_values(&v);
    mapping.authority = "provincia";
    assert_true(here.has_link && there.has_link);
    assert_memory_equal(here.link, there.link, sizeof here.link);
    assert_memory_not_equal(here.identity, there.identity, sizeof here.identity);
    values_reset(&v);
    add(&v, "provCodice", "rssmra80a01g999x "); /* the same code, typed by another clerk */
    assert_memory_equal(read_values(&v).link, here.link, sizeof here.link);
}

static void an_address_cannot_break_out_of_a_filter(void **state)
{
    char out[128];
    (void)state;
    const char *hostile = "*)(uid=\\admin";
    assert_true(
        filter_build("(&(a=b)(mac=%{mac}))", "mac", hostile, strlen(hostile), out, sizeof out) > 0);
    assert_string_equal(out, "(&(a=b)(mac=\\2a\\29\\28uid=\\5cadmin))");
    assert_int_equal(ldap_filter_escape("a\0b", 3, out, sizeof out), 5);
    assert_string_equal(out, "a\\00b");
    assert_true(ldap_filter_escape("caff\xc3\xa8", 6, out, sizeof out) > 0);
    assert_string_equal(out, "caff\\c3\\a8");
    assert_int_equal(ldap_filter_escape("****", 4, out, 12), -1); /* never cut in the middle */
    assert_int_equal(ldap_filter_escape("****", 4, out, 13), 12);
    assert_int_equal(filter_build("(x=%{mac})", "mac", "aaaa", 4, out, 8), -1);
    assert_int_equal(filter_build("(x=%{dn})", "mac", "a", 1, out, sizeof out), 9);
}

static void every_directory_has_its_way_to_write_an_address(void **state)
{
    static const struct mac mac = {{0x02, 0x1a, 0, 0x9f, 0xab, 0xcd}};
    static const char *const ways[][2] = {{"aa:bb:cc:dd:ee:ff", "02:1a:00:9f:ab:cd"},
                                          {"AA:BB:CC:DD:EE:FF", "02:1A:00:9F:AB:CD"},
                                          {"AA-BB-CC-DD-EE-FF", "02-1A-00-9F-AB-CD"},
                                          {"aabb.ccdd.eeff", "021a.009f.abcd"},
                                          {"AABBCCDDEEFF", "021A009FABCD"}};
    char out[MAC_TEXT_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_true(mac_format_ok(ways[i][0]));
        mac_format(&mac, ways[i][0], out);
        assert_string_equal(out, ways[i][1]);
    }
    assert_false(mac_format_ok("00:11:22:33:44:55"));
    assert_false(mac_format_ok("aA:bb:cc:dd:ee:ff"));
    assert_false(mac_format_ok(""));
}

static void every_way_in_which_directories_write_a_date_is_read(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t s;
    } dates[] = {
        {"20261231235959Z", true, 1798761599},
        {"202612312359Z", true, 1798761540},
        {"2026123123Z", true, 1798758000},
        {"20270101005959+0100", true, 1798761599},
        {"20261231235959.75Z", true, 1798761599},
        {"20261231185959-05", true, 1798761599},
        {"20818", true, 1798675200},
        {"1798761599", true, 1798761599},
        {"134432351990000000", true, 1798761599},
        {"9223372036854775807", true, 0},
        {"0", true, 0},
        {"-1", true, 0},
        {"19600101000000Z", true, 1},
        {"20261301000000Z", false, 0},
        {"20261231235959", false, 0},
        {"tomorrow", false, 0},
        {"", false, 0},
        {"20261231235959+1", false, 0},
        {"1234567", false, 0},
        {"20261231Z", false, 0},
        {"99999999999999999999", false, 0},
        {"2026123124Z", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        uint64_t s = 7;
        bool ok = entitlement_date(dates[i].text, strlen(dates[i].text), &s);
        if (ok != dates[i].ok || (ok && s != dates[i].s))
            fail_msg("%s: %d %llu", dates[i].text, ok, (unsigned long long)s);
    }
}

static void somebody_is_known_between_two_dates_alone(void **state)
{
    struct values v;
    (void)state;
    values_reset(&v);
    add(&v, "provDal", "20260101000000Z");
    add(&v, "provAl", "20261231235959Z");
    struct entitlement e = read_values(&v);
    assert_int_equal(reports, 0);
    assert_false(entitlement_valid(&e, 1767225599));
    assert_true(entitlement_valid(&e, 1767225600));
    assert_true(entitlement_valid(&e, 1798761598));
    assert_false(entitlement_valid(&e, 1798761599));
    e.denied = true; /* who is suspended stays so */
    assert_true(entitlement_valid(&e, 1798761599));
    values_reset(&v);
    add(&v, "provAl", "until the snow melts");
    e = read_values(&v);
    assert_string_equal(said, "provAl is no date");
    assert_true(entitlement_valid(&e, 1798761599));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_in_which_directories_write_a_date_is_read),
        cmocka_unit_test(somebody_is_known_between_two_dates_alone),
        cmocka_unit_test(a_person_has_the_profile_of_their_attribute),
        cmocka_unit_test(a_group_comes_before_the_attribute_and_only_from_groups),
        cmocka_unit_test(member_of_names_are_understood),
        cmocka_unit_test(only_the_configured_value_suspends),
        cmocka_unit_test(a_value_of_the_wrong_type_costs_nobody_the_network),
        cmocka_unit_test(a_megabyte_of_attribute_is_bounded),
        cmocka_unit_test(equal_codes_link_two_administrations_and_equal_names_do_not),
        cmocka_unit_test(an_address_cannot_break_out_of_a_filter),
        cmocka_unit_test(every_directory_has_its_way_to_write_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
