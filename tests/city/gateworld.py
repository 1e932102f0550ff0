# SPDX-License-Identifier: GPL-2.0-or-later
"""A router with loggia-gate on it, phones on a LAN bridge, and an internet: for the tests of the gate.

Run as a program it is the traffic of those tests (see the commands at the end)."""

import contextlib
import json
import os
import pathlib
import selectors
import socket
import struct
import sys
import time

try:
    from .netns import PATIENCE
except ImportError:  # run as a program: the traffic waits for nobody
    PATIENCE = 1

ROUTER4, ROUTER6 = "10.77.0.1", "fd77::1"
INTERNET4, INTERNET6 = "198.51.100.2", "2001:db8:77::2"
TRAFFIC = [sys.executable if sys.executable.startswith("/usr/bin") else "/usr/bin/python3", os.path.abspath(__file__)]
ECHO = 7777
SO_RCVBUFFORCE = 33  # socket(7); Python does not name it


class Phone:
    def __init__(self, space, mac, number):
        self.space, self.mac = space, mac
        self.ip4, self.ip6 = f"10.77.0.{10 + number}", f"fd77::{10 + number}"

    def traffic(self, *args, timeout=60):
        return json.loads(self.space.run(*TRAFFIC, *args, timeout=timeout).stdout)

    def udp(self, host, count, size, port=ECHO):
        """Sends count datagrams of size bytes and says how many came back."""
        return self.traffic("udp", host, port, count, size)

    def tcp(self, host, port, wait=1.0):
        """{'end': ok | refused | timeout | …, 'ms', 'said': first bytes}"""
        return self.traffic("tcp", host, port, wait)

    def start_stream(self, host, log):
        """A conversation that notices every interruption; stop() it to have it report to log."""
        return self.space.start(*TRAFFIC, "stream", host, ECHO, log=log)


class GateWorld:
    """World is city.netns.World; build is the build directory."""

    def __init__(self, world, build, phones=2):
        self.world, self.gate = world, None
        self.binary = pathlib.Path(build) / "netfilter" / "loggia-gate"
        self.router, self.internet = world.namespace("router"), world.namespace("internet")
        self.run_dir = world.dir / "run"
        self.run_dir.mkdir()
        self.socket, self.conf = self.run_dir / "gate.sock", world.dir / "gate.conf"
        self._wires()
        self.phones = [self._phone(i) for i in range(phones)]
        self.configure()
        self.servers = [self.internet.start(*TRAFFIC, "serve", "internet"),
                        self.router.start(*TRAFFIC, "serve", "router")]
        for server in self.servers:
            wait_for_text(server, "ready")

    def _wires(self):
        r, i = self.router, self.internet
        r.ip("link", "add", "br0", "type", "bridge")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            r.sysctl(key, 1)
        for key in ("all", "default"):
            r.sysctl(f"net.ipv6.conf.{key}.accept_dad", 0)
            i.sysctl(f"net.ipv6.conf.{key}.accept_dad", 0)
        r.ip("link", "set", "br0", "up")
        r.ip("addr", "add", f"{ROUTER4}/24", "dev", "br0")
        r.ip("addr", "add", f"{ROUTER6}/64", "dev", "br0", "nodad")
        self.world.link(r, "wan0", i, "eth0")
        r.ip("addr", "add", "198.51.100.1/24", "dev", "wan0")
        r.ip("addr", "add", "2001:db8:77::1/64", "dev", "wan0", "nodad")
        i.ip("addr", "add", f"{INTERNET4}/24", "dev", "eth0")
        i.ip("addr", "add", f"{INTERNET6}/64", "dev", "eth0", "nodad")
        i.ip("route", "add", "10.77.0.0/24", "via", "198.51.100.1")
        i.ip("-6", "route", "add", "fd77::/64", "via", "2001:db8:77::1")

    def _phone(self, n):
        space = self.world.namespace(f"phone{n}")
        mac = f"02:77:00:00:00:{16 + n:02x}"
        self.world.link(self.router, f"port{n}", space, "wlan0")
        self.router.ip("link", "set", f"port{n}", "master", "br0")
        space.ip("link", "set", "wlan0", "address", mac)
        phone = Phone(space, mac, n)
        space.ip("addr", "add", f"{phone.ip4}/24", "dev", "wlan0")
        space.ip("addr", "add", f"{phone.ip6}/64", "dev", "wlan0", "nodad")
        space.ip("route", "add", "default", "via", ROUTER4)
        space.ip("-6", "route", "add", "default", "via", ROUTER6)
        return phone

    def configure(self, interfaces=("br0",), more="", **options):
        values = {"run_directory": self.run_dir, "gate_user": "nobody", "user": "root", "nas_identifier": "test",
                  "portal_name": "wifi.test.example", "network": "Test", "http_port": 2080, **options}
        shown = "\n".join(f"{k} = {v}" if isinstance(v, int) else f'{k} = "{v}"' for k, v in values.items())
        names = ", ".join(f'"{i}"' for i in interfaces)
        self.conf.write_text(f'{shown}\n{more}\nzone "test" {{\n    title = "Test"\n    interfaces = {{{names}}}\n}}\n')

    def start_gate(self, *args, **kw):
        self.gate = self.router.start(self.binary, "-c", self.conf, *args, **kw)
        wait_for_text(self.gate, "event=ready")
        return self.gate

    def gate_pid(self):
        """nsenter has become the gate itself by exec."""
        return self.gate.pid

    def table(self):
        return self.router.run("nft", "list", "table", "inet", "loggia").stdout


