/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices and their versions: written once, never changed. What is published is a number in the
 * notice's row, so that "withdraw" and "undo" lose nothing. */
#include "lib/crypto.h"
#include "noticeboard/store_internal.h"
#include "noticeboard/store_words.h"

#include <stdio.h>
#include <string.h>

/* What there is before a version is written. */
struct before {
    bool known;
    int version, live;
};

static struct before look(struct store *s, const struct store_notice *n)
{
    struct before b = {0};
    sqlite3_stmt *q = store_sql(
        s, "SELECT version, live FROM notice WHERE id = ? AND administration = ? AND kind = ?",
        "iti", n->id, n->administration, (int64_t)n->kind);

    if (store_step(s, q)) {
        b = (struct before){true, sqlite3_column_int(q, 0), sqlite3_column_int(q, 1)};
        sqlite3_reset(q);
    }
    return b;
}

static int64_t new_row(struct store *s, const struct store_notice *n, const char *who, int64_t now)
{
    bool ok = store_run(
        s, store_sql(s,
                     "INSERT INTO notice(administration, publisher, kind, state, version, title, "
                     "priority, starts, ends, zones, changed, author, editor, feed, guid) "
                     "VALUES (?, ?, ?, 0, 0, '', 0, 0, 0, '', ?, ?, ?, ?, ?)",
                     "ttiitttt", n->administration, n->publisher, (int64_t)n->kind, now, who, who,
                     n->feed, n->guid));
    return ok ? sqlite3_last_insert_rowid(s->db) : 0;
}

static bool write_words(struct store *s, int64_t id, const struct store_notice *n,
                        const char *words)
{
    char scope[STORE_SCOPE_LEN];

    store_scope(n->administration, n->kind, scope);
    return store_run(s, store_sql(s, "DELETE FROM words WHERE rowid = ?", "i", id)) &&
           store_run(s, store_sql(s, "INSERT INTO words(rowid, scope, text) VALUES (?, ?, ?)",
                                  "itt", id, scope, words ? words : n->title));
}

static bool write_version(struct store *s, int64_t id, int number, const struct store_notice *n,
                          const char *who, const char *note, int64_t now)
{
    return store_run(s, store_sql(s,
                                  "INSERT INTO version(notice, number, who, at, state, note, form, "
                                  "text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                                  "iitiittt", id, (int64_t)number, who, now, (int64_t)n->state,
                                  note, n->form ? n->form : "", n->text)) &&
           store_run(
               s, store_sql(s,
                            "UPDATE notice SET publisher = ?, state = ?, version = ?, "
                            "title = ?, priority = ?, starts = ?, ends = ?, place = ?, zones = ?, "
                            "changed = ?, editor = ? WHERE id = ?",
                            "tiitiiiititi", n->publisher, (int64_t)n->state, (int64_t)number,
                            n->title ? n->title : "", (int64_t)n->priority, n->starts, n->ends,
                            (int64_t)n->place, n->zones ? n->zones : "", now, who, id));
}

/* Templates are never on a page: what is published does not change with them. */
static bool write_live(struct store *s, int64_t id, int number, const struct store_notice *n,
                       const struct before *b)
{
    bool ok;

    if (n->state == STORE_APPROVED)
        ok = store_run(s, store_sql(s,
                                    "UPDATE notice SET live = ?, ever = 1, live_starts = ?, "
                                    "live_ends = ?, live_zones = ? WHERE id = ?",
                                    "iiiti", (int64_t)number, n->starts, n->ends,
                                    n->zones ? n->zones : "", id));
    else if (n->state == STORE_WITHDRAWN)
        ok = store_run(s, store_sql(s, "UPDATE notice SET live = 0 WHERE id = ?", "i", id));
    else
        return true;
    if (n->kind != STORE_TEMPLATE && (n->state == STORE_APPROVED || b->live))
        store_mark_published(s);
    return ok;
}

int64_t store_notice_put(struct store *s, const struct store_notice *n, const char *words,
                         const char *who, const char *note, int expected, int64_t now)
{
    struct before b = {0};
    int64_t id = n->id;

    if (!store_begin(s))
        return 0;
    if (n->state == STORE_APPROVED && !n->text) {
        snprintf(s->error, sizeof s->error, "an incomplete notice cannot be published");
        store_end(s, false);
        return 0;
    }
    if (id) {
        b = look(s, n);
        if (!b.known || (expected && expected != b.version)) {
            store_end(s, false);
            return b.known ? -1 : -2;
        }
    } else {
        id = new_row(s, n, who, now);
    }
    bool ok = id > 0 && write_version(s, id, b.version + 1, n, who, note, now) &&
              write_live(s, id, b.version + 1, n, &b) && write_words(s, id, n, words);
    return store_end(s, ok) ? id : 0;
}

