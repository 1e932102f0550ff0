"""The centre as it is shipped (conf/centre), asked by real packets: FreeRADIUS, rlm_loggia, two slapd, SQLite."""

import re
import signal
import subprocess
import time

import pytest

from city import radius
from city.centre import Centre
from city.directories import mac_of
from city.netns import World, wait_for
from city.radius import Nas

USER_REQUEST, IDLE = 1, 4


@pytest.fixture(scope="module")
def centre():
    with World() as world:
        c = Centre(world, world.namespace("centre"), "127.0.0.1", clients=["127.0.0.1"], people=300,
                   options={"found = 30": "found = 0", "not_found = 2": "not_found = 0"})
        yield c.start()
        c.stop()


@pytest.fixture
def nas(centre):
    yield Nas(centre.namespace, "127.0.0.1", centre.secret)
    centre.thaw()


_number = iter(range(1, 1000))


@pytest.fixture
def phone():
    return f"0a:77:00:00:00:{next(_number):02x}"


def splash(reply):
    assert reply.code == radius.REJECT and reply.message is None, (reply.code, reply.attributes)


def test_a_stranger_sees_the_splash_taps_and_never_sees_it_again(centre, nas, phone):
    splash(nas.silent(phone))
    first = nas.tap(phone)
    assert first.accepted and first.profile == "guest"
    assert first.number(radius.SESSION_TIMEOUT) == 7200
    assert first.number(radius.WISPR_DOWN) == 8_000_000
    assert first.number(radius.WISPR_UP) == 2_000_000
    assert first.number(radius.IDLE_TIMEOUT) == 900
    assert first.number(radius.INTERIM) == 300
    again = nas.silent(phone)
    assert again.accepted and again.profile == "guest"
    assert again.text(radius.CLASS) == first.text(radius.CLASS)


def test_the_database_never_holds_an_address(centre, nas, phone):
    nas.tap(phone)
    rows = centre.sql("SELECT * FROM passes WHERE device = ?", centre.pseudonym(phone))
    assert len(rows) == 1 and rows[0]["terms"] == "terms=2026-1 lang=it"
    nas.account(phone, radius.START, "private-1")
    everything = str(centre.sql("SELECT * FROM passes") + centre.sql("SELECT * FROM radacct")).lower()
    plain = phone.replace(":", "")
    assert plain not in everything.replace(":", "").replace("-", "")


def test_a_card_holder_of_the_comune_joins_without_a_tap(centre, nas):
    reply = nas.silent(mac_of("comune", 4))
    assert reply.accepted and reply.profile == "resident"
    assert reply.number(radius.WISPR_DOWN) == 20_000_000
    assert reply.number(radius.SESSION_TIMEOUT) == 43200
    assert nas.silent(mac_of("comune", 0)).profile == "staff"


def test_the_provincias_groups_speeds_and_flag_count(centre, nas, phone):
    assert nas.silent(mac_of("provincia", 4)).profile == "provincia"
    assert nas.silent(mac_of("provincia", 0)).profile == "provincia-fast"
    centre.add_provincia_device(phone, speed="12000")
    assert nas.silent(phone).number(radius.WISPR_DOWN) == 12_000_000
    suspended = nas.silent(mac_of("provincia", 49 * 4))
    assert suspended.code == radius.REJECT and suspended.message == "suspended"
    assert nas.tap(mac_of("provincia", 49 * 4)).message == "suspended"
    assert centre.sql("SELECT * FROM passes WHERE device = ?", centre.pseudonym(mac_of("provincia", 49 * 4))) == []


def test_a_value_of_the_wrong_type_is_named_and_its_owner_gets_in(centre, nas, phone):
    centre.add_provincia_device(phone, speed="ventimila")
    reply = nas.silent(phone)
    assert reply.accepted and reply.number(radius.WISPR_DOWN) == 15_000_000
    assert 'event=value_ignored authority=provincia attribute=provBanda why="is no number"' in centre.radius.output()
    assert "ventimila" not in centre.radius.output()


