# SPDX-License-Identifier: GPL-2.0-or-later
"""The LAN changes under the gate: interfaces go, come back and are renamed; devices behind other routers; devices that
say they are the router."""

import os
import signal

import pytest
from city import gateclient as gc
from city.gateworld import INTERNET4, INTERNET6, ROUTER4, ROUTER6, GateWorld, wait_for_text
from city.netns import PATIENCE, World, wait_for
from conftest import BUILD
from test_gate_guard import hammering

SCAPY = "from scapy.all import *; conf.verb = 0; "


@pytest.fixture(scope="module")
def city():
    with World() as world:
        yield GateWorld(world, BUILD, phones=3)


@pytest.fixture
def gate(city):
    if not (city.gate and city.gate.alive()):
        city.start_gate()
    with gc.GateClient(city.socket) as g:
        for entry in g.dump():
            g.close_device(entry.mac)
        yield g


@pytest.fixture
def phone(city):
    return city.phones[0]


def lan_names(city):
    return city.router.run("nft", "list", "set", "inet", "loggia", "lan").stdout


def scapy(phone, text):
    phone.space.run("/usr/bin/python3", "-c", SCAPY + text)


def mac_of(space, ifname):
    return space.run("cat", f"/sys/class/net/{ifname}/address").stdout.strip()


def links(city, *commands):
    city.router.batch(*commands)


# --- interfaces -----------------------------------------------------------------------------------

def test_an_interface_that_goes_down_and_up_keeps_its_sessions(city, gate, phone, tmp_path):
    number = gate.open(phone.mac, tag="s=1 z=duomo", timeout=900).body.number
    stream = phone.start_stream(INTERNET4, tmp_path / "log")
    wait_for_text(stream, "started")
    links(city, "link set br0 down", "link set br0 up")
    city.router.ip("addr", "replace", f"{ROUTER6}/64", "dev", "br0", "nodad")
    before = gate.read(phone.mac).body
    wait_for("it goes on", lambda: gate.read(phone.mac).body.down_packets > before.down_packets + 50)
    now = gate.read(phone.mac).body
    assert (now.number, now.tag, now.timeout_s > 880) == (number, "s=1 z=duomo", True)
    assert stream.stop() == 0, stream.output()
    wait_for("IPv6 too", lambda: phone.udp(INTERNET6, 1, 100)["back"] == 1)


def renames_what_is_up(router):
    router.batch("link add trial0 type bridge", "link set trial0 up")
    refused = router.run("ip", "link", "set", "trial0", "name", "trial1", check=False).returncode
    router.ip("link", "del", "trial0" if refused else "trial1")
    return not refused


@pytest.mark.parametrize("live", [True, False])
def test_a_renamed_interface_keeps_its_sessions_and_its_gate(city, gate, phone, live, tmp_path):
    """Its name is what the rules go by."""
    if live and not renames_what_is_up(city.router):
        pytest.skip("this kernel renames no interface that is up (Linux before 6.2)")
    gate.open(phone.mac)
    stream = phone.start_stream(INTERNET4, tmp_path / "log")
    wait_for_text(stream, "started")
    told = city.gate.output().count("event=interface-renamed")
    with hammering(city, INTERNET4) as found:
        down, up = ([], []) if live else (["link set br0 down"], ["link set lan0 up"])
        links(city, *down, "link set br0 name lan0", *up)
        wait_for("the new name", lambda: '"lan0"' in lan_names(city))
        city.router.ip("addr", "replace", f"{ROUTER6}/64", "dev", "lan0", "nodad")
        before = gate.read(phone.mac).body.down_packets
        wait_for("the citizen goes on", lambda: gate.read(phone.mac).body.down_packets > before + 50)
        told_of = gate.resolve(phone.ip4).body
        links(city, *down and ["link set lan0 down"], "link set lan0 name br0", *up and ["link set br0 up"])
        city.router.ip("addr", "replace", f"{ROUTER6}/64", "dev", "br0", "nodad")
        wait_for("the old name alone", lambda: '"lan0"' not in lan_names(city))
    gap = max(found["through"]) - min(found["through"]) if found["through"] else 0
    print(f"through {len(found['through'])} of {found['sent']}, within {gap * 1000:.1f} ms")
    assert told_of.ifname == "br0", "loggiad knows zones by the configuration's names"
    assert city.gate.output().count("event=interface-renamed") == told + 2
    assert found["sent"] > 100
    assert gap < PATIENCE, "until the gate has heard of it: milliseconds, where nobody else keeps the machine busy"
    assert stream.stop() == 0, stream.output()


