# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic that wants more than it may have, and what of it arrives (farend.count_arrivals comes first)."""

import time

from .farend import arrived
from .gateworld import INTERNET4, wait_for_text
from .netns import wait_for

FIRST_SECONDS = 2


class Flow:
    """As much as fits, from or to a phone, for as long as the test looks."""

    def __init__(self, city, phone, way, kind, kbit, offered=0):
        self.city, self.phone, self.way, self.kbit = city, phone, way, kbit
        self.seen = []
        self.place = city.internet if way == "up" else phone.space
        self.source = phone.ip4 if way == "up" else INTERNET4
        port = 6000 + city.phones.index(phone)
        self.server = city.internet.start("iperf3", "-s", "-1", "--forceflush", "-p", port)
        wait_for_text(self.server, "listening")
        # More than the cap wants to pass, and drains the bucket (64 KB, or 1.1 s of rate) in the first seconds.
        offered = offered or kbit * 1000 * (3 if kbit <= 20_000 else 1.5)
        udp = ["-u", "-l", "1400", "-b", f"{offered:.0f}"] if kind == "udp" else []
        reverse = ["-R"] if way == "down" else []
        self.client = phone.space.start("iperf3", "-c", INTERNET4, "-p", port, "-t", 120, *udp, *reverse)

    def bytes(self):
        return arrived(self.place, self.source)

    def stop(self):
        self.client.kill()
        self.server.kill()

    def look(self):
        before = time.monotonic()
        count = self.bytes()
        self.seen = [*self.seen, ((before + time.monotonic()) / 2, count)]

    def ratio(self):
        (t0, b0), (t1, b1) = self.seen
        return (b1 - b0) / (t1 - t0) / (self.kbit * 125)


def measure(flows, seconds):
    """Each flow's ratio() to its rate, after the first two seconds."""
    for f in flows:
        wait_for("it flows", lambda f=f: f.bytes() > 20_000, timeout=20)
    time.sleep(FIRST_SECONDS)  # buckets run dry
    for f in flows:
        f.look()
    time.sleep(seconds)  # the measurement itself
    for f in flows:
        f.look()
    for f in flows:
        f.stop()
