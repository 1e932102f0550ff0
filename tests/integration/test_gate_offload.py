# SPDX-License-Identifier: GPL-2.0-or-later
"""The short cut of devices without a rate (offload = "yes"): the kernel forwards their packets before any rule of
`forward` sees them, and still every byte is counted once, and who is closed is closed with the next packet.

A kernel without flowtables does as if it were not configured, and says so: there those tests alone run."""

import json
import signal
import subprocess

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals, segments_as_on_a_wire
from city.gateworld import ECHO, INTERNET4, INTERNET6, TRAFFIC, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

HEADERS = {INTERNET4: 28, INTERNET6: 48}
MBIT = 125_000
PUMP = 7780
FORGED = 6  # bytes of a forged datagram
LENGTHS = """table inet lengths {
    set seen { typeof udp length; flags dynamic; counter; }
    chain in { type filter hook prerouting priority -400; update @seen { udp length }; }
}"""
NAT = """table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan0" masquerade; }; }
table ip6 nat { chain post { type nat hook postrouting priority 100; oifname "wan0" masquerade; }; }"""


def set_world(world, nat):
    w = GateWorld(world, BUILD, phones=3)
    segments_as_on_a_wire(w)
    if nat:
        w.router.run("nft", "-f", "-", input=NAT)
    w.configure(offload="yes", more='uplinks = {"wan0"}')
    w.start_gate()
    return w


@pytest.fixture(scope="module", params=[True, False], ids=["nat", "routed"])
def city(request):
    with World() as world:
        w = set_world(world, request.param)
        w.nat = request.param
        count_arrivals(w.internet, *(p.space for p in w.phones))
        w.internet.run("nft", "-f", "-", input=LENGTHS)
        yield w


@pytest.fixture
def gate(city):
    if not city.gate.alive():
        city.start_gate()
    with gc.GateClient(city.socket) as g:
        for entry in g.dump():
            g.close_device(entry.mac)
        yield g


@pytest.fixture
def short_cut(city):
    if "offload=yes" not in city.gate.output():
        pytest.skip("this kernel has no flowtables, or not all that the short cut needs")


@pytest.fixture
def phone(city):
    return city.phones[0]


def counter(city, family, name, mac):
    """Packets and bytes that the kernel has counted there; None: no such element."""
    r = city.router.run("nft", "-j", "list", "set", family, "loggia", name, check=False)
    for item in json.loads(r.stdout)["nftables"] if r.returncode == 0 else []:
        for e in item.get("set", {}).get("elem", []):
            if e["elem"]["val"] == mac:
                return e["elem"]["counter"]["packets"], e["elem"]["counter"]["bytes"]
    return None


def reached(city, size):
    """Datagrams with so many bytes in them that came to the far end."""
    listed = json.loads(city.internet.run("nft", "-j", "list", "set", "inet", "lengths", "seen").stdout)["nftables"]
    elements = [e["elem"] for x in listed for e in x.get("set", {}).get("elem", [])]
    return sum(e["counter"]["packets"] for e in elements if e["val"] == size + 8)


def taken(city, phone):
    """Packets that took the short cut: up, down."""
    up, left = (counter(city, "inet", s, phone.mac) for s in ("fast_up", "fast_left"))
    return up[0] - left[0], counter(city, "netdev", "fast_down", phone.mac)[0]


def all_of(entry):
    return entry.up_bytes, entry.up_packets, entry.down_bytes, entry.down_packets


