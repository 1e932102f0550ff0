# SPDX-License-Identifier: GPL-2.0-or-later
"""What gets through the gate while its table is missing: with the guard nothing, without it for 50 ms at most."""

import contextlib
import itertools
import json
import math
import os
import pathlib
import re
import signal
import time

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, TRAFFIC, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

PROBER = [TRAFFIC[0], pathlib.Path(__file__).with_name("gate_prober.py")]
PORT = 7999
SOAK = bool(os.environ.get("LOGGIA_SOAK"))
MANY = 100_000 if SOAK else 10_000
RULES = "blackhole"


@pytest.fixture(scope="module")
def city():
    with World() as world:
        yield GateWorld(world, BUILD)


@pytest.fixture
def gate(city):
    """Starts the gate with the option that the test asks for."""
    with contextlib.ExitStack() as stack:
        def start(guard, devices=0):
            city.configure(guard=guard, max_clients=2 * MANY)
            city.start_gate()
            g = stack.enter_context(gc.GateClient(city.socket))
            for entry in g.dump():
                g.close_device(entry.mac)
            macs = [f"02:9a:00:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}" for i in range(devices)]
            for some in range(0, devices, 1000):
                for seq in [g.send_open(m) for m in macs[some:some + 1000]]:
                    assert g.wait(seq).status == gc.OK
            return g
        yield start
    city.gate.stop()


@contextlib.contextmanager
def hammering(city, host):
    """An unauthorised phone's; .report is there afterwards."""
    counter = city.internet.start(*PROBER, "count", PORT)
    flood = city.phones[1].space.start(*PROBER, "flood", host, PORT)
    found = {}
    try:
        wait_for_text(counter, "ready")
        wait_for_text(flood, "ready")
        yield found
    finally:
        flood.stop()
        counter.stop()
    found.update(json.loads(counter.output().splitlines()[-1]), **json.loads(flood.output().splitlines()[-1]))


def flushed(city, gate):
    city.router.run("nft", "flush", "ruleset")
    return gate.wait_event(gc.REBUILT).gap_us


def rules(city):
    return [city.router.run("ip", f, "rule").stdout.count(RULES) for f in ("-4", "-6")]


@pytest.mark.parametrize("host", [INTERNET4, INTERNET6])
def test_with_the_guard_not_one_packet_passes_during_a_foreign_flush(city, gate, host):
    g = gate("yes", devices=2000)
    phone = city.phones[0]
    g.open(phone.mac)
    with hammering(city, host) as found:
        for _ in range(8):
            flushed(city, g)
    print(found)
    assert found["sent"] > 1000 and found["through"] == []
    assert phone.udp(host, 10, 100)["back"] == 10, "who is open is online again"


def test_without_the_guard_a_foreign_flush_opens_the_gate_for_50_ms_at_most(city, gate):
    g = gate("no", devices=2000)
    began, told = [], []
    with hammering(city, INTERNET4) as found:
        for _ in range(8):
            began.append(time.monotonic())
            told.append(flushed(city, g))
    through = [[t for t in found["through"] if a <= t < b] for a, b in itertools.pairwise([*began, math.inf])]
    seen = [round((t[-1] - t[0]) * 1000, 2) if t else 0 for t in through]
    print(f"{len(found['through'])} packets of {found['sent']}; ms: {seen}; as the gate tells: {told} us")
    assert max(seen) < 50


def test_with_the_guard_a_gate_that_is_dead_leaves_nothing_open(city, gate):
    g = gate("yes")
    g.open(city.phones[0].mac)
    city.gate.kill()
    with hammering(city, INTERNET4) as found:
        city.router.run("nft", "flush", "ruleset")
        assert city.phones[0].udp(INTERNET4, 2, 100)["back"] == 0, "and no session either"
        assert city.phones[0].udp("10.77.0.1", 2, 100)["back"] == 2, "but the router itself is there"
    assert found["sent"] > 1000 and found["through"] == []