def test_known_to_both_gets_the_better_of_both_and_a_suspension_wins(centre, nas, phone):
    centre.add_comune_device(phone)
    centre.add_provincia_device(phone, group="banda-larga")
    reply = nas.silent(phone)
    assert reply.number(radius.WISPR_DOWN) == 30_000_000 and reply.number(radius.SESSION_TIMEOUT) == 43200
    other = "0a:78:00:00:00:01"
    centre.add_comune_device(other)
    centre.add_provincia_device(other, suspended=True)
    assert nas.silent(other).message == "suspended"


def test_one_person_in_both_directories_gets_the_better_of_each_limit(centre, nas, phone):
    best = centre.add_person_in_both(phone, "residente", "banda-larga")
    reply = nas.silent(phone)
    assert reply.number(radius.SESSION_TIMEOUT) == best["session_s"] == 43200
    assert reply.number(radius.WISPR_UP) == best["up_kbps"] * 1000 == 15_000_000
    assert reply.number(radius.WISPR_DOWN) == best["down_kbps"] * 1000 == 30_000_000


def test_a_router_that_asks_whether_the_server_lives_gets_a_signed_answer(nas):
    access, accounting = nas.status()
    assert access.code == radius.ACCEPT and accounting.code == radius.ACCT_RESPONSE


def test_a_square_that_fills_at_once_is_not_dropped_by_the_socket(centre, nas):
    """A default socket holds some 270 datagrams; here 3,000 arrive while the server is stopped."""
    assert int(open("/proc/sys/net/core/rmem_max", encoding="ascii").read()) >= 4194304
    body = radius.attribute(radius.SERVICE_TYPE, radius.CALL_CHECK)
    centre.radius.kill(signal.SIGSTOP, wait=False)
    sent = nas.flood(3000, body)
    held = centre.namespace.run("ss", "-Huamn", "sport", "=", ":1812").stdout
    centre.radius.kill(signal.SIGCONT, wait=False)
    dropped = int(re.search(r",d(\d+)\)", held)[1])
    assert sent == 3000 and dropped == 0, held
    wait_for("the server has read them all", lambda: re.search(
        r"UNCONN\s+0\s", centre.namespace.run("ss", "-Huan", "sport", "=", ":1812").stdout))


def test_forgotten_is_forgotten(centre, nas, phone):
    nas.tap(phone)
    assert nas.silent(phone).accepted
    splash(nas.forget(phone))
    splash(nas.silent(phone))
    assert centre.sql("SELECT * FROM passes WHERE device = ?", centre.pseudonym(phone)) == []
    splash(nas.forget(phone))  # twice is harmless


@pytest.mark.parametrize("known", [False, True], ids=["guest", "card-holder"])
def test_who_leaves_is_not_let_back_in_silently_until_the_next_tap(centre, nas, phone, known):
    if known:
        centre.add_comune_device(phone)
    else:
        nas.tap(phone)
    assert nas.silent(phone).accepted
    session = f"leave-{phone[-2:]}"
    nas.account(phone, radius.START, session)
    nas.account(phone, radius.STOP, session, seconds=9, cause=USER_REQUEST)
    splash(nas.silent(phone))
    assert nas.tap(phone).accepted
    assert nas.silent(phone).accepted
    nas.account(phone, radius.STOP, session, seconds=9, cause=USER_REQUEST)  # the router sends it again
    assert nas.silent(phone).accepted, "a repeated Stop paused the new pass"


def test_an_idle_end_pauses_nothing(centre, nas, phone):
    nas.tap(phone)
    nas.account(phone, radius.STOP, f"idle-{phone[-2:]}", seconds=900, cause=IDLE)
    assert nas.silent(phone).accepted


