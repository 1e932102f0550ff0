/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: what an admin writes, and what is said to one who errs. */
#include "lib/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char said[32768];
static int lines;

static void hear(void *arg, const char *line)
{
    (void)arg;
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
    lines++;
}

static struct conf *parse(const char *text)
{
    said[0] = '\0';
    lines = 0;
    return config_parse("f", text, strlen(text), 0, hear, NULL);
}

#define MINIMAL "portal_name = wifi.prato.example\nzone duomo { interfaces = br-lan }\n"

static void refused(const char *text, const char *expected)
{
    struct conf *c = parse(text);

    if (c || !strstr(said, expected)) {
        print_error("%s\n  said: %s\n  expected: %s\n", text, said, expected);
        config_free(c);
        fail();
    }
}

static void the_walled_garden_lets_no_probe_through(void **state)
{
    static const char *const wrong[] = {
        "captive.apple.com", "apple.com", "*.apple.com", "gstatic.com", "*.google.com",
        "*.Gstatic.COM",     "localhost", "*",           "a..b"};
    struct conf *c = parse("portal_name = a.b\nzone z { interfaces = br0 }\n"
                           "walled_garden = { \"www.Comune.prato.it\", \"*.regione.example\", "
                           "\"myapple.com\" }\n");
    (void)state;
    assert_string_equal(said, "");
    assert_int_equal(c->n_walled_garden, 3);
    assert_string_equal(c->walled_garden[0], "www.comune.prato.it");
    assert_string_equal(config_garden_domain(c->walled_garden[1]), "regione.example");
    config_free(c);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "portal_name = a.b\nzone z { interfaces = br0 }\nwalled_garden = { \"%s\" }\n",
                 wrong[i]);
        assert_null(parse(text));
        assert_non_null(strstr(said, ":3: walled_garden: found"));
    }
}

static void queues_are_not_promised_to_more_devices_than_there_is_room_for(void **state)
{
    static const char base[] = "portal_name = a.b\nzone z { interfaces = br0 }\n";
    char text[200];
    (void)state;
    snprintf(text, sizeof text, "%smax_clients = 100000\nshaping = \"htb\"\n", base);
    assert_null(parse(text));
    assert_non_null(strstr(said, ":3: max_clients: found 100000, expected at most 65000"));
    snprintf(text, sizeof text, "%smax_clients = 65000\nshaping = \"htb\"\n", base);
    config_free(parse(text));
    assert_string_equal(said, "");
    snprintf(text, sizeof text, "%smax_clients = 100000\n", base);
    config_free(parse(text));
    assert_string_equal(said, "");
}

static void a_zone_has_the_routers_limits_and_terms_where_it_names_no_others(void **state)
{
    struct conf *c =
        parse("portal_name = a.b\nterms_id = 7\nterms_directory = /t\n"
              "zone one { interfaces = br0 session = \"1h\" quota_mb = 0 terms_id = 8\n"
              "  terms_directory = /u }\n"
              "zone two { interfaces = eth0.10 }\n"
              "guest { session = \"2h\" idle = \"30m\" down_kbps = 5000 quota_mb = 300 }\n");
    (void)state;
    assert_string_equal(said, "");
    const struct conf_zone *one = config_zone_named(c, "one"), *two = config_zone_named(c, "two");
    assert_int_equal(one->guest.session_s, 3600);
    assert_int_equal(one->guest.idle_s, 1800);
    assert_int_equal(one->guest.down_kbps, 5000);
    assert_int_equal(one->guest.quota_mb, 0);
    assert_string_equal(one->terms_id, "8");
    assert_string_equal(one->terms_directory, "/u");
    assert_memory_equal(&two->guest, &c->guest, sizeof two->guest);
    assert_string_equal(two->terms_id, "7");
    assert_string_equal(two->terms_directory, "/t");
    assert_null(config_zone_named(c, "three"));
    config_free(c);
    assert_null(parse("portal_name = a.b\nzone one { interfaces = br0\n session = \"20m\" }\n"
                      "guest { idle = \"30m\" }\n"));
    assert_non_null(strstr(said, "zone one.idle") ? said : strstr(said, "idle"));
}

