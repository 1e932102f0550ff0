/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS codec alone: the RFC's own example, what is refused and why, and hostile bytes. */
#include "lib/crypto.h"
#include "portal/radius_codec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "xyzzy5461" /* of RFC 2865 section 7.1 */
static const uint8_t rfc_authenticator[16] = {0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57,
                                              0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a};

static unsigned dice(unsigned n)
{
    return (unsigned)random() % n;
}

/* An exact copy on the heap, so that the sanitizer sees a read behind it. */
static uint8_t *exact(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, data, len);
    return copy;
}

static void rich_reply(struct radius_packet *p, enum radius_code code)
{
    uint8_t rate[4] = {0, 0x1e, 0x84, 0x80};

    radius_begin(p, code, 7, rfc_authenticator);
    radius_add_u32(p, RADIUS_SESSION_TIMEOUT, 7200);
    radius_add(p, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, rate, sizeof rate);
    radius_add_text(p, RADIUS_REPLY_MESSAGE, "benvenuti");
    assert_true(radius_sign_reply(p, rfc_authenticator, SECRET));
}

static void password_is_hidden_as_in_the_rfcs_example(void **state)
{
    static const uint8_t want[16] = {0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce,
                                     0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee};
    struct radius_attr_view a;
    struct radius_packet p;

    (void)state;
    radius_begin(&p, RADIUS_ACCESS_REQUEST, 0, rfc_authenticator);
    radius_add_password(&p, "arctangent", SECRET);
    assert_true(radius_sign(&p, SECRET));
    assert_true(radius_find(p.data, p.len, 0, RADIUS_USER_PASSWORD, &a));
    assert_int_equal(a.len, 16);
    assert_memory_equal(a.value, want, 16);
    assert_int_equal(p.data[20], RADIUS_MESSAGE_AUTHENTICATOR); /* first */
}

/* The RFC's Access-Accept is authentic by the rules of 2000, which are not enough today. */
static void rfcs_own_accept_lacks_what_stops_blastradius(void **state)
{
    static const uint8_t accept[] = {0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24,
                                     0xba, 0x2a, 0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55, 0xe0, 0xb2,
                                     0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00, 0x00,
                                     0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8, 0x01, 0x03};

    (void)state;
    assert_int_equal(radius_check_reply(accept, sizeof accept, rfc_authenticator, SECRET),
                     RADIUS_NO_MESSAGE_AUTHENTICATOR);
    assert_int_equal(radius_check_reply(accept, sizeof accept, rfc_authenticator, "xyzzy"),
                     RADIUS_BAD_AUTHENTICATOR);
}

static void no_changed_bit_of_a_reply_is_believed(void **state)
{
    static const enum radius_code codes[] = {RADIUS_ACCESS_ACCEPT, RADIUS_ACCESS_REJECT,
                                             RADIUS_ACCESS_CHALLENGE, RADIUS_ACCOUNTING_RESPONSE};
    struct radius_packet p;

    (void)state;
    for (size_t c = 0; c < 4; c++) {
        rich_reply(&p, codes[c]);
        assert_int_equal(radius_check_reply(p.data, p.len, rfc_authenticator, SECRET), RADIUS_FINE);
        for (size_t bit = 0; bit < p.len * 8; bit++) {
            uint8_t *changed = exact(p.data, p.len);
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(radius_check_reply(changed, p.len, rfc_authenticator, SECRET),
                                 RADIUS_FINE);
            free(changed);
        }
    }
}

/* What a forger who can make MD5 collide would send: the old authenticator right, the HMAC not. */
static void right_authenticator_with_a_wrong_hmac_is_refused(void **state)
{
    struct radius_packet p;

    (void)state;
    rich_reply(&p, RADIUS_ACCESS_ACCEPT);
    p.data[22] ^= 1;
    struct crypto_slice parts[] = {
        {p.data, 4}, {rfc_authenticator, 16}, {p.data + 20, p.len - 20}, {SECRET, strlen(SECRET)}};
    crypto_md5(parts, 4, p.data + 4);
    assert_int_equal(radius_check_reply(p.data, p.len, rfc_authenticator, SECRET),
                     RADIUS_BAD_MESSAGE_AUTHENTICATOR);
}

