# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole city on one gate: 100,000 devices. `./check asan` runs it with the sanitized gate."""

import pytest
from city import gateclient as gc
from city.gateworld import GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

DEVICES = 100_000
IN_FLIGHT = 256


@pytest.fixture
def city():
    with World() as world:
        made = GateWorld(world, BUILD)
        made.configure(max_clients=DEVICES)
        made.start_gate()
        yield made
        made.gate.stop()
        assert "Sanitizer" not in made.gate.output() and "runtime error" not in made.gate.output(), made.gate.output()[-6000:]


def mac(i):
    return f"02:6d:{i >> 24:02x}:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"


def all_of_them(gate, send):
    """Asks it of every device, so many at a time; the answers' bodies, each device's own and each exactly once."""
    asked, bodies = [], []
    for i in range(DEVICES + IN_FLIGHT):
        if i < DEVICES:
            asked.append(send(i))
        if i >= IN_FLIGHT:
            reply = gate.wait(asked[i - IN_FLIGHT])
            assert (reply.status, reply.body.mac) == (gc.OK, mac(i - IN_FLIGHT))
            bodies.append(reply.body)
    assert not any(gate.replies.values())
    return bodies


def connected(city):
    """As soon as there is a gate that answers."""
    def attempt():
        try:
            return gc.GateClient(city.socket)
        except OSError:
            assert city.gate.alive(), city.gate.output()
            return None
    return wait_for("the gate's socket", attempt, timeout=30, every=0.002)


def restarted_and_asked_at_once(city, opened):
    """Kills the gate, starts it, asks before it can know all; whether it could not."""
    last = opened[-1]
    city.gate.kill()
    city.gate = city.router.start(city.binary, "-c", city.conf)
    with connected(city) as gate:
        dump, closed = gate.send(gc.DUMP), None
        read = gate.wait(gate.send_device(gc.READ, last.mac))
        early = not gate.replies[dump]
        assert (read.status, read.body.number, read.body.tag) == (gc.OK, last.number, last.tag)
        assert gate.wait(gate.send_device(gc.READ, "02:6e:00:00:00:01")).status == gc.NOT_FOUND
        assert gate.wait(gate.send(gc.RESOLVE, gc.ADDRESS.pack(4, 0, bytes([10, 77, 0, 9]), b"", b""))).status == gc.NOT_FOUND
        closed = gate.send_device(gc.CLOSE, last.mac)
        listed = {r.body.mac for r in gate.wait(dump, timeout=60)[:-1]}
        assert len(listed) == len(opened) and last.mac in listed, "a change waits for the dump's end"
        assert not gate.replies[closed] or gate.replies[closed][0].status == gc.OK
        assert gate.wait(closed).status == gc.OK
        again = gate.open(last.mac, up=10**6, down=DEVICES - 1, tag=last.tag)
        assert again.status == gc.OK and again.body.number not in {body.number for body in opened}
        opened[-1] = again.body
    wait_for_text(city.gate, "event=ready", timeout=60)
    return early


def test_100_000_devices_are_opened_read_adopted_by_the_next_gate_and_closed(city):
    with gc.GateClient(city.socket) as gate:
        opened = all_of_them(gate, lambda i: gate.send_open(mac(i), up=10**6, down=i, tag=f"s={i:08x} of many"))
        assert len({body.number for body in opened}) == DEVICES
        assert gate.open("02:6e:00:00:00:01").status == gc.FULL
        read = all_of_them(gate, lambda i: gate.send_device(gc.READ, mac(i)))
        assert [body.down_Bps for body in read] == list(range(DEVICES))
        opened = [body._replace(tag=f"s={i:08x} of many") for i, body in enumerate(opened)]
    # Who asks for one device is not behind all the others. On a machine that lets us wait it may know them by then.
    assert any(restarted_and_asked_at_once(city, opened) for _ in range(5))
    city.gate.kill()
    city.start_gate()
    assert f"adopted={DEVICES}" in city.gate.output()
    with gc.GateClient(city.socket) as gate:
        adopted = {body.mac: (body.number, body.tag, body.down_Bps) for body in gate.dump()}
        assert adopted == {body.mac: (body.number, f"s={i:08x} of many", i) for i, body in enumerate(opened)}
        all_of_them(gate, lambda i: gate.send_device(gc.CLOSE, mac(i)))
        assert gate.hello_reply.body.open_devices == DEVICES and gate.hello().body.open_devices == 0
    assert "02:6d:" not in city.table(), "the kernel has none of them"


def test_a_dump_goes_on_however_its_reader_keeps_up(city):
    """One that empties the socket just as the gate finds it full: the next part has to come without being asked for."""
    some = 20_000
    with gc.GateClient(city.socket) as gate:
        asked = []
        for i in range(some + IN_FLIGHT):
            if i < some:
                asked.append(gate.send_open(mac(i)))
            if i >= IN_FLIGHT:
                assert gate.wait(asked[i - IN_FLIGHT]).status == gc.OK
        gate.sock.settimeout(10)
        receive = gate.sock.recv  # undecoded: as fast as Python reads
        for _ in range(60):
            gate.send(gc.DUMP)
            for _ in range(some + 1):
                receive(4096)