static void an_admin_needs_two_lines_only(void **state)
{
    struct conf *c = parse(MINIMAL);

    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    assert_string_equal(c->network, "Wi-Fi");
    assert_string_equal(c->portal_name, "wifi.prato.example");
    assert_string_equal(c->language, "it");
    assert_int_equal(c->http_port, 2080);
    assert_int_equal(c->https_port, 2443);
    assert_int_equal(c->nflog_group, 5);
    assert_int_equal(c->max_clients, 4096);
    assert_int_equal(c->dns_rate, 20);
    assert_int_equal(c->dns_burst, 100);
    assert_int_equal(c->dns_bytes, 1000);
    assert_int_equal(c->dns_bytes_burst, 64000);
    assert_int_equal(c->flow_rate, 100);
    assert_int_equal(c->flow_burst, 1000);
    assert_int_equal(c->silent_retry_s, 60);
    assert_string_equal(c->user, "loggia");
    assert_string_equal(c->gate_user, "loggia-gate");
    assert_string_equal(c->table, "loggia");
    assert_string_equal(c->run_directory, "/run/loggia");
    assert_null(c->terms_directory);
    assert_int_equal(c->guest.session_s, 7200);
    assert_int_equal(c->guest.idle_s, 600);
    assert_false(c->has_radius);
    assert_int_equal(c->n_zones, 1);
    assert_string_equal(c->zones[0].name, "duomo");
    assert_string_equal(c->zones[0].title, "duomo");
    assert_true(strlen(c->nas_identifier) > 0);
    config_free(c);
}

static void a_whole_file_is_read_as_it_is_written(void **state)
{
    struct conf *c =
        parse("# comment with \"a quote and { a brace\n"
              "network = \"Prato \\\"Wi-Fi\\\"\"  // another\n"
              "/* a\n long one */ portal_name = \"WiFi.Prato.example\"\n"
              "terms_directory = '/etc/loggia/terms'\n"
              "router_ports = {\"tcp/22\", \"udp/123\"}\nrouter_ports += {\"tcp/80\"}\n"
              "zone \"piazza-duomo\" { title = \"Piazza del Duomo\" "
              "interfaces = {\"br-lan\", \"wlan0\"} }\n"
              "zone fontana { interfaces = br-acqua }\n"
              "guest { session = \"2h\" down_kbps = 5000 up_kbps = 2000 idle = 0\n"
              "  interim = 30 quota_mb = 0 }\n"
              "radius { timeout_ms = 3000 retry_ms = 500\n"
              "  server \"centre\" { address = \"10.0.0.1\" secret_file = \"/s\" }\n"
              "  server other { address = 2001:db8::1 auth_port = 1645 "
              "acct_port = 1646 secret_file = /s }\n}\n");
    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    assert_string_equal(c->network, "Prato \"Wi-Fi\"");
    assert_string_equal(c->portal_name, "wifi.prato.example");
    assert_int_equal(c->n_router_ports, 3);
    assert_string_equal(c->router_ports[2], "tcp/80");
    assert_int_equal(c->n_zones, 2);
    assert_string_equal(c->zones[0].title, "Piazza del Duomo");
    assert_string_equal(config_zone_of(c, "wlan0")->name, "piazza-duomo");
    assert_string_equal(config_zone_of(c, "br-acqua")->name, "fontana");
    assert_null(config_zone_of(c, "eth0"));
    assert_int_equal(c->guest.idle_s, 0);
    assert_int_equal(c->guest.interim_s, 30);
    assert_int_equal(c->guest.down_kbps, 5000);
    assert_true(c->has_radius);
    assert_int_equal(c->radius.n_servers, 2);
    assert_int_equal(c->radius.timeout_ms, 3000);
    assert_string_equal(c->radius.servers[0].name, "centre");
    assert_int_equal(c->radius.servers[0].auth_port, 1812);
    assert_int_equal(c->radius.servers[1].acct_port, 1646);
    assert_null(c->radius.servers[0].secret);
    config_free(c);
}

