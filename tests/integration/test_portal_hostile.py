"""Garbage, wrong files, a second loggiad, wrong admins: each gets its answer, nobody else notices."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest
from city.netns import wait_for
from city.router import PROGRAMS
from portal_world import Square, online_page

GARBAGE = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n", {400, None}),
    (b"GET\r\n\r\n", {400, None}),
    (b"GET / HTTP/9.9\r\nHost: wifi.prato.example\r\n\r\n", {400, 505, None}),
    (b"GET / HTTP/1.1\r\n\r\n", {302, 400}),
    (b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 413, 414, 431, None}),
    (b"GET / HTTP/1.1\r\nHost: wifi.prato.example\r\nX: " + b"y" * 60000 + b"\r\n\r\n", {400, 413, 431, None}),
    (b"POST /join HTTP/1.1\r\nHost: wifi.prato.example\r\nContent-Length: 999999\r\n\r\n", {413, None}),
    (b"POST /join HTTP/1.1\r\nHost: wifi.prato.example\r\nContent-Length: -1\r\n\r\n", {400, 413, None}),
]


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.start()
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@pytest.fixture(autouse=True)
def show_logs(square):
    before = len(square.router.log("loggiad"))
    yield
    print("--- loggiad\n" + square.router.log("loggiad")[before:])
    assert square.router.daemons["loggiad"].alive()


def raw(phone, data, wait=3):
    """Sends bytes to the portal; the status of the answer, None if it just hung up."""
    code = ("import socket,sys\n"
            f"s=socket.create_connection(('wifi.prato.example',80),5);s.settimeout({wait})\n"
            "try:\n s.sendall(sys.stdin.buffer.read())\n"
            " sys.stdout.buffer.write(s.recv(65536))\n"
            "except (ConnectionError, TimeoutError) as e:\n sys.stderr.write(type(e).__name__)\n")
    r = phone.ns.run("/usr/bin/python3", "-c", code, input=data, text=False)
    found = re.match(rb"HTTP/1\.[01] (\d+)", r.stdout)
    assert b"TimeoutError" not in r.stderr, f"no answer to {data[:60]!r}"
    return int(found.group(1)) if found else None


@pytest.mark.parametrize("data,expected", GARBAGE, ids=[f"garbage{i}" for i in range(len(GARBAGE))])
def test_garbage_is_refused_and_the_next_citizen_is_served(square, data, expected):
    phone = square.phone()
    assert raw(phone, data) in expected
    assert online_page(phone).status == 200


@pytest.mark.parametrize("host", ["a.example\tx", 'evil"onload=', "<script>", "a" * 3000, "user@evil.example"])
def test_a_hostile_host_comes_back_in_no_answer(square, host):
    phone = square.phone()
    answer = phone.fetch("http://203.0.113.10/x", "-H", f"Host: {host}")
    assert answer.status in (302, 400, 431)
    if answer.status == 302:
        assert answer.location == "http://wifi.prato.example/"
    assert host.encode() not in answer.body


def test_a_second_loggiad_is_refused_and_the_first_goes_on(square):
    conf = square.router.dir / "second.conf"
    conf.write_text(square.router.conf.read_text() + "http_port = 8765\n")
    second = square.router.ns.run(PROGRAMS["loggiad"], "-c", conf, check=False)
    assert second.returncode == 1
    assert "another loggiad already controls table loggia" in second.stderr
    assert square.router.ctl("status", "--json")["gate"]["connected"]


def test_a_second_loggiad_with_its_own_control_socket_is_refused_by_the_gate(square):
    run = square.router.dir / "run2"
    run.mkdir(exist_ok=True)
    run.chmod(0o1777)
    gate = run / "gate.sock"
    if not gate.exists():
        gate.symlink_to(square.router.dir / "run" / "gate.sock")
    conf = square.router.dir / "third.conf"
    text = square.router.conf.read_text().replace("radius {", "radius {\ndisconnect_port = 3798\n")
    conf.write_text(re.sub(r'run_directory = ".*"', f'run_directory = "{run}"', text) + "http_port = 8766\n")
    second = square.router.ns.run(PROGRAMS["loggiad"], "-c", conf, check=False)
    assert second.returncode == 1
    assert "another loggiad already controls table loggia" in second.stderr
    assert square.router.ctl("status", "--json")["gate"]["connected"]


def test_every_wrong_line_of_a_configuration_is_named_at_once(square):
    conf = square.router.dir / "wrong.conf"
    conf.write_text(square.router.conf.read_text() + 'http_port = 99999\nlanguage = 7x\nnonsense = 1\n')
    r = subprocess.run([PROGRAMS["loggiad"], "--check-config", "-c", conf], capture_output=True, text=True)
    assert r.returncode == 2
    assert re.search(rf"{re.escape(str(conf))}:\d+: http_port: found .?99999.?, expected", r.stderr), r.stderr
    assert "nonsense" in r.stderr, r.stderr
    fine = subprocess.run([PROGRAMS["loggiad"], "--check-config", "-c", square.router.conf], capture_output=True, text=True)
    assert (fine.returncode, fine.stderr.strip()) == (0, f"{square.router.conf}: fine")


def test_a_wrong_file_at_reload_is_refused_and_the_old_one_goes_on(square):
    phone, conf = square.phone(), square.router.conf
    good = conf.read_text()
    try:
        conf.write_text(good.replace('"Prato Wi-Fi"', '"Altro nome"') + "http_port = 99999\n")
        square.router.daemons["loggiad"].popen.send_signal(1)
        wait_for("the refusal", lambda: "event=reload_refused" in square.router.log("loggiad"))
        assert "Prato Wi-Fi" in online_page(phone).text
        conf.write_text(good.replace('"Prato Wi-Fi"', '"Altro nome"').replace('session   = "2h"', 'session   = "1h"')
                        + "http_port = 8999\n")
        square.router.daemons["loggiad"].popen.send_signal(1)
        wait_for("the new name", lambda: "Altro nome" in online_page(phone).text)
        assert "event=needs_restart option=http_port" in square.router.log("loggiad")
        phone.tap()
        assert square.row(phone)["ends_in_s"] <= 3600
    finally:
        conf.write_text(good)
        square.router.daemons["loggiad"].popen.send_signal(1)


def test_half_a_request_is_hung_up_on_and_counted(square):
    phone = square.phone()
    before = square.router.ctl("status", "--json")["web"]["timeouts"]
    code = ("import socket\ns=socket.create_connection(('wifi.prato.example',80),5)\n"
            "s.sendall(b'GET / HTTP/1.1\\r\\nHost: wifi')\ns.settimeout(30)\n"
            "try:\n print('closed' if s.recv(1000) in (b'',) or True else '')\nexcept ConnectionError:\n print('closed')\n")
    r = phone.ns.run("/usr/bin/python3", "-c", code, timeout=40)
    assert "closed" in r.stdout
    wait_for("it is counted", lambda: square.router.ctl("status", "--json")["web"]["timeouts"] > before)


def test_the_admins_socket_is_for_root_and_the_daemons_user(square):
    control = square.router.dir / "run" / "control.sock"
    assert control.stat().st_mode & 0o777 == 0o660
    tool = shutil.copy(PROGRAMS["loggiactl"], square.world.dir / "loggiactl")
    as_nobody = square.router.ns.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", tool,
                                     "-s", control, "clients", "--json", check=False)
    if as_nobody.returncode == 0:
        assert all(row["mac"] == "hidden" for row in json.loads(as_nobody.stdout))
    other = square.router.ns.run("setpriv", "--reuid=games", "--regid=games", "--clear-groups", tool, "-s", control,
                                 "status", check=False)
    assert other.returncode == 1


def test_loggiactl_tells_people_words_and_scripts_numbers(square):
    phone = square.phone()
    phone.tap()
    text = square.router.ctl("clients")
    assert phone.mac in text and re.search(r"\d+ min", text)
    status = square.router.ctl("status", "--json")
    for key in ("version", "sessions", "gate", "radius", "accounting", "web", "notices"):
        assert key in status
    assert status["sessions"]["open"] >= 1 and status["radius"][0]["alive"]
    assert "answers" in square.router.ctl("status")
    session = square.row(phone)["session"]
    kicked = square.router.ctl("kick", session, "--json")
    assert kicked["ok"] and kicked["session"] == session
    gone = square.router.ns.run(PROGRAMS["loggiactl"], "-c", square.router.conf, "kick", "02:00:00:00:00:01", check=False)
    assert gone.returncode == 3 and "no open session" in gone.stderr
    usage = square.router.ns.run(PROGRAMS["loggiactl"], "frobnicate", check=False)
    assert usage.returncode == 2
    dead = square.router.ns.run(PROGRAMS["loggiactl"], "-s", "/nowhere/control.sock", "status", check=False)
    assert dead.returncode == 1 and "is loggiad running?" in dead.stderr


def test_nobody_else_gets_in_by_the_control_socket_talking_nonsense(square):
    path = str(square.router.dir / "run" / "control.sock")
    for line in (b"\n", b"[]\n", b'{"cmd": 1}\n', b'{"cmd": "shutdown"}\n', b"x" * 5000, b'{"cmd":"kick"}\n',
                 b'{"cmd":"clients","after":"x"}\n'):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            s.sendall(line)
            try:
                answer = s.recv(65536)
            except ConnectionResetError:
                answer = b""
            assert answer == b"" or b'"ok":' in answer
    assert square.router.ctl("status", "--json")["ok"]


def test_the_log_names_no_device_in_clear(square):
    phone = square.phone()
    phone.tap()
    log = square.router.log("loggiad").lower()
    assert phone.mac not in log and phone.mac.replace(":", "-") not in log


def test_loggiad_has_no_privilege_left(square):
    status = (lambda p: open(f"/proc/{p}/status").read())(square.router.ctl("status", "--json")["pid"])
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1" and fields["Threads"] == "1"
    assert "0" not in fields["Uid"].split()


@pytest.mark.parametrize("daemon", ["loggiad", "loggia-gate"])
def test_nobody_is_served_by_starting_a_program(square, daemon):
    """The kernel's own word, from a phone's first packet to its leave: no process, no thread, no program."""
    phone, trace = square.phone(join=False), square.world.dir / f"{daemon}.strace"
    pid = square.router.daemons[daemon].pid
    strace = square.world.spaces[square.router.name].start(
        "strace", "-f", "-q", "-e", "trace=%process,epoll_wait,epoll_pwait,epoll_pwait2", "-o", trace, "-p", pid)
    wait_for("strace holds it", lambda: "TracerPid:\t0" not in open(f"/proc/{pid}/status").read() or not strace.alive())
    assert strace.alive(), strace.output()
    phone.join(square.router, ipv6=False)
    phone.tap()
    phone.press("/leave")
    strace.stop()
    seen = trace.read_text()
    assert "epoll_" in seen  # it did look
    started = re.findall(r"^.*\b(?:exec\w+|clone3?|v?fork)\(.*$", seen, re.M)
    assert not started, started


def test_a_device_that_says_it_is_the_router_is_counted_and_named_by_its_pseudonym(square):
    thief, victim = square.phone(), square.phone()
    script = (f"from scapy.all import *; sendp(Ether(dst='ff:ff:ff:ff:ff:ff')/ARP(op=2, hwsrc='{thief.mac}', "
              f"psrc='{square.router.ipv4}', pdst='{square.router.ipv4}'), iface='wlan0', verbose=0)")

    def claims():
        thief.ns.run("/usr/bin/python3", "-c", script)
        return square.router.ctl("status", "--json")["gate"]["claims"]
    wait_for("it is counted", claims)
    log = square.router.log("loggiad")
    assert re.search(rf"event=address_claimed device=[0-9a-f]+ address={re.escape(square.router.ipv4)} interface=br-lan", log)
    assert thief.mac not in log
    assert victim.fetch(victim.portal("/")).status == 200


# Connects, and asks when a line comes on standard input; prints the answer's status.
SLEEPER = """
import socket, sys
s = socket.create_connection(("wifi.prato.example", 80), 5)
print("connected", flush=True)
sys.stdin.readline()
s.settimeout(20)
s.sendall(b"GET / HTTP/1.1\\r\\nHost: wifi.prato.example\\r\\n\\r\\n")
print(s.recv(12).decode(), flush=True)
"""


def test_a_phone_that_slept_while_the_router_looked_for_it_gets_its_page(square):
    """Its address is unknown to the router when it asks, until it answers the router's own question."""
    phone, router = square.phone("02:00"), square.router.ns
    phone.ns.ip("neigh", "replace", square.router.ipv4, "lladdr", f"02:10:9a:00:{square.router.net:02x}:01", "dev",
                "wlan0", "nud", "permanent")
    for key, value in {"mcast_solicit": 600, "retrans_time_ms": 100}.items():
        router.sysctl(f"net.ipv4.neigh.br-lan.{key}", value)
    sleeper = subprocess.Popen(phone.ns.argv("/usr/bin/python3", "-c", SLEEPER), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert sleeper.stdout.readline() == "connected\n"
    phone.ns.sysctl("net.ipv4.conf.all.arp_ignore", 8)  # asleep: it answers nobody
    router.run("ip", "neigh", "del", phone.ipv4, "dev", "br-lan")
    loggiad = square.router.daemons["loggiad"]
    os.kill(loggiad.pid, signal.SIGSTOP)
    sleeper.stdin.write("\n")
    sleeper.stdin.flush()
    wait_for("the router asks for it",
             lambda: "INCOMPLETE" in router.run("ip", "neigh", "show", phone.ipv4, "dev", "br-lan").stdout)
    os.kill(loggiad.pid, signal.SIGCONT)
    phone.ns.sysctl("net.ipv4.conf.all.arp_ignore", 0)
    assert sleeper.communicate(timeout=30)[0].strip() == "HTTP/1.1 200"