def test_an_interface_that_is_deleted_and_made_anew_is_found_by_its_name(city, gate, phone):
    """Its ports stand alone meanwhile; that they forward nothing is for rp_filter, which conf/router/sysctl.conf sets."""
    city.router.sysctl("net.ipv4.conf.all.rp_filter", 1)
    number = gate.open(phone.mac, tag="s=1").body.number
    assert phone.udp(INTERNET4, 5, 100)["back"] == 5
    with hammering(city, INTERNET4) as found:
        made_anew(city, "br0")
        wait_for_text(city.gate, "event=interface-gone name=br0")
        wait_for("the citizen is back", lambda: phone.udp(INTERNET4, 1, 100)["back"] == 1)
    city.router.sysctl("net.ipv4.conf.all.rp_filter", 0)
    assert found["through"] == []
    e = gate.read(phone.mac).body
    assert (e.number, e.tag, e.up_packets >= 6) == (number, "s=1", True)
    assert gate.resolve(phone.ip4).body.ifname == "br0"


def made_anew(city, name):
    links(city, f"link del {name}", f"link add {name} type bridge", *(f"link set port{i} master {name}" for i in range(3)),
          f"link set {name} up", f"addr add {ROUTER4}/24 dev {name}", f"addr add {ROUTER6}/64 dev {name} nodad")


def rules_by_number(city):
    rules = city.router.run("nft", "list", "chain", "inet", "loggia", "forward").stdout
    return [line.strip() for line in rules.splitlines() if line.strip().startswith(("iif ", "oif "))]


def test_until_the_gate_knows_the_number_of_a_new_interface_its_name_decides(city, gate, phone):
    """Most packets meet rules that know interfaces by their numbers: those of one that is made anew do not."""
    other = city.phones[2]
    for p in (phone, other):
        gate.open(p.mac)
        assert p.udp(INTERNET4, 5, 100)["back"] == 5
    print("\n".join(rules_by_number(city)))
    assert ["br0" in rule for rule in rules_by_number(city)] == [True, True]
    city.router.ip("route", "add", "10.99.0.0/24", "dev", "wan0")
    other.space.ip("addr", "add", "10.99.0.1/32", "dev", "lo")
    phone.udp("10.99.0.1", 5, 100)  # a conversation that the gate knows
    pid = city.gate_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        made_anew(city, "br0")
        city.router.ip("route", "replace", "10.99.0.0/24", "via", other.ip4)
        assert ["br0" in rule for rule in rules_by_number(city)] == [False, False]
        wait_for("the citizen is back", lambda: phone.udp(INTERNET4, 1, 100)["back"] == 1)
        with hammering(city, INTERNET4) as found:
            assert phone.udp(INTERNET4, 20, 100)["back"] == 20
            assert phone.udp("10.99.0.1", 5, 100)["back"] == 0, "devices do not see one another"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert found["sent"] > 100 and found["through"] == []
    wait_for("the new number", lambda: ["br0" in rule for rule in rules_by_number(city)] == [True, True])
    before = gate.read(phone.mac).body.up_packets
    assert phone.udp(INTERNET4, 5, 100)["back"] == 5
    assert gate.read(phone.mac).body.up_packets == before + 5
    city.router.ip("route", "del", "10.99.0.0/24")
    other.space.ip("addr", "del", "10.99.0.1/32", "dev", "lo")


def test_a_new_network_on_the_lan_is_taken_up_at_once(city, gate, phone):
    gate.open(phone.mac)
    city.router.ip("addr", "add", "2001:db8:99::1/64", "dev", "br0", "nodad")
    city.internet.ip("-6", "route", "add", "2001:db8:99::/64", "via", "2001:db8:77::1")
    phone.space.ip("addr", "add", "2001:db8:99::abcd/64", "dev", "wlan0", "nodad")
    phone.space.ip("-6", "route", "replace", "default", "via", ROUTER6, "src", "2001:db8:99::abcd")
    wait_for("the new prefix works", lambda: phone.udp(INTERNET6, 1, 100)["back"] == 1)
    phone.space.ip("-6", "route", "replace", "default", "via", ROUTER6)
    phone.space.ip("addr", "del", "2001:db8:99::abcd/64", "dev", "wlan0")
    city.router.ip("addr", "del", "2001:db8:99::1/64", "dev", "br0")


# --- behind another router ------------------------------------------------------------------------

