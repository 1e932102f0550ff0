/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services of the city, and what is known of each feed. */
#include "noticeboard/store_words.h"

#include <stdio.h>

bool store_services(struct store *s, const char *administration, store_notice_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT " STORE_NOTICE_COLUMNS " FROM notice n "
                                "WHERE n.administration = ? AND n.kind = 2 "
                                "ORDER BY n.live = 0, n.place, n.id",
                                "t", administration);
    bool more = q != NULL;

    s->failed = false;
    while (more && store_step(s, q)) {
        struct store_notice n = store_notice_row(q);
        more = fn(arg, &n);
    }
    if (q)
        sqlite3_reset(q);
    return q && !s->failed;
}

/* --- feeds
 * ---------------------------------------------------------------------------------------- */
enum { FEED_TEXT = 512 };
static const char *keep(char out[static FEED_TEXT], const char *text)
{
    if (text)
        snprintf(out, FEED_TEXT, "%s", text);
    return text ? out : NULL;
}

bool store_feed_get(struct store *s, const char *id, struct store_feed *out)
{
    static char texts[3][FEED_TEXT];
    sqlite3_stmt *q = store_sql(s,
                                "SELECT due, tried, succeeded, failures, items, etag, modified, "
                                "error FROM feed WHERE id = ?",
                                "t", id);

    *out = (struct store_feed){.id = id};
    s->failed = false;
    if (store_step(s, q)) { /* copied: a statement that is not reset holds the database's past */
        *out = (struct store_feed){.id = id,
                                   .due = sqlite3_column_int64(q, 0),
                                   .tried = sqlite3_column_int64(q, 1),
                                   .succeeded = sqlite3_column_int64(q, 2),
                                   .failures = sqlite3_column_int(q, 3),
                                   .items = sqlite3_column_int(q, 4),
                                   .etag = keep(texts[0], store_text(q, 5)),
                                   .modified = keep(texts[1], store_text(q, 6)),
                                   .error = keep(texts[2], store_text(q, 7))};
        sqlite3_reset(q);
    }
    return !s->failed;
}

bool store_feed_put(struct store *s, const struct store_feed *f)
{
    return store_run(s, store_sql(s,
                                  "INSERT OR REPLACE INTO feed(id, due, tried, succeeded, "
                                  "failures, items, etag, modified, error) "
                                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                  "tiiiiittt", f->id, f->due, f->tried, f->succeeded,
                                  (int64_t)f->failures, (int64_t)f->items, f->etag, f->modified,
                                  f->error));
}
