/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UTF-8 (RFC 3629) that strangers wrote: validity, counting, cutting between characters. */
#ifndef LOGGIA_LIB_UTF8_H
#define LOGGIA_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one character; bytes used, or 0 if these are not UTF-8 (overlong, surrogate, cut off). */
size_t utf8_next(const char *s, size_t len, uint32_t *out);
bool utf8_valid(const char *s, size_t len);
/* Characters in valid text. */
size_t utf8_count(const char *s);
/* The longest prefix of valid text that is at most max bytes and ends between characters. */
size_t utf8_cut(const char *s, size_t max);
/* Embeddings, overrides and isolates (U+202A-202E, U+2066-2069): they can make text read as
 * something else, and no editor types them. The marks U+200E and U+200F are not meant. */
bool utf8_is_bidi_override(uint32_t c);

#endif