@pytest.fixture
def hop(city):
    """phones[0] is a router itself, with a network behind it that our router knows the way to."""
    phone = city.phones[0]
    behind = city.world.namespace("behind") if "behind" not in city.world.spaces else city.world.spaces["behind"]
    city.world.link(phone.space, "inner", behind, "eth0")
    phone.space.batch("addr add 10.99.0.1/24 dev inner", "addr add fd99::1/64 dev inner nodad")
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        phone.space.sysctl(key, 1)
    behind.batch("addr add 10.99.0.5/24 dev eth0", "addr add fd99::5/64 dev eth0 nodad",
                 "route add default via 10.99.0.1", "route add default via fd99::1")
    city.router.batch(f"route add 10.99.0.0/24 via {phone.ip4}", f"route add fd99::/64 via {phone.ip6}")
    city.internet.batch("route replace 10.99.0.0/24 via 198.51.100.1", "route replace fd99::/64 via 2001:db8:77::1")
    from city.gateworld import Phone
    yield Phone(behind, phone.mac, 99)
    city.router.batch("route del 10.99.0.0/24", "route del fd99::/64")
    phone.space.batch("link del inner")


@pytest.mark.parametrize("host", [INTERNET4, INTERNET6])
def test_who_is_behind_another_router_is_not_let_in_by_that_routers_address(city, gate, phone, hop, host):
    gate.open(phone.mac)
    assert phone.udp(host, 5, 100)["back"] == 5, "the router in between has a session"
    assert hop.udp(host, 5, 100)["back"] == 0, "who is behind it has none"
    assert hop.tcp(host, 80)["said"] == "router 2080", "and meets the portal, which can say so"
    assert hop.udp(host, 1, 30, port=53)["said"] == "router 53"
    assert gate.resolve("10.99.0.5").status == gc.NOT_FOUND


# --- claims ---------------------------------------------------------------------------------------

def test_a_device_that_says_it_is_the_router_is_told_of_and_believed_by_nobody(city, gate, phone):
    thief, victim = city.phones[1], city.phones[2]
    router_mac = mac_of(city.router, "br0")
    gate.open(victim.mac)
    assert victim.udp(INTERNET4, 2, 100)["back"] == 2 and victim.udp(INTERNET6, 2, 100)["back"] == 2
    arp = f"sendp(Ether(dst='{{}}')/ARP(op=2, hwsrc='{thief.mac}', psrc='{ROUTER4}', hwdst='{victim.mac}', pdst='{{}}'), iface='wlan0')"
    advert = (f"sendp(Ether(dst='{{}}')/IPv6(src='{ROUTER6}', dst='{{}}')/ICMPv6ND_NA(tgt='{ROUTER6}', R=1, S=0, O=1)/"
              f"ICMPv6NDOptDstLLAddr(lladdr='{thief.mac}'), iface='wlan0')")
    cases = [(arp.format("ff:ff:ff:ff:ff:ff", ROUTER4), ROUTER4), (arp.format(victim.mac, victim.ip4), ROUTER4),
             (advert.format("33:33:00:00:00:01", "ff02::1"), ROUTER6), (advert.format(victim.mac, victim.ip6), ROUTER6)]
    for text, address in cases:
        def told(text=text, address=address):
            scapy(thief, text)
            gate.hello()
            return [e for e in gate.events if e.verb == gc.CLAIMED and (e.body.ip, e.body.mac, e.body.ifname) ==
                    (address, thief.mac, "br0")]
        wait_for(f"it is told: {text}", told, timeout=8, every=1.1)  # told of once a second
        gate.events.clear()
    wait_for_text(city.gate, f"event=address-claimed address={ROUTER4} interface=br0")
    for ip in (ROUTER4, ROUTER6):
        entry = victim.space.run("ip", "neigh", "show", ip, "dev", "wlan0").stdout
        assert router_mac in entry, entry
    assert victim.udp(INTERNET4, 2, 100)["back"] == 2 and victim.udp(INTERNET6, 2, 100)["back"] == 2


def test_an_honest_neighbour_is_not_told_of(city, gate, phone):
    gate.hello()
    gate.events.clear()
    scapy(phone, f"sendp(Ether(dst='ff:ff:ff:ff:ff:ff')/ARP(op=2, hwsrc='{phone.mac}', psrc='{phone.ip4}', pdst='{phone.ip4}'), "
          "iface='wlan0')")
    phone.space.ip("neigh", "flush", "all")
    phone.udp(INTERNET4, 2, 100)
    phone.udp(INTERNET6, 2, 100)
    gate.hello()
    assert [e for e in gate.events if e.verb == gc.CLAIMED] == []


