"""A router's side of RADIUS in sixty lines: what Loggia's routers send, and a check of what comes back."""

import ctypes
import hashlib
import hmac
import os
import socket
import struct
import threading
import time

ACCEPT, REJECT, ACCT_REQUEST, ACCT_RESPONSE, STATUS_SERVER = 2, 3, 4, 5, 12
USER_NAME, USER_PASSWORD, SERVICE_TYPE, REPLY_MESSAGE, CLASS, SESSION_TIMEOUT = 1, 2, 6, 18, 25, 27
IDLE_TIMEOUT, CALLED, CALLING, NAS_ID, MESSAGE_AUTHENTICATOR, INTERIM, CUI = 28, 30, 31, 32, 80, 85, 89
WISPR_UP, WISPR_DOWN, CHILLI_OCTETS, CHILLI_GIGAWORDS = (14122, 7), (14122, 8), (14559, 3), (14559, 23)
LOGIN, FRAMED, CALL_CHECK = 1, 2, 10
START, STOP, UPDATE, ON = 1, 2, 3, 7


def attribute(kind, value):
    if isinstance(value, int):
        value = struct.pack("!I", value)
    if isinstance(value, str):
        value = value.encode()
    return bytes([kind, len(value) + 2]) + value


def parse(data):
    found = {}
    at = 20
    while at < len(data):
        kind, length = data[at], data[at + 1]
        value = data[at + 2:at + length]
        if kind == 26:
            vendor = struct.unpack("!I", value[:4])[0]
            kind, value = (vendor, value[4]), value[6:4 + value[5]]
        found.setdefault(kind, value)
        at += length
    return found


class Reply:
    def __init__(self, code, attributes, took):
        self.code, self.attributes, self.took = code, attributes, took

    def number(self, kind):
        value = self.attributes.get(kind)
        return None if value is None else struct.unpack("!I", value)[0]

    def text(self, kind):
        value = self.attributes.get(kind)
        return None if value is None else value.decode()

    @property
    def accepted(self):
        return self.code == ACCEPT

    @property
    def message(self):
        return self.text(REPLY_MESSAGE)

    @property
    def profile(self):
        return self.text(CLASS).split(":")[0]


def udp_socket_in(namespace):
    """A socket lives where it was made: a thread enters the namespace, makes it, and ends."""
    made = []

    def make():
        with open(f"/run/netns/{namespace.full}") as ns:
            assert ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())
        made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


class Nas:
    """A router in a namespace."""

    def __init__(self, namespace, server, secret, name="square", zone="duomo", ports=(1812, 1813), source=None):
        self.namespace, self.server, self.secret = namespace, server, secret.encode()
        self.name, self.zone, self.ports, self.source = name, zone, ports, source
        self.id = os.getpid() % 256

    def _ask(self, code, port, body, timeout, authenticator=None):
        self.id = (self.id + 1) % 256
        authenticator = authenticator or (os.urandom(16) if code in (1, STATUS_SERVER) else bytes(16))
        length = 20 + 18 + len(body)
        head = struct.pack("!BBH", code, self.id, length)
        zero = bytes([MESSAGE_AUTHENTICATOR, 18]) + bytes(16)
        mac = hmac.new(self.secret, head + authenticator + zero + body, hashlib.md5).digest()
        rest = zero[:2] + mac + body
        if code == ACCT_REQUEST:
            authenticator = hashlib.md5(head + authenticator + rest + self.secret).digest()
        with udp_socket_in(self.namespace) as s:
            s.settimeout(timeout)
            if self.source:
                s.bind((self.source, 0))
            s.connect((self.server, port))
            began = time.monotonic()
            s.send(head + authenticator + rest)
            data = s.recv(4096)
        return self._check(data, authenticator, code, time.monotonic() - began)

    def _check(self, data, authenticator, code, took):
        signed = hashlib.md5(data[:4] + authenticator + data[20:] + self.secret).digest()
        assert data[4:20] == signed, "the reply's authenticator is wrong"
        attributes = parse(data)
        if code in (1, STATUS_SERVER):
            has = attributes.get(MESSAGE_AUTHENTICATOR)
            assert has, "a reply without Message-Authenticator"
            at = data.index(bytes([MESSAGE_AUTHENTICATOR, 18]) + has) + 2
            blank = data[:4] + authenticator + data[20:at] + bytes(16) + data[at + 16:]
            assert hmac.new(self.secret, blank, hashlib.md5).digest() == has, "the Message-Authenticator is wrong"
        return Reply(data[0], attributes, took)

    def flood(self, count, body):
        """Unsigned requests as fast as they go, from one socket; nobody waits for answers. How many went."""
        with udp_socket_in(self.namespace) as s:
            s.connect((self.server, self.ports[0]))
            head = struct.pack("!BBH", 1, 0, 20 + len(body))
            return sum(s.send(head + os.urandom(16) + body) > 0 for _ in range(count))

    def hide(self, password, authenticator):
        """User-Password, RFC 2865 section 5.2."""
        clear = password.encode()
        clear += bytes(-len(clear) % 16 or (0 if clear else 16))
        hidden, last = b"", authenticator
        for at in range(0, len(clear), 16):
            mask = hashlib.md5(self.secret + last).digest()
            last = bytes(a ^ b for a, b in zip(clear[at:at + 16], mask))
            hidden += last
        return attribute(USER_PASSWORD, hidden)

    def access(self, mac, service, connect_info=None, timeout=3.0, user=None, password=None):
        station = mac.upper().replace(":", "-")
        authenticator = os.urandom(16)
        body = attribute(USER_NAME, station if user is None else user) + attribute(SERVICE_TYPE, service) + attribute(CALLING, station)
        body += attribute(CALLED, f"02-00-00-00-00-01:{self.zone}") + attribute(NAS_ID, self.name)
        body += attribute(61, 19) + attribute(87, self.zone)
        if connect_info:
            body += attribute(77, connect_info)
        if password is not None:
            body += self.hide(password, authenticator)
        return self._ask(1, self.ports[0], body, timeout, authenticator)

    def silent(self, mac, **kw):
        return self.access(mac, CALL_CHECK, **kw)

    def login(self, mac, user, password, **kw):
        return self.access(mac, LOGIN, "terms=2026-1 lang=it", user=user, password=password, **kw)

    def tap(self, mac, **kw):
        return self.access(mac, FRAMED, "terms=2026-1 lang=it", **kw)

    def forget(self, mac, **kw):
        return self.access(mac, CALL_CHECK, "forget", **kw)

    def status(self, timeout=3.0):
        """Status-Server (RFC 5997) to both ports; the two replies."""
        return [self._ask(STATUS_SERVER, port, attribute(NAS_ID, self.name), timeout) for port in self.ports]

    def account(self, mac, status, session, *, seconds=0, up=0, down=0, cause=None, klass=None, at=None, timeout=3.0):
        body = attribute(40, status) + attribute(44, session) + attribute(NAS_ID, self.name)
        body += attribute(55, int(at or time.time()))
        if mac:
            station = mac.upper().replace(":", "-")
            body += attribute(USER_NAME, station) + attribute(CALLING, station) + attribute(87, self.zone)
            body += attribute(46, seconds)
            body += attribute(42, up & 0xffffffff) + attribute(52, up >> 32)
            body += attribute(43, down & 0xffffffff) + attribute(53, down >> 32)
        if cause:
            body += attribute(49, cause)
        if klass:
            body += attribute(CLASS, klass)
        return self._ask(ACCT_REQUEST, self.ports[1], body, timeout)
