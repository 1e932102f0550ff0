"""Accounting against a real FreeRADIUS: every record arrives, in order, once, whatever dies meanwhile."""

import time

import pytest

from city.netns import World, wait_for
from radius_bench import Drive, Server

NOW = 0  # set for each test: a run may take minutes before it comes here
SHORTEST = 160  # bytes of a record on disk


@pytest.fixture(autouse=True)
def now():
    global NOW  # pylint: disable=global-statement
    NOW = int(time.time())


@pytest.fixture
def space():
    with World() as world:
        yield world.namespace("bench")


@pytest.fixture
def server(space):
    return Server(space, "a")


@pytest.fixture
def state(space):
    return space.world.dir / "state"


def mac(i):
    return f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}"


def life(sessions, interims=2):
    """The lives of some sessions, told one event of each after the other."""
    lines = [f"start s{i} {mac(i)} {NOW}" for i in range(sessions)]
    for n in range(interims):
        lines += [f"interim s{i} {mac(i)} {NOW + 60 * (n + 1)} {1000 * n} {5000 * n}" for i in range(sessions)]
    return lines + [f"stop s{i} {mac(i)} {NOW + 600} 9000 90000" for i in range(sessions)]


def of_session(keys, session):
    return [key[1:] for key in keys if key[0] == session]


def assert_in_order_once(server, sessions, interims=2):
    keys = server.keys()
    assert len(keys) == len(set(keys)), f"{len(keys) - len(set(keys))} doubled"
    for i in range(sessions):
        told = [status for status, _ in of_session(keys, f"s{i}")]
        assert told == ["Start"] + ["Interim-Update"] * interims + ["Stop"], f"s{i}: {told}"


def test_counters_of_a_heavy_session_arrive_whole(space, server, state):
    drive = Drive(space, [server.start()], state)
    drive.say(f"stop s1 {mac(1)} {NOW - 100} {5 * 2**32 + 7} {2**40 + 9}")
    drive.until("the acknowledgement", lambda s: s["acknowledged"] == 1)
    record, = server.records()
    assert record["Calling-Station-Id"] == "02-00-00-00-00-01"
    assert int(record["Acct-Input-Gigawords"]) << 32 | int(record["Acct-Input-Octets"]) == 5 * 2**32 + 7
    assert int(record["Acct-Output-Gigawords"]) << 32 | int(record["Acct-Output-Octets"]) == 2**40 + 9
    assert record["Acct-Terminate-Cause"] == "User-Request"
    assert record["Class"] == "0xc100a5"
    assert record["NAS-Identifier"] == "drive"
    assert 100 <= int(record["Acct-Delay-Time"]) <= 103
    drive.quit()


def test_flash_is_not_worn_while_the_centre_answers(space, server, state):
    drive = Drive(space, [server.start()], state)
    drive.say(*life(50))
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 200 and s["waiting"] == 0)
    assert list(state.iterdir()) == []
    assert_in_order_once(server, 50)
    drive.quit()


def test_router_start_and_stop_stand_at_their_place_among_the_sessions(space, server, state):
    drive = Drive(space, [server.start()], state)
    drive.say(f"on {NOW}", *life(20), f"off {NOW + 700}", f"on {NOW + 800}", f"start late {mac(9)} {NOW + 900}")
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 84)
    statuses = [r["Acct-Status-Type"] for r in server.records()]
    assert statuses[0] == "Accounting-On"
    assert statuses[-3:] == ["Accounting-Off", "Accounting-On", "Start"]
    assert_in_order_once(server, 20)
    drive.quit()


def test_outage_of_the_centre_loses_and_doubles_nothing(space, server, state):
    server.start()
    drive = Drive(space, [server], state, timeout_ms=1000, retry_ms=300)
    lines = life(100)
    drive.say(*lines[:100])
    drive.until("the Starts", lambda s: s["acknowledged"] == 100)
    server.kill()
    drive.say(*lines[100:300])
    drive.until("the records on disk", lambda s: s["disk_bytes"] > 200 * SHORTEST and s["waiting"] == 200)
    drive.say(*lines[300:])
    drive.until("the rest on disk too", lambda s: s["waiting"] == 300)
    server.start()
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 400 and s["waiting"] == 0)
    assert_in_order_once(server, 100)
    drive.until("the file empty", lambda s: s["disk_bytes"] == 0)
    assert "event=accounting-queue-empty" in drive.output()
    late = [int(r["Acct-Delay-Time"]) for r in server.records() if r["Acct-Status-Type"] == "Start"]
    assert max(late) < 60
    drive.quit()


def test_crash_of_the_portal_during_an_outage_loses_and_doubles_nothing(space, server, state):
    drive = Drive(space, [server], state, timeout_ms=500, retry_ms=200)
    lines = life(100)
    drive.say(*lines[:300])
    drive.until("the records on disk", lambda s: s["waiting"] == 300 and s["disk_bytes"] > 300 * SHORTEST)
    drive.kill()
    server.start()
    drive = Drive(space, [server], state)
    drive.say(*lines[300:])  # new records, behind the old ones
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 400 and s["waiting"] == 0)
    assert "event=accounting-queue-found records=300" in drive.output()
    assert_in_order_once(server, 100)
    drive.quit()


