-- Erases what the city need not keep any more. conf/systemd has a timer that runs it every hour:
--
--   sqlite3 -batch -bail /var/lib/loggia-centre/centre.sqlite ".read /etc/loggia/centre/mods-config/loggia/erase.sql"
--
-- Set the days here; what the routers' privacy page says (privacy { retention } in loggia.conf) has to be the same.
CREATE TEMP TABLE keep AS SELECT
	180 AS accounting_days, -- since the end of a session
	2 AS silent_days, -- a session of which nobody has heard for so long is over
	20000 AS at_once; -- rows of one run, so that accounting never waits for it long

PRAGMA busy_timeout = 5000;
-- What is erased is overwritten, not only forgotten.
PRAGMA secure_delete = ON;

-- Its router died, or was told to close it (roaming) and never answered. A Stop that comes after all
-- puts the row right.
UPDATE radacct SET acctstoptime = acctupdatetime, acctterminatecause = 'Lost-Service', sealed = ''
WHERE acctuniqueid IN (SELECT acctuniqueid FROM radacct, keep WHERE acctstoptime IS NULL
	AND acctupdatetime < CAST(strftime('%s', 'now') AS INTEGER) - silent_days * 86400 LIMIT (SELECT at_once FROM keep));

DELETE FROM radacct WHERE acctuniqueid IN (SELECT acctuniqueid FROM radacct, keep
	WHERE acctstoptime < CAST(strftime('%s', 'now') AS INTEGER) - accounting_days * 86400 LIMIT (SELECT at_once FROM keep));

-- Passes that are over, and with them whom a device was bound to.
DELETE FROM passes WHERE device IN (SELECT device FROM passes
	WHERE expires < CAST(strftime('%s', 'now') AS INTEGER) LIMIT (SELECT at_once FROM keep));

-- Bans that are over.
DELETE FROM bans WHERE device IN (SELECT device FROM bans
	WHERE expires < CAST(strftime('%s', 'now') AS INTEGER) LIMIT (SELECT at_once FROM keep));

-- What the authorities said of a device that nobody has asked about for a year; and what every server has heard of long ago.
DELETE FROM answers WHERE device IN (SELECT device FROM answers, keep WHERE updated
	< CAST(strftime('%s', 'now') AS INTEGER) - CASE WHEN answers = '' THEN 1 ELSE 366 END * 86400 LIMIT (SELECT at_once FROM keep));
DELETE FROM changes WHERE number IN (SELECT number FROM changes, keep
	WHERE at < CAST(strftime('%s', 'now') AS INTEGER) - 3600 LIMIT (SELECT at_once FROM keep));

-- The journal holds old pages too.
PRAGMA wal_checkpoint(TRUNCATE);
