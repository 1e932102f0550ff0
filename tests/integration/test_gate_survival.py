# SPDX-License-Identifier: GPL-2.0-or-later
"""What the gate survives: its own death, others' commands, wrong speakers; and what it notices."""

import json
import math
import os
import signal
import socket
import struct
import subprocess

import pytest
from city import gateclient as gc
from city.gateworld import ECHO, INTERNET4, INTERNET6, TRAFFIC, GateWorld, wait_for_text
from city.netns import PATIENCE, World, wait_for
from conftest import BUILD


@pytest.fixture(scope="module")
def city():
    with World() as world:
        yield GateWorld(world, BUILD)


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


@pytest.fixture
def stream(phone, tmp_path):
    s = phone.start_stream(INTERNET4, tmp_path / "stream.log")
    yield s
    s.stop()


def went_well(stream):
    assert stream.stop() == 0, stream.output()
    return json.loads(stream.output().splitlines()[-1])


def run_gate(city, *args):
    return city.router.run(city.binary, "-c", city.conf, *args, check=False)


# --- its own death --------------------------------------------------------------------------------

@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_restarted_gate_goes_on_with_what_the_kernel_holds(city, gate, phone, stream, how):
    tag = "s=42-7 t=1700000000 e=1700003600 z=duomo c=Zm9v"
    number = gate.open(phone.mac, up=10**7, down=2 * 10**7, timeout=3000, tag=tag).body.number
    wait_for_text(stream, "started")
    wait_for("the stream counts", lambda: gate.read(phone.mac).body.down_packets > 50)
    before = gate.read(phone.mac).body
    city.gate.kill(how)
    if how == signal.SIGTERM:
        assert city.gate.popen.returncode == 0
    city.start_gate()
    assert "adopted=1" in city.gate.output()
    with gc.GateClient(city.socket) as again:
        dumped = again.dump()
        assert [(e.mac, e.number, e.tag) for e in dumped] == [(phone.mac, number, tag)]
        assert 2980 <= dumped[0].timeout_s <= 3000
        now = again.read(phone.mac).body
        assert now.up_bytes > before.up_bytes and now.down_bytes > before.down_bytes
        assert (now.up_Bps, now.down_Bps) == (10**7, 2 * 10**7)
        report = went_well(stream)
        assert report["longest_ms"] < 200, "the transfer did not notice"
        last = again.close_device(phone.mac).body
        assert last.up_bytes >= report["messages"] * (512 + 52), "nothing was lost from the counters"


def test_who_is_not_open_gets_nothing_through_while_the_gate_restarts(city, gate, phone):
    other = city.phones[1]
    gate.open(phone.mac)
    gate.close()
    hammer = other.space.start(*TRAFFIC, "udp", INTERNET4, ECHO, 2000, 100)
    for _ in range(10):
        city.gate.kill()
        city.start_gate()
    hammer.popen.wait(60)
    assert json.loads(hammer.output())["back"] == 0


