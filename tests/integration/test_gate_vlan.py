# SPDX-License-Identifier: GPL-2.0-or-later
"""A place that is a VLAN of a cable: real VLAN devices at both ends, a real DHCP server and client. Kernels without VLAN
devices (this is said then) leave it to `make check-kernel`."""

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, GateWorld, Phone, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

HERE4, HERE6 = "10.79.0.1", "fd79::1"
LAN = "trunk0.20"


def has_vlan_devices(space):
    space.ip("link", "add", "trial0", "type", "bridge")
    made = space.run("ip", "link", "add", "link", "trial0", "name", "trial0.7", "type", "vlan", "id", "7", check=False)
    space.ip("link", "del", "trial0")
    assert made.returncode == 0 or "Unknown device type" in made.stderr, made.stderr
    return made.returncode == 0


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD, phones=1)
        if not has_vlan_devices(w.router):
            pytest.skip("this kernel has no VLAN devices: see make check-kernel")
        w.internet.batch("route add 10.79.0.0/24 via 198.51.100.1", "route add fd79::/64 via 2001:db8:77::1")
        w.dnsmasq = None
        yield w


def sit_down(w, shaping="police"):
    """The router's cable with its VLANs 20 and 30, what is at the other end of it, and the gate."""
    r = w.router
    desk = w.world.spaces.get("desk") or w.world.namespace("desk")
    w.world.link(r, "trunk0", desk, "eth0")
    for n in (20, 30):
        r.ip("link", "add", "link", "trunk0", "name", f"trunk0.{n}", "type", "vlan", "id", str(n))
        desk.ip("link", "add", "link", "eth0", "name", f"vlan{n}", "type", "vlan", "id", str(n))
        r.ip("link", "set", f"trunk0.{n}", "up")
        desk.ip("link", "set", f"vlan{n}", "up")
    r.batch(f"addr add {HERE4}/24 dev {LAN}", f"addr add {HERE6}/64 dev {LAN} nodad")
    w.configure(interfaces=("br0", LAN), shaping=shaping)
    w.start_gate()
    return desk


def lease(w, desk, interface="vlan20"):
    """Its address by DHCP, and a fixed one of IPv6."""
    w.dnsmasq = w.router.start("dnsmasq", "-d", "-C", "/dev/null", "--port=0", f"--interface={LAN}", "--bind-dynamic", "--user=root",
                               "--dhcp-range=10.79.0.50,10.79.0.99,1h", f"--dhcp-option=option:router,{HERE4}", "--no-ping",
                               f"--dhcp-leasefile={w.world.dir}/vlan-leases")
    script = w.world.dir / "vlan-script"
    script.write_text('#!/bin/sh\n[ -z "$new_ip_address" ] || { ip addr replace "$new_ip_address/24" dev "$interface"; '
                      'ip route replace default via "$new_routers"; }\n')
    script.chmod(0o755)
    desk.run("dhclient", "-4", "-1", "-sf", script, "-lf", w.world.dir / "vlan-client.leases", "-pf", "/dev/null", "-cf", "/dev/null",
             interface, timeout=120)
    desk.batch(f"addr replace fd79::55/64 dev {interface} nodad", f"route replace default via {HERE6}")
    shown = desk.run("ip", "-4", "-o", "addr", "show", "dev", interface).stdout
    mac = desk.run("cat", f"/sys/class/net/{interface}/address").stdout.strip()
    phone = Phone(desk, mac, 0)
    phone.ip4, phone.ip6 = shown.split()[3].split("/")[0], "fd79::55"
    assert phone.ip4.startswith("10.79.0.")
    return phone


@pytest.fixture(params=["police", "htb"])
def desk(city, request):
    space = sit_down(city, request.param)
    yield lease(city, space)
    city.dnsmasq.stop()
    city.gate.stop()
    city.router.run(city.binary, "--remove", "-c", city.conf)
    city.router.ip("link", "del", "trunk0")


def test_a_vlan_of_a_cable_is_a_place_of_its_own(city, desk):
    """Shut, then open, by its tag alone; each packet on its account; the same over IPv6; and with queues."""
    walker = city.phones[0]
    with gc.GateClient(city.socket) as gate:
        assert desk.udp(INTERNET4, 2, 100)["back"] == desk.udp(INTERNET6, 2, 100)["back"] == 0
        assert desk.tcp(INTERNET4, 80)["said"] == "router 2080", "it meets the portal"
        wait_for("it is told of with its interface", lambda: gate.hello() and [
            e for e in gate.events if e.verb == gc.APPEARED and (e.body.mac, e.body.ifname) == (desk.mac, LAN)])
        told = gate.resolve(desk.ip4).body
        assert (told.mac, told.ifname) == (desk.mac, LAN)
        gate.open(desk.mac, up=10**6, down=10**6)
        assert desk.udp(INTERNET4, 50, 1000)["back"] == 50 and desk.udp(INTERNET6, 50, 1000)["back"] == 50
        now = gate.read(desk.mac).body
        assert now.up_bytes == now.down_bytes == 50 * 1028 + 50 * 1048, "bytes of IP, without the tag"
        gate.open(walker.mac)
        lost = desk.space.run("ping", "-c", "1", "-W", "1", walker.ip4, check=False).stdout
        assert " 0 received" in lost, "the places do not see each other through the router"


def test_what_has_another_tag_or_none_is_no_part_of_the_place(city, desk):
    """The same device, open on its own VLAN: the cable's other networks are no zone, and lead nowhere new."""
    with gc.GateClient(city.socket) as gate:
        gate.open(desk.mac)
        assert desk.udp(INTERNET4, 2, 100)["back"] == 2
        before = gate.read(desk.mac).body.up_packets
        desk.space.batch("addr del fd79::55/64 dev vlan20", "addr flush dev vlan20", f"addr add {desk.ip4}/24 dev vlan30",
                         "route replace default via " + HERE4 + " dev vlan30", f"neigh replace {HERE4} dev vlan30 lladdr " +
                         city.router.run("cat", f"/sys/class/net/{LAN}/address").stdout.strip())
        city.router.sysctl("net.ipv4.conf.all.rp_filter", 1)  # as conf/router/sysctl.conf has it
        assert desk.udp(INTERNET4, 5, 100)["back"] == 0
        assert gate.read(desk.mac).body.up_packets == before
        city.router.sysctl("net.ipv4.conf.all.rp_filter", 0)


def test_a_vlan_that_goes_with_its_cable_and_comes_back_keeps_its_sessions(city, desk):
    with gc.GateClient(city.socket) as gate:
        number = gate.open(desk.mac, tag="s=1").body.number
        assert desk.udp(INTERNET4, 2, 100)["back"] == 2
        city.router.ip("link", "del", LAN)
        wait_for_text(city.gate, f"event=interface-gone name={LAN}")
        assert desk.udp(INTERNET4, 2, 100)["back"] == 0
        city.router.batch(f"link add link trunk0 name {LAN} type vlan id 20", f"link set {LAN} up", f"addr add {HERE4}/24 dev {LAN}",
                          f"addr add {HERE6}/64 dev {LAN} nodad")
        wait_for("it is back", lambda: desk.udp(INTERNET4, 1, 100)["back"] == 1)
        now = gate.read(desk.mac).body
        assert (now.number, now.tag, gate.resolve(desk.ip4).body.ifname) == (number, "s=1", LAN)
