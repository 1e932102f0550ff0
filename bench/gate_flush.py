# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of `make bench-gate` in which another program flushes the ruleset: for how long those who were online are
not, and until when all of them are counted again."""

import os
import pathlib
import re
import statistics
import subprocess

from city import gateclient as gc
from city.flushes import gaps
from city.gateworld import GateWorld
from city.netns import World

BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", pathlib.Path(__file__).resolve().parents[1]))
SIZES = {1000: 50, 10_000: 50, 100_000: None}
TIMES = 7


def _ask(city, verb, count):
    subprocess.run([BUILD / "bench/gate_client", city.socket, verb, "0", str(count), "100"], check=True, stdout=subprocess.DEVNULL)


def measure(report):
    for size, most in SIZES.items():
        with World() as world:
            city = GateWorld(world, BUILD)
            city.configure(max_clients=2 * size)
            city.start_gate()
            _ask(city, "open", size)
            for _ in range(2):  # the second reading finds them idle
                _ask(city, "read", size)
            with gc.GateClient(city.socket) as g:
                found = gaps(city, g, TIMES)
            city.gate.stop()
            said = city.gate.output()
        for who, column in (("first", 0), ("last", 1)):
            value = statistics.median(row[column] for row in found)
            report.add(f"gap after a foreign flush, {size:,} devices, who returns {who}, p50 of {TIMES}", value, "ms",
                       must=f"<= {most}" if most else "", ok=not most or value <= most)
        after = statistics.median(int(ms) for ms in re.findall(r"after_ms=(\d+)", said))
        report.add("   until all of them are counted again, behind it", after, "ms")
