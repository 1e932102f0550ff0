/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's options: what a wrong value is told, and what a right file becomes. */
#include "radius-module/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char err[SETTINGS_MAX_ERROR];

static void set(struct settings *s, const char *section, const char *sub, const char *name,
                const char *value)
{
    if (!settings_set(s, section, sub, name, value, err))
        fail_msg("%s: %s", name, err);
}

static void refused(struct settings *s, const char *section, const char *sub, const char *name,
                    const char *value, const char *why)
{
    assert_false(settings_set(s, section, sub, name, value, err));
    assert_string_equal(err, why);
}

static void each_wrong_value_is_told_what_was_expected(void **state)
{
    struct settings *s = settings_new();
    (void)state;
    assert_non_null(s);
    assert_true(settings_begin(s, "profile", "guest", err));
    assert_true(settings_begin(s, "authority", "comune", err));
    refused(s, NULL, NULL, "deadline", "soon",
            "found \"soon\", expected a number from 20 to 5000 ms");
    refused(s, NULL, NULL, "deadline", "-1", "found \"-1\", expected a number from 20 to 5000 ms");
    refused(s, NULL, NULL, "deadline", "200ms",
            "found \"200ms\", expected a number from 20 to 5000 ms");
    refused(s, NULL, NULL, "deadlime", "200",
            "found \"deadlime\", expected an option of this section; there is none of that name");
    refused(s, "merge", NULL, "bandwidth_max_up", "max", "found \"max\", expected most|least|home");
    refused(s, "authority", "user", "filter", "(mac=%{mac}",
            "found \"(mac=%{mac}\", expected an LDAP filter (RFC 4515)");
    refused(s, "authority", "user", "filter", "mac=%{mac}",
            "found \"mac=%{mac}\", expected an LDAP filter (RFC 4515)");
    refused(s, "authority", "user", "filter", "(a=b)(c=d)",
            "found \"(a=b)(c=d)\", expected an LDAP filter (RFC 4515)");
    refused(s, "authority", "user", "mac_format", "lower",
            "found \"lower\", expected an example like aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF or "
            "AABBCCDDEEFF");
    refused(s, "authority", "profile", "map", "staff",
            "found \"staff\", expected \"VALUE -> PROFILE\"");
    refused(s, "authority", NULL, "server", "a b",
            "found \"a b\", expected one host name, address or ldap URI");
    refused(s, "authority", "tls", "start_tls", "maybe",
            "found \"maybe\", expected yes|no|true|false|on|off");
    assert_false(settings_begin(s, "profile", "guest", err));
    assert_false(settings_begin(s, "profile", "Guest!", err));
    assert_string_equal(
        err, "found \"Guest!\", expected a name of a-z, 0-9 and -, at most 32 characters");
    settings_free(s);
}

static char lines[2048];

static void note(void *arg, const char *line)
{
    (void)arg;
    strncat(lines, line, sizeof lines - strlen(lines) - 2);
    strcat(lines, "\n");
}

static void all_that_does_not_fit_together_is_said_at_once(void **state)
{
    struct settings *s = settings_new();
    (void)state;
    lines[0] = 0;
    assert_true(settings_begin(s, "profile", "resident", err));
    assert_true(settings_begin(s, "authority", "comune", err));
    set(s, "authority", "profile", "map", "x -> nobody");
    set(s, "authority", "group", "filter", "(member=x)");
    assert_int_equal(settings_finish(s, note, NULL), 8);
    assert_non_null(strstr(lines, "key_file: found \"\", expected the path"));
    assert_non_null(
        strstr(lines, "guest: found \"guest\", expected the name of a profile section"));
    assert_non_null(strstr(lines, "comune.server: found \"\""));
    assert_non_null(strstr(lines, "comune.base_dn"));
    assert_non_null(
        strstr(lines, "comune.user.filter: found \"\", expected an LDAP filter with %{mac} in it"));
    assert_non_null(strstr(
        lines,
        "comune.group.filter: found \"(member=x)\", expected an LDAP filter with %{dn} in it"));
    assert_non_null(strstr(lines, "comune.profile.map: found \"nobody\""));
    settings_free(s);
}

