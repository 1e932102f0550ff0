/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services of the city, and what is known of each feed. */
#include "noticeboard/store_internal.h"

#include <stdio.h>

#define SERVICE_COLUMNS                                                                            \
    "id, administration, publisher, title, form, text, place, shown, editor, changed "

static struct store_service service_row(sqlite3_stmt *q)
{
    return (struct store_service){.id = sqlite3_column_int64(q, 0),
                                  .administration = store_text(q, 1),
                                  .publisher = store_text(q, 2),
                                  .title = store_text(q, 3),
                                  .form = store_text(q, 4),
                                  .text = store_text(q, 5),
                                  .order = sqlite3_column_int(q, 6),
                                  .shown = sqlite3_column_int(q, 7) != 0,
                                  .editor = store_text(q, 8),
                                  .changed = sqlite3_column_int64(q, 9)};
}

int64_t store_service_put(struct store *s, const struct store_service *v, const char *who,
                          int64_t now)
{
    int64_t id = v->id;
    bool ok;

    if (!store_begin(s))
        return 0;
    if (id) {
        ok = store_run(s, store_sql(s,
                                    "UPDATE service SET publisher = ?, title = ?, form = ?, "
                                    "text = ?, place = ?, shown = ?, editor = ?, changed = ? "
                                    "WHERE id = ? AND administration = ?",
                                    "ttttiitiit", v->publisher, v->title, v->form, v->text,
                                    (int64_t)v->order, (int64_t)v->shown, who, now, id,
                                    v->administration));
        if (ok && sqlite3_changes(s->db) == 0) {
            store_end(s, false);
            return -2;
        }
    } else {
        ok = store_run(s, store_sql(s,
                                    "INSERT INTO service(administration, publisher, title, form, "
                                    "text, place, shown, editor, changed) "
                                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                    "tttttiiti", v->administration, v->publisher, v->title, v->form,
                                    v->text, (int64_t)v->order, (int64_t)v->shown, who, now));
        id = sqlite3_last_insert_rowid(s->db);
    }
    if (ok)
        store_mark_published(s);
    return store_end(s, ok) ? id : 0;
}

bool store_service_delete(struct store *s, const char *administration, int64_t id)
{
    if (!store_begin(s))
        return false;
    bool ok = store_run(s, store_sql(s, "DELETE FROM service WHERE id = ? AND administration = ?",
                                     "it", id, administration)) &&
              sqlite3_changes(s->db) == 1;
    if (ok)
        store_mark_published(s);
    return store_end(s, ok);
}

bool store_services(struct store *s, const char *administration, store_service_fn fn, void *arg)
{
    sqlite3_stmt *q =
        administration
            ? store_sql(s,
                        "SELECT " SERVICE_COLUMNS "FROM service WHERE administration = ? "
                        "ORDER BY place, id",
                        "t", administration)
            : store_sql(s,
                        "SELECT " SERVICE_COLUMNS "FROM service WHERE shown = 1 ORDER BY place, id",
                        "");
    bool more = q != NULL;

    s->failed = false;
    while (more && store_step(s, q)) {
        struct store_service v = service_row(q);
        more = fn(arg, &v);
    }
    if (q)
        sqlite3_reset(q);
    return q && !s->failed;
}

bool store_service_get(struct store *s, const char *administration, int64_t id, store_service_fn fn,
                       void *arg)
{
    sqlite3_stmt *q =
        store_sql(s, "SELECT " SERVICE_COLUMNS "FROM service WHERE id = ? AND administration = ?",
                  "it", id, administration);

    if (!store_step(s, q))
        return false;
    struct store_service v = service_row(q);
    fn(arg, &v);
    sqlite3_reset(q);
    return true;
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
