# SPDX-License-Identifier: GPL-2.0-or-later
"""shaping = "htb": what is above a device's rate waits instead of being dropped, on the real kernel's queues."""

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals, segments_as_on_a_wire
from city.flows import Flow, measure
from city.gateworld import INTERNET4, INTERNET6, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

KBIT = 125  # bytes a second
COMBINATIONS = [(way, kind) for way in ("up", "down") for kind in ("tcp", "udp")]
RATES = [1_000, 10_000]


@pytest.fixture(scope="module")
def world():
    with World() as world:
        w = GateWorld(world, BUILD, phones=len(COMBINATIONS) * len(RATES))
        segments_as_on_a_wire(w)
        br_netfilter(w, 0)
        count_arrivals(w.internet, *(p.space for p in w.phones))
        yield w


def br_netfilter(w, on):
    for family in ("ip", "ip6"):
        w.router.run("sh", "-c", f"echo {on} > /proc/sys/net/bridge/bridge-nf-call-{family}tables", check=on)


def gate_with(w, **options):
    if w.gate:
        w.gate.stop()
        w.router.run(w.binary, "--remove", "-c", w.conf)
    w.configure(**options)
    w.start_gate()
    return w


@pytest.fixture
def city(world):
    return gate_with(world, shaping="htb")


@pytest.fixture
def line(world):
    """A router that knows how much its line carries."""
    return gate_with(world, shaping="htb", line_up=4000, line_down=8000)


@pytest.fixture
def gate(city):
    with gc.GateClient(city.socket) as g:
        yield g


@pytest.fixture
def phone(world):
    return world.phones[0]


def classes(w, direction):
    shown = w.router.run("tc", "class", "show", "dev", f"loggia-{direction}").stdout
    return "\n".join(line for line in shown.splitlines() if " htb " in line)


@pytest.mark.alone
def test_a_shaped_device_gets_its_rate_within_a_tenth(city, gate):
    phones, flows = iter(city.phones), []
    for kbit in RATES:
        for way, kind in COMBINATIONS:
            phone = next(phones)
            gate.open(phone.mac, up=kbit * KBIT, down=kbit * KBIT)
            flows.append((kind, Flow(city, phone, way, kind, kbit)))
    measure([f for _, f in flows], 4)
    got = {(f.kbit, f.way, kind): round(f.ratio(), 3) for kind, f in flows}
    print(got)
    assert not {k: r for k, r in got.items() if not 0.9 <= r <= 1.1}, got


@pytest.mark.alone
@pytest.mark.parametrize("host", [INTERNET4, INTERNET6])
def test_a_burst_above_the_rate_waits_and_is_delivered_whole(city, gate, phone, host):
    """Sixteen packets at once where ten a second may pass: the bucket of a policer is not what lets them through."""
    gate.open(phone.mac, up=100_000, down=100_000)
    phone.udp(host, 200, 1000)  # its burst, and more
    got = phone.traffic("burst", host, 7777, 12, 1000)
    assert got["back"] == 12 and got["ms"] > 60, got


@pytest.mark.alone
@pytest.mark.parametrize("way", ["up", "down"])
def test_one_greedy_device_leaves_its_neighbours_their_rate(line, way):
    """It sends several times what the line carries, without a cap; the other two have TCP, and their third."""
    share = {"up": 4000, "down": 8000}[way] / 3
    with gc.GateClient(line.socket) as gate:
        greedy, *others = line.phones[:3]
        for p in (greedy, *others):
            gate.open(p.mac)
        flows = [Flow(line, greedy, way, "udp", share, offered=40_000_000), *(Flow(line, p, way, "tcp", share) for p in others)]
        measure(flows, 4)
        got = [round(f.ratio(), 3) for f in flows]
        print(way, got)
        assert all(0.85 <= r <= 1.15 for r in got), f"shares of a third of the line: {got}"


def test_what_a_queue_drops_is_not_on_the_account(city, gate, phone):
    gate.open(phone.mac, up=100_000, down=100_000)
    before = arrived(city.internet, phone.ip4), arrived(phone.space, INTERNET4)
    flow = Flow(city, phone, "down", "udp", 800, offered=4_000_000)
    measure([flow], 2)
    wait_for("its queue is empty", lambda: "backlog 0b 0p" in city.router.run(
        "tc", "-s", "class", "show", "dev", "loggia-down").stdout, timeout=20)
    last = gate.close_device(phone.mac).body
    assert (last.up_bytes, last.down_bytes) == (arrived(city.internet, phone.ip4) - before[0],
                                                arrived(phone.space, INTERNET4) - before[1])


