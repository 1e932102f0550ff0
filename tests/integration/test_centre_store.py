"""What outlives a server, who is cut off, and a database that freezes."""

import contextlib
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import threading
import time

import pytest

from city import radius
from city.centre import Centre
from city.database import Postgres
from city.directories import mac_of
from city.netns import World, wait_for
from city.radius import Nas
from city.wire import Wire
from conftest import SOURCE
from test_centre_roaming import COA_REQUEST, Router

TUNNEL_PRIVATE_GROUP_ID = 81
SHARP = {"found = 30": "found = 0", "not_found = 2": "not_found = 0"}
OPEN = {"pass = 30": "pass = 3600"}  # what a server remembers it does not read again for an hour
QUICK = {"recheck = 40": "recheck = 1\n\tstatus_interval = 1\n\treload_grace = 1"}

_number = iter(range(1, 1000))


@pytest.fixture
def phone():
    return f"0a:66:00:00:00:{next(_number):02x}"


@pytest.fixture(scope="module")
def centre():
    with World() as world:
        c = Centre(world, world.namespace("centre"), "127.0.0.1",
                   clients=["127.0.0.1", "127.0.1.1"], people=100, options={**SHARP, **OPEN, **QUICK})
        yield c.start()
        c.stop()


@pytest.fixture
def nas(centre):
    yield Nas(centre.namespace, "127.0.0.1", centre.secret)
    centre.thaw()


def stored(centre, mac):
    rows = centre.sql("SELECT answers FROM answers WHERE device = ?", centre.pseudonym(mac))
    return rows[0]["answers"] if rows else None


def restart(centre):
    centre.radius.stop()
    centre.start_radius()


def test_who_is_known_and_who_is_shut_out_outlives_a_restart_beside_a_directory_that_hangs(centre, nas, phone):
    known, shut_out = mac_of("provincia", 0), mac_of("provincia", 49 * 4)
    assert nas.silent(known).profile == "provincia-fast"
    assert nas.silent(shut_out).message == "suspended"
    assert nas.tap(phone).accepted
    for mac in (known, shut_out):
        wait_for("what was said of it is written down", lambda m=mac: stored(centre, m))
    assert stored(centre, phone) is None, "a row for somebody whom nobody knows"
    centre.freeze("provincia")
    restart(centre)
    reply = nas.silent(known)
    assert reply.accepted and reply.profile == "provincia-fast", "a restart made a stranger of somebody known"
    assert reply.number(radius.SESSION_TIMEOUT) == 300, "an old answer for a whole session"
    assert nas.silent(shut_out).message == "suspended", "a restart let somebody in who is shut out"
    assert nas.tap(shut_out).message == "suspended"
    assert nas.silent(phone).accepted
    wait_for("it is in the log", lambda: "from=provincia stale=provincia degraded" in (centre.dir / "degraded.log").read_text())


def test_what_is_stored_tells_nothing_and_goes_with_the_entitlement(centre, nas):
    mac = "0a:67:00:00:00:01"
    dn = centre.comune.add_device(mac, "dipendente", code="CF-TESTAROSSA")
    assert nas.silent(mac).profile == "staff"
    text = wait_for("it is written down", lambda: stored(centre, mac))
    database = centre.database.read_bytes() + centre.database.with_name(centre.database.name + "-wal").read_bytes()
    for secret in (b"TESTAROSSA", b"ou=persone", mac.encode(), mac.upper().replace(":", "-").encode()):
        assert secret not in database, f"{secret} is in the database"
    time_was = centre.sql("SELECT updated FROM answers WHERE device = ?", centre.pseudonym(mac))
    for _ in range(5):
        nas.silent(mac)
    assert stored(centre, mac) == text and time_was == centre.sql(
        "SELECT updated FROM answers WHERE device = ?", centre.pseudonym(mac)), "written again without a change"
    # Another device's row is of no use to anybody.
    thief = "0a:67:00:00:00:02"
    centre.write_sql("INSERT INTO answers VALUES (?, ?, 0)", centre.pseudonym(thief), text)
    centre.freeze("comune")
    assert not nas.silent(thief).accepted
    centre.thaw()
    wait_for("the directory is back", lambda: nas.silent(mac).number(radius.SESSION_TIMEOUT) != 300)
    centre.comune.delete(dn)
    wait_for("the entitlement is gone from the database", lambda: not nas.silent(mac).accepted and stored(centre, mac) == "")


