/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dates of feeds: RFC 5322 section 3.3 with the obsolete forms that feeds still have (RSS 2.0),
 * and RFC 3339 with the shorter forms of W3C-DTF (Atom, CAP, Dublin Core). Pure. */
#ifndef LOGGIA_NOTICEBOARD_FEED_DATE_H
#define LOGGIA_NOTICEBOARD_FEED_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* Unix seconds; false if it is neither. A date without a zone is taken as UTC, a day as its 00:00.
 */
bool feed_date(const char *text, int64_t *out);

/* Both ways out, in UTC: "Thu, 26 Nov 2026 07:30:00 +0000" and "2026-11-26T07:30:00Z". CAP 1.2 has
 * no Z (its section 3.3.2): with cap "2026-11-26T07:30:00-00:00". */
#define FEED_DATE_LEN 40
void feed_date_822(int64_t when, char out[static FEED_DATE_LEN]);
void feed_date_3339(int64_t when, bool cap, char out[static FEED_DATE_LEN]);

#endif