def test_queues_and_counters_survive_the_gate(city, gate, phone):
    number = gate.open(phone.mac, up=10**6, down=10**6).body.number
    phone.udp(INTERNET4, 300, 1000)
    before = gate.read(phone.mac).body
    assert before.down_bytes == 300 * 1028
    shown = classes(city, "down")
    city.gate.kill()
    assert phone.udp(INTERNET4, 20, 1000)["back"] == 20, "open stays open"
    city.start_gate()
    with gc.GateClient(city.socket) as again:
        assert classes(city, "down") == shown
        now = again.read(phone.mac).body
        assert (now.number, now.down_bytes, now.up_bytes, now.down_Bps) == (number, 320 * 1028, 320 * 1028, 10**6)
        changed = again.open(phone.mac, up=2 * 10**6, down=2 * 10**6, same_session=True).body
        assert (changed.down_bytes, changed.down_Bps) == (320 * 1028, 2 * 10**6)
        assert phone.udp(INTERNET4, 20, 1000)["back"] == 20
        last = again.close_device(phone.mac).body
    assert (last.up_bytes, last.down_bytes) == (340 * 1028, 340 * 1028)
    assert "htb" not in classes(city, "down") + classes(city, "up")


def test_who_deletes_the_queues_gets_them_back(city, gate, phone):
    gate.open(phone.mac, up=10**6, down=10**6)
    phone.udp(INTERNET4, 10, 1000)
    city.router.ip("link", "del", "loggia-down")
    wait_for_text(city.gate, "event=queues-rebuilt")
    wait_for("they are there", lambda: "htb" in classes(city, "down"))
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
    now = gate.read(phone.mac).body
    assert (now.up_bytes, now.down_bytes) == (20 * 1028, 20 * 1028)


def test_an_interface_that_comes_back_is_shaped_again(city, gate, phone):
    gate.open(phone.mac, up=10**6, down=10**6)
    city.router.ip("link", "set", "br0", "down")
    city.router.ip("link", "set", "br0", "up")
    city.router.ip("addr", "replace", "fd77::1/64", "dev", "br0", "nodad")
    wait_for("it passes again", lambda: phone.udp(INTERNET4, 5, 1000)["back"] == 5)
    assert gate.read(phone.mac).body.down_bytes > 0
    sent = city.router.run("tc", "-s", "class", "show", "dev", "loggia-up").stdout
    assert "Sent 0 bytes" not in sent


def test_policing_again_takes_the_queues_away_and_keeps_the_sessions(city, gate, phone):
    gate.open(phone.mac, up=10**6, down=10**6)
    phone.udp(INTERNET4, 10, 1000)
    city.gate.stop()
    city.configure(shaping="police")
    city.start_gate()
    assert "loggia-" not in city.router.run("ip", "link").stdout
    with gc.GateClient(city.socket) as again:
        assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
        now = again.read(phone.mac).body
    assert (now.up_bytes, now.down_bytes, now.up_Bps) == (20 * 1028, 20 * 1028, 10**6)
    assert "limit rate 1000000 bytes/second" in city.table()


def test_with_br_netfilter_uploads_are_policed_and_nothing_is_lost(city, gate, phone):
    """It tracks a bridge's packets before they are led through the queues, and never again: they would be nobody's."""
    gate.open(phone.mac, up=10**6, down=10**6)
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
    if city.router.run("test", "-e", "/proc/sys/net/bridge/bridge-nf-call-iptables", check=False).returncode:
        pytest.skip("no br_netfilter in this kernel")
    br_netfilter(city, 1)
    try:
        city.router.ip("link", "add", "docker0", "type", "bridge")  # what usually comes with it
        wait_for_text(city.gate, "uploads=policed")
        assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
        now = gate.read(phone.mac).body
        assert (now.up_bytes, now.down_bytes) == (20 * 1028, 20 * 1028)
    finally:
        br_netfilter(city, 0)
        city.router.ip("link", "del", "docker0")
    wait_for_text(city.gate, "uploads=shaped")
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10


def test_a_restart_that_learns_of_the_line_shares_it_among_those_who_are_open(city, gate, phone):
    gate.open(phone.mac, up=10**6, down=10**6)
    phone.udp(INTERNET4, 10, 1000)
    city.gate.stop()
    city.configure(shaping="htb", line_up=4000, line_down=8000)
    city.start_gate()
    assert classes(city, "up").count(" parent 4c47:ffff ") == classes(city, "down").count(" parent 4c47:ffff ") == 1
    with gc.GateClient(city.socket) as again:
        assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
        now = again.read(phone.mac).body
    assert (now.up_bytes, now.down_bytes) == (20 * 1028, 20 * 1028)