def test_who_is_suspended_is_cut_off_while_idle(centre, nas):
    router = Router(centre, "square")
    mac = "0a:68:00:00:00:02"
    dn = centre.provincia.add_device(mac)
    try:
        klass = router.silent(mac).text(radius.CLASS)
        router.account(mac, radius.START, "idle-1", klass=klass)
        router.account("0a:68:00:00:00:03", radius.START, "other-1")
        centre.provincia.suspend(dn)
        began = time.monotonic()
        told = router.told()
        assert told[44] == b"idle-1" and told[radius.NAS_ID] == b"square"
        assert radius.CALLING not in told, "an address went over the network for nothing"
        print(f"cut off after {time.monotonic() - began:.2f} s (recheck = 1)")
        router.account(mac, radius.STOP, "idle-1", seconds=3, cause=6)
        router.hears_nothing()
    finally:
        router.close()


def test_what_a_directory_changes_is_told_the_router_and_an_end_overtakes_it(centre, nas):
    router = Router(centre, "square")
    mac, guest, unasked = "0a:68:00:00:00:07", "0a:68:00:00:00:08", "0a:68:00:00:00:0b"

    def told(answer=True):
        attributes = router.told(answer, COA_REQUEST)
        assert attributes[44] == b"new-1" and attributes[radius.NAS_ID] == b"square" and radius.CALLING not in attributes
        return [int.from_bytes(attributes[k], "big") for k in (radius.SESSION_TIMEOUT, radius.WISPR_UP, radius.WISPR_DOWN)]

    try:
        # What a server learns of somebody for the first time is no change.
        centre.provincia.add_device(unasked)
        router.account(unasked, radius.START, "new-0")
        wait_for("it has been asked about", lambda: stored(centre, unasked))
        router.hears_nothing()
        router.account(unasked, radius.STOP, "new-0", seconds=3, cause=6)
        dn = centre.provincia.add_device(mac)
        reply = router.silent(mac)
        assert reply.profile == "provincia"
        router.account(mac, radius.START, "new-1", klass=reply.text(radius.CLASS))
        router.account(guest, radius.START, "other-2")
        centre.provincia.modify(f"provNome=banda-larga,ou=gruppi,{centre.provincia.suffix}", f"add: provMembro\nprovMembro: {dn}")
        assert told() == [28800, 15000000, 30000000]
        centre.provincia.modify(dn, "add: provBanda\nprovBanda: 12345")
        assert told() == [28800, 15000000, 12345000]
        # Of what is not answered yet the end is not the last word only, it is the only one.
        centre.provincia.modify(dn, "replace: provBanda\nprovBanda: 54321")
        assert told(answer=False) == [28800, 15000000, 54321000]
        centre.provincia.suspend(dn)
        assert router.told(instead_of=COA_REQUEST)[44] == b"new-1"
        for session, who in (("new-1", mac), ("other-2", guest)):
            router.account(who, radius.STOP, session, seconds=3, cause=6)
        router.hears_nothing()
        assert figures(centre)["loggia_changes_total"] >= 3
    finally:
        router.close()


def test_who_is_no_longer_in_a_directory_goes_on_as_a_visitor(centre, nas):
    """What the directory gave is gone within recheck; no more than that: the entry may have gone by mistake."""
    router = Router(centre, "square")
    mac = "0a:68:00:00:00:09"
    try:
        dn = centre.provincia.add_device(mac, "banda-larga")
        assert router.silent(mac).profile == "provincia-fast"
        router.account(mac, radius.START, "gone-1")
        centre.provincia.delete(dn)
        told = router.told(code=COA_REQUEST)
        assert told[44] == b"gone-1"
        assert [int.from_bytes(told[k], "big") for k in (radius.SESSION_TIMEOUT, radius.WISPR_DOWN)] == [7200, 8000000]
        router.account(mac, radius.STOP, "gone-1", seconds=3, cause=6)
    finally:
        router.close()


def test_a_cut_that_got_lost_is_repeated_and_a_bound_person_is_cut_too(centre, nas, phone):
    router = Router(centre, "square")
    try:
        dn = centre.add_login("idle", "vecchia", "provincia")
        assert router.login(phone, "idle", "vecchia").accepted
        router.account(phone, radius.START, "bound-1")
        restart(centre)
        router.account(phone, radius.UPDATE, "bound-1", seconds=1)  # all that the new server hears of it
        centre.provincia.suspend(dn)
        assert router.told(answer=False)[44] == b"bound-1"
        assert router.told()[44] == b"bound-1", "sent once, lost once"
        router.account(phone, radius.STOP, "bound-1", seconds=3, cause=6)
    finally:
        router.close()


