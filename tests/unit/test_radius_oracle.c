/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our packets before libfreeradius-radius, and its packets before us. */
#include "portal/radius_codec.h"
#include "tests/unit/radius_oracle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "testing-the-oracle"
enum { ROUNDS = 3000 };

static unsigned dice(unsigned n)
{
    return (unsigned)random() % n;
}

static void random_text(char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('!' + dice(94));
    out[len] = '\0';
}

static void random_bytes(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)dice(256);
}

static RADIUS_PACKET *oracle_packet(const uint8_t *data, size_t len)
{
    RADIUS_PACKET *p = rad_alloc(NULL, false);

    p->data = _talloc_memdup(p, data, len, "uint8_t");
    p->data_len = len;
    p->code = data[0];
    p->id = data[1];
    memcpy(p->vector, data + 4, 16);
    return p;
}

static void assert_oracle_value(RADIUS_PACKET *p, uint32_t vendor, unsigned type, const char *want)
{
    char got[1024];
    VALUE_PAIR *vp = fr_pair_find_by_num(p->vps, type, vendor, ORACLE_TAG_ANY);

    if (vp == NULL)
        fail_msg("the oracle finds no attribute %u of vendor %u", type, vendor);
    vp_prints_value(got, sizeof got, vp, 0);
    assert_string_equal(got, want);
}

static void an_access_request_reaches_freeradius_as_it_was_meant(void **state)
{
    static const uint8_t zero[16];
    char user[254], password[129], number[16];
    struct radius_packet p, begun;
    uint8_t authenticator[16];
    int reason;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        random_text(user, 1 + dice(253));
        random_text(password, 1 + dice(128));
        for (char *c = user; *c != '\0'; c++) /* the oracle's printing escapes these */
            *c = *c == '\\' || *c == '"' || *c == '\'' || *c == '`' ? '_' : *c;
        for (char *c = password; *c != '\0'; c++)
            *c = *c == '\\' || *c == '"' || *c == '\'' || *c == '`' ? '_' : *c;
        uint32_t seconds = (uint32_t)random(), bits = (uint32_t)random();
        random_bytes(authenticator, 16);
        radius_begin(&begun, RADIUS_ACCESS_REQUEST, 0, zero);
        radius_add_text(&begun, RADIUS_USER_NAME, user);
        radius_add_u32(&begun, RADIUS_SESSION_TIMEOUT, seconds);
        uint8_t wire[4] = {(uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
                           (uint8_t)bits};
        radius_add(&begun, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, wire, sizeof wire);
        radius_begin_from(&p, begun.data, begun.len, (uint8_t)dice(256), authenticator);
        radius_add_password(&p, password, SECRET);
        assert_true(radius_sign(&p, SECRET));

        RADIUS_PACKET *o = oracle_packet(p.data, p.len);
        assert_true(rad_packet_ok(o, 1 /* Message-Authenticator required */, &reason));
        assert_int_equal(rad_verify(o, NULL, SECRET), 0);
        assert_int_equal(rad_decode(o, NULL, SECRET), 0);
        assert_oracle_value(o, 0, RADIUS_USER_NAME, user);
        assert_oracle_value(o, 0, RADIUS_USER_PASSWORD, password);
        snprintf(number, sizeof number, "%u", seconds);
        assert_oracle_value(o, 0, RADIUS_SESSION_TIMEOUT, number);
        snprintf(number, sizeof number, "%u", bits);
        assert_oracle_value(o, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, number);
        rad_free(&o);
    }
}

static void keyed_requests_are_verified_by_freeradius(void **state)
{
    static const enum radius_code codes[] = {RADIUS_ACCOUNTING_REQUEST, RADIUS_COA_REQUEST,
                                             RADIUS_DISCONNECT_REQUEST, RADIUS_STATUS_SERVER};
    uint8_t authenticator[16];
    struct radius_packet p;
    char text[254];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        random_bytes(authenticator, 16);
        radius_begin(&p, codes[round % 4], (uint8_t)dice(256), authenticator);
        random_text(text, 1 + dice(253));
        radius_add_text(&p, RADIUS_ACCT_SESSION_ID, text);
        assert_true(radius_sign(&p, SECRET));
        RADIUS_PACKET *o = oracle_packet(p.data, p.len);
        assert_int_equal(rad_verify(o, NULL, SECRET), 0);
        o->data[p.len - 1] ^= 1;
        assert_int_not_equal(rad_verify(o, NULL, SECRET), 0);
        rad_free(&o);
    }
}

