/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document that another site publishes, read as it arrives: which of the formats it is its first
 * element says. Pure. */
#ifndef LOGGIA_NOTICEBOARD_SOURCE_H
#define LOGGIA_NOTICEBOARD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct source_reader;

/* One of the two. */
struct source {
    struct feed *feed;       /* RSS 2.0, Atom */
    struct cap_alert *alert; /* CAP 1.2 */
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
