# SPDX-License-Identifier: GPL-2.0-or-later
"""The short cut (offload = "yes") beside what else a router has: the guard, PPP, interfaces that get other names, an
older gate's table, other programs' flowtables.

All of it needs flowtables in the kernel: see make check-kernel-uml."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals
from city.gateworld import ECHO, INTERNET4, INTERNET6, ROUTER6, TRAFFIC, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD
from test_gate_offload import LENGTHS, Flow, all_of, reached, settled
from test_gate_vlan import has_vlan_devices

FLOWTABLE = 3  # GATE_HOOK_FLOWTABLE
PPP = ["nodetach", "noauth", "noipdefault", "nodefaultroute", "+ipv6"]


@pytest.fixture
def city():
    """w(...): a world whose gate is configured so."""
    with World() as world:
        def begin(more='uplinks = {"wan0"}', before=lambda w: None, **options):
            w = GateWorld(world, BUILD)
            before(w)
            w.configure(offload="yes", more=more, **options)
            w.start_gate()
            if "event=no-offload" in w.gate.output():
                pytest.skip("this kernel has no flowtables, or not all that the short cut needs")
            return w
        yield begin


@contextlib.contextmanager
def citizen(w, hosts=(INTERNET4, INTERNET6)):
    """A device that is open and has a conversation with each host in the short cut: gate, phone, conversations."""
    phone = w.phones[0]
    with gc.GateClient(w.socket) as gate, contextlib.ExitStack() as stack:
        gate.open(phone.mac)
        flows = [stack.enter_context(Flow(phone, h)) for h in hosts]
        for flow in flows:
            settled(w, phone, flow)
        yield gate, phone, flows


def counted(flows, packets):
    """What the gate is to say when each has sent so many, of 500 bytes."""
    bytes_ = sum(packets * (500 + f.overhead) for f in flows)
    return bytes_, packets * len(flows), bytes_, packets * len(flows)


def test_with_the_guard_a_flush_shuts_the_short_cut_too(city):
    w = city(guard="yes")
    w.internet.run("nft", "-f", "-", input=LENGTHS)
    with citizen(w) as (gate, phone, flows):
        assert all_of(gate.read(phone.mac).body) == counted(flows, 50)
        os.kill(w.gate_pid(), signal.SIGSTOP)  # nobody mends it meanwhile
        w.router.run("nft", "flush", "ruleset")
        for flow in flows:
            assert flow.send(20, 333, wait=0.1) == 0
        assert reached(w, 333) == 0, "it goes round the guard"
        os.kill(w.gate_pid(), signal.SIGCONT)
        gate.wait_event(gc.REBUILT)
        for flow in flows:
            settled(w, phone, flow)
        assert all_of(gate.read(phone.mac).body) == counted(flows, 100)
        gate.close_device(phone.mac)
        assert [flow.send(20, 333, wait=0.1) for flow in flows] == [0, 0]
        assert reached(w, 333) == 0


def ppp_async(w):
    """Over a line of bytes, as a modem's is."""
    ends = socket.socketpair()
    for space, end, own, other in ((w.router, ends[0], "198.51.100.1", INTERNET4), (w.internet, ends[1], INTERNET4, "198.51.100.1")):
        log = open(w.world.dir / f"{space.name}-pppd.log", "ab")
        p = subprocess.Popen(space.argv("pppd", "notty", "local", *PPP, f"{own}:{other}"), stdin=end, stdout=end, stderr=log, start_new_session=True)
        w.world.processes.append(Hung(p))
        end.close()
        log.close()


class Hung:
    """pppd in World's list of what to end."""

    def __init__(self, popen):
        self.popen = popen

    def ask(self):
        if self.popen.poll() is None:
            self.popen.terminate()

    stop = ask


def ppp_over_ethernet(w):
    (w.world.dir / "pppoe-options").write_text("\n".join(PPP[1:]))
    w.internet.start("pppoe-server", "-F", "-I", "eth0", "-L", INTERNET4, "-R", "198.51.100.1", "-N", "4",
                     "-O", w.world.dir / "pppoe-options")
    w.router.start("pppd", "plugin", "rp-pppoe.so", "nic-wan0", *PPP, log=w.world.dir / "router-pppoe.log")