class Flow:
    """One UDP conversation that lasts, to send more and more in."""

    def __init__(self, phone, host, port=ECHO):
        self.overhead = HEADERS[host]
        self.process = subprocess.Popen(phone.space.argv(*TRAFFIC, "flow", host, port), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def send(self, count, size=500, wait=10):
        """How many of them came back; wait: for how long the last one may be away."""
        self.process.stdin.write(f"{count} {size} {wait}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(params=[INTERNET4, INTERNET6], ids=["ipv4", "ipv6"])
def flow(request, city, phone):
    with Flow(phone, request.param) as f:
        yield f


def settled(city, phone, flow, n=50):
    """A flow that is in the short cut: n datagrams each way have been exchanged."""
    before = taken(city, phone)
    assert flow.send(n) == n
    assert min(a - b for a, b in zip(taken(city, phone), before)) > n // 2, "the flow did not take the short cut"


def test_what_cannot_be_had_is_said_and_the_rest_works(city, gate, phone):
    said = city.gate.output()
    assert "offload=yes" in said or ("event=no-offload" in said and "offload=no " in said)
    assert gate.open(phone.mac).status == gc.OK
    with Flow(phone, INTERNET4) as f:
        assert f.send(100) == 100
    assert all_of(gate.read(phone.mac).body) == (52800, 100, 52800, 100)


def test_bytes_of_both_ways_are_counted_to_the_last(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    assert flow.send(1000, 900) == 1000
    bytes_ = 50 * (500 + flow.overhead) + 1000 * (900 + flow.overhead)
    assert all_of(gate.read(phone.mac).body) == (bytes_, 1050, bytes_, 1050)
    assert min(taken(city, phone)) >= 1040
    assert all_of(gate.close_device(phone.mac).body) == (bytes_, 1050, bytes_, 1050)


@pytest.mark.parametrize("host", HEADERS)
def test_tcp_is_counted_as_it_arrived(city, gate, phone, host, short_cut):
    gate.open(phone.mac)
    source = phone.ip4 if host == INTERNET4 else phone.ip6
    before = arrived(city.internet, source), arrived(phone.space, host)
    stream = phone.start_stream(host, city.world.dir / "stream.log")
    wait_for("a stream in the short cut", lambda: min(taken(city, phone)) > 200, 30)
    stream.ask()
    stream.popen.wait(30)
    assert "longest_ms" in stream.output(), stream.output()
    wait_for("the last of it", lambda: "ESTAB" not in phone.space.run("ss", "-tn").stdout)
    e = gate.close_device(phone.mac).body
    assert e.down_bytes == arrived(phone.space, host) - before[1]
    if not city.nat:
        assert e.up_bytes == arrived(city.internet, source) - before[0]


def test_who_is_closed_is_closed_with_the_next_packet_both_ways(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    e = gate.close_device(phone.mac).body
    assert (e.up_packets, e.down_packets) == (50, 50)
    before = reached(city, 333)
    assert flow.send(100, 333, wait=0.1) == 0
    assert reached(city, 333) == before, "what the closed device sent got out"
    assert gate.open(phone.mac).status == gc.OK  # and whoever comes back goes on, from nothing
    assert flow.send(100) == 100
    bytes_ = 100 * (500 + flow.overhead)
    assert all_of(gate.close_device(phone.mac).body) == (bytes_, 100, bytes_, 100)


def test_what_is_under_way_to_a_device_stops_when_it_is_closed(city, gate, phone, short_cut):
    gate.open(phone.mac)
    pump = city.internet.start(*TRAFFIC, "pump", PUMP)
    before = arrived(phone.space, INTERNET4)

    def sent():
        return int(pump.output().rsplit("sent=", 1)[-1] or 0) if "sent=" in pump.output() else 0

    with Flow(phone, INTERNET4, PUMP) as flow:
        flow.send(3, wait=0.1)
        wait_for("a stream to the phone in the short cut", lambda: taken(city, phone)[1] > 200, 30)
        e = gate.close_device(phone.mac).body
        got, so_far = arrived(phone.space, INTERNET4) - before, sent()
        wait_for("the far end to go on for a while", lambda: sent() > so_far + 200, 30)
    pump.stop()
    assert e.down_bytes == got == arrived(phone.space, INTERNET4) - before


@pytest.mark.parametrize("opened", [False, True], ids=["stranger", "with a rate"])
def test_nobody_rides_on_anothers_flow(city, gate, phone, opened, short_cut):
    """The same addresses and ports, from another Ethernet address: it goes through the rules like the first packet."""
    gate.open(phone.mac)
    other = city.phones[1]
    if opened:
        gate.open(other.mac, up=100 * MBIT)
    with Flow(phone, INTERNET4) as flow:
        settled(city, phone, flow)
        before = reached(city, FORGED)
        gateway = json.loads(city.router.run("ip", "-j", "link", "show", "br0").stdout)[0]["address"]
        other.space.run(*TRAFFIC, "forge", "wlan0", gateway, phone.ip4, INTERNET4, flow.port, ECHO, 50)
        assert reached(city, FORGED) - before == (50 if opened else 0)
        assert gate.read(phone.mac).body.up_packets == 50
        if opened:
            assert gate.read(other.mac).body.up_packets == 50


def test_a_gate_that_is_killed_loses_no_byte(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    gate.close()
    city.gate.kill(signal.SIGKILL)
    assert flow.send(200) == 200  # nobody is there
    city.start_gate()
    with gc.GateClient(city.socket) as again:
        assert flow.send(200) == 200
        bytes_ = 450 * (500 + flow.overhead)
        assert all_of(again.read(phone.mac).body) == (bytes_, 450, bytes_, 450)
        assert all_of(again.close_device(phone.mac).body) == (bytes_, 450, bytes_, 450)


def test_a_replacement_goes_on_with_its_counts(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    for i in range(5):
        assert gate.open(phone.mac, timeout=1000 + i, same_session=True).status == gc.OK
        assert flow.send(50) == 50
    bytes_ = 300 * (500 + flow.overhead)
    assert all_of(gate.read(phone.mac).body) == (bytes_, 300, bytes_, 300)


def test_who_gets_a_rate_leaves_the_short_cut_at_once_and_comes_back_without_it(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    gate.open(phone.mac, up=100 * MBIT, down=100 * MBIT, same_session=True)
    assert counter(city, "inet", "fast_up", phone.mac) is None
    assert flow.send(100) == 100
    gate.open(phone.mac, same_session=True)
    settled(city, phone, flow, 100)
    bytes_ = 250 * (500 + flow.overhead)
    assert all_of(gate.read(phone.mac).body) == (bytes_, 250, bytes_, 250)


def test_after_a_foreign_flush_all_is_as_it_was(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    read = gate.read(phone.mac).body
    city.router.run("nft", "flush", "ruleset")
    gate.wait_event(gc.REBUILT)
    if city.nat:
        city.router.run("nft", "-f", "-", input=NAT)
    assert all_of(gate.read(phone.mac).body) == all_of(read)
    settled(city, phone, flow)
    bytes_ = 100 * (500 + flow.overhead)
    assert all_of(gate.read(phone.mac).body) == (bytes_, 100, bytes_, 100)


def test_the_table_at_the_way_out_is_guarded_like_the_other(city, gate, phone, short_cut):
    gate.open(phone.mac)
    city.router.run("nft", "delete", "table", "netdev", "loggia")
    gate.wait_event(gc.REBUILT)
    assert counter(city, "netdev", "fast_down", phone.mac) == (0, 0)


def test_the_table_at_the_way_out_is_missed_by_the_next_gate_too(city, gate, phone, flow, short_cut):
    gate.open(phone.mac)
    settled(city, phone, flow)
    gate.close()
    city.gate.kill(signal.SIGKILL)
    city.router.run("nft", "delete", "table", "netdev", "loggia")
    city.start_gate()
    assert counter(city, "netdev", "fast_down", phone.mac) is not None
    assert flow.send(50) == 50


def test_who_has_a_rate_is_not_in_it(city, gate, phone, flow, short_cut):
    gate.open(phone.mac, up=10 * MBIT)
    assert flow.send(100) == 100
    assert counter(city, "inet", "fast_up", phone.mac) is None
    assert gate.read(phone.mac).body.up_packets == 100


def test_devices_do_not_see_one_another_through_it(city, gate, phone, short_cut):
    other = city.phones[1]
    gate.open(phone.mac)
    gate.open(other.mac)
    for p in (phone, other):
        p.space.ip("route", "add", f"{(other if p is phone else phone).ip4}/32", "via", "10.77.0.1")
    try:
        assert phone.udp(other.ip4, 10, 100)["back"] == 0
    finally:
        for p in (phone, other):
            p.space.ip("route", "del", f"{(other if p is phone else phone).ip4}/32")


def test_an_interface_without_a_bridge(short_cut, city):
    """And the uplink is the default route's."""
    if not city.nat:
        return  # it has a world of its own: once is enough
    with World() as world:
        w = GateWorld(world, BUILD, phones=1)
        r, phone = w.router, w.phones[0]
        r.ip("link", "set", "port0", "nomaster")
        r.batch("addr flush dev br0", "addr add 10.77.0.1/24 dev port0", "addr add fd77::1/64 dev port0 nodad",
                f"route add default via {INTERNET4}")
        w.configure(interfaces=("port0",), offload="yes")
        w.start_gate()
        with gc.GateClient(w.socket) as gate, Flow(phone, INTERNET4) as flow, Flow(phone, INTERNET6) as flow6:
            gate.open(phone.mac)
            settled(w, phone, flow)
            settled(w, phone, flow6)
            bytes_ = 50 * (2 * 500 + 28 + 48)
            assert all_of(gate.close_device(phone.mac).body) == (bytes_, 100, bytes_, 100)
            assert flow.send(20, wait=0.1) == flow6.send(20, wait=0.1) == 0
