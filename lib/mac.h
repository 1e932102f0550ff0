/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An Ethernet (MAC-48) address: what names a device here. */
#ifndef LOGGIA_LIB_MAC_H
#define LOGGIA_LIB_MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAC_TEXT_LEN 18 /* "aa:bb:cc:dd:ee:ff" and its NUL */

struct mac {
    uint8_t b[6];
};

/* Reads aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff or aabbccddeeff, whole string,
 * either case. False, and *out untouched, on anything else. */
bool mac_parse(const char *text, struct mac *out);

/* Writes "aa:bb:cc:dd:ee:ff" (how Linux shows it) and returns buf. */
char *mac_text(const struct mac *mac, char buf[static MAC_TEXT_LEN]);

/* Writes "AA-BB-CC-DD-EE-FF" (RFC 3580 section 3.21, Calling-Station-Id) and returns buf. */
char *mac_text_radius(const struct mac *mac, char buf[static MAC_TEXT_LEN]);

static inline bool mac_equal(const struct mac *a, const struct mac *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Group bit clear and not all zero: what a device's source address has to be. */
bool mac_is_device(const struct mac *mac);

#endif