def test_crash_while_the_queue_is_being_sent_does_not_send_it_all_again(space, server, state):
    sessions = 500
    drive = Drive(space, [server], state, timeout_ms=500, retry_ms=200)
    drive.say(*life(sessions))
    drive.until("the records on disk", lambda s: s["waiting"] == 4 * sessions and s["disk_bytes"] > 4 * sessions * SHORTEST)
    server.start()
    wait_for("some of them", lambda: drive.stats()["acknowledged"] > 200, every=0.005)
    drive.kill()
    assert len(server.keys()) < 4 * sessions, "too late to see anything"
    drive = Drive(space, [server], state)
    drive.until("none waiting", lambda s: s["waiting"] == 0)
    keys = server.keys()
    assert len(set(keys)) == 4 * sessions
    assert len(keys) - len(set(keys)) <= 64, "only what was on the way may come twice"
    drive.quit()


def test_orderly_end_keeps_what_was_not_acknowledged(space, server, state):
    drive = Drive(space, [server], state, timeout_ms=5000)
    drive.say(*life(10))
    drive.until("the records taken", lambda s: s["sent"] == 40)
    drive.quit()  # long before the deadline of the first
    server.start()
    drive = Drive(space, [server], state)
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 40)
    assert_in_order_once(server, 10)
    drive.quit()


def test_power_cut_in_the_middle_of_a_write_loses_that_record_alone(space, server, state):
    drive = Drive(space, [server], state, timeout_ms=300, retry_ms=200)
    drive.say(*life(10))
    drive.until("the records on disk", lambda s: s["waiting"] == 40 and s["disk_bytes"] > 40 * SHORTEST)
    drive.kill()
    queue = state / "accounting.queue"
    queue.write_bytes(queue.read_bytes()[:-100])
    server.start()
    drive = Drive(space, [server], state)
    drive.until("the others", lambda s: s["acknowledged"] == 39 and s["waiting"] == 0)
    assert "event=accounting-queue-torn" in drive.output()
    assert of_session(server.keys(), "s9")[-1][0] == "Interim-Update"  # its Stop was torn
    assert_in_order_once(server, 9)
    drive.quit()


def test_full_disk_is_named_and_costs_no_record(space, server, state):
    state.mkdir()
    space.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", state)
    try:
        drive = Drive(space, [server], state, timeout_ms=300, retry_ms=200)
        drive.say(*life(50))
        drive.until("the alarm", lambda s: s["disk_failing"] and s["waiting"] == 200)
        assert 'event=accounting-disk-failing error="No space left on device" kept=memory' in drive.output()
        assert drive.output().count("event=accounting-disk-failing") == 1
        server.start()
        drive.until("all acknowledged", lambda s: s["acknowledged"] == 200 and s["waiting"] == 0)
        drive.until("the alarm over", lambda s: not s["disk_failing"])
        assert_in_order_once(server, 50)
        drive.quit()
    finally:
        space.run("umount", "-l", state)


def test_long_outage_drops_the_oldest_interims_and_nothing_else(space, server, state):
    """The queue's bound is 1 MiB here: some 3,000 records."""
    drive = Drive(space, [server], state, timeout_ms=300, retry_ms=200, queue_mb=1)
    drive.say(f"start s0 {mac(0)} {NOW}")
    drive.until("the outage", lambda s: s["disk_bytes"] > 0)
    interims = 6000
    for n in range(0, interims, 500):
        drive.say(*[f"interim s0 {mac(0)} {NOW + i + 1}" for i in range(n, n + 500)])
        drive.until("these taken", lambda s: s["sent"] >= n + 501)
    drive.say(f"stop s0 {mac(0)} {NOW + interims + 1}")
    drive.until("the bound kept", lambda s: s["dropped"] > 0 and s["disk_bytes"] < 1.2e6)
    drive.until("all counted", lambda s: s["waiting"] + s["dropped"] == interims + 2)
    assert "event=accounting-queue-full dropped=" in drive.output()
    server.start()
    drive.until("the rest sent", lambda s: s["waiting"] == 0 and s["disk_bytes"] == 0, timeout=60)
    told = of_session(list(dict.fromkeys(server.keys())), "s0")  # a slow server may be told twice
    assert told[0][0] == "Start" and told[-1][0] == "Stop"
    assert len(told) == interims + 2 - drive.stats()["dropped"]
    assert [status for status, _ in told[1:-1]] == ["Interim-Update"] * (len(told) - 2)
    assert len(told) > 2000, "dropped more than it had to"
    drive.quit()


def test_frozen_centre_gets_each_record_in_order_and_may_know_repetitions(space, server, state):
    """What a frozen server finds in its socket when it thaws came twice; the key tells it so."""
    server.start()
    drive = Drive(space, [server], state, timeout_ms=1200, retry_ms=300)
    server.freeze()
    drive.say(*life(10))
    drive.until("the outage noticed", lambda s: s["disk_bytes"] > 0)
    server.thaw()
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 40 and s["waiting"] == 0)
    first = list(dict.fromkeys(server.keys()))
    assert len(first) == 40
    for i in range(10):
        assert [s for s, _ in of_session(first, f"s{i}")] == ["Start", "Interim-Update", "Interim-Update", "Stop"]
    drive.quit()


def test_second_server_takes_the_accounting_when_the_first_is_gone(space, state):
    a = Server(space, "a")
    b = Server(space, "b", auth=2812, acct=2813).start()
    drive = Drive(space, [a, b], state)
    drive.say(*life(20))
    drive.until("all acknowledged", lambda s: s["acknowledged"] == 80)
    assert list(state.iterdir()) == []
    assert_in_order_once(b, 20)
    drive.quit()
