/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices: what the city has to say on a square. One file each: a header and Markdown in one or
 * more languages. Reading is pure (bytes in, notice or an error with its line out); so is choosing
 * what a page shows. notice_dir is the only part that touches the disk.
 *
 *   publisher: Comune di Prato
 *   zones: piazza-duomo, piazza-san-marco        (or * for all)
 *   from: 2026-03-01 08:00                       (optional; city's local time)
 *   until: 2026-03-31                            (must be there; a day without time ends at 24:00)
 *   priority: service                            (info, service, warning, emergency; default info)
 *   link: https://…  or  tel:+39…                (optional)
 *   source: Protezione civile                    (optional: who said it first, for imported news)
 *   --- it
 *   # Title
 *   Markdown …
 *   --- en
 *   # Title
 *   …
 *
 * Dates are the city's local time, which is the process's TZ (mktime, localtime_r): main calls
 * notice_timezone once, before anything is parsed. A time that summer time skips is moved forward.
 * With a Z behind it ("2026-03-01T07:00Z", lib/utc.h) a date is UTC and means one moment
 * everywhere: what programs write.
 */
#ifndef LOGGIA_LIB_NOTICE_H
#define LOGGIA_LIB_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define NOTICE_MAX_BYTES 16384 /* of a file */
#define NOTICE_MAX_LANGS 24
#define NOTICE_MAX_ZONES 256
#define NOTICE_MAX_COUNT 4096 /* in a set */

/* A Unix time before which no clock can be right, because this source was not written yet: raised
 * with each release. */
#define NOTICE_EPOCH INT64_C(1767225600) /* 2026-01-01 */

enum notice_priority { NOTICE_INFO, NOTICE_SERVICE, NOTICE_WARNING, NOTICE_EMERGENCY };

struct notice_text {
    char lang[16];  /* BCP 47 tag, lower case: "it", "en", "zh-hans" */
    char *title;    /* plain text, 1 … 120 characters */
    char *markdown; /* without the title */
};

struct notice {
    char *id; /* the file's name without .md */
    char *publisher;
    char **zones;        /* NULL-terminated; {"*"} is every zone */
    char *link;          /* https:, http:, mailto: or tel:, or NULL */
    char *source;        /* official source, or NULL */
    int64_t from, until; /* Unix seconds; from 0 = always */
    enum notice_priority priority;
    struct notice_text *texts;
    size_t n_texts;
};

struct notice_set {
    struct notice **items;
    size_t n;
    unsigned skipped; /* files that could not be read */
};

/* Sets TZ for the process unless the environment has one: tz, or NULL for Europe/Rome as a POSIX
 * rule, which needs no tzdata (routers have none). */
void notice_timezone(const char *tz);

/* data need not end in NUL. NULL with "line N: found …, expected …" in err. Line ends may be CRLF;
 * a byte order mark and bidirectional overrides (U+202A-202E, U+2066-2069) are left out; other
 * control characters and what is not UTF-8 are errors. */
struct notice *notice_parse(const char *id, const char *data, size_t len, char *err,
                            size_t err_len);
void notice_free(struct notice *n);

/* Appends the file that notice_parse reads as n again (dates in UTC). Line ends in the header's
 * values become blanks, and a line of a text that would begin another language is kept from it, so
 * that no field can smuggle in another; what else the values may hold is for notice_parse to say:
 * whoever has n from people parses what was written before it is published. */
void notice_write(struct buf *b, const struct notice *n);
extern const char *const notice_priorities[4]; /* "info" … "emergency", by enum notice_priority */

/* Reads every *.md of dir (not hidden, regular files, in name order). A broken file is skipped and
 * named in the log with its line; the others are kept. NULL only if dir cannot be read. */
struct notice_set *notice_dir_read(const char *dir);
void notice_set_free(struct notice_set *set);

/* Pure. Fills out (room max) with the notices that zone shows at now, most urgent first, then
 * newest from, then id; a notice without a text in the wanted languages is still shown (see
 * notice_text_for). Returns how many. clock_sane false: nothing is hidden for its dates but
 * what ended before the build. */
size_t notice_select(const struct notice_set *set, const char *zone, int64_t now, bool clock_sane,
                     const struct notice **out, size_t max);
bool notice_in_zone(const struct notice *n, const char *zone);
/* The text in lang, else another of its base language (zh-tw: zh, zh-hans), else fallback, else
 * "it", else the first. Never NULL. */
const struct notice_text *notice_text_for(const struct notice *n, const char *lang,
                                          const char *fallback);

/* Markdown -> HTML by cmark: no raw HTML, no images, links only https:, http:, mailto:, tel:,
 * headings come out as <h3>. Appends to b. */
void notice_render(struct buf *b, const char *markdown);
/* The same with headings as <hN>, 2 … 6: for pages whose outline is another one. */
void notice_render_at(struct buf *b, const char *markdown, int heading);

/* Whether a link may be shown: https:// or http:// with a host, mailto: or tel: with something
 * behind, no blanks, quotes, angle brackets or control characters, at most NOTICE_MAX_LINK bytes.
 */
#define NOTICE_MAX_LINK 500
bool notice_link_ok(const char *url);

#endif
