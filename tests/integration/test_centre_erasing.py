"""What the city need not keep any more is erased: conf/centre's erase.sql, as its timer runs it."""

import shlex
import sqlite3
import subprocess
import time

import pytest

from conftest import SOURCE

CENTRE = SOURCE / "conf/centre/mods-config/loggia"
DAY = 86400


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "centre.sqlite"
    db = sqlite3.connect(path)
    db.executescript((CENTRE / "schema.sql").read_text())
    db.close()
    return path


def add(path, name, stopped=None, heard=0.0):
    """A session that ended so many days ago, or is open and was heard of so many days ago."""
    now = int(time.time())
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO radacct (acctuniqueid, callingstationid, acctstarttime, acctupdatetime, acctstoptime) "
                   "VALUES (?, 'pseudonym-of-' || ?, ?, ?, ?)",
                   (name, name, now - 400 * DAY, now - int((stopped or heard) * DAY),
                    None if stopped is None else now - int(stopped * DAY)))


def the_units_command(path):
    """ExecStart of the unit, with this database and these sources."""
    line, = [line for line in (SOURCE / "conf/systemd/loggia-erase.service").read_text().splitlines()
             if line.startswith("ExecStart=")]
    line = line.removeprefix("ExecStart=").replace("/var/lib/loggia-centre/centre.sqlite", str(path))
    return shlex.split(line.replace("/etc/loggia/centre/mods-config/loggia", str(CENTRE)))


def erase(path):
    r = subprocess.run(the_units_command(path), capture_output=True, text=True, check=False)
    assert r.returncode == 0 and not r.stderr, r.stdout + r.stderr


def rows(path, query):
    with sqlite3.connect(path) as db:
        return db.execute(query).fetchall()


def test_old_accounting_is_gone_and_the_rest_stays(database):
    add(database, "old", stopped=181)
    add(database, "recent", stopped=179)
    add(database, "open", heard=0.1)
    erase(database)
    assert rows(database, "SELECT acctuniqueid FROM radacct ORDER BY 1") == [("open",), ("recent",)]
    assert rows(database, "SELECT acctstoptime FROM radacct WHERE acctuniqueid = 'open'") == [(None,)]


def test_a_session_whose_router_is_gone_ends_when_it_was_last_heard_of(database):
    add(database, "lost", heard=3)
    erase(database)
    (stop, update, cause), = rows(database, "SELECT acctstoptime, acctupdatetime, acctterminatecause FROM radacct")
    assert stop == update and cause == "Lost-Service"


def test_a_pass_that_is_over_is_gone_with_whom_it_was_bound_to(database):
    now = int(time.time())
    with sqlite3.connect(database) as db:
        db.executemany("INSERT INTO passes (device, granted, expires, binding) VALUES (?, ?, ?, 'sealed')",
                       [("over", now - 100, now - 1), ("good", now - 100, now + 100)])
    erase(database)
    assert rows(database, "SELECT device FROM passes") == [("good",)]


def test_what_is_erased_is_not_in_the_files_any_more(database):
    keeper = sqlite3.connect(database)  # FreeRADIUS has it open all the time
    keeper.execute("SELECT 1 FROM radacct").fetchall()
    add(database, "vanishing", stopped=365)
    add(database, "staying", stopped=1)
    erase(database)
    held = b"".join(p.read_bytes() for p in database.parent.glob("centre.sqlite*"))
    assert b"staying" in held and b"vanishing" not in held
    keeper.close()


def test_one_run_is_bounded_and_the_next_goes_on(database):
    now = int(time.time())
    with sqlite3.connect(database) as db:
        db.executemany("INSERT INTO radacct (acctuniqueid, acctstoptime) VALUES (?, ?)",
                       ((f"s{n}", now - 365 * DAY) for n in range(20500)))
    began = time.monotonic()
    erase(database)
    assert rows(database, "SELECT count(*) FROM radacct") == [(500,)]
    print(f"20,000 rows: {(time.monotonic() - began) * 1000:.0f} ms")
    erase(database)
    assert rows(database, "SELECT count(*) FROM radacct") == [(0,)]


def test_it_waits_for_accounting_that_is_being_written(database):
    add(database, "old", stopped=181)
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    job = subprocess.Popen(the_units_command(database), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        job.wait(0.5)
    writer.execute("COMMIT")
    assert job.wait(10) == 0, job.stdout.read()
    assert rows(database, "SELECT count(*) FROM radacct") == [(0,)]


def test_the_units_are_sound_and_hardened(tmp_path):
    for name in ("loggia-erase.service", "loggia-erase.timer"):
        (tmp_path / name).write_text((SOURCE / "conf/systemd" / name).read_text())
    r = subprocess.run(["systemd-analyze", "verify", tmp_path / "loggia-erase.timer"], capture_output=True, text=True, check=False)
    assert "loggia-erase" not in r.stderr, r.stderr
    r = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", tmp_path / "loggia-erase.service"],
                       capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stdout[-400:] + r.stderr
