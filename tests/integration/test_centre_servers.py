"""Two servers on one database: what is changed on one of them, or by an administrator, counts on the other within 2 s."""

import subprocess
import time

import pytest

from city import radius
from city.centre import Centre
from city.database import Postgres
from city.netns import World, wait_for
from city.radius import Nas
from conftest import BUILD
from test_centre_roaming import Router

# Answers of directories are not remembered, so that a denial shows at once; passes are, for an hour.
OPTIONS = {"found = 30": "found = 0", "not_found = 2": "not_found = 0", "pass = 30": "pass = 3600", "recheck = 40": "recheck = 1"}

_number = iter(range(1, 1000))


@pytest.fixture
def phone():
    return f"0a:6a:00:00:00:{next(_number):02x}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def centre(request):
    with World() as world:
        space = world.namespace("centre")
        postgres = Postgres(world, space) if request.param == "postgresql" else None
        c = Centre(world, space, "127.0.0.1", clients=["127.0.0.1", "127.0.1.1"], people=100, options=OPTIONS, database=postgres)
        if postgres and c.sanitizer():
            pytest.skip("rlm_sql_postgresql makes no connection where the sanitizer is preloaded into the server")
        try:
            if postgres:
                postgres.start()
            yield c.start()
        finally:
            c.stop()
            if postgres:
                postgres.stop()


@pytest.fixture(scope="module")
def second(centre):
    """Another server on the same database."""
    other = centre.second("127.0.0.2")
    yield other
    other.radius.stop()


@pytest.fixture
def nas(centre):
    yield Nas(centre.namespace, "127.0.0.1", centre.secret)
    centre.thaw()


@pytest.fixture
def elsewhere(centre, second):
    """The same router, asking the other server."""
    return Nas(centre.namespace, "127.0.0.2", centre.secret)


def administrate(centre, *words):
    """As loggia-centre(8) has it: its SQL, executed by the database's own program."""
    sql = subprocess.run([BUILD / "radius-module/loggia-centre", "-k", centre.dir / "pseudonym.key", *words],
                         capture_output=True, text=True, check=True).stdout
    if centre.postgres:
        return centre.postgres.psql("-d", "loggia", "-c", sql).stdout
    return subprocess.run(["sqlite3", "-bail", "-cmd", ".timeout 5000", centre.database], input=sql,
                          capture_output=True, text=True, check=True).stdout


def seconds_until(what, probe):
    began = time.monotonic()
    wait_for(what, probe)
    return time.monotonic() - began


def test_forgetting_and_leaving_on_one_server_counts_on_the_other(nas, elsewhere, phone):
    assert nas.tap(phone).accepted
    assert elsewhere.silent(phone).accepted, "the pass of one server is unknown to the other"
    assert not nas.forget(phone).accepted
    began = time.monotonic()
    wait_for("the other server has forgotten it", lambda: not elsewhere.silent(phone).accepted)
    forgot = time.monotonic() - began
    assert nas.tap(phone).accepted and elsewhere.silent(phone).accepted
    nas.account(phone, radius.START, f"s-{phone}", at=time.time() - 300)
    nas.account(phone, radius.STOP, f"s-{phone}", seconds=300, cause=1, at=time.time() + 130)
    assert not nas.silent(phone).accepted
    began = time.monotonic()
    wait_for("nor does the other server let it in silently", lambda: not elsewhere.silent(phone).accepted)
    paused = time.monotonic() - began
    assert nas.tap(phone).accepted
    wait_for("a tap ends it everywhere", lambda: elsewhere.silent(phone).accepted)
    print(f"forgotten after {forgot:.2f} s, paused after {paused:.2f} s")
    assert max(forgot, paused) < 2


def test_a_denial_seen_by_one_server_counts_on_the_other_beside_a_silent_directory(centre, nas, elsewhere):
    mac = "0a:68:00:00:00:01"
    dn = centre.provincia.add_device(mac)
    assert nas.tap(mac).accepted and elsewhere.silent(mac).accepted
    centre.provincia.suspend(dn)
    assert nas.silent(mac).message == "suspended"
    centre.freeze("provincia")
    began = time.monotonic()
    wait_for("the other server shuts it out", lambda: elsewhere.silent(mac).message == "suspended")
    took = time.monotonic() - began
    print(f"denied elsewhere after {took:.2f} s")
    assert took < 2


