/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ldap_filter.h"

#include <stdbool.h>
#include <string.h>

long ldap_filter_escape(const char *in, size_t len, char *out, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)in[i];
        bool plain = c != 0 && c < 0x80 && !strchr("()*\\", c);
        if (room - at < (plain ? 2U : 4U))
            return -1;
        if (plain) {
            out[at++] = (char)c;
            continue;
        }
        out[at++] = '\\';
        out[at++] = digits[c >> 4];
        out[at++] = digits[c & 15];
    }
    if (at >= room)
        return -1;
    out[at] = 0;
    return (long)at;
}
