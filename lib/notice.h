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
 *   --- it
 *   # Title
 *   Markdown …
 *   --- en
 *   # Title
 *   …
 */
#ifndef LOGGIA_LIB_NOTICE_H
#define LOGGIA_LIB_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTICE_MAX_BYTES 16384 /* of a file */
#define NOTICE_MAX_LANGS 24
#define NOTICE_MAX_ZONES 256
#define NOTICE_MAX_COUNT 4096 /* in a set */

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

/* data need not end in NUL. NULL with "line N: found …, expected …" in err. */
struct notice *notice_parse(const char *id, const char *data, size_t len, char *err,
                            size_t err_len);
void notice_free(struct notice *n);

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
/* The text in lang, else its base language, else fallback, else "it", else the first. Never NULL.
 */
const struct notice_text *notice_text_for(const struct notice *n, const char *lang,
                                          const char *fallback);

/* Markdown -> HTML by cmark: no raw HTML, no images, links only https:, http:, mailto:, tel:,
 * headings come out as <h3>. Appends to b. */
struct buf;
void notice_render(struct buf *b, const char *markdown);

#endif
