/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be known of CAP's messages once they are gone from where they were published. */
#include "noticeboard/store_internal.h"

#include <stdio.h>

enum { YEAR = 366 * 24 * 60 * 60 };

bool store_message_put(struct store *s, const char *feed, const char *message, const char *chain,
                       bool over, int64_t now)
{
    if (!store_begin(s))
        return false;
    bool ok = store_run(s, store_sql(s,
                                     "INSERT INTO message(feed, id, chain, over, at) "
                                     "VALUES (?, ?, ?, ?, ?) ON CONFLICT(feed, id) DO UPDATE SET "
                                     "over = max(over, excluded.over), at = excluded.at",
                                     "tttii", feed, message, chain, (int64_t)over, now)) &&
              store_run(s, store_sql(s, "DELETE FROM message WHERE feed = ? AND at < ?", "ti", feed,
                                     now - YEAR));
    return store_end(s, ok);
}

bool store_message_get(struct store *s, const char *feed, const char *message, char *chain,
                       size_t room, bool *over)
{
    sqlite3_stmt *q = store_sql(s, "SELECT chain, over FROM message WHERE feed = ? AND id = ?",
                                "tt", feed, message);

    if (!store_step(s, q))
        return false;
    snprintf(chain, room, "%s", store_text(q, 0));
    *over = sqlite3_column_int(q, 1) != 0;
    sqlite3_reset(q);
    return true;
}
