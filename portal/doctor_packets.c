/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 1035 and RFC 2131, as much of them as one question needs: no compression in the names that
 * are sent, compression skipped in those that are read; options in their own field alone. */
#include "portal/doctor_packets.h"
#include <string.h>

/* --- DNS
 * ---------------------------------------------------------------------------------------- */

enum { HEADER = 12, CLASS_IN = 1 };

static void put16(uint8_t *out, unsigned v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *in)
{
    return (unsigned)in[0] << 8 | in[1];
}

size_t dns_query(uint8_t out[static 512], uint16_t id, const char *name, uint16_t type)
{
    static const uint8_t head[HEADER] = {0, 0, 1 /* recursion desired */, 0, 0, 1};
    size_t at = HEADER;

    if (strlen(name) > 253)
        return 0;
    memcpy(out, head, HEADER);
    put16(out, id);
    while (*name) {
        size_t len = strcspn(name, ".");
        if (len == 0 || len > 63)
            return 0;
        out[at++] = (uint8_t)len;
        memcpy(out + at, name, len);
        at += len;
        name += len;
        name += *name == '.';
    }
    out[at++] = 0;
    put16(out + at, type);
    put16(out + at + 2, CLASS_IN);
    return at + 4;
}

/* Behind the name at `at`; 0: it does not end within the packet. */
static size_t skip_name(const uint8_t *data, size_t len, size_t at)
{
    while (at < len) {
        uint8_t n = data[at];
        if (n == 0)
            return at + 1;
        if ((n & 0xc0) == 0xc0)
            return at + 2 <= len ? at + 2 : 0;
        if (n & 0xc0)
            return 0;
        at += 1 + (size_t)n;
    }
    return 0;
}

static bool parse_answers(const uint8_t *data, size_t len, size_t at, uint16_t type,
                          struct dns_answer *out)
{
    size_t wanted = type == DNS_TYPE_A ? 4 : 16;

    for (unsigned i = get16(data + 6); i > 0; i--) {
        at = skip_name(data, len, at);
        if (at == 0 || at + 10 > len)
            return false;
        unsigned is = get16(data + at), size = get16(data + at + 8);
        at += 10;
        if (at + size > len)
            return false;
        if (is == type && size == wanted && out->n < DNS_MAX_ADDRESSES)
            memcpy(&out->addresses[out->n++], data + at, size);
        at += size;
    }
    return true;
}

bool dns_parse(const uint8_t *data, size_t len, uint16_t id, uint16_t type, struct dns_answer *out)
{
    size_t at = HEADER;

    memset(out, 0, sizeof *out);
    if (len < HEADER || get16(data) != id || !(data[2] & 0x80))
        return false;
    out->rcode = data[3] & 0x0f;
    for (unsigned i = get16(data + 4); i > 0; i--) {
        at = skip_name(data, len, at);
        if (at == 0 || at + 4 > len)
            return false;
        at += 4;
    }
    if (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)
        return true; /* that there is an answer is all that is asked for */
    return parse_answers(data, len, at, type, out);
}

/* --- DHCP
 * ---------------------------------------------------------------------------------------- */

enum {
    FIXED = 236, /* bytes before the options' magic cookie */
    COOKIE = 4,
    OPTION_PAD = 0,
    OPTION_END = 255,
    BOOTREQUEST = 1,
    BOOTREPLY = 2
};
static const uint8_t cookie[COOKIE] = {99, 130, 83, 99};

size_t dhcp_inform(uint8_t out[static 576], uint32_t xid, const uint8_t mac[static 6],
                   struct in_addr self)
{
    static const uint8_t options[] = {53, 1, 8 /* INFORM */,     55,        3,
                                      3,  6, DHCP_OPTION_PORTAL, OPTION_END};

    memset(out, 0, 576);
    out[0] = BOOTREQUEST;
    out[1] = 1; /* Ethernet */
    out[2] = 6;
    memcpy(out + 4, &xid, sizeof xid);
    memcpy(out + 12, &self, sizeof self);
    memcpy(out + 28, mac, 6);
    memcpy(out + FIXED, cookie, COOKIE);
    memcpy(out + FIXED + COOKIE, options, sizeof options);
    return 300; /* what old servers expect at least */
}

const uint8_t *dhcp_option(const uint8_t *data, size_t len, uint32_t xid, uint8_t option,
                           size_t *value_len, bool *is_reply)
{
    size_t at = FIXED + COOKIE;

    *is_reply = len >= at && data[0] == BOOTREPLY && memcmp(data + 4, &xid, sizeof xid) == 0 &&
                memcmp(data + FIXED, cookie, COOKIE) == 0;
    while (*is_reply && at < len && data[at] != OPTION_END) {
        if (data[at] == OPTION_PAD) {
            at++;
            continue;
        }
        if (at + 2 > len || at + 2 + data[at + 1] > len)
            break;
        if (data[at] == option) {
            *value_len = data[at + 1];
            return data + at + 2;
        }
        at += 2 + (size_t)data[at + 1];
    }
    return NULL;
}
