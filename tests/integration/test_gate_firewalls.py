# SPDX-License-Identifier: GPL-2.0-or-later
"""Other firewalls beside the gate, started and loaded again: the real firewalld, and OpenWrt's fw4 by the transactions
that it makes."""

import json
import os

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD
from test_gate_guard import hammering

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/></policy></busconfig>
"""
FW4 = """
table inet fw4
flush table inet fw4
table inet fw4 {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "br0" oifname "wan0" accept
        reject
    }
    chain dstnat { type nat hook prerouting priority dstnat; policy accept; }
    chain srcnat { type nat hook postrouting priority srcnat; policy accept; oifname "wan0" meta nfproto ipv4 masquerade; }
    chain mangle { type filter hook forward priority mangle; policy accept; oifname "wan0" tcp flags syn tcp option maxseg size set rt mtu; }
}
"""


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD)
        w.start_gate()
        yield w


@pytest.fixture
def gate(city):
    with gc.GateClient(city.socket) as g:
        for entry in g.dump():
            g.close_device(entry.mac)
        yield g


@pytest.fixture
def firewalld(city):
    """On a bus of its own, with a configuration of its own; the function calls firewall-cmd."""
    bus, etc = city.world.dir / "bus", city.world.dir / "firewalld"
    etc.mkdir(exist_ok=True)
    (city.world.dir / "bus.conf").write_text(BUS.format(bus=bus))
    env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}
    daemon = city.router.start("dbus-daemon", "--config-file", city.world.dir / "bus.conf", "--nofork")
    wait_for("the bus", bus.exists)
    fw = city.router.start("firewalld", "--nofork", "--nopid", "--system-config", etc, "--log-file", city.world.dir / "fw.log", env=env)

    def cmd(*args, check=True):
        return city.router.run("firewall-cmd", *args, check=check, env={**os.environ, **env})
    wait_for("firewalld", lambda: cmd("--state", check=False).returncode == 0, timeout=30, every=0.2)
    def settled(*args):
        """A slow machine takes longer than D-Bus waits for the answer (25 s)."""
        r = cmd(*args, check=False)
        assert r.returncode == 0 or "Did not receive a reply" in r.stderr, r.stderr
        wait_for("firewalld again", lambda: cmd("--state", check=False).returncode == 0, timeout=60, every=0.2)
    yield settled
    fw.stop()
    daemon.stop()


def through_reloads(city, gate, tmp_path, reload, times):
    """A citizen's transfer goes on and a stranger stays out, while reload is done."""
    phone = city.phones[0]
    number = gate.open(phone.mac, up=10**8, tag="s=1 z=duomo", timeout=7200).body.number
    stream = phone.start_stream(INTERNET4, tmp_path / "log")
    wait_for_text(stream, "started")
    rebuilt = city.gate.output().count("event=rebuilt")
    with hammering(city, INTERNET4) as found:
        for _ in range(times):
            before = gate.read(phone.mac).body.down_packets
            reload()
            wait_for("it goes on", lambda n=before: gate.read(phone.mac).body.down_packets > n + 20)
    assert stream.stop() == 0, stream.output()
    report = json.loads(stream.output().splitlines()[-1])
    print(f"{times} reloads: {report}, a stranger's {found['sent']} packets, through {len(found['through'])}")
    assert found["sent"] > 1000 and found["through"] == []
    now = gate.read(phone.mac).body
    assert (now.number, now.tag, now.up_Bps, 5000 < now.timeout_s <= 7200) == (number, "s=1 z=duomo", 10**8, True)
    assert now.up_bytes >= report["messages"] * 512
    assert city.gate.output().count("event=rebuilt") == rebuilt, "nothing of ours was touched"


def test_a_reload_of_firewalld_drops_nobody_and_lets_nobody_in(city, gate, firewalld, tmp_path):
    firewalld("--permanent", "--zone=trusted", "--add-interface=br0", "--add-interface=wan0")
    firewalld("--reload")
    through_reloads(city, gate, tmp_path, lambda: firewalld("--reload"), 3)
    through_reloads(city, gate, tmp_path, lambda: firewalld("--complete-reload"), 1)


def test_a_reload_of_fw4_drops_nobody_and_lets_nobody_in(city, gate, tmp_path):
    rules = city.world.dir / "fw4.nft"
    rules.write_text(FW4)
    city.router.run("nft", "-f", rules)
    through_reloads(city, gate, tmp_path, lambda: city.router.run("nft", "-f", rules), 20)
    through_reloads(city, gate, tmp_path, lambda: (city.router.run("nft", "delete", "table", "inet", "fw4"),
                                                   city.router.run("nft", "-f", rules)), 5)
    city.router.run("nft", "delete", "table", "inet", "fw4")