static void ten_mistakes_are_ten_lines_at_once(void **state)
{
    static const char *const expected[] = {
        "f:1: netwrk: found an option that does not exist, expected one that does: did you mean "
        "network?",
        "f:2: portal_name: found \"10.0.0.1\", expected a DNS name with a dot",
        "f:3: http_port: found \"80000\", expected a whole number, 1 to 65535",
        "f:4: max_clients: found \"many\", expected a whole number, 1 to 1000000 devices",
        "f:6: zone piazza.interfaces: found \"a-very-long-interface\", expected the name",
        "f:8: guest.session: found \"2 hours\", expected a time such as 30",
        "f:9: guest.colour: found an option that does not exist, expected one of --help-config",
        "f:11: radius.server centre.address: found \"radius.example\", expected an IPv4 or IPv6",
        "f:11: radius.server centre.secret_file: found nothing, expected the absolute path",
        "f:13: language: found \"Italiano\", expected a language tag",
    };
    (void)state;
    assert_null(parse("netwrk = x\n"                                     /* 1 */
                      "portal_name = 10.0.0.1\n"                         /* 2 */
                      "http_port = 80000\n"                              /* 3 */
                      "max_clients = many\n"                             /* 4 */
                      "zone piazza {\n"                                  /* 5 */
                      "  interfaces = {br-lan, a-very-long-interface}\n" /* 6 */
                      "}\n"                                              /* 7 */
                      "guest { session = \"2 hours\"\n"                  /* 8 */
                      "  colour = {red, green}\n"                        /* 9 */
                      "}\n"                                              /* 10 */
                      "radius { server centre { address = radius.example } }\n"
                      "# comment\n"
                      "language = Italiano\n"));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(said, expected[i])) {
            print_error("missing: %s\nsaid:\n%s", expected[i], said);
            fail();
        }
    assert_int_equal(lines, 10);
    assert_ptr_equal(strstr(said, expected[0]), said); /* in the order of lines */
}

static void a_wrong_value_is_named_with_what_was_expected(void **state)
{
    (void)state;
    refused("", "f:1: portal_name: found nothing, expected a DNS name");
    refused("", "f:1: zone: found none, expected at least one");
    refused(MINIMAL "zone duomo { interfaces = eth1 }",
            "f:3: zone duomo: found a second section zone duomo, expected one (the first is in "
            "line 2)");
    refused(MINIMAL "zone san-marco { interfaces = br-lan }",
            "f:3: zone san-marco.interfaces: found \"br-lan\", expected an interface that no other "
            "zone "
            "has (zone duomo has it)");
    refused(MINIMAL "zone \"San Marco\" { interfaces = eth1 }",
            "f:3: zone: found \"San Marco\" as its name");
    refused(MINIMAL "zone a { }", "f:3: zone a.interfaces: found nothing, expected the name of an");
    refused(MINIMAL "zone a { interfaces = {} }", "f:3: zone a.interfaces: found nothing");
    refused(MINIMAL "guest { } guest { }", "f:3: guest: found a second section guest");
    refused(MINIMAL "http_port = 2443",
            "https_port: found 2443, expected another port than http_port");
    refused(MINIMAL "http_port = 1\nhttp_port = 2",
            "f:4: http_port: found a second value, expected one "
            "(the first is in line 3)");
    refused(MINIMAL "http_port = {1, 2}", "f:3: http_port: found a second value");
    refused(MINIMAL "router_ports = {tcp/22, tcp/22}", "f:3: router_ports: found \"tcp/22\" twice");
    refused(MINIMAL "router_ports = icmp", "found \"icmp\", expected \"tcp/PORT\" or \"udp/PORT\"");
    refused(MINIMAL "router_ports = tcp/0", "found \"tcp/0\"");
    refused(MINIMAL "router_ports = tcp/65536", "found \"tcp/65536\"");
    refused(MINIMAL "offload = yes\nshaping = htb",
            "f:3: offload: found yes beside shaping = \"htb\"");
    refused(
        MINIMAL "uplinks = {wan0, br-lan}",
        "f:3: uplinks: found \"br-lan\", expected an interface that no zone has (zone duomo has");
    refused(MINIMAL "radius { }", "f:3: radius.server: found none, expected at least one");
    refused(MINIMAL "radius { server a { address = 10.0.0.1 secret_file = \"hunter2\" } }",
            "radius.server a.secret_file: found a text that is no absolute path");
    assert_null(strstr(said, "hunter2"));
    refused(MINIMAL "radius { server a { address = 10.0.0.1 secret_file = /s }\n"
                    " server b { address = 10.0.0.1 secret_file = /s } }",
            "f:4: radius.server b.address: found \"10.0.0.1\" port 1812, expected what no other "
            "server has");
    refused(MINIMAL "radius { server a { address = 10.0.0.1 auth_port = 1813 secret_file = /s } }",
            "found 1813, expected another port than auth_port");
    refused(
        MINIMAL
        "radius { timeout_ms = 100 retry_ms = 100 server a { address = ::1 secret_file = /s } }",
        "radius.retry_ms: found 100, expected less than timeout_ms (100)");
    refused(MINIMAL "guest { session = 10m idle = 10m }",
            "guest.idle: found 600 s, expected less than session (600 s), or 0");
    refused(MINIMAL "guest { idle = 4 }", "found \"4\", expected a time such as 30");
    refused(MINIMAL "guest { session = 4 }", "5 to 2592000 s");
    refused(MINIMAL "guest { session = 99999999999999999999d }", "guest.session: found");
    refused(MINIMAL "guest { session = -5 }", "guest.session: found \"-5\"");
    refused(MINIMAL "network = \"\"", "network: found \"\", expected text of 1 to 64 bytes");
    refused(MINIMAL "network = \"caf\xe9\"", "network: found");
    refused(MINIMAL "zome b { interfaces = eth1 }",
            "f:3: zome: found an option that does not exist, "
            "expected one that does: did you mean zone?");
    refused(MINIMAL "notices_directory = notices", "found \"notices\", expected an absolute path");
    refused("portal_name = wifi", "found \"wifi\", expected a DNS name with a dot");
    refused("portal_name = 192.168.1.1", "found \"192.168.1.1\", expected a DNS name with a dot");
    refused("portal_name = \"fe80::1\"", "expected a DNS name with a dot");
}