def test_who_is_banned_is_out_on_every_server_and_cut_off_where_online(centre, nas, elsewhere, phone):
    router = Router(centre, "square")
    try:
        centre.comune.add_device(phone, "dipendente")
        klass = router.tap(phone).text(radius.CLASS)
        assert elsewhere.silent(phone).profile == "staff"
        router.account(phone, radius.START, f"b-{phone}", klass=klass)
        began = time.monotonic()
        administrate(centre, "ban", phone, "--for", "1h", "--reason", "it's spam", "--by", "clerk")
        told = router.told()
        cut = time.monotonic() - began
        assert told[44] == f"b-{phone}".encode() and radius.CALLING not in told
        router.account(phone, radius.STOP, f"b-{phone}", seconds=3, cause=6)
        for server in (nas, elsewhere):
            wait_for("it is out", lambda s=server: s.silent(phone).message == "banned")
        out = time.monotonic() - began
        print(f"banned everywhere after {out:.2f} s, cut off after {cut:.2f} s")
        assert max(cut, out) < 2
        assert nas.tap(phone).message == "banned", "a tap lets in who is banned"
        centre.add_login(f"u{phone[-2:]}", "giusta")
        assert nas.login(phone, f"u{phone[-2:]}", "giusta").message == "banned", "a password lets in who is banned"
        nas.forget(phone)
        assert elsewhere.silent(phone).message == "banned", "who asks to be forgotten is let in"
        assert "it's spam" in administrate(centre, "show", phone)
        administrate(centre, "unban", phone)
        took = max(seconds_until("it is in again", lambda s=server: s.silent(phone).accepted) for server in (nas, elsewhere))
        assert took < 2
    finally:
        router.close()


def test_a_ban_ends_by_itself_and_a_start_that_comes_late_is_cut_too(centre, nas, phone):
    router = Router(centre, "square")
    try:
        administrate(centre, "ban", phone, "--for", "5s")
        assert nas.tap(phone).message == "banned"
        # A router that had let it in just before, and says so now.
        router.account(phone, radius.START, f"late-{phone}")
        assert router.told()[44] == f"late-{phone}".encode()
        router.account(phone, radius.STOP, f"late-{phone}", seconds=3, cause=6)
        wait_for("its time is over", lambda: nas.tap(phone).accepted)
    finally:
        router.close()


def test_an_administrator_forgets_a_pass_everywhere(centre, nas, elsewhere, phone):
    assert nas.tap(phone).accepted and elsewhere.silent(phone).accepted
    administrate(centre, "forget", phone)
    took = max(seconds_until("it is forgotten", lambda s=server: not s.silent(phone).accepted) for server in (nas, elsewhere))
    print(f"forgotten after {took:.2f} s")
    assert took < 2


@pytest.mark.parametrize("words, says", [
    (["ban"], "expected a command and a MAC address"),
    (["bann", "0a:00:00:00:00:01"], 'found "bann", expected ban, unban, forget, show or device'),
    (["ban", "0a:00:00:00:00"], 'found "0a:00:00:00:00", expected a device\'s address'),
    (["ban", "ff:ff:ff:ff:ff:ff"], "expected a device's address"),
    (["ban", "0a:00:00:00:00:01", "--for", "soon"], '--for: found "soon", expected a time like'),
    (["ban", "0a:00:00:00:00:01", "--for", "0d"], '--for: found "0d"'),
    (["ban", "0a:00:00:00:00:01", "--for", "99999999999999999999s"], "expected a time like"),
    (["ban", "0a:00:00:00:00:01", "--reason", "a\n.shell true"], "--reason: expected one line"),
    (["unban", "0a:00:00:00:00:01", "--for", "1d"], "are for ban alone"),
])
def test_what_is_wrong_is_said_and_no_sql_written(tmp_path, words, says):
    key = tmp_path / "key"
    key.write_text("a key of twenty and some\n")
    key.chmod(0o600)
    r = subprocess.run([BUILD / "radius-module/loggia-centre", "-k", key, *words], capture_output=True, text=True, check=False)
    assert r.returncode == 2 and says in r.stderr and r.stdout == ""


def test_a_key_that_others_may_read_is_refused(tmp_path):
    key = tmp_path / "key"
    key.write_text("a key of twenty and some\n")
    key.chmod(0o644)
    r = subprocess.run([BUILD / "radius-module/loggia-centre", "-k", key, "device", "0a:00:00:00:00:01"],
                       capture_output=True, text=True, check=False)
    assert r.returncode == 1 and "others may read it" in r.stderr and r.stdout == ""
    key.chmod(0o600)
    r = subprocess.run([BUILD / "radius-module/loggia-centre", "-k", key, "device", "0A-00-00-00-00-01"],
                       capture_output=True, text=True, check=False)
    assert len(r.stdout.strip()) == 32 and "twenty" not in r.stdout + r.stderr
