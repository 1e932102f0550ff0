/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames of three formats, read as far as they tell how large a picture is and where it ends.
 * PNG: W3C PNG (third edition) sections 5 and 11; JPEG: ITU-T T.81 annex B; WebP: RFC 9649. */
#include "lib/logo.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 16 };

static const struct {
    const char *suffix, *type;
} kinds[] = {
    [LOGO_PNG] = {".png", "image/png"},
    [LOGO_JPEG] = {".jpg", "image/jpeg"},
    [LOGO_WEBP] = {".webp", "image/webp"},
};

static uint32_t big(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t little(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/* What a format's reader says: NULL, or what it found instead of a whole still picture. */
static const char cut[] = "a picture that is cut short or has something behind its end";
static const char moves[] = "a picture that moves";

static const char *read_png(const uint8_t *d, size_t len, struct logo *out)
{
    size_t at = 8;
    if (len < 33 || big(d + 8, 4) != 13 || memcmp(d + 12, "IHDR", 4) != 0)
        return cut;
    out->width = big(d + 16, 4);
    out->height = big(d + 20, 4);
    while (len - at >= 12) { /* length, kind, data, sum */
        uint32_t size = big(d + at, 4);
        const uint8_t *kind = d + at + 4;
        if (size > len - at - 12)
            return cut;
        if (memcmp(kind, "acTL", 4) == 0)
            return moves;
        at += 12 + (size_t)size;
        if (memcmp(kind, "IEND", 4) == 0)
            return at == len ? NULL : cut;
    }
    return cut;
}

/* A start of frame: its size. 0xC4, 0xC8 and 0xCC are other things. */
static bool is_frame(uint8_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static const char *read_jpeg(const uint8_t *d, size_t len, struct logo *out)
{
    size_t at = 2;
    if (len < 4 || d[len - 2] != 0xFF || d[len - 1] != 0xD9)
        return cut;
    while (len - at >= 4 && d[at] == 0xFF) {
        uint8_t marker = d[at + 1];
        size_t size = big(d + at + 2, 2);
        if (marker == 0xFF) { /* filling */
            at++;
            continue;
        }
        if (size < 2 || size > len - at - 2)
            return cut;
        if (is_frame(marker) && size >= 8) {
            out->height = big(d + at + 5, 2);
            out->width = big(d + at + 7, 2);
            return NULL;
        }
        at += 2 + size;
    }
    return cut;
}

/* The size that a chunk of pixels says, or false. */
static bool webp_frame(const uint8_t *kind, const uint8_t *d, size_t size, struct logo *out)
{
    static const uint8_t start[] = {0x9D, 0x01, 0x2A};
    if (memcmp(kind, "VP8L", 4) == 0 && size >= 5 && d[0] == 0x2F) {
        uint32_t bits = little(d + 1, 4);
        out->width = (bits & 0x3FFF) + 1;
        out->height = (bits >> 14 & 0x3FFF) + 1;
        return true;
    }
    if (memcmp(kind, "VP8 ", 4) == 0 && size >= 10 && memcmp(d + 3, start, sizeof start) == 0) {
        out->width = little(d + 6, 2) & 0x3FFF;
        out->height = little(d + 8, 2) & 0x3FFF;
        return true;
    }
    return false;
}

/* The pixels may be larger than the canvas says that they are: both are looked at. */
static const char *read_webp(const uint8_t *d, size_t len, struct logo *out)
{
    uint32_t width = 0, height = 0;
    bool frame = false;
    if (little(d + 4, 4) != len - 8)
        return cut;
    for (size_t at = 12; at < len;) {
        const uint8_t *kind = d + at, *data = kind + 8;
        if (len - at < 8)
            return cut;
        size_t size = little(d + at + 4, 4), padded = size + size % 2;
        if (padded > len - at - 8)
            return cut;
        if (memcmp(kind, "ANIM", 4) == 0 || memcmp(kind, "ANMF", 4) == 0)
            return moves;
        if (memcmp(kind, "VP8X", 4) == 0 && size >= 10) {
            width = little(data + 4, 3) + 1;
            height = little(data + 7, 3) + 1;
        } else if (memcmp(kind, "VP8", 3) == 0) {
            if (frame || !webp_frame(kind, data, size, out))
                return cut;
            frame = true;
        }
        at += 8 + padded;
    }
    return frame && (!width || (width == out->width && height == out->height)) ? NULL : cut;
}

bool logo_read(const void *data, size_t len, struct logo *out, char *err, size_t err_len)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    const uint8_t *d = data;
    const char *found;
    *out = (struct logo){0};
    if (len > LOGO_MAX_BYTES)
        return buf_complain(err, err_len, "found %zu bytes, expected at most %d", len,
                            LOGO_MAX_BYTES);
    if (len >= sizeof png && memcmp(d, png, sizeof png) == 0) {
        out->kind = LOGO_PNG;
        found = read_png(d, len, out);
    } else if (len >= 3 && d[0] == 0xFF && d[1] == 0xD8 && d[2] == 0xFF) {
        out->kind = LOGO_JPEG;
        found = read_jpeg(d, len, out);
    } else if (len >= 12 && memcmp(d, "RIFF", 4) == 0 && memcmp(d + 8, "WEBP", 4) == 0) {
        out->kind = LOGO_WEBP;
        found = read_webp(d, len, out);
    } else {
        return buf_complain(err, err_len, "found another format, expected PNG, JPEG or WebP");
    }
    if (found)
        return buf_complain(err, err_len, "found %s, expected a whole %s that stands still", found,
                            kinds[out->kind].type + strlen("image/"));
    if (!out->width || !out->height || out->width > LOGO_MAX_SIDE || out->height > LOGO_MAX_SIDE)
        return buf_complain(err, err_len, "found %u by %u pixels, expected 1 to %d each way",
                            out->width, out->height, LOGO_MAX_SIDE);
    if (out->width > LOGO_MAX_ASPECT * out->height || out->height > LOGO_MAX_ASPECT * out->width)
        return buf_complain(
            err, err_len, "found %u by %u pixels, expected no side longer than %d times the other",
            out->width, out->height, LOGO_MAX_ASPECT);
    return true;
}

void logo_name(const uint8_t sha256[static 32], enum logo_kind kind, char out[static LOGO_NAME_LEN])
{
    crypto_hex(sha256, NAME_BYTES, out);
    snprintf(out + (size_t)2 * NAME_BYTES, LOGO_NAME_LEN - (size_t)2 * NAME_BYTES, "%s",
             kinds[kind].suffix);
}

bool logo_name_ok(const char *text, enum logo_kind *kind)
{
    if (strspn(text, "0123456789abcdef") != (size_t)2 * NAME_BYTES)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(text + (size_t)2 * NAME_BYTES, kinds[i].suffix) == 0) {
            if (kind)
                *kind = (enum logo_kind)i;
            return true;
        }
    return false;
}

const char *logo_type(enum logo_kind kind)
{
    return kinds[kind].type;
}
