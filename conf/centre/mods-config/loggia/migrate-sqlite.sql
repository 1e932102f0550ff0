-- A database of an older release gets what it has not yet (PostgreSQL: schema-postgresql.sql does it). May be run again, and
-- while the server runs:
--
--   sqlite3 /var/lib/loggia-centre/centre.sqlite ".read /etc/loggia/centre/mods-config/loggia/migrate-sqlite.sql"
--
-- "duplicate column name" says that a column is there already: all is well. (SQLite has no ADD COLUMN IF NOT EXISTS.)
PRAGMA busy_timeout = 5000;
ALTER TABLE passes ADD COLUMN binding varchar(512) NOT NULL DEFAULT '';
ALTER TABLE passes ADD COLUMN identity char(32) NOT NULL DEFAULT '';
ALTER TABLE radacct ADD COLUMN sealed varchar(80) NOT NULL DEFAULT '';
.read /etc/loggia/centre/mods-config/loggia/schema.sql
