/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists and searches. Each walks an index from the newest and stops when the page is full, so that
 * ten thousand notices of history cost no more than a hundred: no offset, no count of all, no sort
 * of what is not shown. */
#include "lib/crypto.h"
#include "noticeboard/store_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct store_notice store_notice_row(sqlite3_stmt *q)
{
    return (struct store_notice){.id = sqlite3_column_int64(q, 0),
                                 .administration = store_text(q, 1),
                                 .publisher = store_text(q, 2),
                                 .kind = (enum store_kind)sqlite3_column_int(q, 3),
                                 .state = (enum store_state)sqlite3_column_int(q, 4),
                                 .version = sqlite3_column_int(q, 5),
                                 .live = sqlite3_column_int(q, 6),
                                 .title = store_text(q, 7),
                                 .priority = sqlite3_column_int(q, 8),
                                 .starts = sqlite3_column_int64(q, 9),
                                 .ends = sqlite3_column_int64(q, 10),
                                 .changed = sqlite3_column_int64(q, 11),
                                 .zones = store_text(q, 12),
                                 .author = store_text(q, 13),
                                 .editor = store_text(q, 14),
                                 .feed = store_text(q, 15),
                                 .guid = store_text(q, 16),
                                 .place = sqlite3_column_int(q, 17),
                                 .confirmed = sqlite3_column_int64(q, 18),
                                 .confirmer = store_text(q, 19)};
}

void store_notice_name(const char *administration, int64_t id, char out[static 64])
{
    snprintf(out, 64, "%.32s-%lld", administration, (long long)id);
}

void store_scope(const char *administration, int kind, char out[static STORE_SCOPE_LEN])
{
    size_t len = strnlen(administration, 32);

    out[0] = "nts"[kind];
    crypto_hex(administration, len, out + 1);
}

enum { INDEXED = 10, RARE = 64 }; /* letters of a beginning, see store_schema.c */

