# SPDX-License-Identifier: GPL-2.0-or-later
"""How long two phones of many are cut off when another program flushes the ruleset: one that was seen to send and comes
back first, one that was not and comes back last. Seen from the far end: the longest pause between two packets."""

import itertools
import json
import math
import pathlib
import signal
import time

from . import gateclient as gc
from .gateworld import INTERNET4, TRAFFIC, wait_for_text
from .netns import wait_for

PROBER = [TRAFFIC[0], pathlib.Path(__file__).parents[1] / "integration/gate_prober.py"]
PORT = 7999
COUNTED = "event=all-counted"


def _flush(city, g, frozen):
    if frozen:  # so that both gaps begin when the gate wakes
        city.gate.popen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    city.router.run("nft", "flush", "ruleset")
    if frozen:
        began = time.monotonic()
        city.gate.popen.send_signal(signal.SIGCONT)
    g.wait_event(gc.REBUILT, timeout=60)
    return began


def gaps(city, g, times, frozen=False):
    """[(ms of the one that was seen to send, ms of the other)]. g has opened others, which were read, but neither phone; they
    are many (more than come back whole, rebuild.c)."""
    for phone in city.phones:
        g.open(phone.mac, timeout=20_000)
    for phone in (*city.phones, city.phones[1]):  # the second reading finds it idle
        g.read(phone.mac)
    counters = [city.internet.start(*PROBER, "count", PORT + i) for i in range(2)]
    pours = [p.space.start(*TRAFFIC, "pour", INTERNET4, PORT + i, 20, 1000) for i, p in enumerate(city.phones)]
    for counter in counters:
        wait_for_text(counter, "ready")
    # Nobody asks the gate of phone 1: it would be seen to send.
    wait_for("both send", lambda: all(int(p.space.run("cat", "/sys/class/net/wlan0/statistics/tx_packets").stdout) > 200 for p in city.phones))
    began = []
    for _ in range(times):
        g.read(city.phones[0].mac)
        counted = city.gate.output().count(COUNTED)
        began.append(_flush(city, g, frozen))
        wait_for("all are counted", lambda n=counted: city.gate.output().count(COUNTED) > n, timeout=60)
    for process in (*pours, *counters):
        process.stop()
    arrivals = [json.loads(c.output().splitlines()[-1])["through"] for c in counters]
    return [tuple(round(1000 * max(y - x for x, y in itertools.pairwise(t) if a <= y and x < b), 1) for t in arrivals)
            for a, b in itertools.pairwise([*began, math.inf])]
