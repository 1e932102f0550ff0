/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS packets: RFC 2865 and 2866 for the form, RFC 2869 section 5.14 for Message-Authenticator,
 * RFC 5176 for what a server asks of us.
 *
 * Everything here is a pure function of bytes. What comes in is from strangers: a datagram is first
 * checked for its form (radius_check_form), and only the walk over a packet of good form, which
 * cannot leave it, looks at attributes. Nothing is copied and nothing is allocated.
 *
 * RADIUS's own authenticator, MD5 over the packet with the secret at its end, can be forged by
 * whoever is on the way (CVE-2024-3596, "BlastRADIUS"): he makes a Reject and an Accept collide in
 * MD5. The HMAC of Message-Authenticator does not have that weakness. So it is sent first (where
 * the forger cannot put a prefix of his own before it) and required on all replies that open the
 * network. Servers put it anywhere, so its place in a reply is free. Accounting carries no
 * decision; there the old authenticator is all that servers give. */
#include "portal/radius_codec.h"
#include "lib/crypto.h"
#include <string.h>

enum {
    HEADER_LEN = 20,
    AUTHENTICATOR_AT = 4,
    VENDOR_SPECIFIC = 26,
    VENDOR_HEAD = 6, /* type, length, vendor */
    MAX_PASSWORD = 128
};

static const uint8_t zeros[16];

/* --- writing ---------------------------------------------------------------------------------- */