static void a_right_file_becomes_what_it_says(void **state)
{
    char path[] = "/tmp/loggia-test-XXXXXX";
    int fd = mkstemp(path);
    struct settings *s = settings_new();
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a secret of the test city\n", 26), 26);
    close(fd);
    set(s, NULL, NULL, "key_file", path);
    assert_true(settings_begin(s, "profile", "guest", err));
    set(s, "profile", NULL, "bandwidth_max_down", "8000000");
    assert_true(settings_begin(s, "profile", "staff", err));
    assert_true(settings_begin(s, "authority", "comune", err));
    set(s, "authority", NULL, "server", "ldap.comune.example");
    set(s, "authority", NULL, "server", "2001:db8::7");
    set(s, "authority", NULL, "server", "ldaps://other:1636");
    set(s, "authority", NULL, "port", "3890");
    set(s, "authority", NULL, "base_dn", "o=x");
    set(s, "authority", "user", "filter", "(macAddress=%{mac})");
    set(s, "authority", "profile", "map", "dipendente -> staff");
    set(s, "authority", "tls", "require_cert", "no");
    lines[0] = 0;
    if (settings_finish(s, note, NULL))
        fail_msg("%s", lines);
    assert_string_equal(s->operator_name, SETTINGS_OPERATOR);
    unlink(path);
    const struct authority_conf *a = &s->fed.authorities[0];
    assert_string_equal(a->directory.servers[0], "ldap://ldap.comune.example:3890");
    assert_string_equal(a->directory.servers[1], "ldap://[2001:db8::7]:3890");
    assert_string_equal(a->directory.servers[2], "ldaps://other:1636");
    assert_string_equal(a->user_base_dn, "o=x");
    assert_string_equal(a->mapping.profiles[0].value, "dipendente");
    assert_int_equal(a->mapping.profiles[0].profile, 1);
    assert_int_equal(s->fed.decision[0].default_profile, 0);
    assert_false(a->directory.require_cert);
    assert_int_equal(s->fed.profiles[0].limits[LIMIT_DOWN], 8000000);
    assert_int_equal(s->fed.profiles[0].limits[LIMIT_SESSION], 7200);
    assert_int_equal(s->fed.deadline_ms, 200);
    assert_int_equal(s->fed.rules.merge[LIMIT_INTERIM], RULE_LEAST);
    settings_free(s);
}

/* docs/rlm_loggia.md holds the reference between two marks; `test_settings --describe` prints it.
 */
static void a_login_section_is_checked_before_anybody_types_a_password(void **state)
{
    struct settings *s = settings_new();
    char wide[600];
    (void)state;
    lines[0] = 0;
    assert_true(settings_begin(s, "authority", "comune", err));
    set(s, "authority", NULL, "base_dn", "dc=comune");
    set(s, "authority", NULL, "realm", "comune.example");
    set(s, "authority", NULL, "realm", "prato.example");
    refused(s, "authority", NULL, "realm", "ada@comune.example",
            "found \"ada@comune.example\", expected what stands behind the @, like comune.example");
    set(s, "authority", "login", "filter", "(uid=ada)");
    settings_finish(s, note, NULL);
    assert_non_null(strstr(lines,
                           "comune.login.filter: found \"(uid=ada)\", expected an LDAP filter "
                           "with %{user} in it"));
    assert_string_equal(s->fed.authorities[0].login_nobody, "cn=nobody,dc=comune");
    snprintf(wide, sizeof wide, "(|(uid=%%{user})(mail=%%{user})(cn=%%{user})(sn=%0300d))", 0);
    set(s, "authority", "login", "filter", wide);
    lines[0] = 0;
    settings_finish(s, note, NULL);
    assert_non_null(strstr(lines, "expected a shorter filter"));
    settings_free(s);
}

static void the_reference_says_what_the_table_says(void **state)
{
    char *table = NULL, doc[65536];
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&table, &len), *in = fopen(TEST_SRCDIR "/docs/rlm_loggia.md", "r");
    assert_non_null(out);
    assert_non_null(in);
    settings_describe(out);
    fclose(out);
    doc[fread(doc, 1, sizeof doc - 1, in)] = 0;
    fclose(in);
    if (!strstr(doc, table))
        fail_msg(
            "docs/rlm_loggia.md is not what settings_describe prints: test_settings --describe");
    free(table);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--describe") == 0) {
        settings_describe(stdout);
        return 0;
    }

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_value_is_told_what_was_expected),
        cmocka_unit_test(all_that_does_not_fit_together_is_said_at_once),
        cmocka_unit_test(a_right_file_becomes_what_it_says),
        cmocka_unit_test(a_login_section_is_checked_before_anybody_types_a_password),
        cmocka_unit_test(the_reference_says_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