def test_the_guard_costs_nobody_what_the_gate_allows(city, gate):
    g = gate("yes")
    one, other = city.phones
    g.open(one.mac)
    city.router.run("nft", f"add element inet loggia garden4 {{ {INTERNET4} }}")
    for host in (INTERNET4, INTERNET6):
        assert one.udp(host, 10, 100)["back"] == 10
    assert other.udp(INTERNET4, 10, 100)["back"] == 10, "the walled garden"
    assert other.udp("10.77.0.1", 3, 100, port=53)["said"] == "router 53"
    assert other.udp("192.0.2.53", 3, 100, port=53)["said"] == "router 53", "DNS is redirected"
    assert other.tcp("192.0.2.80", 80)["said"] == "router 2080", "the portal is met"
    refused = other.tcp("198.51.100.9", 443)
    assert (refused["end"], refused["ms"] < 500) == ("refused", True), "and nobody waits for HTTPS"
    assert other.udp(INTERNET6, 3, 100)["back"] == 0


def test_an_unguarded_gate_takes_the_guards_rules_away(city, gate):
    gate("yes")
    assert rules(city) == [1, 1]
    city.gate.kill()
    assert rules(city) == [1, 1], "they outlive the gate"
    gate("no")
    assert rules(city) == [0, 0]


def test_removing_the_table_removes_the_guard(city, gate):
    gate("yes")
    city.gate.stop()
    assert rules(city) == [1, 1]
    r = city.router.run(city.binary, "-c", city.conf, "--remove", check=False)
    assert (r.returncode, rules(city)) == (0, [0, 0]), r.stderr


def test_the_guards_rules_come_back_when_somebody_flushes_both(city, gate):
    g = gate("yes")
    city.router.run("sh", "-c", "ip -4 rule del pref 10; ip -6 rule del pref 10; nft flush ruleset")
    g.wait_event(gc.REBUILT)
    wait_for("the rules", lambda: rules(city) == [1, 1])


def counted(city, phone):
    """Packets of its that the kernel has let through; asked of the kernel, not of the gate."""
    listed = city.router.run("nft", "get", "element", "inet", "loggia", "ids", f"{{ {phone.mac} }}", check=False).stdout
    number = re.search(r" : (0x[0-9a-f]+)", listed)
    key = f"{phone.mac} . {number[1] if number else 0}"
    r = city.router.run("nft", "get", "element", "inet", "loggia", "up", f"{{ {key} }}", check=False)
    found = re.search(r"counter packets (\d+)", r.stdout)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("devices", [10_000, *([100_000] if SOAK else [])])
def test_after_a_foreign_flush_who_was_seen_to_send_is_online_before_all_the_others_are(city, gate, devices):
    """Of two whose passes end last, one was seen to send, and nobody waits for those behind."""
    g = gate("no", devices=devices)
    for phone in city.phones:
        g.open(phone.mac, timeout=20_000)
    known, busy = [entry.mac for entry in g.dump()], city.phones[0]
    for some in range(0, len(known), 1000):
        for seq in [g.send_device(gc.READ, m) for m in known[some:some + 1000]]:
            assert g.wait(seq).status == gc.OK
    counters = [city.internet.start(*PROBER, "count", PORT + i) for i in range(2)]
    pours = [p.space.start(*TRAFFIC, "pour", INTERNET4, PORT + i, 20, 1000) for i, p in enumerate(city.phones)]
    for counter in counters:
        wait_for_text(counter, "ready")
    wait_for("both send", lambda: all(counted(city, p) > 100 for p in city.phones))
    began = []
    for _ in range(4):
        assert g.read(busy.mac).body.up_packets > 0
        city.gate.popen.send_signal(signal.SIGSTOP)  # so that both gaps begin when the gate wakes
        city.router.run("nft", "flush", "ruleset")
        began.append(time.monotonic())
        city.gate.popen.send_signal(signal.SIGCONT)
        g.wait_event(gc.REBUILT, timeout=60)
        back = [counted(city, p) for p in city.phones]
        wait_for("both are back", lambda n=back: all(counted(city, p) > k + 200 for p, k in zip(city.phones, n, strict=True)))
    for process in (*pours, *counters):
        process.stop()
    arrivals = [json.loads(c.output().splitlines()[-1])["through"] for c in counters]
    found = []
    for a, b in itertools.pairwise([*began, math.inf]):
        waits = [max(y - x for x, y in itertools.pairwise(t) if a <= y and x < b) for t in arrivals]
        found.append([round(1000 * w, 1) for w in waits])
    whole = [int(us) // 1000 for us in re.findall(r"restored_us=(\d+)", city.gate.output())]
    print(f"{devices} devices: all are back after {whole} ms; longest gaps of who was seen to send and of who was not {found} ms")
    assert min(first / last for first, last in found) < 0.5, "once in four; others may keep this machine busy"