static void put16(uint8_t *at, size_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v >> 16);
    put16(at + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void radius_begin(struct radius_packet *p, enum radius_code code, uint8_t id,
                  const uint8_t authenticator[static 16])
{
    p->data[0] = (uint8_t)code;
    p->data[1] = id;
    memcpy(p->data + AUTHENTICATOR_AT, authenticator, 16);
    p->len = HEADER_LEN;
    p->failed = false;
    if (code != RADIUS_ACCOUNTING_REQUEST && code != RADIUS_ACCOUNTING_RESPONSE)
        radius_add(p, 0, RADIUS_MESSAGE_AUTHENTICATOR, zeros, sizeof zeros);
    put16(p->data + 2, p->len);
}

void radius_begin_from(struct radius_packet *p, const uint8_t *begun, size_t len, uint8_t id,
                       const uint8_t authenticator[static 16])
{
    p->failed = len < HEADER_LEN || len > sizeof p->data;
    p->len = HEADER_LEN;
    if (p->failed)
        return;
    memcpy(p->data, begun, len);
    p->data[1] = id;
    memcpy(p->data + AUTHENTICATOR_AT, authenticator, 16);
    p->len = len;
}

void radius_add(struct radius_packet *p, uint32_t vendor, uint8_t type, const void *value,
                size_t len)
{
    size_t head = vendor != 0 ? VENDOR_HEAD : 0;

    if (len == 0)
        return;
    if (len > RADIUS_MAX_VALUE - head || p->len + head + 2 + len > sizeof p->data)
        p->failed = true;
    if (p->failed)
        return;
    uint8_t *at = p->data + p->len;
    if (vendor != 0) {
        at[0] = VENDOR_SPECIFIC;
        at[1] = (uint8_t)(head + 2 + len);
        put32(at + 2, vendor);
        at += head;
    }
    at[0] = type;
    at[1] = (uint8_t)(2 + len);
    memcpy(at + 2, value, len);
    p->len += head + 2 + len;
    put16(p->data + 2, p->len);
}

void radius_add_text(struct radius_packet *p, uint8_t type, const char *text)
{
    radius_add(p, 0, type, text, strnlen(text, RADIUS_MAX_VALUE));
}

void radius_add_u32(struct radius_packet *p, uint8_t type, uint32_t value)
{
    uint8_t wire[4];

    put32(wire, value);
    radius_add(p, 0, type, wire, sizeof wire);
}

void radius_add_password(struct radius_packet *p, const char *password, const char *secret)
{
    uint8_t hidden[MAX_PASSWORD] = {0}, pad[MD5_LEN];
    const uint8_t *before = p->data + AUTHENTICATOR_AT;
    size_t len = strnlen(password, MAX_PASSWORD + 1);

    if (len > MAX_PASSWORD) {
        p->failed = true;
        return;
    }
    memcpy(hidden, password, len);
    size_t padded = len == 0 ? 16 : (len + 15) / 16 * 16;
    for (size_t at = 0; at < padded; at += 16) {
        struct crypto_slice parts[] = {{secret, strlen(secret)}, {before, 16}};
        crypto_md5(parts, 2, pad);
        for (size_t i = 0; i < 16; i++)
            hidden[at + i] ^= pad[i];
        before = hidden + at;
    }
    radius_add(p, 0, RADIUS_USER_PASSWORD, hidden, padded);
    crypto_wipe(pad, sizeof pad);
}

/* MD5 or HMAC-MD5 over a packet, as if it had this authenticator and, at ma_at (0: nowhere), zeros.
 */
struct view {
    const uint8_t *data;
    size_t len;
    const uint8_t *authenticator;
};

static void digest(const struct view *v, const char *secret, uint8_t out[static MD5_LEN])
{
    struct crypto_slice parts[] = {
        {v->data, AUTHENTICATOR_AT},
        {v->authenticator, 16},
        {v->data + HEADER_LEN, v->len - HEADER_LEN},
        {secret, strlen(secret)},
    };
    crypto_md5(parts, 4, out);
}

static void keyed_digest(const struct view *v, size_t ma_at, const char *secret,
                         uint8_t out[static MD5_LEN])
{
    struct crypto_slice parts[] = {
        {v->data, AUTHENTICATOR_AT},
        {v->authenticator, 16},
        {v->data + HEADER_LEN, ma_at - HEADER_LEN},
        {zeros, 16},
        {v->data + ma_at + 16, v->len - ma_at - 16},
    };
    crypto_hmac_md5(secret, strlen(secret), parts, 5, out);
}

/* Where radius_begin put the value of the Message-Authenticator; 0 if it put none. */
static size_t begun_ma(const struct radius_packet *p)
{
    bool there = p->len >= HEADER_LEN + 18 && p->data[HEADER_LEN] == RADIUS_MESSAGE_AUTHENTICATOR;
    return there ? HEADER_LEN + 2 : 0;
}

static bool keyed_request(unsigned code)
{
    return code == RADIUS_ACCOUNTING_REQUEST || code == RADIUS_DISCONNECT_REQUEST ||
           code == RADIUS_COA_REQUEST;
}

bool radius_sign(struct radius_packet *p, const char *secret)
{
    uint8_t *authenticator = p->data + AUTHENTICATOR_AT;
    size_t ma = begun_ma(p);

    if (p->failed)
        return false;
    if (keyed_request(p->data[0]))
        memset(authenticator, 0, 16);
    struct view v = {p->data, p->len, authenticator};
    if (ma != 0)
        keyed_digest(&v, ma, secret, p->data + ma);
    if (keyed_request(p->data[0]))
        digest(&(struct view){p->data, p->len, zeros}, secret, authenticator);
    return true;
}

bool radius_sign_reply(struct radius_packet *p, const uint8_t request_authenticator[static 16],
                       const char *secret)
{
    struct view v = {p->data, p->len, request_authenticator};
    size_t ma = begun_ma(p);

    if (p->failed)
        return false;
    if (ma != 0)
        keyed_digest(&v, ma, secret, p->data + ma);
    digest(&v, secret, p->data + AUTHENTICATOR_AT);
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

const char *radius_fault_name(enum radius_fault f)
{
    static const char *const names[RADIUS_FAULTS] = {
        [RADIUS_FINE] = "fine",
        [RADIUS_MALFORMED] = "malformed",
        [RADIUS_BAD_AUTHENTICATOR] = "bad-authenticator",
        [RADIUS_NO_MESSAGE_AUTHENTICATOR] = "no-message-authenticator",
        [RADIUS_BAD_MESSAGE_AUTHENTICATOR] = "bad-message-authenticator",
        [RADIUS_UNEXPECTED] = "unexpected",
    };
    return (unsigned)f < RADIUS_FAULTS ? names[f] : "unknown";
}

/* The length that the header states, if the datagram has it; else 0. Bytes behind it are padding.
 */
static size_t stated_len(const uint8_t *data, size_t len)
{
    size_t stated;

    if (len < HEADER_LEN)
        return 0;
    stated = (size_t)data[2] << 8 | data[3];
    return stated >= HEADER_LEN && stated <= RADIUS_MAX_PACKET && stated <= len ? stated : 0;
}

/* Whether the vendor part of an attribute of this length is a row of (type, length, value). */
static bool vendor_row(const uint8_t *attr)
{
    size_t len = attr[1], at = VENDOR_HEAD;

    if (len < VENDOR_HEAD + 2)
        return false;
    while (at < len) {
        if (len - at < 2 || attr[at + 1] < 2 || attr[at + 1] > len - at)
            return false;
        at += attr[at + 1];
    }
    return true;
}

static bool vendor_is_ours(const uint8_t *attr)
{
    if (attr[1] < VENDOR_HEAD)
        return false;
    uint32_t vendor = get32(attr + 2);
    return vendor == RADIUS_VENDOR_WISPR || vendor == RADIUS_VENDOR_CHILLISPOT;
}

enum radius_fault radius_check_form(const uint8_t *data, size_t len)
{
    size_t end = stated_len(data, len), at = HEADER_LEN;

    if (end == 0)
        return RADIUS_MALFORMED;
    while (at < end) {
        const uint8_t *attr = data + at;
        if (end - at < 2 || attr[1] < 2 || attr[1] > end - at)
            return RADIUS_MALFORMED;
        if (attr[0] == RADIUS_MESSAGE_AUTHENTICATOR && attr[1] != 18)
            return RADIUS_MALFORMED;
        if (attr[0] == VENDOR_SPECIFIC && vendor_is_ours(attr) && !vendor_row(attr))
            return RADIUS_MALFORMED;
        at += attr[1];
    }
    return RADIUS_FINE;
}

/* Where the Message-Authenticator's value is, 0 if there is none; *count says how many there are.
 */
static size_t find_ma(const uint8_t *data, size_t end, unsigned *count)
{
    size_t found = 0;

    *count = 0;
    for (size_t at = HEADER_LEN; at < end; at += data[at + 1]) {
        if (data[at] != RADIUS_MESSAGE_AUTHENTICATOR)
            continue;
        found = at + 2;
        ++*count;
    }
    return found;
}

static bool access_reply(unsigned code)
{
    return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT ||
           code == RADIUS_ACCESS_CHALLENGE;
}

static bool other_reply(unsigned code)
{
    return code == RADIUS_ACCOUNTING_RESPONSE || code == RADIUS_DISCONNECT_ACK ||
           code == RADIUS_DISCONNECT_NAK || code == RADIUS_COA_ACK || code == RADIUS_COA_NAK;
}

/* FreeRADIUS computes the Message-Authenticator of an Accounting-Response over an authenticator of
 * zeros; RFC 5080 section 2.2.2 reads as if it were the request's. Either proves the secret. */
static bool ma_right(const struct view *v, size_t ma, const char *secret)
{
    uint8_t want[MD5_LEN];

    keyed_digest(v, ma, secret, want);
    if (crypto_equal(want, v->data + ma, MD5_LEN))
        return true;
    if (v->data[0] != RADIUS_ACCOUNTING_RESPONSE)
        return false;
    keyed_digest(&(struct view){v->data, v->len, zeros}, ma, secret, want);
    return crypto_equal(want, v->data + ma, MD5_LEN);
}

static enum radius_fault check_ma(const struct view *v, bool required, const char *secret)
{
    unsigned count;
    size_t ma = find_ma(v->data, v->len, &count);

    if (count == 0)
        return required ? RADIUS_NO_MESSAGE_AUTHENTICATOR : RADIUS_FINE;
    if (count > 1 || !ma_right(v, ma, secret))
        return RADIUS_BAD_MESSAGE_AUTHENTICATOR;
    return RADIUS_FINE;
}

enum radius_fault radius_check_reply(const uint8_t *data, size_t len,
                                     const uint8_t request_authenticator[static 16],
                                     const char *secret)
{
    enum radius_fault fault = radius_check_form(data, len);
    uint8_t want[MD5_LEN];

    if (fault != RADIUS_FINE)
        return fault;
    if (!access_reply(data[0]) && !other_reply(data[0]))
        return RADIUS_UNEXPECTED;
    struct view v = {data, stated_len(data, len), request_authenticator};
    digest(&v, secret, want);
    if (!crypto_equal(want, data + AUTHENTICATOR_AT, MD5_LEN))
        return RADIUS_BAD_AUTHENTICATOR;
    return check_ma(&v, access_reply(data[0]), secret);
}

enum radius_fault radius_check_request(const uint8_t *data, size_t len, const char *secret)
{
    enum radius_fault fault = radius_check_form(data, len);
    uint8_t want[MD5_LEN];

    if (fault != RADIUS_FINE)
        return fault;
    if (data[0] != RADIUS_DISCONNECT_REQUEST && data[0] != RADIUS_COA_REQUEST)
        return RADIUS_UNEXPECTED;
    struct view v = {data, stated_len(data, len), zeros};
    digest(&v, secret, want);
    if (!crypto_equal(want, data + AUTHENTICATOR_AT, MD5_LEN))
        return RADIUS_BAD_AUTHENTICATOR;
    return check_ma(&v, true, secret);
}

/* Where the walk stands: offset of the attribute in the low 16 bits, and above them, inside a
 * vendor attribute, the offset of the next part from that attribute's beginning. */
static bool next_part(const uint8_t *data, size_t *at, struct radius_attr_view *out)
{
    size_t attr = *at & 0xffff, part = *at >> 16;
    const uint8_t *p = data + attr + part;

    *out = (struct radius_attr_view){get32(data + attr + 2), p[0], (uint8_t)(p[1] - 2), p + 2};
    part += p[1];
    *at = part < data[attr + 1] ? attr | part << 16 : attr + data[attr + 1];
    return true;
}

bool radius_next(const uint8_t *data, size_t len, size_t *at, struct radius_attr_view *out)
{
    size_t end = stated_len(data, len);

    if (*at == 0)
        *at = HEADER_LEN;
    if (*at >> 16 != 0)
        return next_part(data, at, out);
    if (*at >= end)
        return false;
    const uint8_t *attr = data + *at;
    if (attr[0] == VENDOR_SPECIFIC && vendor_row(attr) && get32(attr + 2) != 0) {
        *at |= (size_t)VENDOR_HEAD << 16;
        return next_part(data, at, out);
    }
    *out = (struct radius_attr_view){0, attr[0], (uint8_t)(attr[1] - 2), attr + 2};
    *at += attr[1];
    return true;
}

bool radius_find(const uint8_t *data, size_t len, uint32_t vendor, uint8_t type,
                 struct radius_attr_view *out)
{
    size_t at = 0;

    while (radius_next(data, len, &at, out))
        if (out->vendor == vendor && out->type == type)
            return true;
    return false;
}

bool radius_get_u32(const uint8_t *data, size_t len, uint32_t vendor, uint8_t type, uint32_t *out)
{
    struct radius_attr_view a;

    if (!radius_find(data, len, vendor, type, &a) || a.len != 4)
        return false;
    *out = get32(a.value);
    return true;
}
