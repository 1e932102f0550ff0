"""The RADIUS client against real FreeRADIUS servers: what is asked, what is granted, and what happens
when servers lie, hang, refuse and come back."""

import time

import pytest

from city.netns import World, wait_for
from radius_bench import Drive, Server

KNOWN, UNKNOWN, DENIED = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0d"


@pytest.fixture
def space():
    with World() as world:
        yield world.namespace("bench")


@pytest.fixture
def drives(space):
    """Starts drives, and sees that each ends well (under the sanitizers: without a leak)."""
    started = []

    def start(*servers, **kw):
        started.append(Drive(space, servers, space.world.dir / "state", **kw))
        return started[-1]
    yield start
    for drive in started:
        drive.quit()


def test_known_device_gets_its_whole_profile(space, drives):
    drive = drives(Server(space, "a").start())
    got = drive.ask("silent", "t1", KNOWN)
    assert got["result"] == "accepted"
    assert got["session_s"] == 7200
    assert (got["up_Bps"], got["down_Bps"]) == (250000, 1000000)  # bit/s on the wire, bytes here
    assert got["quota"] == (1 << 32) + 1
    assert got["class_len"] == 3
    assert got["took_us"] < 500000


def test_each_kind_of_question_is_understood_by_the_centre(space, drives):
    drive = drives(Server(space, "a").start())
    splash = drive.ask("silent", "t1", UNKNOWN)
    assert (splash["result"], splash["reason"]) == ("rejected", "")
    denied = drive.ask("silent", "t2", DENIED)
    assert (denied["result"], denied["reason"]) == ("rejected", "suspended")
    assert drive.ask("tap", "t3", UNKNOWN)["result"] == "accepted"
    forgotten = drive.ask("forget", "t4", KNOWN)
    assert (forgotten["result"], forgotten["reason"]) == ("rejected", "")
    assert drive.ask("password", "t5", UNKNOWN, "anna@comune", "Piazza")["result"] == "rejected"


def test_old_account_with_a_long_password_is_let_in(space, drives):
    server = Server(space, "a")
    conf = server.dir / "radiusd.conf"
    long = "lunga-" * 15  # several 16-byte blocks
    conf.write_text(conf.read_text().replace("Piazza Mercatale 1", long))
    drive = drives(server.start())
    assert drive.ask("password", "t1", UNKNOWN, "anna@comune", long)["result"] == "accepted"
    assert drive.ask("password", "t2", UNKNOWN, "anna@comune", long[:-1] + "x")["result"] == "rejected"


def test_answer_without_message_authenticator_opens_nothing(space, drives):
    drive = drives(Server(space, "a", message_authenticator=False).start(), timeout_ms=1000, retry_ms=300)
    got = drive.ask("silent", "t1", KNOWN)
    assert got["result"] == "no-answer"
    assert got["took_us"] >= 990000  # a forger cannot end the question before its time
    stats = drive.stats()["servers"][0]
    assert stats["no-message-authenticator"] >= 1
    assert "event=radius-reply-dropped server=a fault=no-message-authenticator" in drive.output()


def test_wrong_secret_is_no_answer_and_shown_in_no_log(space, drives):
    drive = drives(Server(space, "a").start(), timeout_ms=800, retry_ms=300, secret="another-secret")
    assert drive.ask("silent", "t1", KNOWN)["result"] == "no-answer"
    assert 'event=radius-server-down server=a for=access why="no answer"' in drive.output()
    assert "another-secret" not in drive.output()


@pytest.mark.alone
def test_frozen_server_costs_one_wait_and_no_more(space, drives):
    a = Server(space, "a").start()
    b = Server(space, "b", auth=2812, acct=2813).start()
    drive = drives(a, b, timeout_ms=2000, retry_ms=400)
    assert drive.ask("silent", "t1", KNOWN)["result"] == "accepted"
    a.freeze()
    first = drive.ask("silent", "t2", KNOWN)
    assert first["result"] == "accepted"
    assert 900000 < first["took_us"] < 1900000  # half of the time was the frozen server's
    second = drive.ask("silent", "t3", KNOWN)
    assert second["result"] == "accepted" and second["took_us"] < 200000
    a.thaw()
    drive.until("the thawed server back by Status-Server", lambda s: s["servers"][0]["alive"])
    assert "event=radius-server-up server=a for=access" in drive.output()
    before = drive.stats()["servers"][0]["requests"]
    assert drive.ask("silent", "t4", KNOWN)["result"] == "accepted"
    assert drive.stats()["servers"][0]["requests"] == before + 1


def test_nobody_listening_costs_no_wait_at_all(space, drives):
    a = Server(space, "a")
    b = Server(space, "b", auth=2812, acct=2813).start()
    drive = drives(a, b)
    got = drive.ask("silent", "t1", KNOWN)
    assert got["result"] == "accepted" and got["took_us"] < 300000
    assert 'event=radius-server-down server=a for=access why="Connection refused"' in drive.output()
    assert drive.stats()["servers"][0]["timeouts"] == 0


def test_centre_that_restarts_meanwhile_still_answers_the_tap(space, drives):
    a = Server(space, "a")
    drive = drives(a, timeout_ms=8000, retry_ms=300)
    drive.say(f"tap t1 {UNKNOWN}")
    wait_for("the refusal", lambda: "Connection refused" in drive.output())
    a.start()
    assert drive.wait(lambda line: line.get("tag") == "t1")["result"] == "accepted"


@pytest.mark.alone
def test_all_servers_gone_ends_at_the_deadline_and_not_later(space, drives):
    drive = drives(Server(space, "a"), Server(space, "b", auth=2812, acct=2813), timeout_ms=1000)
    began = time.monotonic()
    assert drive.ask("tap", "t1", KNOWN)["result"] == "no-answer"
    assert 0.95 < time.monotonic() - began < 1.6


def test_full_square_after_a_blackout_is_served(space, drives):
    """More questions than one socket has identifiers, at once; each gets its own answer."""
    drive = drives(Server(space, "a").start(), timeout_ms=10000)
    drive.say("flood f 3000")
    for _ in range(3000):
        got = drive.wait(lambda line: line.get("tag", "").startswith("f-"))
        assert got["result"] == "accepted", got
    stats = drive.stats()["servers"][0]
    assert stats["requests"] == 3000
    assert stats["bad-authenticator"] == 0 and stats["malformed"] == 0
    assert stats["retransmissions"] < 150, stats