def test_the_tables_that_notice_claims_come_back_and_go_with_the_gate(city, gate):
    def there():
        listed = city.router.run("nft", "list", "tables").stdout
        return [f"table {family} loggia" in listed for family in ("arp", "bridge")]
    assert there() == [True, True]
    city.router.run("nft", "delete table arp loggia; delete table bridge loggia")
    wait_for("they are back", lambda: there() == [True, True])
    city.router.run("nft", "flush", "ruleset")
    wait_for("they are back", lambda: there() == [True, True])
    city.gate.popen.send_signal(signal.SIGTERM)
    city.gate.popen.wait(10)
    assert city.router.run(city.binary, "-c", city.conf, "--remove", check=False).returncode == 0
    assert there() == [False, False]


# --- IPv6 ------------------------------------------------------------------------------------------

def addresses(phone):
    shown = phone.space.run("ip", "-6", "-o", "addr", "show", "dev", "wlan0", "scope", "global").stdout
    return {line.split()[3].split("/")[0]: line for line in shown.splitlines()}


def send_from(phone, source, host=INTERNET6):
    script = (f"import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('{source}', 0)); s.settimeout(0.5)\n"
              f"s.sendto(b'x', ('{host}', 7777))\n"
              "try:\n    print(len(s.recv(10)))\nexcept OSError:\n    print(0)\n")
    return phone.space.run("/usr/bin/python3", "-c", script).stdout.strip() == "1"


def test_every_ipv6_address_of_a_device_opens_with_it_and_counts_on_it(city, gate):
    """SLAAC with privacy addresses and DHCPv6 from a real dnsmasq, two prefixes, one that comes in mid-session."""
    phone = city.phones[0]
    for key, value in {"accept_dad": 0, "accept_ra": 2, "use_tempaddr": 2}.items():
        phone.space.sysctl(f"net.ipv6.conf.wlan0.{key}", value)
    city.router.ip("addr", "replace", "2001:db8:a::1/64", "dev", "br0", "nodad")
    city.internet.ip("-6", "route", "replace", "2001:db8:a::/47", "via", "2001:db8:77::1")
    dnsmasq = city.router.start("dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=br0", "--bind-dynamic", "--user=root",
                                "--enable-ra", "--ra-param=br0,4,60", "--dhcp-range=fd77::1000,fd77::1fff,slaac,64,1h",
                                "--dhcp-range=::,constructor:br0,ra-stateless,64,1h", f"--dhcp-leasefile={city.world.dir}/leases6")
    try:
        script = city.world.dir / "dhclient-script"
        script.write_text('#!/bin/sh\n[ -z "$new_ip6_address" ] || ip -6 addr replace "$new_ip6_address/128" dev wlan0 nodad\n')
        script.chmod(0o755)
        wait_for("a privacy address", lambda: any("temporary" in line for line in addresses(phone).values()), timeout=20)
        phone.space.run("dhclient", "-6", "-1", "-sf", script, "-lf", city.world.dir / "dhclient6.leases", "-pf", "/dev/null",
                        "-cf", "/dev/null", "wlan0", timeout=30)
        before = addresses(phone)
        assert any(a.startswith("fd77::1") and a.endswith(tuple("0123456789abcdef")) for a in before), before
        assert not any(send_from(phone, a) for a in before), "no address is a way out"
        number = gate.open(phone.mac).body.number
        assert all(send_from(phone, a) for a in before), before
        assert gate.read(phone.mac).body.up_packets >= len(before)
        city.router.ip("addr", "replace", "2001:db8:b::1/64", "dev", "br0", "nodad")
        new = wait_for("an address of the new prefix", lambda: [a for a in addresses(phone) if a.startswith("2001:db8:b:")], timeout=20)
        assert send_from(phone, new[0])
        phone.space.ip("addr", "flush", "dev", "wlan0", "scope", "global", "temporary")
        phone.space.ip("addr", "add", "2001:db8:b::5e55/64", "dev", "wlan0", "nodad")
        assert send_from(phone, "2001:db8:b::5e55"), "an address that changes mid-session"
        now = gate.read(phone.mac).body
        assert (now.number, now.up_packets >= len(before) + 2) == (number, True)
    finally:
        dnsmasq.stop()
        for prefix in "ab":
            city.router.run("ip", "addr", "del", f"2001:db8:{prefix}::1/64", "dev", "br0", check=False)