bool store_notice_confirm(struct store *s, const char *administration, int64_t id, const char *who,
                          int64_t now)
{
    return store_run(s, store_sql(s,
                                  "UPDATE notice SET confirmed = ?, confirmer = ? WHERE id = ? "
                                  "AND administration = ? AND live > 0",
                                  "itit", now, who, id, administration));
}

/* --- reading -------------------------------------------------------------------------------------
 */
bool store_notice_get(struct store *s, const char *administration, int64_t id, store_notice_fn fn,
                      void *arg)
{
    sqlite3_stmt *q =
        store_sql(s,
                  "SELECT " STORE_NOTICE_COLUMNS ", v.form, v.text, l.text FROM notice n "
                  "JOIN version v ON v.notice = n.id AND v.number = n.version "
                  "LEFT JOIN version l ON l.notice = n.id AND l.number = n.live "
                  "WHERE n.id = ? AND n.administration = ?",
                  "it", id, administration);

    if (!store_step(s, q))
        return false;
    struct store_notice n = store_notice_row(q);
    n.form = store_text(q, STORE_NOTICE_N);
    n.text = store_text(q, STORE_NOTICE_N + 1);
    n.live_text = store_text(q, STORE_NOTICE_N + 2);
    fn(arg, &n);
    sqlite3_reset(q);
    return true;
}

static struct store_version version_row(sqlite3_stmt *q)
{
    return (struct store_version){.number = sqlite3_column_int(q, 0),
                                  .who = store_text(q, 1),
                                  .at = sqlite3_column_int64(q, 2),
                                  .state = (enum store_state)sqlite3_column_int(q, 3),
                                  .note = store_text(q, 4),
                                  .form = store_text(q, 5),
                                  .text = store_text(q, 6)};
}

bool store_versions(struct store *s, const char *administration, int64_t id, int max,
                    store_version_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT v.number, v.who, v.at, v.state, v.note, v.form, v.text "
                                "FROM version v JOIN notice n ON n.id = v.notice "
                                "WHERE v.notice = ? AND n.administration = ? "
                                "ORDER BY v.number DESC LIMIT ?",
                                "iti", id, administration, (int64_t)max);
    bool more = q != NULL;

    while (more && store_step(s, q)) {
        struct store_version v = version_row(q);
        more = fn(arg, &v);
    }
    if (q)
        sqlite3_reset(q);
    return q != NULL;
}

bool store_version_get(struct store *s, const char *administration, int64_t id, int number,
                       store_version_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT v.number, v.who, v.at, v.state, v.note, v.form, v.text "
                                "FROM version v JOIN notice n ON n.id = v.notice "
                                "WHERE v.notice = ? AND n.administration = ? AND v.number = ?",
                                "iti", id, administration, (int64_t)number);

    if (!store_step(s, q))
        return false;
    struct store_version v = version_row(q);
    fn(arg, &v);
    sqlite3_reset(q);
    return true;
}

/* --- what is published
 * ------------------------------------------------------------------------------ */
static bool each_item(struct store *s, sqlite3_stmt *q, store_item_fn fn, void *arg)
{
    bool more = q != NULL;

    s->failed = false;
    while (more && store_step(s, q)) {
        char name[64];
        struct store_item item = {.id = sqlite3_column_int64(q, 0),
                                  .name = name,
                                  .administration = store_text(q, 1),
                                  .publisher = store_text(q, 2),
                                  .text = store_text(q, 3),
                                  .len = (size_t)sqlite3_column_bytes(q, 3),
                                  .starts = sqlite3_column_int64(q, 4),
                                  .ends = sqlite3_column_int64(q, 5),
                                  .changed = sqlite3_column_int64(q, 6)};
        store_notice_name(item.administration, item.id, name);
        more = fn(arg, &item);
    }
    if (q)
        sqlite3_reset(q);
    return q && !s->failed;
}

#define LIVE                                                                                       \
    "SELECT n.id, n.administration, n.publisher, v.text, n.live_starts, n.live_ends, v.at "        \
    "FROM notice n JOIN version v ON v.notice = n.id AND v.number = n.live WHERE n.live > 0 "

bool store_published(struct store *s, int64_t now, store_item_fn fn, void *arg)
{
    return each_item(s,
                     store_sql(s,
                               LIVE "AND n.live_ends > ? AND n.kind = 0 "
                                    "ORDER BY n.live_ends, n.id",
                               "i", now),
                     fn, arg);
}

