# SPDX-License-Identifier: GPL-2.0-or-later
"""Every byte that was delivered is on its device's account, once: against what the senders sent and what arrived.

Here for a few seconds; `make soak-accounting` does it for ten minutes (LOGGIA_SOAK=1)."""

import json
import os
import time

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals, segments_as_on_a_wire
from city.gateworld import ECHO, INTERNET4, INTERNET6, TRAFFIC, GateWorld, wait_for_text
from city.netns import World
from conftest import BUILD, SOURCE

SOAK = bool(os.environ.get("LOGGIA_SOAK"))
SECONDS = int(os.environ.get("LOGGIA_SOAK_SECONDS", "600")) if SOAK else 6
READ_EVERY_S = 6 if SOAK else 0.1  # ten times as often as the shortest interim interval asks for
ROUND, SIZE = 500, 700  # datagrams
LATE_S = 20  # may an answer be on a slow machine: the kernel of a sender that is gone would answer it, and that counts
COUNTERS = SOURCE / "tests" / "city" / "counters.py"
HEADERS = {INTERNET4: 28, INTERNET6: 48}


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD, phones=4)
        segments_as_on_a_wire(w)
        w.start_gate()
        count_arrivals(w.internet, *(p.space for p in w.phones))
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
def phone(city):
    return city.phones[0]


def far_ends(city, phone):
    """IP bytes that have arrived: (up, down)."""
    return arrived(city.internet, phone.ip4, phone.ip6), arrived(phone.space, INTERNET4, INTERNET6)


class Sender:
    """Datagrams to one host and back, round after round, until it is told to stop."""

    def __init__(self, phone, host):
        self.phone, self.host, self.sent, self.back, self.process = phone, host, 0, 0, None

    def step(self, go_on):
        """True while a round is under way."""
        if self.process and self.process.alive():
            return True
        if self.process:
            said = json.loads(self.process.output())
            self.sent, self.back = self.sent + said["sent"], self.back + said["back"]
        self.process = self.phone.space.start(*TRAFFIC, "udp", self.host, ECHO, ROUND, SIZE, LATE_S) if go_on else None
        return go_on


def churn(gate, i):
    """Others come and go in the same transactions."""
    macs = [f"02:99:00:00:{i & 255:02x}:{n:02x}" for n in range(20)]
    for seq in [gate.send_open(m, up=10**6) for m in macs] + [gate.send_device(gc.CLOSE, m) for m in macs]:
        assert gate.wait(seq).status == gc.OK


def test_every_byte_is_counted_once_while_devices_come_go_and_change(city, gate):
    for phone in city.phones:
        assert gate.open(phone.mac).status == gc.OK
    begin = {p: far_ends(city, p) for p in city.phones}
    senders = [Sender(p, host) for p in city.phones for host in HEADERS]
    end, seen, i = time.monotonic() + SECONDS, {}, 0
    while any([s.step(time.monotonic() < end) for s in senders]):
        churn(gate, i)
        for phone in city.phones:
            changed = gate.open(phone.mac, up=10**8 + i, same_session=True).body if i % 3 == 0 else gate.read(phone.mac).body
            assert changed.up_bytes >= seen.get(phone, changed).up_bytes, "what was told never shrinks"
            seen[phone] = changed
        i += 1
        time.sleep(READ_EVERY_S)  # the reading interval
    for phone in city.phones:
        mine = [s for s in senders if s.phone is phone]
        last = gate.close_device(phone.mac).body
        sent = sum(s.sent * (SIZE + HEADERS[s.host]) for s in mine)
        back = sum(s.back * (SIZE + HEADERS[s.host]) for s in mine)
        up, down = (now - then for now, then in zip(far_ends(city, phone), begin[phone]))
        print(phone.mac, "told", last.up_bytes, last.down_bytes, "arrived", up, down, "sent", sent, "came back", back)
        assert (last.up_bytes, last.down_bytes) == (up, down), "delivered is what arrived"
        assert abs(last.up_bytes - sent) <= sent / 1000 and abs(last.down_bytes - back) <= back / 1000


def test_what_is_over_the_cap_is_not_on_the_account(city, gate, phone):
    before = far_ends(city, phone)
    gate.open(phone.mac, up=50_000)
    assert phone.udp(INTERNET4, 600, 1000)["back"] < 500
    last = gate.close_device(phone.mac).body
    after = far_ends(city, phone)
    assert (last.up_bytes, last.down_bytes) == (after[0] - before[0], after[1] - before[1])


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_tcp_transfer_counts_what_it_was_on_the_wire(city, gate, phone, way):
    """Its IP packets: payload, headers, acknowledgements. Beside iperf3's figure, which is of payload alone."""
    before = far_ends(city, phone)  # first: what the transfer before has left unsent goes on as soon as the gate is open
    gate.open(phone.mac, up=2_000_000, down=2_000_000)
    server = city.internet.start("iperf3", "-s", "-1", "--forceflush")
    wait_for_text(server, "listening")
    report = phone.space.run("iperf3", "-c", INTERNET4, "-t", "2", "-J", *(["-R"] if way == "down" else []), timeout=30)
    server.popen.wait(20)
    payload = json.loads(report.stdout)["end"]["sum_received"]["bytes"]
    last = gate.close_device(phone.mac).body
    up, down = (now - then for now, then in zip(far_ends(city, phone), before))
    told = {"up": last.up_bytes, "down": last.down_bytes}[way]
    print(way, "payload", payload, "told", told, "ratio", round(told / payload, 4), "told the other way",
          last.up_bytes + last.down_bytes - told)
    assert (last.up_bytes, last.down_bytes) == (up, down)
    assert payload * 1.03 < told, "52 bytes of headers on each 1448 of payload are traffic, too"


def test_counters_pass_32_bits_and_survive_a_change_behind_them(city, gate, phone):
    number = gate.open(phone.mac).body.number
    seeded = 2**32 - 5000
    city.gate.kill()  # it would take the elements' disappearance for an attack, and put them back
    city.router.run("/usr/bin/python3", COUNTERS, "loggia", phone.mac, number, seeded, seeded + 2**32)
    city.start_gate()
    with gc.GateClient(city.socket) as again:
        assert phone.udp(INTERNET4, 20, 972)["back"] == 20
        want = (seeded + 20_000, seeded + 2**32 + 20_000)
        now = again.read(phone.mac).body
        assert (now.up_bytes, now.down_bytes) == want
        now = again.open(phone.mac, up=10**7, same_session=True).body
        assert (now.up_bytes, now.down_bytes) == want
        assert phone.udp(INTERNET4, 10, 972)["back"] == 10
        last = again.close_device(phone.mac).body
    assert (last.up_bytes, last.down_bytes) == (want[0] + 10_000, want[1] + 10_000)


def test_who_does_nothing_has_counters_that_stand_still(gate, phone):
    """So that an idle timeout means no traffic: what the router says to a device, or others shout, is none of its."""
    gate.open(phone.mac)
    phone.udp(INTERNET4, 5, 100)
    before = gate.read(phone.mac).body
    phone.space.run("ping", "-c", "2", "-i", "0.1", "10.77.0.1")
    assert phone.tcp("10.77.0.1", 80)["said"] == "router 2080"
    after = gate.read(phone.mac).body
    assert (before.up_packets, before.down_packets) == (after.up_packets, after.down_packets)