def test_accounting_is_right_whatever_is_repeated_or_late(centre, nas, phone):
    klass = nas.tap(phone).text(radius.CLASS)
    begin = int(time.time()) - 600
    gig = 1 << 32

    def interim(seconds, up, down):
        assert nas.account(phone, radius.UPDATE, "acct-1", seconds=seconds, up=up, down=down, klass=klass,
                           at=begin + seconds).code == radius.ACCT_RESPONSE

    nas.account(phone, radius.START, "acct-1", klass=klass, at=begin)
    interim(300, 1000, 3 * gig + 5)
    interim(200, 900, 2 * gig)  # late
    interim(300, 1000, 3 * gig + 5)  # again
    row, = centre.sessions(phone)
    assert (row["up_bytes"], row["down_bytes"], row["seconds"]) == (1000, 3 * gig + 5, 300)
    for _ in range(2):
        nas.account(phone, radius.STOP, "acct-1", seconds=600, up=2000, down=4 * gig, cause=IDLE, klass=klass,
                    at=begin + 600)
    interim(400, 1500, 3 * gig + 9)  # after the Stop
    nas.account(phone, radius.START, "acct-1", klass=klass, at=begin)
    row, = centre.sessions(phone)
    assert row == {"session": "acct-1", "nas": "square", "zone": "duomo", "profile": "guest",
                   "identity": klass.split(":")[1], "start": begin, "stop": begin + 600, "seconds": 600,
                   "cause": "Idle-Timeout", "up_bytes": 2000, "down_bytes": 4 * gig}


def test_a_router_that_begins_anew_closes_what_it_had_open(centre, phone):
    nas = Nas(centre.namespace, "127.0.0.1", centre.secret, name="fountain")
    assert nas.account(None, radius.ON, "boot-0").code == radius.ACCT_RESPONSE, "nothing was open: no answer"
    nas.account(phone, radius.START, "reboot-1", at=time.time() - 60)
    assert nas.account(None, radius.ON, "boot-1").code == radius.ACCT_RESPONSE
    row, = centre.sessions(phone)
    assert row["cause"] == "NAS-Reboot" and row["stop"] is not None


def test_chargeable_user_identity_differs_from_operator_to_operator(centre, nas, phone):
    here = nas.tap(phone)
    there = Nas(centre.namespace, "127.0.0.1", centre.secret, name="fountain").silent(phone)
    assert here.attributes[radius.CUI] != there.attributes[radius.CUI]
    assert here.attributes[radius.CLASS] == there.attributes[radius.CLASS]
    assert here.attributes[radius.CUI] == nas.silent(phone).attributes[radius.CUI]


def test_a_request_about_two_devices_is_refused(centre, nas, phone):
    station = phone.upper().replace(":", "-")
    body = (radius.attribute(radius.USER_NAME, "0A-00-00-00-00-99") + radius.attribute(radius.SERVICE_TYPE, 10)
            + radius.attribute(radius.CALLING, station) + radius.attribute(radius.NAS_ID, "square"))
    assert nas._ask(1, 1812, body, 3).code == radius.REJECT
    assert "event=request_invalid" in centre.radius.output()


@pytest.mark.alone
@pytest.mark.parametrize("frozen", ["comune", "provincia"])
def test_a_frozen_directory_is_not_noticed_by_the_others_people(centre, nas, frozen):
    healthy = {"comune": "provincia", "provincia": "comune"}[frozen]
    profile = {"comune": "resident", "provincia": "provincia"}[healthy]
    centre.freeze(frozen)
    worst = 0
    for n in range(1, 20):
        if healthy == "provincia" and n % 10 == 0 or healthy == "comune" and n % 20 == 0:
            continue
        reply = nas.silent(mac_of(healthy, n * 4))
        assert reply.accepted and reply.profile == profile
        worst = max(worst, reply.took * 1000)
    assert worst < 260, f"{worst:.0f} ms"
    fresh = f"0a:79:00:00:00:{1 if frozen == 'comune' else 2:02x}"
    splash(nas.silent(fresh))
    tapped = nas.tap(fresh)
    assert tapped.accepted and tapped.number(radius.SESSION_TIMEOUT) == 300, "decided half blind, for a whole session"
    wait_for("the decision is in the log", lambda: f"unknown={frozen} degraded" in
             (centre.dir / "degraded.log").read_text())
    centre.thaw()
    own = mac_of(frozen, 4)
    wait_for("its own people have all they are entitled to again",
             lambda: (nas.silent(own).number(radius.SESSION_TIMEOUT) or 0) > 300, timeout=5)
    print(f"{frozen} frozen: worst {worst:.0f} ms")