bool store_published_services(struct store *s, store_item_fn fn, void *arg)
{
    return each_item(s, store_sql(s, LIVE "AND n.kind = 2 ORDER BY n.id", ""), fn, arg);
}

int64_t store_next_moment(struct store *s, int64_t now)
{
    int64_t ends = store_number(
        s,
        store_sql(s,
                  "SELECT min(live_ends) FROM notice WHERE live > 0 AND live_ends > ? AND kind = 0",
                  "i", now),
        0);
    int64_t starts =
        store_number(s,
                     store_sql(s,
                               "SELECT min(live_starts) FROM notice WHERE live > 0 AND "
                               "live_ends > ?1 AND live_starts > ?1 AND kind = 0",
                               "i", now),
                     0);

    if (!ends || !starts)
        return ends ? ends : starts;
    return ends < starts ? ends : starts;
}

/* --- imported
 * ---------------------------------------------------------------------------------------- */
enum store_import store_import(struct store *s, const struct store_notice *n, const char *hash,
                               const char *words, int64_t now)
{
    struct store_notice item = *n;
    char who[80], before[80] = "";

    snprintf(who, sizeof who, "feed:%.70s", n->feed);
    if (!store_begin(s))
        return STORE_IMPORT_FAILED;
    sqlite3_stmt *q = store_sql(s,
                                "SELECT id, hash FROM notice WHERE feed = ? AND guid = ? "
                                "AND administration = ?",
                                "ttt", n->feed, n->guid, n->administration);
    item.id = 0;
    if (store_step(s, q)) {
        item.id = sqlite3_column_int64(q, 0);
        snprintf(before, sizeof before, "%s", store_text(q, 1) ? store_text(q, 1) : "");
        sqlite3_reset(q);
    }
    if (item.id && strcmp(before, hash) == 0) {
        store_end(s, true);
        return STORE_IMPORT_SAME;
    }
    int64_t id = store_notice_put(s, &item, words, who, NULL, 0, now);
    bool ok = id > 0 &&
              store_run(s, store_sql(s, "UPDATE notice SET hash = ? WHERE id = ?", "ti", hash, id));
    if (!store_end(s, ok))
        return STORE_IMPORT_FAILED;
    return item.id ? STORE_IMPORT_CHANGED : STORE_IMPORT_NEW;
}

/* Copies what a version needs; note: the texts of the row live only as long as the statement. */
static bool withdraw_row(struct store *s, int64_t id, const char *who, const char *why, int64_t now)
{
    bool live =
        store_number(s, store_sql(s, "SELECT live FROM notice WHERE id = ?", "i", id), 0) > 0;
    bool ok =
        store_run(s, store_sql(s,
                               "INSERT INTO version(notice, number, who, at, state, note, form, "
                               "text) SELECT v.notice, n.version + 1, ?, ?, ?, ?, v.form, v.text "
                               "FROM notice n JOIN version v ON v.notice = n.id AND "
                               "v.number = n.version WHERE n.id = ?",
                               "tiiti", who, now, (int64_t)STORE_WITHDRAWN, why, id)) &&
        store_run(s, store_sql(s,
                               "UPDATE notice SET state = ?, version = version + 1, live = 0, "
                               "changed = ?, editor = ?, hash = NULL WHERE id = ?",
                               "iiti", (int64_t)STORE_WITHDRAWN, now, who, id));
    if (ok && live)
        store_mark_published(s);
    return ok;
}

bool store_import_gone(struct store *s, const char *feed, const char *guid, const char *why,
                       int64_t now)
{
    char who[80];

    snprintf(who, sizeof who, "feed:%.70s", feed);
    if (!store_begin(s))
        return false;
    int64_t id = store_number(s,
                              store_sql(s,
                                        "SELECT id FROM notice WHERE feed = ? AND guid = ? AND "
                                        "state <> ?",
                                        "tti", feed, guid, (int64_t)STORE_WITHDRAWN),
                              0);
    return store_end(s, !id || withdraw_row(s, id, who, why, now));
}

bool store_imported(struct store *s, const char *feed, store_notice_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT " STORE_NOTICE_COLUMNS " FROM notice n "
                                "WHERE n.feed = ? AND n.state <> ? ORDER BY n.id",
                                "ti", feed, (int64_t)STORE_WITHDRAWN);
    bool more = q != NULL;

    while (more && store_step(s, q)) {
        struct store_notice n = store_notice_row(q);
        more = fn(arg, &n);
    }
    if (q)
        sqlite3_reset(q);
    return q != NULL;
}