def test_who_is_suspended_while_the_server_is_down_is_cut_off_although_the_router_says_nothing(centre, nas, phone):
    router = Router(centre, "square")
    mac = "0a:68:00:00:00:04"
    try:
        listed = centre.provincia.add_device(mac)
        bound = centre.add_login("sleeper", "vecchia", "provincia")
        assert router.login(phone, "sleeper", "vecchia").accepted
        router.account(mac, radius.START, "gap-1")
        router.account(phone, radius.START, "gap-2")
        router.account("0a:68:00:00:00:05", radius.START, "gap-3")
        router.account("0a:68:00:00:00:06", radius.START, "gap-4")
        router.account("0a:68:00:00:00:06", radius.STOP, "gap-4", seconds=3)
        text = repr(centre.sql("SELECT * FROM radacct"))
        assert not re.search("0a.?68.?00.?00.?00.?04", text, re.I), "an address in clear"
        sealed = {r["acctsessionid"]: r["sealed"] for r in centre.sql("SELECT acctsessionid, sealed FROM radacct")}
        assert len(sealed["gap-1"]) > 40 and sealed["gap-4"] == "", "kept longer than the session"
        centre.radius.stop()
        centre.provincia.suspend(listed)
        centre.provincia.suspend(bound)
        # Somebody else's row is of no use to whoever writes it.
        centre.write_sql("UPDATE radacct SET sealed = ? WHERE acctsessionid = 'gap-3'", sealed["gap-1"])
        began = time.monotonic()
        centre.start_radius()
        assert {router.told()[44], router.told()[44]} == {b"gap-1", b"gap-2"}
        print(f"cut off {time.monotonic() - began:.2f} s after the start of the server (recheck = 1)")
        for session, who in (("gap-1", mac), ("gap-2", phone), ("gap-3", "0a:68:00:00:00:05")):
            router.account(who, radius.STOP, session, seconds=3, cause=6)
        assert all(not r["sealed"] for r in centre.sql("SELECT sealed FROM radacct WHERE acctstoptime IS NOT NULL"))
    finally:
        router.close()


def test_with_pseudonyms_alone_who_is_suspended_is_cut_off_at_the_routers_next_record(centre, nas):
    queries = centre.dir / "mods-config/loggia/queries.conf"
    text = queries.read_text()
    router = Router(centre, "square")
    mac = "0a:68:00:00:00:0a"
    try:
        assert 'address = "%{loggia:sealed}"' in text
        queries.write_text(text.replace('address = "%{loggia:sealed}"', 'address = ""'))
        restart(centre)
        dn = centre.provincia.add_device(mac)
        router.account(mac, radius.START, "bare-1")
        assert [r["sealed"] for r in centre.sql("SELECT sealed FROM radacct WHERE acctsessionid = 'bare-1'")] == [""]
        centre.radius.stop()
        centre.provincia.suspend(dn)
        centre.start_radius()
        router.account(mac, radius.UPDATE, "bare-1", seconds=1)
        assert router.told()[44] == b"bare-1"
        router.account(mac, radius.STOP, "bare-1", seconds=3, cause=6)
    finally:
        queries.write_text(text)
        restart(centre)
        router.close()


def figures(centre):
    """loggia.prom, as {name and labels: number}."""
    lines = (centre.dir / "loggia.prom").read_text().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def test_the_admin_sees_which_authority_is_ill_and_what_it_costs(centre, nas, phone):
    name = 'loggia_decisions_total{verdict="accept",degraded="yes"}'
    assert nas.silent(mac_of("comune", 8)).accepted
    before = wait_for("the figures are there", lambda: figures(centre))[name]
    centre.freeze("comune")
    wait_for("somebody is served stale", lambda: nas.silent(mac_of("comune", 8)).number(radius.SESSION_TIMEOUT) == 300)
    ill = wait_for("it shows", lambda: nas.silent(mac_of("comune", 8)) and (f := figures(centre)) and f['loggia_authority_up{authority="comune"}'] == 0 and f)
    assert ill['loggia_authority_up{authority="provincia"}'] == 1
    wait_for("decisions taken half blind are counted", lambda: figures(centre)[name] > before)
    wait_for("and so are answers that are old", lambda: figures(centre)['loggia_authority_stale_total{authority="comune"}'] > 0)
    line, = [x for x in (centre.dir / "loggia.status").read_text().splitlines() if x.startswith("authority comune: ")]
    assert "breaker=open" in line or "breaker=half-open" in line
    assert re.search(r" p50=\d+ms p95=\d+ms p99=\S+ last_error=\"(search timed out|connection is silent|[^\"]+)\"$", line), line
    r = subprocess.run(["promtool", "check", "metrics"], input=(centre.dir / "loggia.prom").read_text(), capture_output=True,
                       text=True, check=False)
    assert r.returncode == 0 and not r.stderr, r.stdout + r.stderr
    documented = (SOURCE / "docs/rlm_loggia.md").read_text()
    for metric in {re.match(r"[a-z_]+?(?=_bucket|_sum|_count|[{ ]|$)", key)[0] for key in ill}:
        assert f"`{metric}`" in documented, f"docs/rlm_loggia.md does not name {metric}"


