/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables, as steps from one version of the database to the next. A step that was released is
 * not changed any more: the next one changes what it made. */
#include "noticeboard/store_internal.h"

const char *const store_migrations[] = {
    /* 1 */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('change', 0), ('serial', 0);"

    /* The latest version's facts beside those of the published one, so that every list is an index
     * away. live: number of the published version, 0 for none; ever: was published once. */
    "CREATE TABLE notice("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  administration TEXT NOT NULL, publisher TEXT NOT NULL,"
    "  kind INTEGER NOT NULL, state INTEGER NOT NULL,"
    "  version INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 0, ever INTEGER NOT NULL DEFAULT 0,"
    "  title TEXT NOT NULL, priority INTEGER NOT NULL,"
    "  starts INTEGER NOT NULL, ends INTEGER NOT NULL, zones TEXT NOT NULL,"
    "  live_starts INTEGER NOT NULL DEFAULT 0, live_ends INTEGER NOT NULL DEFAULT 0,"
    "  live_zones TEXT NOT NULL DEFAULT '',"
    "  changed INTEGER NOT NULL, author TEXT NOT NULL, editor TEXT NOT NULL,"
    "  feed TEXT, guid TEXT, hash TEXT);"
    "CREATE INDEX notice_all ON notice(administration, kind, id);"
    "CREATE INDEX notice_state ON notice(administration, kind, state, id);"
    "CREATE INDEX notice_ever ON notice(administration, kind, id) WHERE ever = 1;"
    "CREATE INDEX notice_live ON notice(live_ends) WHERE live > 0;"
    "CREATE INDEX notice_live_of ON notice(administration, kind, live_ends) WHERE live > 0;"
    "CREATE UNIQUE INDEX notice_feed ON notice(feed, guid) WHERE feed IS NOT NULL;"
    "CREATE TABLE version("
    "  notice INTEGER NOT NULL REFERENCES notice(id), number INTEGER NOT NULL,"
    "  who TEXT NOT NULL, at INTEGER NOT NULL, state INTEGER NOT NULL, note TEXT,"
    "  form TEXT NOT NULL, text TEXT, PRIMARY KEY(notice, number)) WITHOUT ROWID;"
    /* scope is the administration as one word, so that a search meets only its own. Beginnings of
     * words are in the index by themselves: FTS5 walks such a list from its end and stops, while
     * that of another beginning it must first merge as a whole. */
    "CREATE VIRTUAL TABLE words USING fts5(scope, text,"
    "  prefix='1 2 3 4 5 6 7 8 9 10',"
    "  tokenize=\"unicode61 remove_diacritics 2\");"

    "CREATE TABLE service("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, administration TEXT NOT NULL,"
    "  publisher TEXT NOT NULL, title TEXT NOT NULL, form TEXT NOT NULL, text TEXT NOT NULL,"
    "  place INTEGER NOT NULL, shown INTEGER NOT NULL, editor TEXT NOT NULL,"
    "  changed INTEGER NOT NULL);"
    "CREATE INDEX service_place ON service(administration, place, id);"

    "CREATE TABLE feed("
    "  id TEXT PRIMARY KEY, due INTEGER NOT NULL, tried INTEGER NOT NULL,"
    "  succeeded INTEGER NOT NULL, failures INTEGER NOT NULL, items INTEGER NOT NULL, etag TEXT,"
    "  modified TEXT, error TEXT) WITHOUT ROWID;"

    "CREATE TABLE message("
    "  feed TEXT NOT NULL, id TEXT NOT NULL, chain TEXT NOT NULL, over INTEGER NOT NULL,"
    "  at INTEGER NOT NULL, PRIMARY KEY(feed, id)) WITHOUT ROWID;"

    "CREATE TABLE counted("
    "  notice TEXT NOT NULL, hour INTEGER NOT NULL, zone TEXT NOT NULL, lang TEXT NOT NULL,"
    "  displays INTEGER NOT NULL, taps INTEGER NOT NULL,"
    "  PRIMARY KEY(notice, hour, zone, lang)) WITHOUT ROWID;"
    "CREATE TABLE batch(id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE account("
    "  administration TEXT NOT NULL, name TEXT NOT NULL, role INTEGER NOT NULL,"
    "  publishers TEXT NOT NULL, password TEXT, made INTEGER NOT NULL,"
    "  PRIMARY KEY(administration, name)) WITHOUT ROWID;"
    "CREATE TABLE session("
    "  key BLOB PRIMARY KEY, administration TEXT NOT NULL, name TEXT NOT NULL,"
    "  shown TEXT NOT NULL, role INTEGER NOT NULL, publishers TEXT NOT NULL,"
    "  made INTEGER NOT NULL, seen INTEGER NOT NULL, ends INTEGER NOT NULL) WITHOUT ROWID;",

    /* 2: services have versions, as notices do, and numbers of the same row of numbers, so that no
     * count of a notice is also that of a card. What was shown is published (state 2), what was not
     * is a draft. A template is in force once it was approved; those of before stay in force. */
    "ALTER TABLE notice ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX notice_place ON notice(administration, place, id) WHERE kind = 2;"
    "INSERT INTO notice(administration, publisher, kind, state, version, live, ever, title, "
    "  priority, starts, ends, zones, live_starts, live_ends, changed, author, editor, place, guid)"
    "  SELECT administration, publisher, 2, 2 * shown, 1, shown, shown, title, 0, changed, "
    "  253402300799, '', changed, 253402300799, changed, editor, editor, place, id FROM service;"
    "INSERT INTO version(notice, number, who, at, state, form, text)"
    "  SELECT n.id, 1, s.editor, s.changed, n.state, s.form || '&order=' || s.place, s.text"
    "  FROM notice n JOIN service s ON CAST(n.guid AS INTEGER) = s.id WHERE n.kind = 2;"
    "UPDATE notice SET guid = NULL WHERE kind = 2;"
    "DROP TABLE service;"
    "UPDATE version SET state = 2 WHERE text IS NOT NULL AND EXISTS (SELECT 1 FROM notice n"
    "  WHERE n.id = version.notice AND n.version = version.number AND n.kind = 1);"
    "UPDATE notice SET live = version, ever = 1, state = 2, ends = 253402300799,"
    "  live_ends = 253402300799 WHERE kind = 1 AND EXISTS (SELECT 1 FROM version v"
    "  WHERE v.notice = notice.id AND v.number = notice.version AND v.text IS NOT NULL);"
    "UPDATE meta SET value = value + 1 WHERE name = 'change';",

    /* 3: what a sign-in may do is looked at again; of older ones nobody knows how to ask. */
    "DELETE FROM session;"
    "ALTER TABLE session ADD COLUMN login TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE session ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;",

    /* 4: what was counted is a notice's or a service's (enum store_kind). */
    "ALTER TABLE counted ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;",

    /* 5: somebody has looked at it again, and it was still true. */
    "ALTER TABLE notice ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE notice ADD COLUMN confirmer TEXT;",
};
const int store_n_migrations = sizeof store_migrations / sizeof *store_migrations;
