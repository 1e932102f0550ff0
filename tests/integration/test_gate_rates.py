# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device with a cap is given: counted in IP bytes where they arrive, after the first two seconds.

Here for a few seconds; `make soak-rates` has the whole range, 256 kbit/s to 1 Gbit/s, 30 seconds each (LOGGIA_SOAK=1)."""

import os

import pytest
from city import gateclient as gc
from city.farend import count_arrivals, segments_as_on_a_wire
from city.flows import Flow, measure
from city.gateworld import GateWorld
from city.netns import World
from conftest import BUILD

pytestmark = pytest.mark.alone

SOAK = bool(os.environ.get("LOGGIA_SOAK"))
SECONDS = int(os.environ.get("LOGGIA_SOAK_SECONDS", "30")) if SOAK else 5
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


def test_a_device_gets_its_rate_within_a_tenth_whatever_it_is(city, gate):
    """Tens of kilobytes to megabytes a second, both ways, TCP and UDP, all at once."""
    phones, flows = iter(city.phones), []
    for kbit in TOGETHER:
        for way, kind in COMBINATIONS:
            phone = next(phones)
            gate.open(phone.mac, up=kbit * KBIT, down=kbit * KBIT)
            flows.append((kind, Flow(city, phone, way, kind, kbit)))
    measure([f for _, f in flows], SECONDS)
    got = {(f.kbit, f.way, kind): round(f.ratio(), 3) for kind, f in flows}
    print(got)
    assert not {k: r for k, r in got.items() if not 0.9 <= r <= 1.1}, got


@pytest.mark.skipif(not SOAK, reason="needs the machine for itself: make soak-rates")
@pytest.mark.parametrize("way,kind", COMBINATIONS)
@pytest.mark.parametrize("kbit", ALONE)
def test_a_high_rate_is_kept_too(city, gate, way, kind, kbit):
    """TCP in segments of 64 KB, which the cables here need to be as fast: their headers are 3 % less than on a wire."""
    phone = city.phones[0]
    segments_as_on_a_wire(city, single=kind == "udp")
    gate.open(phone.mac, up=kbit * KBIT, down=kbit * KBIT)
    flow = Flow(city, phone, way, kind, kbit)
    measure([flow], SECONDS)
    print(kbit, way, kind, round(flow.ratio(), 3))
    assert 0.9 <= flow.ratio() <= 1.1
