/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document that another site publishes, read as it arrives: which of the formats it is its first
 * element says. Pure. */
#ifndef LOGGIA_NOTICEBOARD_SOURCE_H
#define LOGGIA_NOTICEBOARD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct source_reader;

#define SOURCE_MAX_INSIDE 40 /* alerts in one feed: more are left, and `more` says so */

/* A feed, or an alert. */
struct source {
    struct feed *feed;       /* RSS 2.0, Atom */
    struct cap_alert *alert; /* CAP 1.2 */
    /* Alerts that stand inside the entries of an Atom feed (RFC 4287 section 4.1.3.3), instead of a
     * link to them. */
    struct cap_alert *inside[SOURCE_MAX_INSIDE];
    size_t n_inside;
    bool more;
};

/* NULL if memory is short. */
struct source_reader *source_reader_new(void);
void source_reader_free(struct source_reader *r);
/* False once something is wrong: nothing more is read. */
bool source_push(struct source_reader *r, const char *data, size_t len);
/* The document is complete: out is filled in (source_free), or the reason, with its line, in err.
 */
bool source_finish(struct source_reader *r, struct source *out, char *err, size_t err_len);
void source_free(struct source *s);
/* All three at once. */
bool source_read(const char *data, size_t len, struct source *out, char *err, size_t err_len);

#endif