def uplink_of_ppp(w, dial):
    w.router.ip("addr", "flush", "dev", "wan0")
    w.internet.ip("addr", "flush", "dev", "eth0")
    dial(w)
    for space, own in ((w.router, "2001:db8:77::1"), (w.internet, INTERNET6)):
        wait_for("PPP", lambda: "198.51.100" in space.run("ip", "addr", "show", "ppp0", check=False).stdout, 30)
        space.sysctl("net.ipv6.conf.ppp0.accept_dad", 0)
        space.ip("addr", "add", f"{own}/64", "dev", "ppp0", "nodad")
    w.internet.ip("route", "replace", "10.77.0.0/24", "dev", "ppp0")
    w.internet.ip("-6", "route", "replace", "fd77::/64", "dev", "ppp0")


@pytest.mark.parametrize("dial", [ppp_async, ppp_over_ethernet])
def test_an_uplink_of_ppp(city, dial):
    kind, shown = ("ppp_async", "/dev/ppp") if dial is ppp_async else ("pppoe", "/proc/net/pppoe")
    subprocess.run(["modprobe", "-q", kind], check=False)
    if not os.path.exists(shown):
        pytest.skip(f"this kernel has no {kind}")
    w = city(more='uplinks = {"ppp0"}', before=lambda w: uplink_of_ppp(w, dial))
    w.internet.run("nft", "-f", "-", input=LENGTHS)
    with citizen(w) as (gate, phone, flows):
        assert all_of(gate.read(phone.mac).body) == counted(flows, 50)
        assert all_of(gate.close_device(phone.mac).body) == counted(flows, 50)
        assert [flow.send(20, 333, wait=0.1) for flow in flows] == [0, 0]
        assert reached(w, 333) == 0


def hooked(w):
    return w.router.run("nft", "list", "flowtables").stdout


def all_and_no_more(w, phone, hosts):
    """Whatever way its packets take: each is counted, and none passes when the device is closed."""
    w.internet.run("nft", "-f", "-", input=LENGTHS)
    with gc.GateClient(w.socket) as gate, contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(phone, h)) for h in hosts]
        gate.open(phone.mac)
        for _ in range(2):
            assert [flow.send(50) for flow in flows] == [50] * len(flows)
        assert all_of(gate.close_device(phone.mac).body) == counted(flows, 100)
        assert [flow.send(20, 333, wait=0.1) for flow in flows] == [0] * len(flows)
        assert reached(w, 333) == 0


def test_a_port_of_the_lans_bridge_among_the_uplinks_is_no_way_round_the_gate(city):
    """The kernel would take it for the short way to the phone behind it, where nothing counts or stops."""
    w = city(more='uplinks = {"wan0", "port1"}')
    assert 'event=offload-without interface=port1 reason="is a port of another"' in w.gate.output()
    assert 'event=offload-without interface=br0 reason="lies on one that is in it, too"' in w.gate.output()
    assert "br0" not in hooked(w) and "port1" not in hooked(w)
    all_and_no_more(w, w.phones[1], (INTERNET4, INTERNET6))


def vlan_of_a_lan(w):
    """Phone 1 in VLAN 7 of an interface that is a LAN itself."""
    if not has_vlan_devices(w.router):
        pytest.skip("this kernel has no VLAN devices: see make check-kernel-uml")
    w.router.batch("link set port1 nomaster", "link add link port1 name port1.7 type vlan id 7", "link set port1.7 up",
                   "addr add 10.78.0.1/24 dev port1.7")
    w.phones[1].space.batch("addr flush dev wlan0", "link add link wlan0 name wlan0.7 type vlan id 7", "link set wlan0.7 up",
                            "addr add 10.78.0.2/24 dev wlan0.7", "route add default via 10.78.0.1")
    w.internet.ip("route", "add", "10.78.0.0/24", "via", "198.51.100.1")


def test_a_vlan_on_an_interface_that_is_in_it_is_left_out_and_said(city):
    w = city(before=vlan_of_a_lan, interfaces=("br0", "port1", "port1.7"))
    assert 'event=offload-without interface=port1.7 reason="lies on one that is in it, too"' in w.gate.output()
    assert "port1.7" not in hooked(w) and "port1" in hooked(w)
    all_and_no_more(w, w.phones[1], [INTERNET4])
    with citizen(w) as (gate, phone, flows):
        assert all_of(gate.close_device(phone.mac).body) == counted(flows, 50), "and the others are in it"