def test_a_policy_may_ask_how_an_authority_is(centre, nas):
    site = centre.dir / "sites-available/loggia"
    text = site.read_text()
    ask = '&Reply-Message := "%{loggia:authority provincia}"\n&Tunnel-Private-Group-Id := "%{loggia:status}"'
    site.write_text(text.replace("\tpost-auth {\n", "\tpost-auth {\nupdate reply {\n" + ask + "\n}\n", 1))
    try:
        restart(centre)
        reply = nas.silent(mac_of("comune", 9))
        assert reply.accepted and reply.message.startswith("breaker=closed connections="), reply.message
        everybody = reply.text(TUNNEL_PRIVATE_GROUP_ID)
        assert all(f"{a}: breaker=closed" in everybody for a in ("comune", "provincia")), everybody
    finally:
        site.write_text(text)
        restart(centre)


def reload(centre, done):
    """The server takes no HUP sooner than two seconds after the last, and looks at the files' times in whole seconds."""
    before = centre.radius.output().count(done)
    module = centre.dir / "mods-available/loggia"

    def reloaded():
        later = module.stat().st_mtime + 2
        os.utime(module, (later, later))
        centre.radius.kill(signal.SIGHUP, wait=False)
        text = centre.radius.output
        return wait_until(lambda: text().count(done) > before, 0.5)

    wait_for(f"{done} after a HUP", reloaded)


def wait_until(probe, seconds):
    try:
        return wait_for("it", probe, timeout=seconds)
    except AssertionError:
        return False


def size(centre):
    """Threads of the server."""
    return len(os.listdir(f"/proc/{centre.radius.pid}/task"))


def test_a_reload_loses_nobody_and_a_wrong_one_changes_nothing(centre, nas, phone):
    module = centre.dir / "mods-available/loggia"
    text = module.read_text()
    known, shut_out = mac_of("provincia", 4), mac_of("provincia", 49 * 4)
    assert nas.silent(known).profile == "provincia" and nas.silent(shut_out).message == "suspended"
    assert nas.tap(phone).accepted
    before = size(centre)
    centre.freeze("provincia")
    # What is remembered must come from the memory, not from the database.
    centre.write_sql("UPDATE passes SET expires = 0 WHERE device = ?", centre.pseudonym(phone))
    centre.write_sql("DELETE FROM answers")
    try:
        for change, session in ((("deadline = 200", "deadline = 200\n\tdegraded_session = 120"), 120),
                                (("profile staff {", "profile vip {\n\t}\n\tprofile staff {"), 300)):
            module.write_text(text.replace(*change))
            reload(centre, 'Reloaded module "loggia"')
            assert nas.silent(phone).accepted, "a reload forgot a pass"
            reply = nas.silent(known)
            assert reply.accepted and reply.profile == "provincia" and reply.number(radius.SESSION_TIMEOUT) == session
            assert nas.silent(shut_out).message == "suspended"
        wait_for("the threads and connections of those before have ended", lambda: centre.radius.output().count("event=retired") == 2)
        assert size(centre) < before + 10 and nas.silent(phone).accepted
        module.write_text(text.replace("deadline = 200", "deadline = soon"))
        reload(centre, "Using old configuration")
        assert 'deadline: found "soon", expected a number from 20 to 5000 ms' in centre.radius.output()
        assert nas.silent(phone).accepted and nas.silent(known).number(radius.SESSION_TIMEOUT) == 300
    finally:
        module.write_text(text)


