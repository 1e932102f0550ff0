# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate against a model of it: whatever is asked of it, in whatever order, and whatever happens to it meanwhile,
after each batch the kernel holds what the model says, no more and no less. A seed that failed is run again with
LOGGIA_SEED=n."""

import os
import random
import re
import signal
import time

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, GateWorld
from city.netns import World
from conftest import BUILD

SECONDS = 20
STEPS = 20  # at least
SLACK_S = 3  # of ends, which pass while the test looks
UNITS = {"bytes": 1, "kbytes": 1024, "mbytes": 1024**2}
TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
ELEMENT = re.compile(r"([0-9a-fx:]+)(?: \. 0x([0-9a-f]+))? (?:limit rate (\d+) (\w+)/second burst \d+ \w+ )?"
                     r"counter packets (\d+) bytes (\d+) timeout \w+ expires (\w+)")
ID = re.compile(r'([0-9a-f:]{17}) timeout \w+ expires (\w+)(?: comment "([^"]*)")? : 0x([0-9a-f]+)')


def seconds(text):
    return sum(float(n) * TIMES[u] for n, u in re.findall(r"(\d+)(ms|s|m|h|d)", text))


def in_kernel(city):
    """{mac: (number, tag, seconds left)}, and both directions' {key: (rate or 0, packets, bytes, seconds left, number)}"""
    text = city.table()
    blocks = {m[1]: m[2] for m in re.finditer(r"\t(?:set|map) (\w+) \{(.*?)\n\t\}", text, re.S)}
    ids = {m[1]: (int(m[4], 16), m[3] or "", seconds(m[2])) for m in ID.finditer(blocks["ids"])}
    def direction(block):
        return {m[1]: (int(m[3] or 0) * UNITS.get(m[4], 0), int(m[5]), int(m[6]), seconds(m[7]), int(m[2] or "0", 16))
                for m in ELEMENT.finditer(block)}
    up = direction(blocks["up"])
    down = {int(key, 16): v for key, v in direction(blocks["down"]).items()}
    return ids, up, down


class Device:
    def __init__(self, up, down, tag, ends):
        self.up, self.down, self.tag, self.ends = up, down, tag, ends
        self.packets = 0  # of the session, each way alike; its bytes follow from it
        self.number = None


