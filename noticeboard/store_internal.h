/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the store. Nobody else includes it. */
#ifndef LOGGIA_NOTICEBOARD_STORE_INTERNAL_H
#define LOGGIA_NOTICEBOARD_STORE_INTERNAL_H

#include "noticeboard/store.h"

#include <sqlite3.h>

enum { STORE_STATEMENTS = 96 };

struct store {
    sqlite3 *db;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } statements[STORE_STATEMENTS]; /* prepared once, found by the address of their text */
    size_t n_statements;
    int depth; /* of store_begin */
    bool failed, published;
    void (*on_published)(void *arg);
    void *arg;
    char error[256];
};

extern const char *const store_migrations[];
extern const int store_n_migrations;

/* The statement of a literal, ready for new values; NULL (and s->error) if it cannot be. fmt has
 * one letter a value: t text or NULL, i int64_t, b blob (pointer, int). A statement is not
 * reentrant. */
sqlite3_stmt *store_sql(struct store *s, const char *sql, const char *fmt, ...);
/* Runs it to its end; true if it went well. NULL is false. */
bool store_run(struct store *s, sqlite3_stmt *stmt);
/* True: there is a row. At the end or on an error it is reset. */
bool store_step(struct store *s, sqlite3_stmt *stmt);
/* One number; fallback where there is no row. */
int64_t store_number(struct store *s, sqlite3_stmt *stmt, int64_t fallback);
/* NULL stays NULL. */
const char *store_text(sqlite3_stmt *stmt, int column);
/* Notes that what is published changes in this transaction. */
void store_mark_published(struct store *s);

#endif