def test_a_reload_in_the_middle_of_a_hung_handshake_costs_nobody_anything(centre, nas, phone):
    """The old configuration's connector waits for a TLS server that says nothing; it ends all the same, within
    net_timeout, and nobody who comes meanwhile waits for it."""
    module = centre.dir / "mods-available/loggia"
    text = module.read_text()
    shut_out, staff = mac_of("provincia", 49 * 4), mac_of("comune", 0)
    assert nas.silent(shut_out).message == "suspended" and nas.tap(phone).accepted
    retired = centre.radius.output().count("event=retired")
    before = size(centre)

    def nobody_notices():
        assert nas.silent(staff).profile == "staff" and nas.silent(phone).accepted
        return nas.silent(shut_out).message == "suspended"

    try:
        with Wire(centre.namespace, 3899, 3892) as wire:
            wire.silent = True
            module.write_text(text.replace('server = "${provincia_server}"', 'server = "ldaps://127.0.0.1:3899"'))
            reload(centre, 'Reloaded module "loggia"')
            wait_for("a handshake hangs", lambda: nobody_notices() and wire.accepted > 0)
            module.write_text(text)
            reload(centre, 'Reloaded module "loggia"')
            wait_for("all of those before have ended", lambda: nobody_notices() and
                     centre.radius.output().count("event=retired") == retired + 2, timeout=30)
        wait_for("everybody has everything", lambda: nas.silent(mac_of("provincia", 8)).profile == "provincia")
        assert size(centre) < before + 10
    finally:
        module.write_text(text)


def at_once(centre, devices):
    """Each device's reply, all asked at the same moment: the database is asked about several together."""
    replies, ready = {}, threading.Barrier(len(devices))

    def ask(mac):
        nas = Nas(centre.namespace, "127.0.0.1", centre.secret)
        ready.wait()
        replies[mac] = nas.silent(mac, timeout=10)
    threads = [threading.Thread(target=ask, args=(mac,)) for mac in devices]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(replies) == len(devices)
    return replies


def test_of_many_that_come_at_once_each_gets_its_own_row(centre, nas):
    def mac(kind, n):
        return f"0a:67:{kind:02x}:00:00:{n:02x}"
    passes, paused, banned, nobody = ([mac(kind, n) for n in range(12)] for kind in range(4))
    for m in (*passes, *paused):
        centre.write_sql("INSERT INTO passes (device, granted, expires, paused) VALUES (?, 1, ?, ?)",
                         centre.pseudonym(m), int(time.time()) + 3600, int(m in paused))
    for m in banned:
        centre.write_sql("INSERT INTO bans (device, created) VALUES (?, 1)", centre.pseudonym(m))
    mixed = [m for four in zip(passes, paused, banned, nobody, strict=True) for m in four]
    replies = at_once(centre, mixed)
    assert [m for m in mixed if replies[m].accepted] == passes
    assert [m for m in mixed if replies[m].message == "banned"] == banned
    assert [replies[m].message for m in (*paused, *nobody)] == [None] * 24


def test_what_is_said_of_many_at_once_is_kept_for_each(centre, nas):
    people = [mac_of("comune", n * 4) for n in range(8, 48)]
    said = {m: r.profile for m, r in at_once(centre, people).items()}
    assert set(said.values()) == {"staff", "resident"}
    wait_for("all of it is written down", lambda: all(stored(centre, m) for m in people))
    centre.freeze("comune")
    restart(centre)
    assert {m: nas.silent(m).profile for m in people} == said, "somebody has what was said of another"


def test_an_old_database_is_brought_up_to_date(centre, tmp_path):
    old = tmp_path / "old.sqlite"
    with sqlite3.connect(old) as db:
        db.executescript("""CREATE TABLE passes (device char(32) NOT NULL PRIMARY KEY, granted bigint NOT NULL,
            expires bigint NOT NULL, paused integer NOT NULL DEFAULT 0, terms varchar(253) NOT NULL DEFAULT '');
            INSERT INTO passes (device, granted, expires) VALUES ('d', 1, 2)""")
    config = centre.dir / "mods-config/loggia"
    text = (config / "migrate-sqlite.sql").read_text().replace("/etc/loggia/centre/mods-config/loggia", str(config))
    (tmp_path / "migrate.sql").write_text(text)
    for _ in range(2):
        subprocess.run(["sqlite3", old, f".read {tmp_path}/migrate.sql"], capture_output=True, check=False)
    def shape(path):
        with sqlite3.connect(path) as db:
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
            return {n: sorted(c[1] for c in db.execute(f"PRAGMA table_info({n})")) for n, in names}
    assert shape(old) == shape(centre.database)
    with sqlite3.connect(old) as db:
        assert db.execute("SELECT device, binding FROM passes").fetchall() == [("d", "")]


