# SPDX-License-Identifier: GPL-2.0-or-later
"""Speaks the gate's protocol (lib/gate_proto.h), in loggiad's place, for the tests of the gate alone."""

import collections
import errno
import ipaddress
import socket
import struct
import time

from .netns import PATIENCE

VERSION = 4
HELLO, OPEN, CLOSE, READ, DUMP, RESOLVE, FOREIGN = range(1, 8)
APPEARED, REBUILT, EXPIRED, GONE, CLAIMED = range(64, 69)
OK, MORE, NOT_FOUND, INVALID, BUSY, FULL, KERNEL, OTHER_VERSION = range(8)
EVENTS = {APPEARED: "appeared", REBUILT: "rebuilt", EXPIRED: "expired", GONE: "gone", CLAIMED: "claimed"}

HEAD = struct.Struct("=HHI")
REPLY_HEAD = struct.Struct("=HHIiI")
HELLO_BODY = struct.Struct("=6I3Q4Q")
ENTRY = struct.Struct("=6sHIII4xQQ4Q192s")
ADDRESS = struct.Struct("=B3xI16s6s16s2x")
CHAIN = struct.Struct("=IHHiHHHH64s64s")
F_SHAPED, F_SHAPED_UP, F_SHAPED_ALL = 8, 16, 64
REQUEST_LEN, REPLY_LEN = HEAD.size + ENTRY.size, REPLY_HEAD.size + ENTRY.size

Entry = collections.namedtuple("Entry", "mac same_session number timeout_s up_Bps down_Bps "
                               "up_bytes up_packets down_bytes down_packets tag")
Address = collections.namedtuple("Address", "ip ifindex mac ifname")
Hello = collections.namedtuple("Hello", "version open_devices max_devices features pid unqueued "
                               "started_ms transactions transactions_failed turns slow_turns longest_turn_us "
                               "longest_turn_waited_us")
Chain = collections.namedtuple("Chain", "index family hook priority policy_drop up down pad table chain")
Reply = collections.namedtuple("Reply", "verb status seq error gap_us body")


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(raw):
    return ":".join(f"{b:02x}" for b in raw)


def _entry(raw):
    mac, same, number, timeout, _pad, *rest = ENTRY.unpack(raw)
    return Entry(mac_text(mac), same, number, timeout, *rest[:6], rest[6].rstrip(b"\0").decode())


def _address(raw):
    family, ifindex, ip, mac, name = ADDRESS.unpack(raw[:ADDRESS.size])
    shown = {4: lambda: str(ipaddress.IPv4Address(ip[:4])), 6: lambda: str(ipaddress.IPv6Address(ip))}
    return Address(shown.get(family, lambda: "")(), ifindex, mac_text(mac), name.rstrip(b"\0").decode())


def _chain(raw):
    *numbers, table, chain = CHAIN.unpack(raw[:CHAIN.size])
    return Chain(*numbers, *(text.rstrip(b"\0").decode() for text in (table, chain)))


def decode(raw):
    verb, status, seq, error, gap_us = REPLY_HEAD.unpack(raw[:REPLY_HEAD.size])
    body = raw[REPLY_HEAD.size:]
    if verb in (HELLO, REBUILT) or (verb == DUMP and status == 0):  # a dump's last reply
        body = Hello(*HELLO_BODY.unpack(body[:HELLO_BODY.size]))
    elif verb in (RESOLVE, APPEARED, GONE, CLAIMED):
        body = _address(body)
    elif verb == FOREIGN:
        body = _chain(body)
    else:
        body = _entry(body)
    return Reply(verb, status, seq, error, gap_us, body)


class GateClient:
    """One connection. Replies come back by seq; events gather in .events."""

    def __init__(self, path, hello=True):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 4 << 20)  # SO_SNDBUFFORCE: room for a burst
        self.sock.settimeout(10)
        self.sock.connect(str(path))
        self.seq, self.events, self.replies = 0, [], collections.defaultdict(list)
        if hello:
            self.hello_reply = self.hello()
            if self.hello_reply.status != OK:
                self.close()
                raise ConnectionRefusedError(errno.EBUSY, f"hello was answered {self.hello_reply.status}")

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # --- wire ---

    def send(self, verb, body=b""):
        self.seq += 1
        raw = HEAD.pack(verb, 0, self.seq) + body
        self.sock.send(raw.ljust(REQUEST_LEN, b"\0"))
        return self.seq

    def _receive(self, timeout):
        self.sock.settimeout(timeout * PATIENCE)
        raw = self.sock.recv(4096)
        if not raw:
            raise ConnectionResetError("the gate hung up")
        assert len(raw) == REPLY_LEN, f"a reply of {len(raw)} bytes"
        reply = decode(raw)
        if reply.seq == 0:
            self.events.append(reply)
        else:
            self.replies[reply.seq].append(reply)

    def wait(self, seq, timeout=10.0):
        """The reply to seq; of a dump the list of them."""
        while not self.replies[seq] or self.replies[seq][-1].status == MORE:
            self._receive(timeout)
        found = self.replies.pop(seq)
        return found if len(found) > 1 or found[0].verb in (DUMP, FOREIGN) else found[0]

    def wait_event(self, verb, match=lambda body: True, timeout=10.0):
        end = time.monotonic() + timeout * PATIENCE
        while True:
            for event in self.events:
                if event.verb == verb and match(event.body):
                    self.events.remove(event)
                    return event
            left = end - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self._receive(left / PATIENCE)
            except TimeoutError:
                raise AssertionError(f"no event {EVENTS[verb]} within {timeout:g} s; "
                                     f"came: {[(EVENTS[e.verb], e.body) for e in self.events]}") from None

    # --- verbs ---

    def hello(self, version=VERSION):
        return self.wait(self.send(HELLO, struct.pack("=I", version)))

    def send_open(self, mac, up=0, down=0, timeout=3600, tag="s=test", same_session=False, number=0):
        return self.send(OPEN, ENTRY.pack(mac_bytes(mac), int(same_session), number, timeout, 0, up, down,
                                          0, 0, 0, 0, tag.encode()))

    def open(self, mac, **kw):
        return self.wait(self.send_open(mac, **kw))

    def send_device(self, verb, mac):
        return self.send(verb, mac_bytes(mac))

    def read(self, mac):
        return self.wait(self.send_device(READ, mac))

    def close_device(self, mac):
        return self.wait(self.send_device(CLOSE, mac))

    def dump(self):
        replies = self.wait(self.send(DUMP))
        assert replies[-1].status == OK
        return [r.body for r in replies[:-1]]

    def others(self):
        """What of other programs is in the way."""
        return [r.body for r in self.wait(self.send(FOREIGN))[:-1]]

    def resolve(self, ip, ifindex=0):
        ip = ipaddress.ip_address(ip)
        return self.wait(self.send(RESOLVE, ADDRESS.pack(ip.version, ifindex, ip.packed, b"", b"")))
