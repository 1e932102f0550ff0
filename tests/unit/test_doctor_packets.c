/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "portal/doctor_packets.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An answer with a CNAME and two A records, names compressed, as dnsmasq sends it. */
static const uint8_t answer[] = {
    0x12, 0x34, 0x81, 0x80, 0,    1,  0, 3, 0, 0,  0, 0,  4,   'w', 'i', 'f', 'i', 0,
    0,    1,    0,    1,    0xc0, 12, 0, 5, 0, 1,  0, 0,  0,   60,  0,   4,   1,   'x',
    0xc0, 12,   0xc0, 34,   0,    1,  0, 1, 0, 0,  0, 60, 0,   4,   10,  80,  0,   1,
    0xc0, 34,   0,    1,    0,    1,  0, 0, 0, 60, 0, 4,  203, 0,   113, 9};

/* A copy that ends where the packet ends, so that a sanitizer sees a byte too many. */
static bool parse(const uint8_t *data, size_t len, struct dns_answer *out)
{
    uint8_t *copy = malloc(len + (len == 0));
    memcpy(copy, data, len);
    bool fine = dns_parse(copy, len, 0x1234, DNS_TYPE_A, out);
    free(copy);
    return fine;
}

static void test_all_addresses_of_a_name_are_seen_behind_its_alias(void **state)
{
    struct dns_answer a;
    char text[INET_ADDRSTRLEN];
    (void)state;
    assert_true(parse(answer, sizeof answer, &a));
    assert_int_equal(a.n, 2);
    assert_string_equal(inet_ntop(AF_INET, &a.addresses[0], text, sizeof text), "10.80.0.1");
    assert_string_equal(inet_ntop(AF_INET, &a.addresses[1], text, sizeof text), "203.0.113.9");
}

static void test_an_answer_cut_anywhere_is_none(void **state)
{
    struct dns_answer a;
    (void)state;
    for (size_t len = 0; len < sizeof answer; len++)
        assert_false(parse(answer, len, &a));
}

static void test_another_questions_answer_or_a_question_is_none(void **state)
{
    uint8_t other[sizeof answer];
    struct dns_answer a;
    (void)state;
    memcpy(other, answer, sizeof other);
    other[1] ^= 1;
    assert_false(parse(other, sizeof other, &a));
    memcpy(other, answer, sizeof other);
    other[2] &= 0x7f;
    assert_false(parse(other, sizeof other, &a));
}

static void test_noise_never_reads_past_its_end(void **state)
{
    struct dns_answer a;
    uint32_t seed = 1;
    uint8_t noise[sizeof answer];
    (void)state;
    for (int i = 0; i < 50000; i++) {
        memcpy(noise, answer, sizeof noise);
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            noise[4 + (seed >> 16) % (sizeof noise - 4)] = (uint8_t)(seed >> 8);
        }
        parse(noise, sizeof noise, &a);
        assert_true(a.n <= DNS_MAX_ADDRESSES);
    }
}

static void test_only_a_name_becomes_a_query(void **state)
{
    static const uint8_t wanted[] = {0, 7, 1,   0, 0,   1,   0, 0, 0,  0, 0,
                                     0, 1, 'a', 2, 'b', 'c', 0, 0, 28, 0, 1};
    uint8_t out[512];
    char longest[300];
    (void)state;
    assert_int_equal(dns_query(out, 7, "a.bc", DNS_TYPE_AAAA), sizeof wanted);
    assert_memory_equal(out, wanted, sizeof wanted);
    assert_int_equal(dns_query(out, 7, "", DNS_TYPE_NS), 17);
    assert_int_equal(dns_query(out, 7, "a..b", DNS_TYPE_A), 0);
    assert_int_equal(dns_query(out, 7, ".a", DNS_TYPE_A), 0);
    memset(longest, 'a', sizeof longest);
    longest[64] = 0;
    assert_int_equal(dns_query(out, 7, longest, DNS_TYPE_A), 0);
    for (int i = 1; i < 254; i += 2)
        longest[i - 1] = 'a', longest[i] = '.';
    longest[253] = 0;
    assert_int_equal(dns_query(out, 7, longest, DNS_TYPE_A), 12 + 255 + 4);
    longest[253] = 'a';
    longest[254] = 0;
    assert_int_equal(dns_query(out, 7, longest, DNS_TYPE_A), 0);
}