static void bad_syntax_is_named_with_its_line(void **state)
{
    static const char nul[] = MINIMAL "network = \"a\0b\"";

    (void)state;
    refused(MINIMAL "network = \"Prato\nlanguage = it\n",
            "f:3: syntax: found a text without its closing quote, expected one in the same line");
    assert_int_equal(lines, 1);
    refused(MINIMAL "guest {\n session = 2h\n",
            "f:3: syntax: found a { without its end, expected a }");
    refused(MINIMAL "guest { } }", "f:3: syntax: found a } that closes nothing");
    refused(MINIMAL "/* guest", "f:3: syntax: found a comment without its end, expected */");
    refused(MINIMAL "http_port 80\n", "f:3: syntax: found \"80\" (missing equal sign after option");
    refused(MINIMAL "http_port =\n", "the file ends here");
    refused(MINIMAL "http_port = 80;", "f:3: syntax: found \";\", expected an option");
    refused(MINIMAL "user = \"${HOME}\"", "found ${, expected plain text");
    refused(MINIMAL "{{{{{{{{{{}}}}}}}}}}", "expected at most 8 open ones");
    refused("\"zone|title\" = 3", "f:1: syntax: found \"\"zone|title\"\"");
    refused(MINIMAL "\"zone=duomo|title\" = \"X\"", "f:3: ");
    said[0] = '\0';
    assert_null(config_parse("f", nul, sizeof nul - 1, 0, hear, NULL));
    assert_non_null(strstr(said, "f:3: syntax: found a control character"));
}

static void an_error_before_does_not_spoil_the_next_file(void **state)
{
    (void)state;
    assert_null(parse("network = \"open"));
    assert_null(parse("/* open"));
    an_admin_needs_two_lines_only(state);
}

