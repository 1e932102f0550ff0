/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/utf8.h"

size_t utf8_next(const char *s, size_t len, uint32_t *out)
{
    const uint8_t *u = (const uint8_t *)s;
    if (len == 0)
        return 0;
    if (u[0] < 0x80) {
        *out = u[0];
        return 1;
    }
    static const struct {
        uint8_t mask, head;
        uint32_t least;
    } kinds[] = {{0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t k = 0; k < 3; k++) {
        if ((u[0] & kinds[k].mask) != kinds[k].head)
            continue;
        size_t n = k + 2;
        uint32_t c = u[0] & (uint8_t)~kinds[k].mask;
        if (len < n)
            return 0;
        for (size_t i = 1; i < n; i++) {
            if ((u[i] & 0xC0) != 0x80)
                return 0;
            c = c << 6 | (u[i] & 0x3F);
        }
        if (c < kinds[k].least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return 0;
        *out = c;
        return n;
    }
    return 0;
}

bool utf8_valid(const char *s, size_t len)
{
    uint32_t c;
    while (len > 0) {
        size_t n = utf8_next(s, len, &c);
        if (n == 0)
            return false;
        s += n;
        len -= n;
    }
    return true;
}

size_t utf8_count(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += (*s & 0xC0) != 0x80;
    return n;
}

size_t utf8_cut(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n])
        n++;
    while (n > 0 && (s[n] & 0xC0) == 0x80)
        n--;
    return n;
}

bool utf8_is_bidi_override(uint32_t c)
{
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}
