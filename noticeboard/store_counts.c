/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Displays and taps: sums by notice, zone, language and hour. Nothing about anybody comes in, so
 * nothing can go out. */
#include "noticeboard/store_internal.h"

#include <stdio.h>

bool store_counts_add(struct store *s, const char *batch, const struct store_count *counts,
                      size_t n, int64_t now)
{
    if (!store_begin(s))
        return false;
    bool ok = store_run(
        s, store_sql(s, "INSERT OR IGNORE INTO batch(id, at) VALUES (?, ?)", "ti", batch, now));
    if (ok && sqlite3_changes(s->db) == 0) /* the router did not hear that we have it */
        return store_end(s, true);
    for (size_t i = 0; ok && i < n; i++) {
        const struct store_count *c = &counts[i];
        ok = store_run(
            s, store_sql(s,
                         "INSERT INTO counted(notice, hour, zone, lang, displays, taps, kind) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                         "displays = displays + excluded.displays, "
                         "taps = taps + excluded.taps",
                         "tittiii", c->notice, c->hour, c->zone, c->lang, c->displays, c->taps,
                         (int64_t)c->kind));
    }
    return store_end(s, ok);
}

#define SUMS(key)                                                                                  \
    "SELECT " key ", sum(displays), sum(taps) FROM counted WHERE notice >= ?1 AND notice < ?2 "    \
    "AND hour >= ?3 AND kind = ?4 GROUP BY 1, 2, 3, 4 ORDER BY 4, 5 DESC, 1"

static const char *const sums[] = {
    [STORE_BY_NOTICE] = SUMS("notice, '', '', 0"),
    [STORE_BY_ZONE] = SUMS("'', zone, '', 0"),
    [STORE_BY_LANG] = SUMS("'', '', lang, 0"),
    [STORE_BY_HOUR] = SUMS("'', '', '', hour / 3600 % 24"),
    [STORE_BY_DAY] = SUMS("'', '', '', hour / 86400 * 86400"),
};

bool store_counts(struct store *s, const char *administration, enum store_kind kind,
                  const char *notice, int64_t since, enum store_by by, store_count_fn fn, void *arg)
{
    char from[80], to[80];

    /* "comune-12" alone, or all that begin with "comune-" and a digit ("comune-nord-3" is
     * another's). */
    snprintf(from, sizeof from, notice ? "%.64s" : "%.64s-0", notice ? notice : administration);
    snprintf(to, sizeof to, notice ? "%.64s " : "%.64s-:", notice ? notice : administration);
    sqlite3_stmt *q = store_sql(s, sums[by], "ttii", from, to, since, (int64_t)kind);
    bool more = q != NULL;

    while (more && store_step(s, q)) {
        struct store_count c = {.kind = kind,
                                .notice = store_text(q, 0),
                                .zone = store_text(q, 1),
                                .lang = store_text(q, 2),
                                .hour = sqlite3_column_int64(q, 3),
                                .displays = sqlite3_column_int64(q, 4),
                                .taps = sqlite3_column_int64(q, 5)};
        more = fn(arg, &c);
    }
    if (q)
        sqlite3_reset(q);
    return q != NULL;
}