def renamed(space, old, new):
    space.batch(f"link set {old} down", f"link set {old} name {new}", f"link set {new} up")


def test_an_uplink_that_is_renamed_is_in_it_again(city):
    def default_route(w):
        w.router.ip("route", "replace", "default", "via", INTERNET4)
    w = city(more="", before=default_route)
    with citizen(w, [INTERNET4]) as (gate, phone, flows):
        for old, new in (("wan0", "wan9"), ("wan9", "wan0")):
            renamed(w.router, old, new)
            wait_for("it is in it no more", lambda: new not in hooked(w))
            default_route(w)
            wait_for("it is in it again", lambda: new in hooked(w))
            settled(w, phone, flows[0])
        assert all_of(gate.close_device(phone.mac).body) == counted(flows, 150)
        assert flows[0].send(20, wait=0.1) == 0


def test_a_bridge_that_is_renamed_is_in_it_again(city):
    w = city()
    with citizen(w) as (gate, phone, flows):
        for old, new in (("br0", "lan0"), ("lan0", "br0")):
            renamed(w.router, old, new)
            w.router.ip("addr", "replace", f"{ROUTER6}/64", "dev", new, "nodad")
            wait_for("the new name", lambda: f'"{new}"' in w.router.run("nft", "list", "set", "inet", "loggia", "lan").stdout)
            wait_for("its carrier", lambda: "state UP" in w.router.run("ip", "link", "show", new).stdout)
            for flow in flows:
                settled(w, phone, flow)
        assert all_of(gate.close_device(phone.mac).body) == counted(flows, 150)
        assert [flow.send(20, wait=0.1) for flow in flows] == [0, 0]


def test_another_table_in_one_transaction_loses_no_byte_of_who_is_in_it(city):
    """An older gate's, which had another kind of set: all is made anew while a stream goes on."""
    w = city()
    phone = w.phones[0]
    count_arrivals(w.internet, phone.space)
    with gc.GateClient(w.socket) as gate:
        gate.open(phone.mac)
        sender = phone.space.start(*TRAFFIC, "pour", INTERNET4, ECHO, 200, 1000)
        wait_for("it has answers", lambda: arrived(phone.space, INTERNET4) > 100 * 228)
    w.gate.kill(signal.SIGKILL)
    w.router.run("nft", "-f", "-", input="delete set inet loggia numbers\nadd set inet loggia numbers { type ipv4_addr; }\n")
    w.start_gate()
    wait_for_text(w.gate, "event=layout-replaced")
    so_far = arrived(phone.space, INTERNET4)
    wait_for("it has more answers", lambda: arrived(phone.space, INTERNET4) > so_far + 100 * 228)
    sender.stop()
    assert phone.udp(INTERNET4, 1, 200)["back"] == 1, "behind all others"
    with gc.GateClient(w.socket) as gate:
        last = gate.close_device(phone.mac).body
    in_hand = 228 * os.cpu_count()  # a packet by each processor at the instant of the change
    assert abs(last.up_bytes - arrived(w.internet, phone.ip4)) <= in_hand
    assert abs(last.down_bytes - arrived(phone.space, INTERNET4)) <= in_hand


@pytest.mark.parametrize("devices, found", [("br0, wan0", True), ("port0, wan0", True), ("wan0", False)])
def test_another_programs_flowtable_is_noticed_where_the_lan_may_take_it(city, devices, found):
    w = city()
    w.router.run("nft", "-f", "-", input="table inet fw4 { flowtable ft { hook ingress priority 0; devices = { %s }; }; }" % devices)
    with gc.GateClient(w.socket) as gate:
        told = [(c.family, c.table, c.chain) for c in gate.others() if c.hook == FLOWTABLE]
    assert told == ([(1, "fw4", "ft")] if found else [])


def test_another_programs_flowtable_is_noticed_below_a_vlan_of_the_lan(city):
    w = city(before=vlan_of_a_lan, interfaces=("br0", "port1.7"))
    w.router.run("nft", "-f", "-", input="table inet fw4 { flowtable ft { hook ingress priority 0; devices = { port1, wan0 }; }; }")
    with gc.GateClient(w.socket) as gate:
        assert [c.table for c in gate.others() if c.hook == FLOWTABLE] == ["fw4"]