/* Bytes of at most n characters of p. */
static size_t first_letters(const char *p, size_t len, int n)
{
    size_t at = 0;

    while (at < len && n-- > 0)
        for (at++; at < len && ((unsigned char)p[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

void store_match(const char *scope, const char *words, char out[static STORE_MATCH_LEN])
{
    size_t at = scope ? (size_t)snprintf(out, STORE_MATCH_LEN, "scope : \"%s\" AND ", scope) : 0;
    int n = 0;

    for (const char *p = words; p && *p && n < 8;) {
        const char *end = p;
        while ((unsigned char)*end >= 0x80 || isalnum((unsigned char)*end))
            end++;
        size_t len = first_letters(p, (size_t)(end - p), INDEXED);
        if (len && len < 48 && at + len + 20 < STORE_MATCH_LEN) {
            at += (size_t)snprintf(out + at, STORE_MATCH_LEN - at, "%stext : \"%.*s\" *",
                                   n ? " AND " : "", (int)len, p);
            n++;
        }
        p = *end ? end + 1 : end;
    }
    if (!n)
        *out = '\0';
}

/* ?1 administration, ?2 kind, ?3 before, ?4 most, ?5 now, ?6 aged, ?7 publishers, ?8 words. ALL: a
 * value that is bound must be named, also where it decides nothing. */
#define ALL   "AND ?5 + ?6 IS NOT NULL AND (?7 IS NULL OR instr(?7, ',' || n.publisher || ',') > 0) "
#define ROWS  "SELECT " STORE_NOTICE_COLUMNS " FROM notice n "
#define MINE  "n.administration = ?1 AND n.kind = ?2 AND n.id < ?3 " ALL
#define PAGE  "ORDER BY n.id DESC LIMIT ?4"
#define SHOWN "AND n.live > 0 AND n.live_ends > ?5 "
#define WAIT  "AND n.state = 1 "
#define DRAFT "AND n.state IN (0, 3) "
#define ENDED "AND n.ever = 1 AND (n.live = 0 OR n.live_ends <= ?5) "
#define AGED  SHOWN "AND max(n.changed, n.confirmed) < ?6 "
#define FOUND                                                                                      \
    "SELECT " STORE_NOTICE_COLUMNS " FROM words w CROSS JOIN notice n ON n.id = w.rowid "          \
    "WHERE words MATCH ?8 AND w.rowid < ?3 AND n.administration = ?1 AND n.kind = ?2 " ALL
#define NEWEST "ORDER BY w.rowid DESC LIMIT ?4"

static const char *const lists[] = {
    [STORE_LIST_ALL] = ROWS "INDEXED BY notice_all WHERE " MINE PAGE,
    [STORE_LIST_SHOWN] = ROWS "INDEXED BY notice_live_of WHERE " MINE SHOWN PAGE,
    [STORE_LIST_WAITING] = ROWS "INDEXED BY notice_state WHERE " MINE WAIT PAGE,
    [STORE_LIST_DRAFTS] = ROWS "INDEXED BY notice_state WHERE " MINE DRAFT PAGE,
    [STORE_LIST_ENDED] = ROWS "INDEXED BY notice_ever WHERE " MINE ENDED PAGE,
    [STORE_LIST_AGEING] = ROWS "INDEXED BY notice_live_of WHERE " MINE AGED PAGE,
};
static const char *const searches[] = {
    [STORE_LIST_ALL] = FOUND NEWEST,          [STORE_LIST_SHOWN] = FOUND SHOWN NEWEST,
    [STORE_LIST_WAITING] = FOUND WAIT NEWEST, [STORE_LIST_DRAFTS] = FOUND DRAFT NEWEST,
    [STORE_LIST_ENDED] = FOUND ENDED NEWEST,  [STORE_LIST_AGEING] = FOUND AGED NEWEST,
};

/* A word that is everywhere is looked up together with the administration, so that others' notices
 * are not walked through; one that is rare alone, because to meet it in the administration's own
 * long list takes the longer the longer that is. */
static void match_for(struct store *s, const struct store_query *q,
                      char match[static STORE_MATCH_LEN])
{
    char scope[STORE_SCOPE_LEN];

    store_match(NULL, q->words, match);
    if (!*match ||
        store_number(s,
                     store_sql(s,
                               "SELECT count(*) FROM (SELECT rowid FROM words WHERE words MATCH ? "
                               "LIMIT ?)",
                               "ti", match, (int64_t)RARE),
                     0) < RARE)
        return;
    store_scope(q->administration, q->kind, scope);
    store_match(scope, q->words, match);
}

static sqlite3_stmt *ask(struct store *s, const struct store_query *q, int most)
{
    char match[STORE_MATCH_LEN] = "";

    if (q->words && *q->words)
        match_for(s, q, match);
    return store_sql(s, *match ? searches[q->list] : lists[q->list],
                     *match ? "tiiiiitt" : "tiiiiit", q->administration, (int64_t)q->kind,
                     q->before > 0 ? q->before : INT64_MAX, (int64_t)most, q->now, q->aged,
                     q->publishers, match);
}

bool store_list(struct store *s, const struct store_query *q, store_notice_fn fn, void *arg)
{
    sqlite3_stmt *stmt = ask(s, q, q->max);
    bool more = stmt != NULL;

    s->failed = false;
    while (more && store_step(s, stmt)) {
        struct store_notice n = store_notice_row(stmt);
        more = fn(arg, &n);
    }
    if (stmt)
        sqlite3_reset(stmt);
    return stmt && !s->failed;
}

int store_count(struct store *s, const struct store_query *q, int most)
{
    sqlite3_stmt *stmt = ask(s, q, most);
    int n = 0;

    while (store_step(s, stmt))
        n++;
    return n;
}

int store_zone_load(struct store *s, const char *zone, int64_t at, int64_t except)
{
    return (int)store_number(
        s,
        store_sql(s,
                  "SELECT count(*) FROM notice WHERE live > 0 AND live_ends > ?1 AND kind = 0 AND "
                  "live_starts <= ?1 AND id <> ?3 AND (live_zones = ',*,' OR "
                  "instr(live_zones, ',' || ?2 || ',') > 0)",
                  "iti", at, zone, except),
        0);
}
