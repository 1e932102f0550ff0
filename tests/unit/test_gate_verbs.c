/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config.h"
#include "netfilter/ruleset.h"
#include "netfilter/settings.h"
#include "netfilter/verbs.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gate_request good_open(void)
{
    struct gate_request r = {.verb = GATE_OPEN, .seq = 1};
    r.entry.mac = (struct mac){{2, 0, 0, 0, 0, 1}};
    r.entry.timeout_s = 60;
    strcpy(r.entry.tag, "s=1 z=duomo");
    return r;
}

static int decode(const struct gate_request *r)
{
    struct gate_request out;
    return verbs_decode(r, sizeof *r, &out);
}

static void test_a_packet_of_another_size_or_verb_is_no_request(void **state)
{
    (void)state;
    struct gate_request r = good_open(), out;
    char longer[sizeof r + 1] = "";
    assert_int_equal(verbs_decode(&r, sizeof r, &out), GATE_OK);
    for (size_t len = 0; len < sizeof r; len++)
        assert_int_equal(verbs_decode(&r, len, &out), -1);
    memcpy(longer, &r, sizeof r);
    assert_int_equal(verbs_decode(longer, sizeof longer, &out), -1);
    for (unsigned verb = 0; verb <= UINT16_MAX; verb++) {
        r.verb = (uint16_t)verb;
        bool known = verb >= GATE_HELLO && verb <= GATE_LAST_VERB;
        assert_int_equal(decode(&r) != -1, known);
    }
    r = good_open();
    r.seq = 0;
    assert_int_equal(decode(&r), -1);
}

static void test_a_tag_cannot_hold_what_would_forge_a_listing(void **state)
{
    (void)state;
    static const char *const bad[] = {" a",   "a ",   "a  b",     "a\nb",
                                      "a\tb", "\x7f", "\xc3\xa9", "\x1b[0m"};
    struct gate_request r = good_open();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strcpy(r.entry.tag, bad[i]);
        assert_int_equal(decode(&r), GATE_INVALID);
    }
    memset(r.entry.tag, 'x', sizeof r.entry.tag);
    assert_int_equal(decode(&r), GATE_INVALID); /* no NUL */
    r.entry.tag[GATE_TAG_LEN - 1] = '\0';
    assert_int_equal(decode(&r), GATE_OK);
    r.entry.tag[0] = '\0';
    assert_int_equal(decode(&r), GATE_OK);
}

static void test_each_character_of_a_tag_is_looked_at(void **state)
{
    (void)state;
    for (size_t at = 1; at < 17; at++)
        for (unsigned value = 1; value < 256; value++) {
            struct gate_request r = good_open();
            memset(r.entry.tag, 'x', 18);
            r.entry.tag[18] = '\0';
            r.entry.tag[at] = (char)value;
            assert_int_equal(decode(&r), value < ' ' || value > '~' ? GATE_INVALID : GATE_OK);
        }
}

static void test_fields_out_of_range_are_invalid(void **state)
{
    (void)state;
    struct gate_request r = good_open();
    r.entry.mac.b[0] = 0xff;
    assert_int_equal(decode(&r), GATE_INVALID);
    r = good_open();
    r.entry.mac = (struct mac){{0}};
    assert_int_equal(decode(&r), GATE_INVALID);
    r = good_open();
    r.entry.timeout_s = 0;
    assert_int_equal(decode(&r), GATE_INVALID);
    r.entry.timeout_s = GATE_TIMEOUT_MAX_S + 1;
    assert_int_equal(decode(&r), GATE_INVALID);
    r.entry.timeout_s = GATE_TIMEOUT_MAX_S;
    assert_int_equal(decode(&r), GATE_OK);
    r.entry.number = 0x01000000; /* does not fit beside the others' bits of the mark */
    assert_int_equal(decode(&r), GATE_INVALID);
    r = good_open();
    r.entry.same_session = 2;
    assert_int_equal(decode(&r), GATE_INVALID);
    r = (struct gate_request){.verb = GATE_RESOLVE, .seq = 1};
    assert_int_equal(decode(&r), GATE_INVALID);
    r.address.family = 6;
    assert_int_equal(decode(&r), GATE_OK);
}

static void test_ports_and_interfaces_of_the_configuration_reach_the_rules(void **state)
{
    (void)state;
    char *ifs[] = {(char *)"br0", (char *)"br1"}, *again[] = {(char *)"br1"};
    char *ports[] = {(char *)"tcp/22", (char *)"udp/123"};
    struct conf_zone zones[] = {{.name = (char *)"a", .interfaces = ifs, .n_interfaces = 2},
                                {.name = (char *)"b", .interfaces = again, .n_interfaces = 1}};
    struct conf c = {.table = (char *)"loggia",
                     .zones = zones,
                     .n_zones = 2,
                     .http_port = 2080,
                     .router_ports = ports,
                     .n_router_ports = 2};
    struct ruleset_config *rules = malloc(sizeof *rules);
    char err[200] = "";
    assert_true(settings_rules(&c, rules, err, sizeof err));
    assert_int_equal(rules->n_lan, 2);
    assert_string_equal(rules->lan[1], "br1");
    assert_int_equal(rules->ports[1].protocol, IPPROTO_UDP);
    assert_int_equal(rules->ports[1].port, 123);
    static const char *const bad[] = {"tcp/",    "tcp/0", "tcp/65536", "sctp/1",
                                      "tcp/22x", "22",    "tcp/-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ports[0] = (char *)bad[i];
        assert_false(settings_rules(&c, rules, err, sizeof err));
        assert_non_null(strstr(err, bad[i]));
    }
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_packet_of_another_size_or_verb_is_no_request),
        cmocka_unit_test(test_a_tag_cannot_hold_what_would_forge_a_listing),
        cmocka_unit_test(test_each_character_of_a_tag_is_looked_at),
        cmocka_unit_test(test_fields_out_of_range_are_invalid),
        cmocka_unit_test(test_ports_and_interfaces_of_the_configuration_reach_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
