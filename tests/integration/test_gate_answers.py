# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel whose answers get lost (ENOBUFS), which interrupts (EINTR) and whose tables others write all the time: each
request is answered once, and what the answers say is what the kernel holds."""

import random
import signal

import pytest
from city import gateclient as gc
from city.gateworld import GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD
from test_gate_model import in_kernel

MACS = [f"02:a5:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(300)]
REQUESTS, IN_FLIGHT = 2500, 150
WRITER = """while :; do nft 'add table ip other; add set ip other s { type ipv4_addr; }; add element ip other s { 192.0.2.1, 192.0.2.9 };
add chain ip other c { type filter hook forward priority 300; }; delete table ip other'; echo wrote; done"""


@pytest.fixture
def city():
    with World() as world:
        made = GateWorld(world, BUILD)
        yield made
        made.gate.stop()
        assert "Sanitizer" not in made.gate.output() and "runtime error" not in made.gate.output(), made.gate.output()[-6000:]


class Asker:
    """Opens, replaces, reads and closes at random; what the answers say is what it knows."""

    def __init__(self, city, seed):
        self.city, self.rng, self.gate = city, random.Random(seed), gc.GateClient(city.socket)
        self.open, self.waiting = {}, []

    def ask(self):
        mac = self.rng.choice(MACS)
        verb = self.rng.choices((gc.OPEN, gc.CLOSE, gc.READ), (5, 2, 3))[0]
        tag = f"s={self.rng.randrange(10**6)}"
        seq = self.gate.send_open(mac, up=10**6, tag=tag, same_session=self.rng.random() < 0.5) if verb == gc.OPEN else \
            self.gate.send_device(verb, mac)
        self.waiting.append((seq, verb, mac, tag))

    def take(self):
        seq, verb, mac, tag = self.waiting.pop(0)
        reply = self.gate.wait(seq)
        assert (reply.verb, reply.body.mac) == (verb, mac)
        there = mac in self.open
        assert reply.status == (gc.OK if there or verb == gc.OPEN else gc.NOT_FOUND), (verb, reply)
        if verb == gc.OPEN:
            self.open[mac] = tag
        elif verb == gc.CLOSE:
            self.open.pop(mac, None)
        elif there:
            assert reply.body.tag == self.open[mac]

    def run(self, requests=REQUESTS):
        # The first ones meet a gate that sleeps: whatever the machine's load, it takes them in one transaction.
        self.city.gate.popen.send_signal(signal.SIGSTOP)
        for _ in range(IN_FLIGHT):
            self.ask()
        self.city.gate.popen.send_signal(signal.SIGCONT)
        for _ in range(requests - IN_FLIGHT):
            self.ask()
            if len(self.waiting) > IN_FLIGHT:
                self.take()
        while self.waiting:
            self.take()
        assert not any(self.gate.replies.values()), "answered twice"
        ids, up, down = in_kernel(self.city)
        assert {mac: tag for mac, (_, tag, _) in ids.items()} == self.open
        assert set(up) == set(ids) and set(down) == {number for number, _, _ in ids.values()}


@pytest.mark.parametrize("ill", [{"INTERRUPT": "3"}, {"ROOM": "8192"}, {"INTERRUPT": "5", "LOSE": "40"}, {"READY": "100"}],
                         ids=lambda ill: " ".join(f"{k}={v}" for k, v in ill.items()))
def test_each_request_is_answered_once_by_a_kernel_short_of_room(city, preload, ill):
    city.start_gate(env={"LD_PRELOAD": str(preload), "ASAN_OPTIONS": "verify_asan_link_order=0", **ill})
    asker = Asker(city, 7)
    asker.run()
    failed = asker.gate.hello().body.transactions_failed
    if "ROOM" in ill and failed == 0:  # Linux 6.1's are smaller; all of them were answered, and LOSE loses some there, too
        pytest.skip("this kernel's answers found room in so small a buffer: none was lost")
    assert (failed > 0) == ("INTERRUPT" not in ill or "LOSE" in ill), f"{failed} transactions met it"


def test_whichever_call_of_its_start_is_interrupted_the_gate_starts_and_adopts(city, preload):
    """Which call is the one depends on what else the kernel has; so all that it could be."""
    city.start_gate()
    gate = gc.GateClient(city.socket)
    for mac in MACS[:3]:
        gate.open(mac, tag="s=1")
    gate.close()
    city.gate.kill()
    for every in range(2, 14):
        city.start_gate(env={"LD_PRELOAD": str(preload), "ASAN_OPTIONS": "verify_asan_link_order=0", "INTERRUPT": str(every)})
        assert "adopted=3 " in city.gate.output(), f"every {every}th interrupted: {city.gate.output()}"
        city.gate.kill()
    city.start_gate()


def test_each_request_is_answered_once_while_others_write_tables(city):
    """Every dump of the gate's may be interrupted, every transaction may meet another's."""
    city.start_gate()
    writer = city.router.start("sh", "-c", WRITER)
    wait_for_text(writer, "wrote")
    asker = Asker(city, 8)
    asker.run()
    asker.gate.close()
    for _ in range(5):
        city.gate.kill()
        city.start_gate()
        assert f"adopted={len(asker.open)}" in city.gate.output()
    assert writer.alive()
    writer.stop()


def has_hung_up(gate):
    try:
        gate.hello()
    except ConnectionError:
        return True
    return False


def test_who_was_in_no_dump_because_others_write_all_the_time_is_found_by_key_and_later(city, preload):
    """The worst that interrupted dumps can do: nine in a row tell of nobody. Then they are as always."""
    city.start_gate()
    first = gc.GateClient(city.socket)
    numbers = {mac: first.open(mac, up=10**6, tag="s=1").body.number for mac in MACS[:40]}
    first.close()
    city.gate.kill()
    city.start_gate(env={"LD_PRELOAD": str(preload), "ASAN_OPTIONS": "verify_asan_link_order=0", "LOST_DUMPS": "9"})
    assert "event=adoption-interrupted adopted=0" in city.gate.output()
    gate = gc.GateClient(city.socket)
    assert gate.dump() == []
    read, closed, replaced = gate.read(MACS[0]), gate.close_device(MACS[1]), gate.open(MACS[2], tag="s=2", same_session=True)
    assert (read.status, read.body.number, read.body.up_Bps) == (gc.OK, numbers[MACS[0]], 10**6)
    assert (closed.status, closed.body.tag) == (gc.OK, "s=1"), "closed is closed"
    assert (replaced.status, replaced.body.number) == (gc.OK, numbers[MACS[2]]), "and nobody is there twice"
    new = gate.open(MACS[50], tag="s=5")
    assert new.status == gc.OK and new.body.number not in numbers.values()
    wait_for_text(city.gate, "event=adoption-completed found=")
    wait_for("the gate hangs up, so that the list is asked for again", lambda: has_hung_up(gate))
    with gc.GateClient(city.socket) as again:
        assert {e.mac: e.tag for e in again.dump()} == {mac: "s=2" if mac == MACS[2] else "s=1" for mac in MACS[:40] if mac != MACS[1]} | {MACS[50]: "s=5"}
    ids, up, down = in_kernel(city)
    assert len(ids) == len(up) == len(down) == 40