/* --- DHCP ----------------------------------------------------------------------------------------
 */

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

static size_t reply(uint8_t out[static 576], const uint8_t *options, size_t len)
{
    struct in_addr self = {.s_addr = htonl(0x0a500001)};
    dhcp_inform(out, 77, mac, self);
    out[0] = 2;
    memcpy(out + 240, options, len);
    return 240 + len;
}

static const uint8_t *find(const uint8_t *options, size_t len, size_t *value_len, bool *is_reply)
{
    static uint8_t *copy;
    uint8_t packet[576];
    size_t n = reply(packet, options, len);
    free(copy);
    copy = malloc(n);
    memcpy(copy, packet, n);
    return dhcp_option(copy, n, 77, DHCP_OPTION_PORTAL, value_len, is_reply);
}

static void test_option_114_is_found_behind_padding_and_other_options(void **state)
{
    static const uint8_t options[] = {0, 53, 1, 5, 0, 0, 114, 3, 'u', 'r', 'l', 255};
    size_t len = 0;
    bool is_reply;
    (void)state;
    const uint8_t *v = find(options, sizeof options, &len, &is_reply);
    assert_true(is_reply);
    assert_int_equal(len, 3);
    assert_memory_equal(v, "url", 3);
}

static void test_an_option_behind_the_end_or_cut_off_is_not_there(void **state)
{
    static const uint8_t behind[] = {53, 1, 5, 255, 114, 3, 'u', 'r', 'l'};
    static const uint8_t cut[] = {53, 1, 5, 114, 4, 'u', 'r', 'l'};
    size_t len = 0;
    bool is_reply;
    (void)state;
    assert_null(find(behind, sizeof behind, &len, &is_reply));
    assert_true(is_reply);
    for (size_t n = 0; n <= sizeof cut; n++)
        assert_null(find(cut, n, &len, &is_reply));
}

static void test_somebody_elses_reply_or_our_own_question_is_none(void **state)
{
    static const uint8_t options[] = {114, 1, 'u', 255};
    uint8_t packet[576];
    size_t len = 0, n = reply(packet, options, sizeof options);
    bool is_reply;
    (void)state;
    assert_null(dhcp_option(packet, n, 78, DHCP_OPTION_PORTAL, &len, &is_reply));
    assert_false(is_reply);
    packet[0] = 1;
    assert_null(dhcp_option(packet, n, 77, DHCP_OPTION_PORTAL, &len, &is_reply));
    assert_false(is_reply);
    assert_null(dhcp_option(packet, 239, 77, DHCP_OPTION_PORTAL, &len, &is_reply));
    assert_false(is_reply);
}

static void test_an_inform_names_ourselves_and_takes_no_lease(void **state)
{
    struct in_addr self = {.s_addr = htonl(0x0a500001)};
    uint8_t packet[576];
    size_t len = 0, n = dhcp_inform(packet, 77, mac, self);
    bool is_reply;
    (void)state;
    assert_true(n >= 300);
    packet[0] = 2; /* to read it with the reader of replies */
    const uint8_t *kind = dhcp_option(packet, n, 77, 53, &len, &is_reply);
    assert_non_null(kind);
    assert_int_equal(*kind, 8);
    assert_memory_equal(packet + 12, &self, 4);
    assert_memory_equal(packet + 28, mac, 6);
    assert_non_null(dhcp_option(packet, n, 77, 55, &len, &is_reply));
    assert_null(dhcp_option(packet, n, 77, 50, &len, &is_reply)); /* no address is asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_addresses_of_a_name_are_seen_behind_its_alias),
        cmocka_unit_test(test_an_answer_cut_anywhere_is_none),
        cmocka_unit_test(test_another_questions_answer_or_a_question_is_none),
        cmocka_unit_test(test_noise_never_reads_past_its_end),
        cmocka_unit_test(test_only_a_name_becomes_a_query),
        cmocka_unit_test(test_option_114_is_found_behind_padding_and_other_options),
        cmocka_unit_test(test_an_option_behind_the_end_or_cut_off_is_not_there),
        cmocka_unit_test(test_somebody_elses_reply_or_our_own_question_is_none),
        cmocka_unit_test(test_an_inform_names_ourselves_and_takes_no_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
