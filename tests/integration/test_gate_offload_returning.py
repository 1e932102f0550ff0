# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of the short cut (offload = "yes") that come back uncounted after a foreign flush: the gate is stopped in the
middle of it, as in test_gate_returning.py, while conversations that were in the flowtable at the flush go on.

All of it needs flowtables in the kernel: see make check-kernel-uml."""

import contextlib
import re
import signal

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD
from test_gate_offload import LENGTHS, Flow, all_of, counter, reached, settled, taken
from test_gate_returning import flush_until_stopped, sizes, start_that_stops

OTHERS = [f"02:9c:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(300)]
# Messages that name the set: one at the gate's start; after the flush one with all devices, one with the rules, then 64 devices each.
NONE_COUNTED, SOME_COUNTED = 3, 5
CAP = 10**7
MARKED = 333  # bytes of a datagram that nobody else sends


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD)
        w.internet.run("nft", "-f", "-", input=LENGTHS)
        w.configure(offload="yes", more='uplinks = {"wan0"}')
        w.start_gate()
        if "offload=yes" not in w.gate.output():
            pytest.skip("this kernel has no flowtables, or not all that the short cut needs")
        yield w


@pytest.fixture
def flows(city):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Flow(city.phones[0], host)) for host in (INTERNET4, INTERNET6)]


@pytest.fixture
def midway(city, preload, flows):
    """A gate with many fast devices, stopped at that message after a flush. Phone 0 is one of them and has 50 packets
    a flow on its account; idle: it is the last to return, or else the first. Phone 1 is not open."""
    city.gate.stop()
    city.router.run("nft", "flush", "ruleset")
    city.configure(offload="yes", more='uplinks = {"wan0"}')

    def at(message, idle=True):
        g, phone = start_that_stops(city, preload, message, OTHERS), city.phones[0]
        g.open(phone.mac)
        for flow in flows:
            settled(city, phone, flow)
        assert all_of(g.read(phone.mac).body) == counted(flows, 50)
        flush_until_stopped(city, g, [phone.mac] if idle else OTHERS)
        return g
    yield at
    city.gate.kill()
    assert "Sanitizer" not in city.gate.output() and "runtime error" not in city.gate.output(), city.gate.output()[-6000:]
    city.configure(offload="yes", more='uplinks = {"wan0"}')
    city.start_gate()


def counted(flows, packets):
    """What the gate is to say when each has sent so many, of 500 bytes."""
    bytes_ = sum(packets * (500 + f.overhead) for f in flows)
    return bytes_, packets * len(flows), bytes_, packets * len(flows)


def goes_on(flows, packets=20):
    assert [flow.send(packets) for flow in flows] == [packets] * len(flows)


def closed(city, flows):
    before = reached(city, MARKED)
    assert [flow.send(20, MARKED, wait=0.1) for flow in flows] == [0] * len(flows)
    assert reached(city, MARKED) == before, "what the closed device sent got out"


def stranger_is_out(city):
    assert [city.phones[1].udp(host, 5, 100)["back"] for host in (INTERNET4, INTERNET6)] == [0, 0]


def let_go(city, devices):
    """The gate goes on, until all are counted."""
    city.gate.popen.send_signal(signal.SIGCONT)
    wait_for_text(city.gate, "event=all-counted")
    assert sizes(city) == ([devices] * 3, False)


def test_who_is_in_the_flowtable_at_the_flush_goes_on_uncounted_and_is_back_in_it(city, midway, flows):
    g, phone = midway(NONE_COUNTED), city.phones[0]
    assert sizes(city) == ([len(OTHERS) + 1, 0, 0], True)
    assert counter(city, "inet", "fast_up", phone.mac) is counter(city, "netdev", "fast_down", phone.mac) is None
    goes_on(flows)
    stranger_is_out(city)
    let_go(city, len(OTHERS) + 1)
    assert all_of(g.read(phone.mac).body) == counted(flows, 50), "nothing twice; what passed uncounted is on no account"
    for flow in flows:
        settled(city, phone, flow)
    assert all_of(g.close_device(phone.mac).body) == counted(flows, 100)
    closed(city, flows)
    stranger_is_out(city)


def test_who_is_counted_first_takes_the_short_cut_while_others_are_uncounted_and_loses_no_byte(city, midway, flows):
    g, phone = midway(SOME_COUNTED, idle=False), city.phones[0]
    (ids, up, down), there = sizes(city)
    assert ids == len(OTHERS) + 1 and 0 < up == down < ids and there
    for flow in flows:
        settled(city, phone, flow)
    stranger_is_out(city)
    let_go(city, len(OTHERS) + 1)  # for which flowtable and hooks are made anew
    for flow in flows:
        settled(city, phone, flow)
    assert all_of(g.close_device(phone.mac).body) == counted(flows, 150)
    closed(city, flows)


def test_who_is_closed_while_he_is_uncounted_is_closed_at_once_and_told_what_was_counted(city, midway, flows):
    g, phone = midway(NONE_COUNTED), city.phones[0]
    goes_on(flows)
    number = int(re.search(phone.mac + r" .*? : (0x[0-9a-f]+)", city.table())[1], 16)
    closing = g.send_device(gc.CLOSE, phone.mac)
    city.gate.popen.send_signal(signal.SIGCONT)
    last = g.wait(closing)
    assert (last.status, all_of(last.body)) == (gc.OK, counted(flows, 50))
    assert f"0x{number:08x}" not in city.table(), "neither a direction nor its flows"
    closed(city, flows)
    let_go(city, len(OTHERS))
    assert counter(city, "inet", "fast_up", phone.mac) is counter(city, "netdev", "fast_down", phone.mac) is None
    closed(city, flows)
    assert g.open(phone.mac).status == gc.OK
    for flow in flows:
        settled(city, phone, flow)
    assert all_of(g.close_device(phone.mac).body) == counted(flows, 50), "from nothing"


def test_who_gets_a_rate_while_he_is_uncounted_has_it_and_keeps_what_was_counted(city, midway, flows):
    g, phone = midway(NONE_COUNTED), city.phones[0]
    replacing = g.send_open(phone.mac, up=CAP, down=CAP, same_session=True)
    city.gate.popen.send_signal(signal.SIGCONT)
    assert g.wait(replacing).status == gc.OK
    goes_on(flows, 50)
    assert counter(city, "inet", "fast_up", phone.mac) is None
    let_go(city, len(OTHERS) + 1)
    goes_on(flows, 50)
    last = g.close_device(phone.mac).body
    assert (all_of(last), last.up_Bps) == (counted(flows, 150), CAP)
    closed(city, flows)


@pytest.mark.parametrize("message, idle, offload", [(NONE_COUNTED, True, "yes"), (SOME_COUNTED, True, "yes"),
                                                    (SOME_COUNTED, False, "yes"), (NONE_COUNTED, True, "no"),
                                                    (SOME_COUNTED, False, "no")],
                         ids=["none", "others", "phone", "none, then without", "phone, then without"])
def test_a_gate_that_dies_while_fast_devices_return_has_a_successor_that_counts_them(city, midway, flows, message, idle, offload):
    """Counted already: none, some but not the phone, or the phone, too. Without: the short cut is not configured any more."""
    midway(message, idle)
    phone = city.phones[0]
    goes_on(flows)
    city.gate.kill()
    goes_on(flows)
    stranger_is_out(city)
    city.configure(offload=offload, more='uplinks = {"wan0"}')
    city.start_gate()
    assert "event=return-goes-on" in city.gate.output()
    wait_for_text(city.gate, "event=all-counted")
    assert sizes(city) == ([len(OTHERS) + 1] * 3, False)
    so_far = 50 if idle else 90
    with gc.GateClient(city.socket) as again:
        assert all_of(again.read(phone.mac).body) == counted(flows, so_far)
        if offload == "yes":
            for flow in flows:
                settled(city, phone, flow)
        else:
            goes_on(flows, 50)
        assert all_of(again.read(phone.mac).body) == counted(flows, so_far + 50)
        stranger_is_out(city)
        assert all_of(again.close_device(phone.mac).body) == counted(flows, so_far + 50)
        closed(city, flows)