/* Even if the last of them is right. */
static void two_message_authenticators_are_refused(void **state)
{
    static const uint8_t zeros[16];
    struct radius_packet p;

    (void)state;
    radius_begin(&p, RADIUS_ACCESS_ACCEPT, 7, rfc_authenticator);
    radius_add(&p, 0, RADIUS_MESSAGE_AUTHENTICATOR, zeros, sizeof zeros);
    memset(p.data + 22, 0x11, 16); /* the first */
    struct crypto_slice parts[] = {
        {p.data, 4}, {rfc_authenticator, 16}, {p.data + 20, p.len - 20}, {SECRET, strlen(SECRET)}};
    crypto_hmac_md5(SECRET, strlen(SECRET), parts, 3, p.data + p.len - 16);
    crypto_md5(parts, 4, p.data + 4);
    assert_int_equal(radius_check_reply(p.data, p.len, rfc_authenticator, SECRET),
                     RADIUS_BAD_MESSAGE_AUTHENTICATOR);
}

static void requests_from_a_server_need_the_hmac_too(void **state)
{
    static const uint8_t zeros[16];
    struct radius_packet p;

    (void)state;
    radius_begin(&p, RADIUS_DISCONNECT_REQUEST, 1, zeros);
    radius_add_text(&p, RADIUS_ACCT_SESSION_ID, "abc");
    assert_true(radius_sign(&p, SECRET));
    assert_int_equal(radius_check_request(p.data, p.len, SECRET), RADIUS_FINE);
    memmove(p.data + 20, p.data + 38, p.len - 38); /* without it, and signed again */
    p.len -= 18;
    p.data[3] = (uint8_t)p.len;
    assert_true(radius_sign(&p, SECRET));
    assert_int_equal(radius_check_request(p.data, p.len, SECRET), RADIUS_NO_MESSAGE_AUTHENTICATOR);
}

static void wrong_lengths_are_malformed(void **state)
{
    struct radius_packet p;

    (void)state;
    rich_reply(&p, RADIUS_ACCESS_ACCEPT);
    for (size_t len = 0; len < p.len; len++) {
        uint8_t *cut = exact(p.data, len);
        assert_int_equal(radius_check_form(cut, len), RADIUS_MALFORMED);
        free(cut);
    }
    p.data[21] = 17; /* of the Message-Authenticator */
    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_MALFORMED);
    p.data[21] = 1; /* would never end */
    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_MALFORMED);
    p.data[21] = 18;
    uint8_t *wispr = p.data + 44;
    assert_int_equal(wispr[0], 26);
    wispr[7] = 7; /* the inside is longer than the outside */
    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_MALFORMED);
    wispr[7] = 0;
    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_MALFORMED);
}

static void padding_behind_the_packet_is_ignored(void **state)
{
    struct radius_packet p;

    (void)state;
    rich_reply(&p, RADIUS_ACCESS_ACCEPT);
    memset(p.data + p.len, 0xff, 50);
    assert_int_equal(radius_check_reply(p.data, p.len + 50, rfc_authenticator, SECRET),
                     RADIUS_FINE);
}

/* Two of WISPr's in one attribute, and a vendor with a format of its own (which RFC 2865 allows).
 */
static void several_values_in_one_vendor_attribute_are_all_found(void **state)
{
    static const uint8_t both[] = {26, 18, 0, 0, 0x37, 0x2a, 7, 6, 0, 0, 0, 1, 8, 6, 0, 0, 0, 2};
    static const uint8_t odd[] = {26, 9, 0, 0, 1, 0xad, 0, 0, 9};
    struct radius_attr_view a;
    struct radius_packet p;
    size_t at = 0;
    uint32_t v;

    (void)state;
    radius_begin(&p, RADIUS_ACCESS_ACCEPT, 7, rfc_authenticator);
    memcpy(p.data + p.len, both, sizeof both);
    memcpy(p.data + p.len + sizeof both, odd, sizeof odd);
    p.len += sizeof both + sizeof odd;
    p.data[3] = (uint8_t)p.len;
    assert_int_equal(radius_check_form(p.data, p.len), RADIUS_FINE);
    assert_true(radius_get_u32(p.data, p.len, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, &v));
    assert_int_equal(v, 1);
    assert_true(radius_get_u32(p.data, p.len, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, &v));
    assert_int_equal(v, 2);
    for (int n = 0; n < 4; n++)
        assert_true(radius_next(p.data, p.len, &at, &a));
    assert_int_equal(a.vendor, 0);
    assert_int_equal(a.type, 26);
    assert_int_equal(a.len, 7);
    assert_false(radius_next(p.data, p.len, &at, &a));
}

