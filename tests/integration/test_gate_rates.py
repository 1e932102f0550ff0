# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device with a cap is given: counted in IP bytes where they arrive, after the first two seconds.

Here for a few seconds; `make soak-rates` has the whole range, 256 kbit/s to 1 Gbit/s, 30 seconds each (LOGGIA_SOAK=1)."""

import os
import time

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals, segments_as_on_a_wire
from city.gateworld import INTERNET4, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

SOAK = bool(os.environ.get("LOGGIA_SOAK"))
SECONDS = 30 if SOAK else 5
FIRST_SECONDS = 2
KBIT = 125  # bytes a second
TOGETHER = [256, 2_000, 20_000]  # kbit/s: small enough to be measured side by side
ALONE = [200_000, 1_000_000]
COMBINATIONS = [(way, kind) for way in ("up", "down") for kind in ("tcp", "udp")]


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD, phones=len(COMBINATIONS) * len(TOGETHER))
        segments_as_on_a_wire(w)
        w.start_gate()
        count_arrivals(w.internet, *(p.space for p in w.phones))
        yield w


@pytest.fixture
def gate(city):
    with gc.GateClient(city.socket) as g:
        for entry in g.dump():
            g.close_device(entry.mac)
        yield g


class Flow:
    """As much as fits, from or to a phone, for as long as the test looks."""

    def __init__(self, city, phone, way, kind, kbit):
        self.city, self.phone, self.way, self.kbit = city, phone, way, kbit
        self.place = city.internet if way == "up" else phone.space
        self.source = phone.ip4 if way == "up" else INTERNET4
        port = 6000 + city.phones.index(phone)
        self.server = city.internet.start("iperf3", "-s", "-1", "--forceflush", "-p", port)
        wait_for_text(self.server, "listening")
        # More than the cap wants to pass, and drains the bucket (64 KB, or 1.1 s of rate) in the first seconds.
        offered = kbit * 1000 * (3 if kbit <= 20_000 else 1.5)
        udp = ["-u", "-l", "1400", "-b", f"{offered:.0f}"] if kind == "udp" else []
        reverse = ["-R"] if way == "down" else []
        self.client = phone.space.start("iperf3", "-c", INTERNET4, "-p", port, "-t", SECONDS + FIRST_SECONDS + 20, *udp, *reverse)

    def bytes(self):
        return arrived(self.place, self.source)

    def stop(self):
        self.client.kill()
        self.server.kill()

    def look(self):
        before = time.monotonic()
        count = self.bytes()
        self.seen = [*getattr(self, "seen", []), ((before + time.monotonic()) / 2, count)]

    def ratio(self):
        (t0, b0), (t1, b1) = self.seen
        return (b1 - b0) / (t1 - t0) / (self.kbit * KBIT)


def measure(flows):
    for f in flows:
        wait_for("it flows", lambda f=f: f.bytes() > 20_000, timeout=20)
    time.sleep(FIRST_SECONDS)  # the measurement itself
    for f in flows:
        f.look()
    time.sleep(SECONDS)
    for f in flows:
        f.look()
    for f in flows:
        f.stop()
    return {f"{f.kbit} kbit/s {f.way}": round(f.ratio(), 3) for f in flows}


def test_a_device_gets_its_rate_within_a_tenth_whatever_it_is(city, gate):
    """Tens of kilobytes to megabytes a second, both ways, TCP and UDP, all at once."""
    phones, flows = iter(city.phones), []
    for kbit in TOGETHER:
        for way, kind in COMBINATIONS:
            phone = next(phones)
            gate.open(phone.mac, up=kbit * KBIT, down=kbit * KBIT)
            flows.append((kind, Flow(city, phone, way, kind, kbit)))
    measure([f for _, f in flows])
    got = {(f.kbit, f.way, kind): round(f.ratio(), 3) for kind, f in flows}
    print(got)
    assert not {k: r for k, r in got.items() if not 0.9 <= r <= 1.1}, got


@pytest.mark.skipif(not SOAK, reason="needs the machine for itself: make soak-rates")
@pytest.mark.parametrize("way,kind", COMBINATIONS)
@pytest.mark.parametrize("kbit", ALONE)
def test_a_high_rate_is_kept_too(city, gate, way, kind, kbit):
    phone = city.phones[0]
    gate.open(phone.mac, up=kbit * KBIT, down=kbit * KBIT)
    flow = Flow(city, phone, way, kind, kbit)
    measure([flow])
    print(kbit, way, kind, round(flow.ratio(), 3))
    assert 0.9 <= flow.ratio() <= 1.1
