/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of notices and words to search, for the files of the store that read them. */
#ifndef LOGGIA_NOTICEBOARD_STORE_WORDS_H
#define LOGGIA_NOTICEBOARD_STORE_WORDS_H

#include "noticeboard/store_internal.h"

#define STORE_NOTICE_COLUMNS                                                                       \
    "n.id, n.administration, n.publisher, n.kind, n.state, n.version, n.live, n.title, "           \
    "n.priority, n.starts, n.ends, n.changed, n.zones, n.author, n.editor, n.feed, n.guid, "       \
    "n.place, n.confirmed, n.confirmer"
enum { STORE_NOTICE_N = 20 };
/* The row that those columns begin. */
struct store_notice store_notice_row(sqlite3_stmt *q);

/* "comune-12". */
void store_notice_name(const char *administration, int64_t id, char out[static 64]);

/* An administration and a kind as one word of the index. */
#define STORE_SCOPE_LEN 80
void store_scope(const char *administration, int kind, char out[static STORE_SCOPE_LEN]);

/* An FTS5 question: all the words, each as the beginning of one, within the scope (NULL: in all).
 * "" if words has none. */
#define STORE_MATCH_LEN 512
void store_match(const char *scope, const char *words, char out[static STORE_MATCH_LEN]);

#endif