def test_a_flush_right_after_a_restart_lifts_nobodys_cap(city, gate):
    """Counters are read little by little after a start: most of these have not been when the flush comes."""
    macs = [f"02:94:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(3000)]
    for seq in [gate.send_open(m, up=10**6, down=2 * 10**6) for m in macs]:
        assert gate.wait(seq).status == gc.OK
    city.gate.kill()
    city.start_gate()
    city.router.run("nft", "flush", "ruleset")
    wait_for_text(city.gate, "event=rebuilt")
    with gc.GateClient(city.socket) as again:
        for m in (macs[0], macs[-1]):
            entry = again.read(m).body
            assert (entry.up_Bps, entry.down_Bps) == (10**6, 2 * 10**6)
        for seq in [again.send_device(gc.CLOSE, m) for m in macs]:
            again.wait(seq)


def test_numbers_go_on_after_a_restart(city, gate, phone):
    numbers = [gate.open(phone.mac).body.number for _ in range(3)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    gate.close_device(phone.mac)
    city.gate.kill()
    city.start_gate()
    with gc.GateClient(city.socket) as again:
        after = again.open(phone.mac).body.number
    assert after > numbers[-1], "conntrack may still hold the old ones"


def test_loggiad_may_come_and_go(city, gate, phone):
    gate.open(phone.mac)
    gate.close()
    with gc.GateClient(city.socket) as again:
        assert [e.mac for e in again.dump()] == [phone.mac]
        assert phone.udp(INTERNET4, 10, 100)["back"] == 10


def test_an_upgrade_that_brings_another_layout_keeps_everybody(city, gate, phone):
    number = gate.open(phone.mac, up=5 * 10**6, tag="s=keep").body.number
    assert phone.udp(INTERNET4, 10, 100)["back"] == 10
    city.gate.kill()
    city.router.run("nft", "flush chain inet loggia nat_prerouting; delete chain inet loggia nat_prerouting; "
                    "add chain inet loggia nat_prerouting { type filter hook prerouting priority 5; }")
    city.start_gate()
    assert "event=layout-replaced table=loggia devices=1" in city.gate.output()
    with gc.GateClient(city.socket) as again:
        e = again.read(phone.mac).body
        assert (e.number, e.tag, e.up_Bps, e.up_bytes, e.down_packets) == (number, "s=keep", 5 * 10**6, 1280, 10)
    assert phone.udp(INTERNET4, 10, 100)["back"] == 10


# --- others ---------------------------------------------------------------------------------------

def test_a_flushed_ruleset_is_rebuilt_with_the_same_sessions(city, gate, phone, stream):
    tag = "s=1 z=duomo"
    number = gate.open(phone.mac, up=10**7, down=10**7, timeout=900, tag=tag).body.number
    wait_for_text(stream, "started")
    wait_for("the stream counts", lambda: gate.read(phone.mac).body.down_packets > 50)
    before = gate.read(phone.mac).body
    city.router.run("nft", "flush", "ruleset")
    event = gate.wait_event(gc.REBUILT)
    assert event.body.open_devices == 1
    print(f"gap: {event.gap_us} us")
    assert event.gap_us < 50_000
    wait_for_text(city.gate, "event=rebuilt table=loggia by=\"nft\"")
    now = gate.read(phone.mac).body
    assert (now.number, now.tag, now.up_Bps) == (number, tag, 10**7)
    assert now.up_bytes >= before.up_bytes and 890 <= now.timeout_s <= 900
    assert city.phones[1].udp(INTERNET4, 3, 100)["back"] == 0, "and who was not open is not"
    went_well(stream)


@pytest.mark.parametrize("command", [
    ("delete", "table", "inet", "loggia"), ("flush", "chain", "inet", "loggia", "from_lan"),
    ("flush", "set", "inet", "loggia", "up"), ("flush", "table", "inet", "loggia")])
def test_whatever_part_of_the_table_is_deleted_comes_back(city, gate, phone, command):
    gate.open(phone.mac)
    city.router.run("nft", *command)
    gate.wait_event(gc.REBUILT)
    assert phone.udp(INTERNET4, 5, 100)["back"] == 5
    assert city.phones[1].udp(INTERNET4, 3, 100)["back"] == 0


def test_a_thousand_devices_survive_a_flush(city, gate):
    macs = [f"02:99:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(2500)]
    for seq in [gate.send_open(m, tag=f"s={m[-5:]}") for m in macs[:1250]]:
        assert gate.wait(seq).status == gc.OK
    for seq in [gate.send_open(m, tag=f"s={m[-5:]}") for m in macs[1250:]]:
        assert gate.wait(seq).status == gc.OK
    city.router.run("nft", "flush", "ruleset")
    event = gate.wait_event(gc.REBUILT)
    print(f"gap with 2500 devices: {event.gap_us} us")
    listed = city.router.run("nft", "list", "map", "inet", "loggia", "ids").stdout
    assert listed.count(" comment ") == 2500
    assert len(gate.dump()) == 2500


def test_changes_of_others_that_do_no_harm_rebuild_nothing(city, gate, phone):
    gate.open(phone.mac)
    city.router.run("nft", "add element inet loggia garden4 { 203.0.113.9 }")
    city.router.run("nft", "flush set inet loggia garden4")
    city.router.run("nft", "add table inet other; delete table inet other")
    before = gate.hello().body.transactions
    gate.read(phone.mac)
    assert gate.hello().body.transactions == before
    assert not [e for e in gate.events if e.verb == gc.REBUILT]


@pytest.mark.parametrize("harm", ["flush ruleset", "flush chain inet loggia from_lan", "flush set inet loggia up",
                                  "add table inet innocent"])
def test_what_happened_while_notifications_were_lost_is_put_right(city, gate, phone, harm):
    """The gate stands still while others change so much that the kernel has no room left to tell it."""
    number = gate.open(phone.mac, up=10**7, tag="s=1").body.number
    assert phone.udp(INTERNET4, 10, 100)["back"] == 10
    assert gate.read(phone.mac).body.up_packets == 10
    lost = city.gate.output().count("event=notifications-lost") + city.gate.output().count("event=rebuilt")
    churn = city.world.dir / "churn.nft"
    elements = ", ".join(f"{a}.{b}.{c}.{d}" for a in (10, 11) for b in range(20) for c in range(100) for d in range(25))
    churn.write_text(f"table inet churn {{ set s {{ type ipv4_addr; }}\n}}\nadd element inet churn s {{ {elements} }}\nflush set inet churn s\n")
    city.gate.popen.send_signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            city.router.run("nft", "-f", churn)
        city.router.run("nft", harm)
    finally:
        city.gate.popen.send_signal(signal.SIGCONT)
    wait_for("it is noticed", lambda: city.gate.output().count("event=notifications-lost") +
             city.gate.output().count("event=rebuilt") > lost, timeout=20)
    wait_for("the citizen is online", lambda: phone.udp(INTERNET4, 1, 100)["back"] == 1)
    assert city.phones[1].udp(INTERNET4, 3, 100)["back"] == 0
    e = gate.read(phone.mac).body
    assert (e.number, e.tag, e.up_Bps) == (number, "s=1", 10**7) and e.up_packets >= 11, e
    city.router.run("nft", "delete table inet churn", check=False)


# --- who speaks -----------------------------------------------------------------------------------

def test_a_second_controller_is_refused(city, gate):
    second = gc.GateClient(city.socket, hello=False)
    assert second.hello().status == gc.BUSY
    with pytest.raises((ConnectionError, OSError)):
        second.hello()
    assert gate.hello().status == gc.OK, "the first one does not notice"


def test_another_version_is_told_so(city, gate):
    gate.close()
    other = gc.GateClient(city.socket, hello=False)
    assert other.hello(version=99).status == gc.OTHER_VERSION


def test_somebody_elses_process_is_not_let_in(city, gate):
    gate.close()
    city.socket.chmod(0o777)
    script = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('{city.socket}'); "
              "s.settimeout(5); print('got', len(s.recv(10)))")
    got = subprocess.run(["setpriv", "--reuid", "12345", "--clear-groups", "/usr/bin/python3", "-c", script],
                         capture_output=True, text=True, timeout=20)
    assert got.stdout == "got 0\n", got
    wait_for_text(city.gate, "event=controller-refused reason=uid uid=12345")


def test_a_second_gate_on_the_same_table_is_refused(city, gate):
    r = run_gate(city)
    assert r.returncode == 1
    assert "another loggia-gate keeps table inet loggia here already" in r.stderr
    assert gate.hello().status == gc.OK


@pytest.mark.parametrize("packet", [b"x", b"\0" * gc.REQUEST_LEN, os.urandom(gc.REQUEST_LEN), b"\xff" * 4000,
                                    struct.pack("=HHI", 99, 0, 1).ljust(gc.REQUEST_LEN, b"\0")],
                         ids=["short", "zeros", "random", "long", "no-such-verb"])
def test_what_is_no_request_ends_the_connection_and_not_the_gate(city, gate, phone, packet):
    gate.open(phone.mac)
    gate.sock.send(packet)
    with pytest.raises(ConnectionError):
        gate.hello()
    with gc.GateClient(city.socket) as again:
        assert [e.mac for e in again.dump()] == [phone.mac]
    wait_for_text(city.gate, "event=bad-packet")


def test_a_field_that_is_out_of_range_is_answered_and_nothing_is_done(gate, phone):
    def try_open(**kw):
        return gate.open(kw.pop("mac", phone.mac), **kw).status
    assert try_open(timeout=0) == gc.INVALID
    assert try_open(timeout=32 * 86400) == gc.INVALID
    assert try_open(mac="ff:ff:ff:ff:ff:ff") == gc.INVALID
    assert try_open(tag="two  blanks") == gc.INVALID
    assert try_open(tag="line\nfeed") == gc.INVALID
    assert gate.dump() == []


def test_every_request_of_a_burst_is_answered_once_and_in_order_per_device(gate, phone):
    asked = []
    for i in range(300):
        asked.append((gc.OPEN, gate.send_open(phone.mac, tag=f"s={i}")))
        asked.append((gc.READ, gate.send_device(gc.READ, phone.mac)))
        asked.append((gc.CLOSE, gate.send_device(gc.CLOSE, phone.mac)))
    for i, (verb, seq) in enumerate(asked):
        reply = gate.wait(seq)
        assert (reply.verb, reply.status) == (verb, gc.OK)
        assert reply.body.tag == f"s={i // 3}"
    assert not any(gate.replies.values())


def test_waiting_requests_share_a_transaction(city, gate):
    macs = [f"02:98:00:00:00:{i:02x}" for i in range(100)]
    city.gate.popen.send_signal(signal.SIGSTOP)
    before = None
    try:
        seqs = [gate.send_open(m) for m in macs]
    finally:
        city.gate.popen.send_signal(signal.SIGCONT)
    assert all(gate.wait(s).status == gc.OK for s in seqs)
    before = gate.hello().body.transactions
    city.gate.popen.send_signal(signal.SIGSTOP)
    try:
        seqs = [gate.send_device(gc.CLOSE, m) for m in macs]
    finally:
        city.gate.popen.send_signal(signal.SIGCONT)
    assert all(gate.wait(s).status == gc.OK for s in seqs)
    assert gate.hello().body.transactions == before + 1


def test_an_element_that_is_already_there_costs_only_its_own_device_a_retry(city, gate):
    macs = [f"02:97:00:00:00:{i:02x}" for i in range(20)]
    city.router.run("nft", f"add element inet loggia ids {{ {macs[7]} timeout 1h : 0x00fffff0 }}")
    seqs = [gate.send_open(m) for m in macs]
    assert [gate.wait(s).status for s in seqs] == [gc.OK] * 20
    assert all(gate.read(m).status == gc.OK for m in macs)


def test_the_routers_bound_is_kept(city, gate):
    city.gate.stop()
    city.configure(max_clients=16)
    try:
        city.start_gate()
        with gc.GateClient(city.socket) as small:
            seqs = [small.send_open(f"02:96:00:00:00:{i:02x}") for i in range(20)]
            assert [small.wait(s).status for s in seqs] == [gc.OK] * 16 + [gc.FULL] * 4
            for i in range(16):
                small.close_device(f"02:96:00:00:00:{i:02x}")
    finally:
        city.gate.stop()
        city.configure()
        city.start_gate()


# --- ends -----------------------------------------------------------------------------------------

def test_the_kernel_ends_a_device_that_nobody_closes(gate, phone):
    gate.open(phone.mac, timeout=math.ceil(2 * PATIENCE))
    assert phone.udp(INTERNET4, 2, 100)["back"] == 2
    event = gate.wait_event(gc.EXPIRED)
    assert event.body.mac == phone.mac
    assert phone.udp(INTERNET4, 2, 100)["back"] == 0
    assert gate.dump() == []


def test_a_device_ends_in_the_kernel_even_if_nobody_is_left(city, gate, phone):
    gate.open(phone.mac, timeout=math.ceil(2 * PATIENCE))
    assert phone.udp(INTERNET4, 2, 100)["back"] == 2
    city.gate.kill()
    wait_for("the kernel ends it", lambda: phone.udp(INTERNET4, 1, 100)["back"] == 0, timeout=6)
    city.start_gate()
    assert "adopted=0" in city.gate.output()


# --- what it notices ------------------------------------------------------------------------------

def notice(city, gate, mac, send):
    """Sends until the gate tells of mac: what was told of lately is not told of again at once."""
    def told():
        city.router.run("nft", "flush", "set", "inet", "loggia", "seen")
        gate.hello()
        gate.events.clear()
        send()
        gate.hello()
        return next((e for e in gate.events if e.verb == gc.APPEARED and e.body.mac == mac), None)
    event = wait_for(f"{mac} is told of", told, timeout=8)
    assert event.body.ifname == "br0"


def test_a_phone_is_noticed_by_its_first_packet(city, gate, phone):
    notice(city, gate, phone.mac, lambda: phone.udp(INTERNET4, 1, 50))


def test_a_phone_with_old_neighbour_entries_is_noticed_too(city, gate, phone):
    """No ARP, no ND: the IP packet alone."""
    mac = city.router.run("cat", "/sys/class/net/br0/address").stdout.strip()
    phone.space.ip("neigh", "replace", "10.77.0.1", "lladdr", mac, "dev", "wlan0", "nud", "permanent")
    city.router.ip("neigh", "replace", phone.ip4, "lladdr", phone.mac, "dev", "br0", "nud", "permanent")
    notice(city, gate, phone.mac, lambda: phone.udp(INTERNET4, 1, 50))
    phone.space.ip("neigh", "flush", "all")
    city.router.ip("neigh", "del", phone.ip4, "dev", "br0")


def test_a_dhcp_broadcast_is_noticed(city, gate):
    phone = city.phones[1]
    discover = ("from scapy.all import *; sendp(Ether(dst='ff:ff:ff:ff:ff:ff', src='02:95:00:00:00:01')/"
                "IP(src='0.0.0.0', dst='255.255.255.255')/UDP(sport=68, dport=67)/"
                "BOOTP(chaddr=bytes(6), flags=0x8000)/DHCP(options=[('message-type', 'discover'), 'end']), "
                "iface='wlan0', verbose=0)")
    phone.space.run("/usr/bin/python3", "-c", discover)
    event = gate.wait_event(gc.APPEARED, lambda a: a.mac == "02:95:00:00:00:01")
    assert event.body.ifname == "br0"


def test_an_open_device_is_not_announced(city, gate, phone):
    gate.open(phone.mac)
    gate.hello()
    gate.events.clear()
    phone.space.ip("neigh", "flush", "all")
    phone.udp(INTERNET4, 20, 50)
    gate.hello()
    assert [e for e in gate.events if e.verb == gc.APPEARED and e.body.mac == phone.mac] == []


def test_an_open_device_that_leaves_the_bridge_is_told_of(city, gate, phone):
    gate.open(phone.mac)
    phone.udp(INTERNET4, 1, 50)
    city.router.run("bridge", "fdb", "del", phone.mac, "dev", "port0", "master")
    assert gate.wait_event(gc.GONE, lambda a: a.mac == phone.mac).body.ifname == "br0"


def test_an_address_is_resolved_to_its_device(city, gate, phone):
    phone.udp("10.77.0.1", 1, 50, port=53)
    phone.udp("fd77::1", 1, 50, port=53)
    for ip in (phone.ip4, phone.ip6):
        found = gate.resolve(ip)
        assert found.status == gc.OK
        assert (found.body.mac, found.body.ifname) == (phone.mac, "br0")
    assert gate.resolve("10.77.0.200").status == gc.NOT_FOUND
    assert gate.resolve(INTERNET4).status == gc.NOT_FOUND, "what is not on the LAN is nobody's"


def test_a_link_local_address_is_resolved_with_and_without_its_interface(city, gate, phone):
    shown = phone.space.run("ip", "-6", "-o", "addr", "show", "dev", "wlan0", "scope", "link").stdout
    local = shown.split()[3].split("/")[0]
    router = city.router.run("ip", "-6", "-o", "addr", "show", "dev", "br0", "scope", "link").stdout.split()[3].split("/")[0]
    phone.space.run("ping", "-c", "1", "-W", "2", f"{router}%wlan0")
    index = int(city.router.run("cat", "/sys/class/net/br0/ifindex").stdout)
    for scope in (0, index):
        found = gate.resolve(local, scope)
        assert (found.status, found.body.mac, found.body.ifindex) == (gc.OK, phone.mac, index)
    assert gate.resolve(local, index + 100).status == gc.NOT_FOUND


# --- the admin ------------------------------------------------------------------------------------

def test_an_unknown_user_is_named(city, gate):
    city.gate.stop()
    city.configure(gate_user="nobody-of-this-name")
    try:
        r = run_gate(city)
        assert r.returncode == 1
        assert "nobody-of-this-name" in r.stderr and "there is no user" in r.stderr
    finally:
        city.configure()


def test_a_new_interface_is_taken_up_without_closing_anybody(city, gate, phone, stream):
    gate.open(phone.mac)
    wait_for_text(stream, "started")
    city.configure(interfaces=("br0", "br1"))
    city.gate.popen.send_signal(signal.SIGHUP)
    wait_for_text(city.gate, "event=reloaded interfaces=2")
    assert "br1" in city.router.run("nft", "list", "set", "inet", "loggia", "lan").stdout
    city.configure()
    city.gate.popen.send_signal(signal.SIGHUP)
    wait_for_text(city.gate, "event=reloaded interfaces=1")
    assert went_well(stream)["longest_ms"] < 200


def test_removing_deletes_the_table(city, gate):
    city.gate.stop()
    assert run_gate(city, "--remove").returncode == 0
    assert "loggia" not in city.router.run("nft", "list", "tables").stdout
    assert run_gate(city, "--remove").returncode == 0, "twice is no error"


def test_the_log_holds_no_address(city, gate, phone):
    for p in city.world.processes:
        if "loggia-gate" in p.log.name:
            assert phone.mac not in p.output()


def test_the_socket_is_the_daemons_own(city, gate):
    assert oct(city.socket.stat().st_mode & 0o777) == "0o600"
    assert socket.SOCK_SEQPACKET and city.socket.is_socket()
