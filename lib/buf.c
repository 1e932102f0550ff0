/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded, growing text. All that strangers can put on a page (a zone's title, a reason that the
 * centre sent, a language tag) goes through buf_html: what comes out is well-formed UTF-8 that can
 * neither end an attribute nor turn the reading direction of what follows. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4};
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

/* Room for more bytes and the NUL. */
static bool make_room(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->len) {
        b->failed = true;
        return false;
    }
    if (b->len + more < b->room)
        return true;

    size_t room = b->room ? b->room : FIRST_ROOM;
    while (room <= b->len + more)
        room *= 2;
    if (room > b->max)
        room = b->max + 1;
    char *data = realloc(b->data, room);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->room = room;
    return true;
}

void buf_add(struct buf *b, const char *text, size_t len)
{
    if (!make_room(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, text, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!make_room(b, (size_t)len))
        return;
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

/* Decodes one character (RFC 3629: no overlong form, no surrogate). Returns its bytes, or 0 where
 * there is none; *code is set only then. */
static size_t utf8_next(const unsigned char *p, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
    uint32_t c;

    if (len < 2) {
        *code = *p;
        return len;
    }
    c = *p & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fU);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return len;
}

/* Control characters, and those that turn the direction of the text behind them. */
static bool left_out(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static const char *entity(uint32_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void buf_html(struct buf *b, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    buf_add(b, "", 0);
    while (*p && !b->failed) {
        uint32_t c;
        size_t len = utf8_next(p, &c);
        if (!len) {
            buf_str(b, "\xef\xbf\xbd"); /* U+FFFD */
            p++;
            continue;
        }
        const char *name = entity(c);
        if (name)
            buf_str(b, name);
        else if (!left_out(c))
            buf_add(b, (const char *)p, len);
        p += len;
    }
}

void buf_urlencode(struct buf *b, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    buf_add(b, "", 0);
    for (const unsigned char *p = (const unsigned char *)text; *p && !b->failed; p++) {
        bool plain = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p);
        char escape[3] = {'%', digits[*p >> 4], digits[*p & 15]};
        if (plain)
            buf_add(b, (const char *)p, 1);
        else
            buf_add(b, escape, 3);
    }
}

char *buf_take(struct buf *b, size_t *len)
{
    char *data = NULL;
    size_t n = 0;

    buf_add(b, "", 0); /* an empty text is a text */
    if (!b->failed) {
        data = b->data;
        n = b->len;
        b->data = NULL;
    }
    buf_free(b);
    if (len)
        *len = n;
    return data;
}

bool buf_complain(char *err, size_t err_len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(err, err_len, fmt, args);
    va_end(args);
    return false;
}
