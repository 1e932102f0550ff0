# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody who has not joined sends one byte out, by whatever packet, and nothing comes in unasked."""

import json
import pathlib
import re

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

ESCAPES = ["/usr/bin/python3", pathlib.Path(__file__).with_name("gate_escapes.py")]
AT_LEAST = {"udp4", "udp6", "ping4", "ping6", "6in4", "4in4", "gre4", "esp", "sctp", "proto253", "dest-opt",
            "fragments4", "fragments6", "quic4", "dhcp-out"}  # the world lets these through once the gate does


@pytest.fixture(scope="module", params=["no", "yes"], ids=["plain", "guarded"])
def city(request):
    with World() as world:
        w = GateWorld(world, BUILD)
        w.configure(guard=request.param)
        w.start_gate()
        yield w


@pytest.fixture
def gate(city):
    with gc.GateClient(city.socket) as g:
        for entry in g.dump():
            g.close_device(entry.mac)
        yield g


class Capture:
    """What arrives at an interface of a namespace; escaped() are the names in it."""

    def __init__(self, space, ifname, path):
        self.path = path
        self.process = space.start("tcpdump", "-i", ifname, "-p", "-U", "-w", path, log=f"{path}.log")
        wait_for_text(self.process, "listening on")

    def text(self):
        return self.path.read_bytes()

    def escaped(self):
        return {m.decode() for m in re.findall(rb"escape=([a-z0-9-]+);", self.text())}


def try_all(city, phone, other):
    router = city.router.run("cat", "/sys/class/net/br0/address").stdout.strip()
    sent = phone.space.run(*ESCAPES, router, phone.mac, phone.ip4, phone.ip6, other.ip4, other.ip6, INTERNET4, INTERNET6)
    return set(json.loads(sent.stdout))


def captured(city, other, tmp_path, work):
    """What work lets arrive: `other`, who is open, sends the last packet, and it is waited for."""
    capture = Capture(city.internet, "eth0", tmp_path / "seen.pcap")
    tried = work()
    script = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'escape=end;', ('{INTERNET4}', 9))"
    wait_for("the end", lambda: (other.space.run("/usr/bin/python3", "-c", script), "end" in capture.escaped())[1])
    capture.process.kill()
    return tried, capture.escaped() - {"end"}


def test_who_has_not_joined_sends_not_one_byte_out_by_whatever_packet(city, gate, tmp_path):
    phone, other = city.phones
    gate.open(other.mac)
    tried, out = captured(city, other, tmp_path, lambda: try_all(city, phone, other))
    assert len(tried) > 60
    assert out == set()


def test_the_same_packets_do_get_out_when_the_device_is_open(city, gate, tmp_path):
    """Else the test above would prove nothing."""
    phone, other = city.phones
    gate.open(phone.mac)
    gate.open(other.mac)
    tried, out = captured(city, other, tmp_path, lambda: try_all(city, phone, other))
    print(sorted(out), "of", len(tried))
    assert AT_LEAST <= out, AT_LEAST - out


def test_after_the_end_nothing_gets_out_any_more(city, gate, tmp_path):
    """Not by conversations that conntrack still holds either."""
    phone, other = city.phones
    gate.open(other.mac)
    gate.open(phone.mac)
    try_all(city, phone, other)
    gate.close_device(phone.mac)
    _, out = captured(city, other, tmp_path, lambda: try_all(city, phone, other))
    assert out == set()


def test_nothing_comes_in_that_nobody_asked_for(city, gate, tmp_path):
    """Neither to who has joined nor to who has not."""
    phone, other = city.phones
    gate.open(other.mac)
    captures = [Capture(p.space, "wlan0", tmp_path / f"{p.ip4}.pcap") for p in (phone, other)]
    script = ("import socket\n"
              f"for f, ips in ((socket.AF_INET, {[phone.ip4, other.ip4]}), (socket.AF_INET6, {[phone.ip6, other.ip6]})):\n"
              "    for ip in ips:\n"
              "        for port in (53, 67, 68, 443, 5353, 7999):\n"
              "            s = socket.socket(f, socket.SOCK_DGRAM); s.sendto(b'escape=in;', (ip, port))\n")
    city.internet.run("/usr/bin/python3", "-c", script)
    city.internet.run("ping", "-c", "2", "-i", "0.2", "-W", "1", "-p", b"escape=in;".hex(), phone.ip6, check=False)
    echo = f"import socket; s = socket.create_connection(('{INTERNET4}', 7777)); s.send(b'escape=asked;'); s.recv(99)"
    other.space.run("/usr/bin/python3", "-c", echo)
    wait_for("what was asked for comes", lambda: "asked" in captures[1].escaped())
    for c in captures:
        assert "in" not in c.escaped()
        c.process.kill()
