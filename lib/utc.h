/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments that travel between machines: ISO 8601 in UTC, "2026-03-01T07:00:00Z" (RFC 3339 section
 * 5.6, "Z" alone). Seconds may be left out when reading. Years 2000 to 2199, no leap seconds. */
#ifndef LOGGIA_LIB_UTC_H
#define LOGGIA_LIB_UTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTC_LEN 21 /* with its NUL */

/* out is "" for a moment outside the years above. */
void utc_write(int64_t unix_s, char out[static UTC_LEN]);
bool utc_read(const char *text, int64_t *unix_s);
/* A decimal number without sign or leading zeros, at most max: "serial: 42". */
bool utc_read_number(const char *text, uint64_t max, uint64_t *out);

#endif
