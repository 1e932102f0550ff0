/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the database, brings it to this version, and keeps transactions and statements. The words
 * of SQL are where they are used; prepared once and found again by the address of the literal. */
#include "noticeboard/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUSY_MS = 2000 };

const char *store_error(const struct store *s)
{
    return s->error;
}

static void note_error(struct store *s)
{
    snprintf(s->error, sizeof s->error, "%s", sqlite3_errmsg(s->db));
    s->failed = true;
}

/* --- statements ------------------------------------------------------------------------------- */
static sqlite3_stmt *prepared(struct store *s, const char *sql)
{
    for (size_t i = 0; i < s->n_statements; i++)
        if (s->statements[i].sql == sql)
            return s->statements[i].stmt;
    sqlite3_stmt *stmt = NULL;
    if (s->n_statements == STORE_STATEMENTS ||
        sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
        note_error(s);
        return NULL;
    }
    s->statements[s->n_statements].sql = sql;
    s->statements[s->n_statements++].stmt = stmt;
    return stmt;
}

sqlite3_stmt *store_sql(struct store *s, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *stmt = prepared(s, sql);
    int at = 1, rc = SQLITE_OK;
    va_list args;

    if (!stmt)
        return NULL;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    va_start(args, fmt);
    for (; *fmt && rc == SQLITE_OK; fmt++, at++) {
        if (*fmt == 't') {
            rc = sqlite3_bind_text(stmt, at, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        } else if (*fmt == 'i') {
            rc = sqlite3_bind_int64(stmt, at, va_arg(args, int64_t));
        } else {
            const void *blob = va_arg(args, const void *);
            rc = sqlite3_bind_blob(stmt, at, blob, va_arg(args, int), SQLITE_TRANSIENT);
        }
    }
    va_end(args);
    if (rc == SQLITE_OK)
        return stmt;
    note_error(s);
    return NULL;
}

bool store_step(struct store *s, sqlite3_stmt *stmt)
{
    if (!stmt)
        return false;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        note_error(s);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt); /* keeps nobody's text in memory */
    return false;
}

bool store_run(struct store *s, sqlite3_stmt *stmt)
{
    bool before = s->failed;

    if (!stmt)
        return false;
    s->failed = false;
    while (store_step(s, stmt))
        ;
    bool fine = !s->failed;
    s->failed |= before;
    return fine;
}

int64_t store_number(struct store *s, sqlite3_stmt *stmt, int64_t fallback)
{
    if (!store_step(s, stmt))
        return fallback;
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return value;
}

const char *store_text(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

/* --- transactions ------------------------------------------------------------------------------
 */
bool store_begin(struct store *s)
{
    if (s->depth == 0) {
        s->failed = s->published = false;
        if (!store_run(s, store_sql(s, "BEGIN IMMEDIATE", "")))
            return false;
    }
    s->depth++;
    return true;
}

void store_mark_published(struct store *s)
{
    if (!s->published)
        store_run(s, store_sql(s, "UPDATE meta SET value = value + 1 WHERE name = 'change'", ""));
    s->published = true;
}

bool store_end(struct store *s, bool ok)
{
    s->failed |= !ok;
    if (--s->depth > 0)
        return ok;
    bool fine = !s->failed && store_run(s, store_sql(s, "COMMIT", ""));
    if (!fine) {
        char why[sizeof s->error];
        memcpy(why, s->error, sizeof why);
        if (!sqlite3_get_autocommit(s->db))
            store_run(s, store_sql(s, "ROLLBACK", ""));
        memcpy(s->error, why, sizeof why);
    }
    if (fine && s->published && s->on_published)
        s->on_published(s->arg);
    s->published = false;
    return fine;
}

void store_on_published(struct store *s, void (*fn)(void *arg), void *arg)
{
    s->on_published = fn;
    s->arg = arg;
}

int64_t store_published_change(struct store *s)
{
    return store_number(s, store_sql(s, "SELECT value FROM meta WHERE name = 'change'", ""), 0);
}

int64_t store_next_serial(struct store *s)
{
    int64_t serial = 0;

    if (!store_begin(s))
        return 0;
    /* Not below the time: a database that came back from an old backup is still believed. */
    bool ok = store_run(s, store_sql(s,
                                     "UPDATE meta SET value = max(value + 1, ?) "
                                     "WHERE name = 'serial'",
                                     "i", (int64_t)time(NULL)));
    if (ok)
        serial =
            store_number(s, store_sql(s, "SELECT value FROM meta WHERE name = 'serial'", ""), 0);
    return store_end(s, ok) ? serial : 0;
}

/* --- open and close ------------------------------------------------------------------------------
 */
static bool migrate(struct store *s, char *err, size_t err_len)
{
    int64_t version = store_number(s, store_sql(s, "PRAGMA user_version", ""), -1);

    if (version < 0 || version > store_n_migrations) {
        snprintf(err, err_len,
                 version < 0 ? "%s" : "%sits version is %d, this program knows up to %d",
                 version < 0 ? s->error : "", (int)version, store_n_migrations);
        return false;
    }
    for (; version < store_n_migrations; version++) {
        char number[64], *why = NULL;
        snprintf(number, sizeof number, "PRAGMA user_version = %d", (int)version + 1);
        if (!store_begin(s))
            break;
        bool ok = sqlite3_exec(s->db, store_migrations[version], NULL, NULL, &why) == SQLITE_OK &&
                  sqlite3_exec(s->db, number, NULL, NULL, NULL) == SQLITE_OK;
        if (!ok)
            note_error(s);
        sqlite3_free(why);
        if (!store_end(s, ok))
            break;
    }
    if (version == store_n_migrations)
        return true;
    snprintf(err, err_len, "%s", s->error);
    return false;
}

struct store *store_open(const char *path, char *err, size_t err_len)
{
    static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                                   "PRAGMA temp_store = MEMORY;";
    struct store *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(s->db, BUSY_MS); /* the command line may be writing */
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        if (sqlite3_exec(s->db, settings, NULL, NULL, NULL) == SQLITE_OK) {
            if (migrate(s, err, err_len))
                return s;
            store_close(s);
            return NULL;
        }
    }
    snprintf(err, err_len, "%s", s->db ? sqlite3_errmsg(s->db) : "out of memory");
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_statements; i++)
        sqlite3_finalize(s->statements[i].stmt);
    sqlite3_close(s->db);
    free(s);
}