static void what_does_not_fit_is_never_signed(void **state)
{
    char text[300], password[130];
    struct radius_attr_view a;
    struct radius_packet p;

    (void)state;
    memset(text, 'x', sizeof text);
    memset(password, 'p', sizeof password);
    text[299] = password[129] = '\0';
    radius_begin(&p, RADIUS_ACCESS_REQUEST, 0, rfc_authenticator);
    radius_add_text(&p, RADIUS_CONNECT_INFO, text); /* cut */
    radius_add_text(&p, RADIUS_NAS_PORT_ID, "");    /* left out */
    assert_true(radius_sign(&p, SECRET));
    assert_true(radius_find(p.data, p.len, 0, RADIUS_CONNECT_INFO, &a));
    assert_int_equal(a.len, RADIUS_MAX_VALUE);
    assert_false(radius_find(p.data, p.len, 0, RADIUS_NAS_PORT_ID, &a));
    radius_add_password(&p, password, SECRET);
    assert_false(radius_sign(&p, SECRET));
    radius_begin(&p, RADIUS_ACCESS_REQUEST, 0, rfc_authenticator);
    radius_add(&p, RADIUS_VENDOR_WISPR, 1, text, 248);
    assert_false(radius_sign(&p, SECRET));
    radius_begin(&p, RADIUS_ACCESS_REQUEST, 0, rfc_authenticator);
    for (int i = 0; i < 20; i++)
        radius_add_text(&p, RADIUS_CONNECT_INFO, text);
    assert_false(radius_sign(&p, SECRET));
    assert_true(p.len <= RADIUS_MAX_PACKET);
}

/* Every reader over whatever passes the form, in a buffer of its exact length. */
static void read_everything(const uint8_t *data, size_t len)
{
    struct radius_attr_view a;
    size_t at = 0, n = 0;
    uint32_t v;

    radius_check_reply(data, len, rfc_authenticator, SECRET);
    radius_check_request(data, len, SECRET);
    if (radius_check_form(data, len) != RADIUS_FINE)
        return;
    while (radius_next(data, len, &at, &a)) {
        assert_true(a.value >= data && a.value + a.len <= data + len);
        assert_true(++n <= RADIUS_MAX_PACKET);
    }
    radius_get_u32(data, len, RADIUS_VENDOR_CHILLISPOT, RADIUS_CHILLI_MAX_TOTAL_OCTETS, &v);
}

static void hostile_bytes_do_no_harm(void **state)
{
    struct radius_packet p;

    (void)state;
    srandom(20260301);
    for (int round = 0; round < 100000; round++) {
        rich_reply(&p, (enum radius_code)dice(46));
        for (unsigned i = dice(6); i > 0; i--)
            p.data[dice((unsigned)p.len)] = (uint8_t)dice(256);
        size_t len = dice(4) == 0 ? dice((unsigned)p.len + 1) : p.len;
        uint8_t *copy = exact(p.data, len);
        read_everything(copy, len);
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        size_t len = 20 + dice(200);
        uint8_t *noise = malloc(len);
        assert_non_null(noise);
        for (size_t i = 0; i < len; i++)
            noise[i] = (uint8_t)dice(i < 4 || dice(3) ? 256 : 8);
        noise[2] = 0;
        noise[3] = (uint8_t)len;
        read_everything(noise, len);
        free(noise);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_is_hidden_as_in_the_rfcs_example),
        cmocka_unit_test(rfcs_own_accept_lacks_what_stops_blastradius),
        cmocka_unit_test(no_changed_bit_of_a_reply_is_believed),
        cmocka_unit_test(right_authenticator_with_a_wrong_hmac_is_refused),
        cmocka_unit_test(two_message_authenticators_are_refused),
        cmocka_unit_test(requests_from_a_server_need_the_hmac_too),
        cmocka_unit_test(wrong_lengths_are_malformed),
        cmocka_unit_test(padding_behind_the_packet_is_ignored),
        cmocka_unit_test(several_values_in_one_vendor_attribute_are_all_found),
        cmocka_unit_test(what_does_not_fit_is_never_signed),
        cmocka_unit_test(hostile_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