static RADIUS_PACKET *random_original(unsigned code)
{
    uint8_t data[20] = {(uint8_t)code, (uint8_t)dice(256), 0, 20};

    random_bytes(data + 4, 16);
    return oracle_packet(data, sizeof data);
}

static void replies_of_freeradius_are_believed(void **state)
{
    char text[65];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        RADIUS_PACKET *original = random_original(RADIUS_ACCESS_REQUEST);
        RADIUS_PACKET *o = rad_alloc(NULL, false);
        struct radius_attr_view a;
        uint32_t v;

        random_text(text, 1 + dice(64));
        for (char *c = text; *c != '\0'; c++)
            *c = *c == '\\' || *c == '"' || *c == '%' ? '_' : *c;
        o->code = round % 3 == 0 ? RADIUS_ACCESS_REJECT : RADIUS_ACCESS_ACCEPT;
        o->id = original->id;
        if (round & 1)
            fr_pair_make(o, &o->vps, "Message-Authenticator", "0x00", ORACLE_OP_EQ);
        fr_pair_make(o, &o->vps, "Reply-Message", text, ORACLE_OP_EQ);
        fr_pair_make(o, &o->vps, "WISPr-Bandwidth-Max-Up", "512000", ORACLE_OP_EQ);
        fr_pair_make(o, &o->vps, "WISPr-Bandwidth-Max-Down", "4096000", ORACLE_OP_EQ);
        if (!(round & 1)) /* last, as many servers put it */
            fr_pair_make(o, &o->vps, "Message-Authenticator", "0x00", ORACLE_OP_EQ);
        assert_int_equal(rad_encode(o, original, SECRET), 0);
        assert_int_equal(rad_sign(o, original, SECRET), 0);

        assert_int_equal(radius_check_reply(o->data, o->data_len, original->vector, SECRET),
                         RADIUS_FINE);
        assert_int_equal(radius_check_reply(o->data, o->data_len, original->vector, "other"),
                         RADIUS_BAD_AUTHENTICATOR);
        assert_true(radius_find(o->data, o->data_len, 0, RADIUS_REPLY_MESSAGE, &a));
        assert_int_equal(a.len, strlen(text));
        assert_memory_equal(a.value, text, a.len);
        assert_true(
            radius_get_u32(o->data, o->data_len, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, &v));
        assert_int_equal(v, 512000);
        assert_true(
            radius_get_u32(o->data, o->data_len, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_DOWN, &v));
        assert_int_equal(v, 4096000);
        rad_free(&o);
        rad_free(&original);
    }
}

static void accounting_answers_and_disconnects_of_freeradius_are_believed(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        RADIUS_PACKET *original = random_original(RADIUS_ACCOUNTING_REQUEST);
        RADIUS_PACKET *o = rad_alloc(NULL, false);
        bool reply = round & 1;

        o->code = reply ? RADIUS_ACCOUNTING_RESPONSE : RADIUS_DISCONNECT_REQUEST;
        o->id = original->id;
        if (!reply || round & 2)
            fr_pair_make(o, &o->vps, "Message-Authenticator", "0x00", ORACLE_OP_EQ);
        fr_pair_make(o, &o->vps, "Acct-Session-Id", "abcdef", ORACLE_OP_EQ);
        assert_int_equal(rad_encode(o, original, SECRET), 0);
        assert_int_equal(rad_sign(o, original, SECRET), 0);
        if (reply)
            assert_int_equal(radius_check_reply(o->data, o->data_len, original->vector, SECRET),
                             RADIUS_FINE);
        else
            assert_int_equal(radius_check_request(o->data, o->data_len, SECRET), RADIUS_FINE);
        o->data[o->data_len - 1] ^= 0x20;
        assert_int_equal(reply ? radius_check_reply(o->data, o->data_len, original->vector, SECRET)
                               : radius_check_request(o->data, o->data_len, SECRET),
                         RADIUS_BAD_AUTHENTICATOR);
        rad_free(&o);
        rad_free(&original);
    }
}

static int dictionary(void **state)
{
    (void)state;
    srandom(20260301);
    if (dict_init("/usr/share/freeradius", "dictionary") == 0)
        return 0;
    print_error("the oracle's dictionary: %s\n", fr_strerror());
    return -1;
}

static int no_dictionary(void **state)
{
    (void)state;
    dict_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_access_request_reaches_freeradius_as_it_was_meant),
        cmocka_unit_test(keyed_requests_are_verified_by_freeradius),
        cmocka_unit_test(replies_of_freeradius_are_believed),
        cmocka_unit_test(accounting_answers_and_disconnects_of_freeradius_are_believed),
    };
    return cmocka_run_group_tests(tests, dictionary, no_dictionary);
}