def test_a_device_seen_suspended_stays_out_while_its_directory_hangs(centre, nas):
    suspended = mac_of("provincia", 99 * 4)
    assert nas.silent(suspended).message == "suspended"
    centre.freeze("provincia")
    assert nas.silent(suspended).message == "suspended"
    assert nas.tap(suspended).message == "suspended"
    centre.thaw()


def test_many_requests_at_once_are_all_answered(centre):
    lines = []
    for n in range(2000):
        station = mac_of("comune", n).upper().replace(":", "-")
        lines.append(f'User-Name = "{station}"\nCalling-Station-Id = "{station}"\nService-Type = Call-Check\n'
                     'NAS-Identifier = "square"\nMessage-Authenticator = 0x00\n\n')
    requests = centre.dir / "requests"
    requests.write_text("".join(lines))
    began = time.monotonic()
    r = centre.namespace.run("radclient", "-q", "-s", "-p", "64", "-t", "2", "-r", "1", "-f", requests,
                             "127.0.0.1:1812", "auth", centre.secret, check=False)
    took = time.monotonic() - began
    assert "Lost" in r.stdout and r.stdout.split("Lost")[1].split()[1] == "0", r.stdout
    assert centre.radius.alive()
    print(f"radclient -p 64, all missed: {2000 / took:.0f} requests/s")


def test_freeradius_dash_c_checks_everything_and_dials_nobody(centre, monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")  # which does not work under strace
    with World() as world:
        space = world.namespace("check")
        c = Centre(world, space, "127.0.0.1", clients=["127.0.0.1"])
        c.write()
        strace = space.run("strace", "-f", "-e", "trace=connect,clone,clone3", *c.argv("-C"), check=False)
        assert strace.returncode == 0, strace.stdout[-2000:]
        dialled = [line for line in strace.stderr.splitlines() if "AF_INET" in line and "connect(" in line]
        threads = [line for line in strace.stderr.splitlines() if "CLONE_THREAD" in line]
        assert not dialled and not threads, strace.stderr[-2000:]


def test_a_wrong_configuration_names_file_line_option_and_what_was_expected(centre):
    with World() as world:
        c = Centre(world, world.namespace("check"), "127.0.0.1", options={
            "deadline = 200": "deadline = soon", 'guest = "guest"': 'guest = "nobody"',
            "bandwidth_max_up = most": "bandwidth_max_up = max", "interim_interval = least": "interim = least"})
        c.write()
        r = c.check()
        assert r.returncode != 0
        out = r.stdout + r.stderr
        line = (c.dir / "mods-available/loggia").read_text().split("deadline = soon")[0].count("\n") + 1
        assert f'mods-available/loggia[{line}]: deadline: found "soon", expected a number from 20 to 5000 ms' in out
        assert 'guest: found "nobody", expected the name of a profile section' in out
        assert 'bandwidth_max_up: found "max", expected most|least|home' in out
        assert 'interim: found "interim", expected an option of this section' in out


def test_it_serves_with_the_directories_and_the_database_down():
    with World() as world:
        c = Centre(world, world.namespace("dark"), "127.0.0.1", clients=["127.0.0.1"], people=10, directories=False)
        c.start()
        nas = Nas(c.namespace, "127.0.0.1", c.secret)
        splash(nas.silent("0a:7a:00:00:00:01"))
        tapped = nas.tap("0a:7a:00:00:00:01")
        assert tapped.accepted and tapped.number(radius.SESSION_TIMEOUT) == 300
        lock = subprocess.Popen(["/usr/bin/python3", "-c", f"""
import sqlite3, sys
db = sqlite3.connect({str(c.database)!r}, isolation_level=None)
db.execute("BEGIN EXCLUSIVE"); print("locked", flush=True); sys.stdin.read()"""],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert lock.stdout.readline() == "locked\n"
        late = nas.tap("0a:7a:00:00:00:02", timeout=5)
        lock.communicate("")
        assert late.accepted and late.number(radius.SESSION_TIMEOUT) == 300, "a locked database shut the network"
        assert nas.silent("0a:7a:00:00:00:02").accepted, "the tap of that moment was forgotten"