static char *write_file(const char *name, const char *text, mode_t mode)
{
    static char path[128];
    FILE *f;

    snprintf(path, sizeof path, "/tmp/loggia-test-config.%d.%s", (int)getpid(), name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return strdup(path);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    char *secret = write_file("secret", "testing123\n", 0644), text[512], *path;
    struct conf *c;

    (void)state;
    snprintf(text, sizeof text,
             MINIMAL "radius { server a { address = ::1\n secret_file = \"%s\" } }", secret);
    path = write_file("conf", text, 0644);
    said[0] = '\0';
    assert_null(config_load(path, CONFIG_SECRETS, hear, NULL));
    assert_non_null(
        strstr(said, ":4: radius.server a.secret_file: found /tmp/loggia-test-config."));
    assert_non_null(strstr(said, "others may read it (mode 0644), expected 0640 or tighter"));
    assert_null(strstr(said, "testing123"));
    assert_int_equal(chmod(secret, 0600), 0);
    c = config_load(path, CONFIG_SECRETS, hear, NULL);
    assert_non_null(c);
    assert_string_equal(c->radius.servers[0].secret, "testing123");
    config_free(c);
    unlink(secret);
    said[0] = '\0';
    assert_null(config_load(path, CONFIG_SECRETS, hear, NULL));
    assert_non_null(strstr(said, "which cannot open: No such file"));
    unlink(path);
    said[0] = '\0';
    assert_null(config_load(path, 0, hear, NULL));
    assert_non_null(
        strstr(said, ":0: file: found nothing that can be opened (No such file or directory)"));
    assert_null(config_load("/tmp", 0, hear, NULL));
    free(secret);
    free(path);
}

/* Small random changes of a right file: whatever comes, no crash and no leak (sanitizers). */
static void garbage_is_refused_without_a_crash(void **state)
{
    static const char seed[] =
        MINIMAL "guest { session = \"2h\" idle = 0 }\nrouter_ports = {tcp/22}\n"
                "radius { server a { address = ::1 secret_file = '/s' } }\n";
    static const char pieces[] = "{}{}\"'=+,\\/*#\n|$ a1\0\xff";
    char text[sizeof seed];

    (void)state;
    srandom(7);
    for (int i = 0; i < 4000; i++) {
        memcpy(text, seed, sizeof seed);
        for (long n = random() % 4; n >= 0; n--)
            text[(size_t)random() % (sizeof seed - 1)] =
                pieces[(size_t)random() % (sizeof pieces - 1)];
        said[0] = '\0';
        struct conf *c = config_parse("f", text, sizeof seed - 1, 0, hear, NULL);
        assert_true(c || said[0]);
        config_free(c);
    }
}

static void every_option_is_described_with_its_default(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    config_describe(f);
    fclose(f);
    assert_non_null(strstr(text, "\nhttp_port\n"));
    assert_non_null(strstr(text, "1 to 65535; default 2080\n"));
    assert_non_null(strstr(text, "\nzone \"NAME\" { … }\n"));
    assert_non_null(strstr(text, "\nsecret_file\n"));
    free(text);
}

#define BOARD(rest) MINIMAL "board { " rest " }\n"

static void a_noticeboard_needs_an_address_and_a_key(void **state)
{
    struct conf *c =
        parse(BOARD("url = \"https://board.example/b/\" keys = {\"/a.pub\", \"/b.pub\"}"));
    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    assert_true(c->has_board);
    assert_string_equal(c->board.url, "https://board.example/b/");
    assert_int_equal(c->board.n_keys, 2);
    assert_string_equal(c->board.keys[1], "/b.pub");
    assert_int_equal(c->board.poll_s, 60);
    assert_int_equal(c->board.long_poll, 1);
    assert_null(c->board.token_file);
    config_free(c);
    refused(BOARD("url = \"https://board.example/\""), "board.keys");
    refused(BOARD("keys = {\"/a.pub\"}"), "board.url");
    refused(BOARD("url = \"https://board.example/b\" keys = {\"/a.pub\"}"),
            "f:3: board.url: found \"https://board.example/b\", expected https:// or http://, a "
            "host and a path that ends with /");
    refused(BOARD("url = \"ftp://board.example/\" keys = {\"/a.pub\"}"), "board.url: found \"ftp:");
    refused(BOARD("url = \"https://user@board.example/\" keys = {\"/a.pub\"}"), "board.url: found");
    refused(BOARD("url = \"https://board.example/\" keys = {\"a.pub\"}"), "board.keys");
    refused(BOARD("url = \"https://b.example/\" keys = {\"/1\", \"/2\", \"/3\", \"/4\", \"/5\"}"),
            "board.keys: found more than 4 values, expected at most 4");
    refused(BOARD("url = \"https://board.example/\" keys = {\"/a.pub\"} poll = 1"), "board.poll");
}

static void a_token_is_not_sent_in_the_clear(void **state)
{
    (void)state;
    refused(BOARD("url = \"http://board.example/\" keys = {\"/a.pub\"} token_file = \"/t\""),
            "board.token_file: found with url http://, expected https://");
    struct conf *c =
        parse(BOARD("url = \"http://127.0.0.1:8080/\" keys = {\"/a.pub\"} token_file = \"/t\""));
    assert_string_equal(said, "");
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walled_garden_lets_no_probe_through),
        cmocka_unit_test(queues_are_not_promised_to_more_devices_than_there_is_room_for),
        cmocka_unit_test(a_zone_has_the_routers_limits_and_terms_where_it_names_no_others),
        cmocka_unit_test(an_admin_needs_two_lines_only),
        cmocka_unit_test(a_whole_file_is_read_as_it_is_written),
        cmocka_unit_test(ten_mistakes_are_ten_lines_at_once),
        cmocka_unit_test(a_wrong_value_is_named_with_what_was_expected),
        cmocka_unit_test(bad_syntax_is_named_with_its_line),
        cmocka_unit_test(an_error_before_does_not_spoil_the_next_file),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
        cmocka_unit_test(garbage_is_refused_without_a_crash),
        cmocka_unit_test(every_option_is_described_with_its_default),
        cmocka_unit_test(a_noticeboard_needs_an_address_and_a_key),
        cmocka_unit_test(a_token_is_not_sent_in_the_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