# --- other programs' traffic control -----------------------------------------------------------------

TC = 128  # GATE_FAMILY_TC
ALL = gc.F_SHAPED | gc.F_SHAPED_UP | gc.F_SHAPED_ALL
QUEUED, POLICED = "limit rate 1250000 bytes/second", "limit rate 1000000 bytes/second"


def shaping_of(gate):
    hello = gate.hello().body
    return hello.features & ALL, hello.unqueued


@pytest.mark.parametrize("command", ["qdisc del dev br0 clsact", "filter del dev br0 egress", "filter del dev br0 ingress pref 19527"])
def test_who_takes_our_filters_from_an_interface_gets_them_back_and_nobody_goes_without_a_cap(city, gate, phone, command):
    gate.open(phone.mac, up=10**6, down=10**6)
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
    city.router.run("tc", *command.split())
    wait_for_text(city.gate, "event=shaped-again interface=br0")
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
    now = gate.read(phone.mac).body
    assert shaping_of(gate) == (ALL, 0)
    for counted in (now.up_bytes, now.down_bytes):
        assert 0 <= counted - 20 * 1028 < 500  # a connection of before may still say good-bye


def test_where_another_programs_qdisc_is_in_the_way_devices_are_policed_and_it_is_named(city, gate, phone):
    gate.open(phone.mac, up=10**6, down=10**6)
    assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
    assert (shaping_of(gate), gate.others()) == ((ALL, 0), [])
    assert QUEUED in city.table()
    city.gate.stop()
    city.router.run("tc", "qdisc", "del", "dev", "br0", "clsact")
    city.router.run("tc", "qdisc", "add", "dev", "br0", "ingress")  # as SQM scripts do
    city.start_gate()
    with gc.GateClient(city.socket) as again:
        wait_for_text(city.gate, "event=not-shaped interface=br0")
        assert shaping_of(again) == (gc.F_SHAPED, 1)
        assert [(o.family, o.table, o.chain, o.priority) for o in again.others()] == [(TC, "br0", "ingress", 0)]
        assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
        now = again.read(phone.mac).body
        assert (now.up_bytes, now.down_bytes) == (20 * 1028, 20 * 1028)
        assert POLICED in city.table() and QUEUED not in city.table()
        city.router.run("tc", "qdisc", "del", "dev", "br0", "ingress")
        wait_for("queues again", lambda: shaping_of(again) == (ALL, 0))
        assert phone.udp(INTERNET4, 10, 1000)["back"] == 10
        now = again.read(phone.mac).body
        assert (now.up_bytes, now.down_bytes) == (30 * 1028, 30 * 1028)
        assert QUEUED in city.table()


def test_another_programs_filter_before_ours_is_named(city, gate):
    city.router.run("tc", "filter", "add", "dev", "br0", "egress", "pref", "7", "protocol", "ip", "u32", "match", "u32", "0", "0",
                    "at", "0", "flowid", "1:1")
    assert [(o.family, o.table, o.chain, o.priority) for o in gate.others()] == [(TC, "br0", "u32", 7)]
    city.router.run("tc", "filter", "del", "dev", "br0", "egress", "pref", "7")
    assert gate.others() == [] and shaping_of(gate) == (ALL, 0)


def test_no_two_devices_wait_in_one_queue_or_have_each_others_bytes_on_their_account(city, gate):
    """65,536 numbers further on a class is the same one."""
    first, second = city.phones[:2]
    number = gate.open(first.mac, up=10**6, down=10**6).body.number
    other = gate.open(second.mac, up=10**6, down=10**6, number=number + (1 << 16)).body.number
    assert (number - other) % (1 << 16) != 0
    assert shaping_of(gate) == (ALL, 0)
    for phone, n in ((second, 10), (first, 20)):
        wait_for("they have met", lambda p=phone: p.udp(INTERNET4, 1, 100)["back"] == 1)
        before = [gate.read(p.mac).body.down_bytes for p in (first, second)]
        assert phone.udp(INTERNET4, n, 1000)["back"] == n
        now = [gate.read(p.mac).body.down_bytes for p in (first, second)]
        assert [b - a for a, b in zip(before, now, strict=True)] == [n * 1028 * (p is phone) for p in (first, second)]
