-- SQLite. For PostgreSQL there is schema-postgresql.sql, for a database of an older release migrate-sqlite.sql.
PRAGMA journal_mode = WAL;

CREATE TABLE IF NOT EXISTS passes (
	device char(32) NOT NULL PRIMARY KEY,
	granted bigint NOT NULL,
	expires bigint NOT NULL,
	paused integer NOT NULL DEFAULT 0,
	terms varchar(253) NOT NULL DEFAULT '',
	binding varchar(512) NOT NULL DEFAULT '', -- whose last password it was, sealed
	identity char(32) NOT NULL DEFAULT '' -- that person's pseudonym, by which devices are counted
);
CREATE INDEX IF NOT EXISTS passes_expires ON passes (expires);
CREATE INDEX IF NOT EXISTS passes_identity ON passes (identity);

-- Whom the city itself has shut out (loggia-centre): no directory helps, nor a tap.
CREATE TABLE IF NOT EXISTS bans (
	device char(32) NOT NULL PRIMARY KEY,
	expires bigint, -- NULL: for good
	reason varchar(200) NOT NULL DEFAULT '', -- for administrators, no citizen sees it
	author varchar(64) NOT NULL DEFAULT '',
	created bigint NOT NULL
);

-- What the authorities last said of a device, sealed.
CREATE TABLE IF NOT EXISTS answers (
	device char(32) NOT NULL PRIMARY KEY,
	answers varchar(2000) NOT NULL DEFAULT '',
	updated bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_updated ON answers (updated);

-- Devices about which one server has changed something that the others remember. Numbers are never used twice.
CREATE TABLE IF NOT EXISTS changes (
	number integer PRIMARY KEY AUTOINCREMENT,
	device char(32) NOT NULL,
	at bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS radacct (
	acctuniqueid char(32) NOT NULL PRIMARY KEY,
	acctsessionid varchar(64) NOT NULL DEFAULT '',
	nasidentifier varchar(253) NOT NULL DEFAULT '',
	nasipaddress varchar(45) NOT NULL DEFAULT '',
	zone varchar(64) NOT NULL DEFAULT '',
	callingstationid char(32) NOT NULL DEFAULT '',
	calledstationid varchar(64) NOT NULL DEFAULT '',
	profile varchar(32) NOT NULL DEFAULT '',
	identity char(32) NOT NULL DEFAULT '',
	acctstarttime bigint,
	acctupdatetime bigint,
	acctstoptime bigint,
	acctsessiontime bigint NOT NULL DEFAULT 0,
	acctinputoctets bigint NOT NULL DEFAULT 0,
	acctoutputoctets bigint NOT NULL DEFAULT 0,
	acctinputpackets bigint NOT NULL DEFAULT 0,
	acctoutputpackets bigint NOT NULL DEFAULT 0,
	acctterminatecause varchar(32) NOT NULL DEFAULT '',
	sealed varchar(80) NOT NULL DEFAULT '' -- the device's address while the session is open, sealed
);
CREATE INDEX IF NOT EXISTS radacct_device ON radacct (callingstationid, acctstoptime);
CREATE INDEX IF NOT EXISTS radacct_open ON radacct (nasidentifier, acctstoptime);
CREATE INDEX IF NOT EXISTS radacct_stop ON radacct (acctstoptime);
CREATE INDEX IF NOT EXISTS radacct_online ON radacct (acctuniqueid) WHERE acctstoptime IS NULL;

CREATE TABLE IF NOT EXISTS nasreload (
	nasidentifier varchar(253) NOT NULL PRIMARY KEY,
	reloadtime bigint NOT NULL
);