class Model:
    def __init__(self, city, rng):
        self.city, self.rng, self.open = city, rng, {}
        self.macs = [p.mac for p in city.phones] + [f"02:66:00:00:00:{i:02x}" for i in range(22)]
        self.g = gc.GateClient(city.socket)

    def some_mac(self):
        return self.rng.choice(self.macs[:len(self.city.phones)] if self.rng.random() < 0.2 else self.macs)

    # --- what is done: each asks, and returns what its answer has to be ---

    def do_open(self):
        mac, r = self.some_mac(), self.rng
        up, down = (r.choice([0, 10**6, r.randrange(10**6, 10**9)]) for _ in range(2))
        tag, same = f"s={r.randrange(10**6)} z=t" + " x" * r.randrange(80), r.random() < 0.5
        timeout, old = r.randrange(60, 90000), self.open.get(mac)
        new = self.open[mac] = Device(up, down, tag, time.monotonic() + timeout)
        if old and same:
            new.packets, new.number = old.packets, old.number
        seq = self.g.send_open(mac, up=up, down=down, timeout=timeout, tag=tag, same_session=same)
        packets = new.packets

        def check(reply):
            assert (reply.status, reply.body.tag) == (gc.OK, tag)
            assert new.number in (None, reply.body.number), "the same session keeps its number"
            assert not (old and not same and reply.body.number == old.number), "another session gets another"
            new.number = reply.body.number
            self.counted(reply.body, packets)
        return seq, check

    def counted(self, body, packets):
        assert (body.up_packets, body.up_bytes) == (packets, packets * 128)
        assert (body.down_packets, body.down_bytes) == (packets, packets * 128)

    def _about(self, verb, forget):
        mac = self.some_mac()
        device = self.open.pop(mac, None) if forget else self.open.get(mac)
        seq, packets = self.g.send_device(verb, mac), device and device.packets

        def check(reply):
            assert reply.status == (gc.OK if device else gc.NOT_FOUND)
            if device:
                assert (reply.body.tag, reply.body.number) == (device.tag, device.number)
                self.counted(reply.body, packets)
        return seq, check

    def do_close(self):
        return self._about(gc.CLOSE, True)

    def do_read(self):
        return self._about(gc.READ, False)

    def do_dump(self):
        expected = {mac: d.tag for mac, d in self.open.items()}

        def check(replies):
            assert {r.body.mac: r.body.tag for r in replies[:-1]} == expected
        return self.g.send(gc.DUMP), check

    # --- what happens to it ---

    def traffic(self):
        phone = self.rng.choice(self.city.phones)
        count = self.rng.randrange(1, 8)
        device = self.open.get(phone.mac)
        assert phone.udp(INTERNET4, count, 100)["back"] == (count if device else 0)
        if device:
            device.packets += count

    def restart(self):
        self.g.close()
        self.city.gate.kill(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        self.city.start_gate()
        self.g = gc.GateClient(self.city.socket)

    def flush(self):
        for mac in self.open:  # counters come back as last read
            self.g.read(mac)
        self.city.router.run("nft", *self.rng.choice(
            ["flush ruleset", "delete table inet loggia", "flush set inet loggia up", "flush chain inet loggia forward"]
        ).split())
        self.g.wait_event(gc.REBUILT)

    def steal(self):
        """Somebody deletes one element of a device."""
        if not self.open:
            return
        mac = self.rng.choice(list(self.open))
        for mac_read in self.open:
            self.g.read(mac_read)
        which, key = self.rng.choice([("ids", mac), ("up", f"{mac} . {self.open[mac].number}"), ("down", hex(self.open[mac].number))])
        self.city.router.run("nft", "delete", "element", "inet", "loggia", which, "{", key, "}")
        self.g.wait_event(gc.REBUILT)

    def batch(self):
        """Many at once, waiting when the gate wakes: they share transactions."""
        stopped = self.rng.random() < 0.5
        if stopped:
            self.city.gate.popen.send_signal(signal.SIGSTOP)
        try:
            does = self.rng.choices([self.do_open, self.do_close, self.do_read, self.do_dump], [8, 4, 4, 1],
                                    k=self.rng.randrange(1, 60))
            asked = [do() for do in does]
        finally:
            self.city.gate.popen.send_signal(signal.SIGCONT)
        for seq, check in asked:
            check(self.g.wait(seq))
        assert not any(self.g.replies.values()), "every request is answered once"

    def step(self):
        self.rng.choices([self.batch, self.traffic, self.restart, self.flush, self.steal], [10, 4, 1, 1, 1])[0]()

    def compare(self):
        ids, up, down = in_kernel(self.city)
        now = time.monotonic()
        assert ids.keys() == up.keys() == self.open.keys()
        assert down.keys() == {d.number for d in self.open.values()}
        for mac, d in self.open.items():
            assert ids[mac][:2] == (d.number, d.tag)
            assert up[mac][4] == d.number, "or its flows would be another's"
            for left in (ids[mac][2], up[mac][3], down[d.number][3]):
                assert abs(left - (d.ends - now)) < SLACK_S, "it ends when it was said to"
            assert (up[mac][0], down[d.number][0]) == (d.up, d.down)
            assert up[mac][1:3] == down[d.number][1:3] == (d.packets, d.packets * 128), "the kernel alone would do"


@pytest.fixture(scope="module")
def city():
    with World() as world:
        made = GateWorld(world, BUILD)
        made.start_gate()
        yield made


def test_the_kernel_holds_what_the_model_says_whatever_happens(city):
    seed = int(os.environ.get("LOGGIA_SEED", random.randrange(10**9)))
    print(f"LOGGIA_SEED={seed}")
    model, steps, end = Model(city, random.Random(seed)), 0, time.monotonic() + SECONDS
    while time.monotonic() < end or steps < STEPS:  # on a machine however slow
        model.step()
        model.compare()
        steps += 1
    print(f"{steps} steps, {len(model.open)} devices are open")
    model.g.close()
