/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accounts that the command line made, and sign-ins. Of a sign-in only a hash is kept: who reads
 * the database cannot be anybody. */
#include "noticeboard/store_internal.h"

enum { BATCHES_KEPT_S = 14 * 24 * 60 * 60 };

bool store_account_put(struct store *s, const struct store_account *a)
{
    return store_run(s, store_sql(s,
                                  "INSERT OR REPLACE INTO account(administration, name, role, "
                                  "publishers, password, made) VALUES (?, ?, ?, ?, ?, ?)",
                                  "ttitti", a->administration, a->name, (int64_t)a->role,
                                  a->publishers, a->password, a->made));
}

bool store_account_delete(struct store *s, const char *administration, const char *name)
{
    return store_run(s, store_sql(s, "DELETE FROM session WHERE administration = ? AND name = ?",
                                  "tt", administration, name)) &&
           store_run(s, store_sql(s, "DELETE FROM account WHERE administration = ? AND name = ?",
                                  "tt", administration, name)) &&
           sqlite3_changes(s->db) == 1;
}

bool store_accounts(struct store *s, const char *administration, const char *name,
                    store_account_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT administration, name, role, publishers, password, made "
                                "FROM account WHERE administration = ?1 AND "
                                "(?2 IS NULL OR name = ?2) ORDER BY name",
                                "tt", administration, name);
    bool more = q != NULL, any = false;

    while (more && store_step(s, q)) {
        struct store_account a = {.administration = store_text(q, 0),
                                  .name = store_text(q, 1),
                                  .role = sqlite3_column_int(q, 2),
                                  .publishers = store_text(q, 3),
                                  .password = store_text(q, 4),
                                  .made = sqlite3_column_int64(q, 5)};
        any = true;
        more = fn(arg, &a);
    }
    if (q)
        sqlite3_reset(q);
    return any;
}

bool store_session_put(struct store *s, const struct store_session *v)
{
    return store_run(
        s, store_sql(s,
                     "INSERT INTO session(key, administration, name, shown, role, publishers, "
                     "made, seen, ends, login, checked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     "btttitiiiti", v->key, STORE_SESSION_KEY, v->administration, v->name, v->shown,
                     (int64_t)v->role, v->publishers, v->made, v->seen, v->ends, v->login,
                     v->checked));
}

bool store_session_get(struct store *s, const uint8_t key[static STORE_SESSION_KEY],
                       store_session_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT administration, name, shown, role, publishers, made, "
                                "seen, ends, login, checked FROM session WHERE key = ?",
                                "b", key, STORE_SESSION_KEY);
    struct store_session v = {.role = 0};

    if (!store_step(s, q))
        return false;
    v.administration = store_text(q, 0);
    v.name = store_text(q, 1);
    v.shown = store_text(q, 2);
    v.role = sqlite3_column_int(q, 3);
    v.publishers = store_text(q, 4);
    v.made = sqlite3_column_int64(q, 5);
    v.seen = sqlite3_column_int64(q, 6);
    v.ends = sqlite3_column_int64(q, 7);
    v.login = store_text(q, 8);
    v.checked = sqlite3_column_int64(q, 9);
    fn(arg, &v);
    sqlite3_reset(q);
    return true;
}

bool store_session_seen(struct store *s, const uint8_t key[static STORE_SESSION_KEY], int64_t now)
{
    return store_run(s, store_sql(s, "UPDATE session SET seen = ? WHERE key = ?", "ib", now, key,
                                  STORE_SESSION_KEY));
}

bool store_session_delete(struct store *s, const uint8_t key[static STORE_SESSION_KEY])
{
    return store_run(
        s, store_sql(s, "DELETE FROM session WHERE key = ?", "b", key, STORE_SESSION_KEY));
}

bool store_session_due(struct store *s, int64_t before, int max, store_session_fn fn, void *arg)
{
    sqlite3_stmt *q = store_sql(s,
                                "SELECT administration, login, min(checked) FROM session "
                                "WHERE checked <= ? GROUP BY 1, 2 ORDER BY 3 LIMIT ?",
                                "ii", before, (int64_t)max);

    s->failed = false;
    while (store_step(s, q)) {
        struct store_session v = {.administration = store_text(q, 0),
                                  .login = store_text(q, 1),
                                  .checked = sqlite3_column_int64(q, 2)};
        fn(arg, &v);
    }
    return q && !s->failed;
}

bool store_session_checked(struct store *s, const struct store_session *v, int *changed)
{
    if (!store_begin(s))
        return false;
    bool ok = store_run(s, store_sql(s,
                                     "DELETE FROM session WHERE administration = ? AND login = ? "
                                     "AND name <> ?",
                                     "ttt", v->administration, v->login, v->name));
    *changed = ok ? sqlite3_changes(s->db) : 0;
    ok = ok && store_run(s, store_sql(s,
                                      "UPDATE session SET role = ?3, publishers = ?4 WHERE "
                                      "administration = ?1 AND login = ?2 AND (role <> ?3 OR "
                                      "publishers <> ?4)",
                                      "ttit", v->administration, v->login, (int64_t)v->role,
                                      v->publishers));
    *changed += ok ? sqlite3_changes(s->db) : 0;
    ok = ok && store_run(s, store_sql(s,
                                      "UPDATE session SET checked = ? WHERE administration = ? "
                                      "AND login = ?",
                                      "itt", v->checked, v->administration, v->login));
    return store_end(s, ok);
}

bool store_session_forget(struct store *s, const char *administration, const char *login,
                          int *ended)
{
    bool ok =
        store_run(s, store_sql(s, "DELETE FROM session WHERE administration = ? AND login = ?",
                               "tt", administration, login));

    *ended = ok ? sqlite3_changes(s->db) : 0;
    return ok;
}

bool store_tidy(struct store *s, int64_t now, int64_t idle_s)
{
    return store_run(s, store_sql(s, "DELETE FROM session WHERE ends <= ?1 OR seen < ?1 - ?2", "ii",
                                  now, idle_s)) &&
           store_run(s, store_sql(s, "DELETE FROM batch WHERE at < ?", "i", now - BATCHES_KEPT_S));
}
