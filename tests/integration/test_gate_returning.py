# SPDX-License-Identifier: GPL-2.0-or-later
"""After a foreign flush many devices are open before they are counted: the gate is stopped in the middle of it, at the
very message, and what is open then, what is closed then, and what a gate that dies there leaves, is looked at."""

import pathlib
import re
import signal
import time

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

OTHERS = [f"02:9b:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(2500)]
# Messages of the gate's that name the set: one at its start; after the flush three with devices, one with the rules, then 64 devices each.
FIRST_ONES, SOME_MISSING, NONE_COUNTED, SOME_COUNTED = 2, 3, 5, 21
CAP = 10**7


@pytest.fixture
def city():
    with World() as world:
        made = GateWorld(world, BUILD)
        yield made
        made.gate.stop()
        for process in world.processes:
            assert "Sanitizer" not in process.output() and "runtime error" not in process.output(), process.output()[-6000:]


def stopped(city):
    status = pathlib.Path(f"/proc/{city.gate_pid()}/status").read_text()
    return "State:\tT" in status


def start_that_stops(city, preload, message, others, **options):
    """A gate that stops itself at that message, with so many other devices."""
    city.start_gate(env={"LD_PRELOAD": str(preload), "ASAN_OPTIONS": "verify_asan_link_order=0", "STOP": str(message),
                         "STOP_NAMED": "uncounted"})
    g = gc.GateClient(city.socket)
    for seq in [g.send_open(m, **options) for m in others]:
        assert g.wait(seq).status == gc.OK
    return g


def flush_until_stopped(city, g, idle):
    for _ in range(2):  # the second time they are known to be idle; who has just joined counts as busy
        for mac in idle:
            assert g.read(mac).status == gc.OK
    city.router.run("nft", "flush", "ruleset")
    wait_for("the gate stops", lambda: stopped(city))


@pytest.fixture
def midway(city, preload):
    """A gate with many devices, stopped at that message after a flush; phone 0 is open, was seen to have sent ten
    packets, phone 1 is not open. idle: phone 0 is, and so the last to return; or else all the others are."""
    def at(message, idle=True):
        g, phone = start_that_stops(city, preload, message, OTHERS, tag="s=1"), city.phones[0]
        g.open(phone.mac, up=CAP, down=CAP, tag="s=phone")
        assert phone.udp(INTERNET4, 10, 100)["back"] == 10
        flush_until_stopped(city, g, [phone.mac] if idle else OTHERS)
        return g
    return at


def back(city, i, host=INTERNET4):
    return city.phones[i].udp(host, 5, 100)["back"]


def sizes(city):
    """Elements of ids, up and down; and whether the set of those who are not counted is there."""
    text = city.table()
    blocks = dict(re.findall(r"\t(?:set|map) (\w+) \{(.*?)\n\t\}", text, re.S))
    return [blocks[name].count("expires") for name in ("ids", "up", "down")], "uncounted" in text


def went_on(city, devices):
    wait_for_text(city.gate, "event=all-counted")
    assert sizes(city) == ([devices] * 3, False)
    assert (back(city, 0), back(city, 0, INTERNET6), back(city, 1)) == (5, 5, 0)


def test_who_returned_is_online_before_he_is_counted_and_who_was_not_open_is_not(city, midway):
    g = midway(NONE_COUNTED)
    stopped_at, before = time.monotonic(), g.hello_reply.body
    (ids, up, down), there = sizes(city)
    assert (ids, up, down, there) == (len(OTHERS) + 1, 0, 0, True)
    assert (back(city, 0), back(city, 0, INTERNET6), back(city, 1), back(city, 1, INTERNET6)) == (5, 5, 0, 0)
    assert city.phones[1].tcp("192.0.2.80", 80)["said"] == "router 2080", "who is not open is led to the portal again"
    stood_us = (time.monotonic() - stopped_at) * 1e6
    city.gate.popen.send_signal(signal.SIGCONT)
    g.wait_event(gc.REBUILT)
    went_on(city, len(OTHERS) + 1)
    e = g.read(city.phones[0].mac).body
    assert (e.up_packets, e.up_Bps, e.tag) == (20, CAP, "s=phone"), "as read last, and what came behind"
    now = g.hello().body
    assert now.longest_turn_us >= now.longest_turn_waited_us >= stood_us, "so long it served nobody, and it was not its own work"
    assert before.slow_turns < now.slow_turns <= now.turns


def test_who_was_seen_to_send_is_back_in_the_first_transaction(city, midway):
    midway(FIRST_ONES, idle=False)
    assert sizes(city) == ([1000, 0, 0], True)
    assert (back(city, 0), back(city, 0, INTERNET6), back(city, 1)) == (5, 5, 0)
    city.gate.popen.send_signal(signal.SIGCONT)
    went_on(city, len(OTHERS) + 1)


def test_as_long_as_some_are_missing_nobody_elses_conversation_is_refused(city, midway):
    midway(SOME_MISSING)
    assert back(city, 0) == back(city, 1) == 0
    assert city.phones[0].tcp(INTERNET4, 443)["end"] == "timeout", "he is the last one, and tries again"
    city.gate.popen.send_signal(signal.SIGCONT)
    went_on(city, len(OTHERS) + 1)


def test_whoever_is_closed_or_replaced_while_devices_return_is(city, midway):
    g = midway(NONE_COUNTED)
    phone = city.phones[0]
    assert back(city, 0) == 5, "and its flow stays in conntrack"
    number = int(re.search(phone.mac + r" .*? : (0x[0-9a-f]+)", city.table())[1], 16)
    closing, replacing = g.send_device(gc.CLOSE, phone.mac), g.send_open(OTHERS[0], up=CAP, tag="s=2")
    city.gate.popen.send_signal(signal.SIGCONT)
    assert (g.wait(closing).status, g.wait(replacing).status) == (gc.OK, gc.OK)
    table = city.table()
    assert f"0x{number:08x}" not in table, "neither a direction nor its flows"
    assert back(city, 0) == 0
    wait_for_text(city.gate, "event=all-counted")
    assert sizes(city) == ([len(OTHERS)] * 3, False)
    assert (g.read(OTHERS[0]).body.tag, g.read(OTHERS[0]).body.up_Bps) == ("s=2", CAP)
    assert back(city, 0) == back(city, 1) == 0


@pytest.mark.parametrize("message", [SOME_MISSING, NONE_COUNTED, SOME_COUNTED])
def test_a_gate_that_dies_while_devices_return_leaves_nothing_open_and_its_successor_goes_on(city, midway, message):
    midway(message)
    city.gate.kill()
    assert back(city, 1) == 0, "while there is none"
    assert back(city, 0) == (0 if message == SOME_MISSING else 5)
    city.start_gate()
    assert "event=return-goes-on" in city.gate.output()
    with gc.GateClient(city.socket) as again:
        assert back(city, 1) == 0
        if message == SOME_MISSING:
            assert again.open(city.phones[0].mac).status == gc.OK, "who is lost joins again"
        wait_for_text(city.gate, "event=all-counted")
        (ids, up, down), there = sizes(city)
        assert ids == up == down and not there
        assert ids == len(OTHERS) + 1 if message != SOME_MISSING else ids > 1000
        assert (back(city, 0), back(city, 1)) == (5, 0)
        assert again.read(city.phones[0].mac).body.up_packets >= (5 if message == SOME_MISSING else 15), "not from zero"
    city.gate.kill()
    city.start_gate()
    assert "event=return-goes-on" not in city.gate.output(), "nothing is left of it"


def test_another_flush_and_another_interface_in_the_middle_of_it_do_no_harm(city, midway):
    g = midway(SOME_COUNTED)
    city.configure(interfaces=("br0", "br1"))
    city.gate.popen.send_signal(signal.SIGHUP)
    city.gate.popen.send_signal(signal.SIGCONT)
    wait_for_text(city.gate, "event=reloaded interfaces=2")
    assert (back(city, 0), back(city, 1)) == (5, 0)
    city.router.run("nft", "flush", "ruleset")
    g.wait_event(gc.REBUILT)
    g.wait_event(gc.REBUILT)
    wait_for("all are counted", lambda: sizes(city) == ([len(OTHERS) + 1] * 3, False), timeout=20)
    assert (back(city, 0), back(city, 1)) == (5, 0)