@pytest.mark.alone
def test_a_database_that_freezes_costs_nobody_more_than_the_deadline():
    """PostgreSQL, stopped in the middle of everything."""
    with World() as world:
        space = world.namespace("centre")
        postgres = Postgres(world, space).start()
        c = Centre(world, space, "127.0.0.1", clients=["127.0.0.1"], people=400, options={**SHARP, "pass = 30": "pass = 0"},
                   database=postgres)
        if c.sanitizer():
            postgres.stop()
            pytest.skip("rlm_sql_postgresql makes no connection where the sanitizer is preloaded into the server")
        try:
            c.start()
            nas = Nas(space, "127.0.0.1", c.secret)
            known, seen = mac_of("comune", 0), "0a:69:00:00:00:01"
            assert nas.silent(known).profile == "staff" and nas.tap(seen).accepted and nas.silent(seen).accepted
            wait_for("answers are stored there, too", lambda: postgres.rows("SELECT count(*) FROM answers WHERE answers <> ''") == ["1"])
            postgres.freeze()
            with records(c, 64):
                crowd(c, 64)
            # Nobody asks it any more.
            took = sorted(nas.silent(mac_of("comune", n * 4)).took for n in range(1, 60))
            assert statistics.median(took) < 0.1, f"half of all waited for a frozen database: {took}"
            assert nas.silent(seen).accepted, "who had a pass has lost it"
            tapped = nas.tap("0a:69:00:00:00:02")
            assert tapped.accepted and tapped.number(radius.SESSION_TIMEOUT) == 300
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                nas.account(known, radius.START, "frozen-1", timeout=1)  # the router keeps it
            postgres.thaw()
            wait_for("a tap is written down again", lambda: nas.tap("0a:69:00:00:00:03").number(radius.SESSION_TIMEOUT) == 7200, timeout=30)
            print(f"frozen database: median {statistics.median(took) * 1000:.0f} ms, worst {took[-1] * 1000:.0f} ms; "
                  f"back {time.monotonic() - began - 1:.1f} s after the thaw")
            assert wait_for("accounting goes on", lambda: accounted(nas, known))
            assert postgres.rows("SELECT count(*) FROM radacct WHERE acctsessionid = 'frozen-1'") == ["1"]
            with records(c, 64, answered=64):
                pass  # routers send again what nobody has answered
            assert postgres.rows("SELECT count(*) FROM radacct WHERE acctsessionid LIKE 'many-%'") == ["64"]
        finally:
            postgres.thaw()
            c.stop()
            postgres.stop()


def accounted(nas, mac):
    try:
        return nas.account(mac, radius.START, "frozen-1", timeout=1).code == radius.ACCT_RESPONSE
    except TimeoutError:
        return False


@contextlib.contextmanager
def records(centre, n, answered=0):
    """The accounting of so many routers at once, for as long as the block lasts: rlm_sql holds the worker that it is
    in, and there are half as many workers as records. A record that is not written is not acknowledged."""
    got = []

    def one(i):
        nas = Nas(centre.namespace, "127.0.0.1", centre.secret, name=f"a{i}")
        for _ in range(30 if answered else 1):  # as routers do
            with contextlib.suppress(TimeoutError):
                got.append(nas.account(mac_of("comune", 2000 + i * 4), radius.START, f"many-{i}", timeout=2))
                break

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    try:
        yield
    finally:
        for t in threads:
            t.join()
    assert len(got) == answered, f"{len(got)} of {n} records were acknowledged"


def crowd(centre, n):
    """So many routers at once, each with a device that nobody has asked about, while the threads that ask the database
    do not know yet that it is frozen."""
    late = []

    def one(i):
        nas = Nas(centre.namespace, "127.0.0.1", centre.secret, name=f"r{i}")
        nas.id = i
        try:
            late.append(nas.silent(mac_of("comune", 800 + i * 4), timeout=3).took)
        except TimeoutError:
            late.append(None)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    answered = [took for took in late if took is not None]
    print(f"{n} at once on a database just frozen: {len(answered)} answered, the last after {max(answered) * 1000:.0f} ms")
    assert len(answered) == n and max(answered) < 1
