/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing text with a bound: pages, JSON, redirects. Once full or out of memory it stays
 * "failed" and appending does nothing, so that one check at the end is enough. */
#ifndef LOGGIA_LIB_BUF_H
#define LOGGIA_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NUL-terminated once anything was appended; owned */
    size_t len, room, max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_add(struct buf *b, const char *text, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text for HTML content and double-quoted attributes: & < > " ' escaped; C0 controls other than
 * tab and newline, and bidi overrides (U+202A-202E, U+2066-2069), left out. */
void buf_html(struct buf *b, const char *text);
/* Percent-encodes all but RFC 3986 unreserved characters. */
void buf_urlencode(struct buf *b, const char *text);
/* Hands data over (caller frees with free); NULL if it failed. b is empty afterwards. */
char *buf_take(struct buf *b, size_t *len);

/* For who fails with a reason: writes it into err (of err_len, cut to fit) and is false. */
bool buf_complain(char *err, size_t err_len, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
