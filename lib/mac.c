/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAC addresses in the four ways people write them. Strict on purpose: what is read here names a
 * device to the firewall and to the centre, so a half-right address is no address. */
#include "lib/mac.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Digits in groups of group, joined by sep (0: nothing), and then the end of the text. */
static bool parse_groups(const char *text, int group, char sep, struct mac *out)
{
    struct mac mac = {{0}};

    for (int digit = 0; digit < 12; digit++) {
        if (sep && digit && digit % group == 0 && *text++ != sep)
            return false;
        int value = hex_digit(*text++);
        if (value < 0)
            return false;
        mac.b[digit / 2] = (uint8_t)(mac.b[digit / 2] << 4 | value);
    }
    if (*text)
        return false;
    *out = mac;
    return true;
}

bool mac_parse(const char *text, struct mac *out)
{
    switch (strnlen(text, MAC_TEXT_LEN)) {
    case 12:
        return parse_groups(text, 12, 0, out);
    case 14:
        return parse_groups(text, 4, '.', out);
    case 17:
        if (text[2] != ':' && text[2] != '-')
            return false;
        return parse_groups(text, 2, text[2], out);
    default:
        return false;
    }
}

char *mac_text(const struct mac *mac, char buf[static MAC_TEXT_LEN])
{
    const uint8_t *b = mac->b;

    snprintf(buf, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return buf;
}

char *mac_text_radius(const struct mac *mac, char buf[static MAC_TEXT_LEN])
{
    const uint8_t *b = mac->b;

    snprintf(buf, MAC_TEXT_LEN, "%02X-%02X-%02X-%02X-%02X-%02X", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return buf;
}

bool mac_is_device(const struct mac *mac)
{
    static const struct mac none;

    return !(mac->b[0] & 1) && !mac_equal(mac, &none);
}