def wait_for_text(process, text, timeout=10.0):
    end = time.monotonic() + timeout * PATIENCE
    while text not in process.output():
        if not process.alive() or time.monotonic() > end:
            raise AssertionError(f"did not say {text!r}:\n{process.output()}")
        time.sleep(0.01)


# --- traffic ------------------------------------------------------------------------------------------

def _family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _serve(where, ports=(ECHO, 80, 443, 53, 2080)):
    """Echoes on ECHO (UDP, TCP); on TCP 80, 443, 2080 and UDP, TCP 53 says where it is."""
    sel = selectors.DefaultSelector()
    for port in ports:
        tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        tcp.setblocking(False)
        sel.register(tcp, selectors.EVENT_READ, ("listen", port))
        if port in (ECHO, 53, 443):
            for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                udp = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
                udp.bind((anywhere, port))
                sel.register(udp, selectors.EVENT_READ, ("udp", port))
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            kind, port = key.data
            with contextlib.suppress(OSError):
                if kind == "listen":
                    conn, _ = key.fileobj.accept()
                    if port == ECHO:
                        sel.register(conn, selectors.EVENT_READ, ("echo", port))
                    else:
                        conn.sendall(f"{where} {port}\n".encode())
                        conn.close()
                elif kind == "udp":
                    data, peer = key.fileobj.recvfrom(65536)
                    key.fileobj.sendto(data if port == ECHO else f"{where} {port}".encode(), peer)
                else:
                    data = b""
                    with contextlib.suppress(OSError):
                        data = key.fileobj.recv(1 << 20)
                    if data:
                        key.fileobj.setblocking(True)
                        key.fileobj.sendall(data)
                        key.fileobj.setblocking(False)
                    else:
                        sel.unregister(key.fileobj)
                        key.fileobj.close()


def _udp(host, port, count, size, last_s=0.5):
    """last_s: for how long what is not back yet is waited for in the end."""
    s = socket.socket(_family(host), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.connect((host, port))
    back, said, refused = 0, "", 0
    for i in range(count):
        s.settimeout(10)  # what waits in a queue of the router is still the sender's
        try:
            s.send(i.to_bytes(4, "big").ljust(size, b"u")[:size])
        except ConnectionRefusedError:
            refused += 1
        s.settimeout(last_s if i == count - 1 else 0.002)
        while back <= i:
            try:
                data = s.recv(65536)
                back, said = back + 1, data[:40].decode("latin-1")
            except ConnectionRefusedError:
                refused += 1
                break
            except TimeoutError:
                break
    return {"sent": count, "back": back, "said": said, "refused": refused}


def _burst(host, port, count, size):
    """All at once; how many came back, and how long the last one took."""
    s = socket.socket(_family(host), socket.SOCK_DGRAM)
    s.connect((host, port))
    s.settimeout(1)
    for i in range(count):
        s.send(i.to_bytes(4, "big").ljust(size, b"b"))
    began, back, last = time.monotonic(), 0, 0.0
    with contextlib.suppress(TimeoutError):
        while back < count:
            s.recv(65536)
            back, last = back + 1, time.monotonic() - began
    return {"back": back, "ms": round(last * 1000, 1)}


def _tcp(host, port, wait):
    s = socket.socket(_family(host))
    s.settimeout(wait)
    began = time.monotonic()
    end, said = "ok", ""
    try:
        s.connect((host, port))
        if port != ECHO:
            said = s.recv(100).decode()
    except ConnectionRefusedError:
        end = "refused"
    except TimeoutError:
        end = "timeout"
    except OSError as e:
        end = str(e)
    return {"end": end, "ms": round((time.monotonic() - began) * 1000, 1), "said": said.strip()}


def _stream(host, port):
    """A numbered message every 2 ms until SIGTERM; each must come back."""
    import signal
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    s = socket.create_connection((host, port), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("started", flush=True)
    n, longest = 0, 0.0
    while not stop:
        began = time.monotonic()
        message = n.to_bytes(8, "big") * 64
        s.sendall(message)
        got = b""
        while len(got) < len(message):
            part = s.recv(len(message) - len(got))
            if not part:
                raise SystemExit("the stream broke")
            got += part
        if got != message:
            raise SystemExit("the stream came back wrong")
        longest = max(longest, time.monotonic() - began)
        n += 1
        time.sleep(0.002)
    return {"messages": n, "longest_ms": round(longest * 1000, 1)}


def _ports(host, port, count):
    """One datagram from each of count ports: as many conversations. How many were answered."""
    sel = selectors.DefaultSelector()
    for _ in range(count):
        s = socket.socket(_family(host), socket.SOCK_DGRAM)
        s.connect((host, port))
        s.send(b"new")
        sel.register(s, selectors.EVENT_READ)
    back = 0
    while back < count and (ready := sel.select(1)):
        for key, _ in ready:
            sel.unregister(key.fileobj)
            back += 1
    return {"back": back}


def _pour(host, port, size, per_second):
    """Datagrams that nobody need answer, until SIGTERM."""
    s = socket.socket(_family(host), socket.SOCK_DGRAM)
    s.connect((host, port))
    while True:
        with contextlib.suppress(OSError):
            s.send(os.urandom(size))  # a tunnel may compress
        time.sleep(1 / per_second)


def _flow(host, port):
    """One conversation: says its port, then for each line "count size patience" sends, and says how many came back."""
    s = socket.socket(_family(host), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.connect((host, port))
    print(s.getsockname()[1], flush=True)
    n = 0
    for line in sys.stdin:
        count, size, patience = line.split()
        first, due = n, set()
        for _ in range(int(count)):
            n += 1
            due.add(n.to_bytes(4, "big").ljust(int(size), b"f"))
            with contextlib.suppress(OSError):
                s.send(n.to_bytes(4, "big").ljust(int(size), b"f"))
            end = time.monotonic() + (0.002 if n - first < int(count) else float(patience))
            while due and (left := end - time.monotonic()) > 0:
                s.settimeout(left)
                with contextlib.suppress(OSError):
                    due.discard(s.recv(65536))
        print(int(count) - len(due), flush=True)


def _pump(port):
    """Sends without an end to whoever sent one datagram, and says how many."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    peer = s.recvfrom(100)[1]
    sent = 0
    while True:
        with contextlib.suppress(OSError):
            sent += s.sendto(b"p" * 500, peer) == 500
        if sent % 50 == 0:
            print(f"sent={sent}", flush=True)
        time.sleep(0.001)


def _forge(ifname, gateway, source, host, source_port, port, count):
    """Datagrams with somebody else's IP address and port, from this interface's Ethernet address."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((ifname, 0x0800))
    data = b"forged"
    udp = struct.pack(">HHHH", source_port, port, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(host))
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + ip[12:]
    frame = bytes.fromhex(gateway.replace(":", "")) + s.getsockname()[4] + b"\x08\x00" + ip + udp
    for _ in range(count):
        s.send(frame)


def main(argv):
    command, *args = argv
    if command == "serve":
        _serve(args[0])
    elif command == "echo":
        _serve("", (ECHO,))
    elif command == "udp":
        print(json.dumps(_udp(args[0], *map(int, args[1:]))))
    elif command == "burst":
        print(json.dumps(_burst(args[0], *map(int, args[1:]))))
    elif command == "tcp":
        print(json.dumps(_tcp(args[0], int(args[1]), float(args[2]))))
    elif command == "ports":
        print(json.dumps(_ports(args[0], ECHO, int(args[1]))))
    elif command == "pour":
        _pour(args[0], *map(int, args[1:]))
    elif command == "flow":
        _flow(args[0], int(args[1]))
    elif command == "pump":
        _pump(int(args[0]))
    elif command == "forge":
        _forge(*args[:4], *map(int, args[4:]))
    elif command == "stream":
        print(json.dumps(_stream(args[0], int(args[1]))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
