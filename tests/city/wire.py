"""A wire between the centre and a directory, on which things go wrong: a proxy with one thread, in a namespace."""

import contextlib
import ctypes
import heapq
import itertools
import os
import select
import socket
import struct
import threading
import time


# RFC 4511 section 4.4.1: message 0, unavailable, its OID.
GOODBYE = bytes.fromhex("3024020100781f0a013404000400") + b"\x8a\x16" + b"1.3.6.1.4.1.1466.20036"


class Wire:
    """Listens at 127.0.0.1:port and passes everything on to target, until told otherwise. What is changed here is
    true of the bytes that come after. A context manager."""

    def __init__(self, namespace, port, target):
        self.namespace, self.port, self.target = namespace, port, ("127.0.0.1", target)
        self.delay_ms = 0       # there and back, together
        self.silent = False     # takes everything, says nothing; new connections too
        self.secretive = False  # silent from the first byte of TLS on
        self.leaving = False    # answers whatever is asked with the notice of disconnection
        self.drip = False       # one byte a second of every answer
        self.cut_at = None      # after so many bytes of the next answer: a reset
        self.accepted = 0
        self.goodbyes = 0       # said
        self.hushed = 0         # pieces of TLS that were not passed on
        self._tick = itertools.count()
        self._late = []         # (when, number, socket, bytes)
        self._peer = {}         # socket -> the other end
        self._near = set()      # ends at the centre's side
        self._drips = {}        # socket at the centre's side -> bytes that wait
        self._ask, self._told = socket.socketpair()
        self._orders = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    # --- from outside ----------------------------------------------------------------------------
    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc):
        self._order(None)
        self._thread.join(10)

    def _order(self, order):
        done = threading.Event()
        self._orders.append((order, done))
        self._ask.send(b".")
        assert done.wait(10)

    def refuse(self, yes=True):
        """Nobody listens; what is open is reset."""
        self._order(self._close_all if yes else self._listen)

    def reset(self):
        """What is open is reset."""
        self._order(self._drop_all)

    def heal(self):
        """As new. What was held back is gone: those connections are reset."""
        held = self.silent or self.secretive or self.leaving or self._drips
        self.delay_ms, self.cut_at = 0, None
        self.silent = self.secretive = self.leaving = self.drip = False
        if held:
            self.reset()

    # --- the thread ------------------------------------------------------------------------------
    def _run(self):
        with open(f"/run/netns/{self.namespace.full}") as ns:
            assert ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())
        self._listener = None
        self._listen()
        self._ready.set()
        next_drip = time.monotonic() + 1
        while True:
            now = time.monotonic()
            wait = min([next_drip - now, *([self._late[0][0] - now] if self._late else [])])
            watched = [self._told, *self._peer] + ([self._listener] if self._listener else [])
            readable = select.select(watched, [], [], max(0, wait))[0]
            if self._told in readable and not self._obey():
                return
            for s in readable:
                self._read(s)
            now = time.monotonic()
            while self._late and self._late[0][0] <= now:
                _, _, to, data = heapq.heappop(self._late)
                self._send(to, data)
            if now >= next_drip:
                next_drip = now + 1
                self._let_drip()

    def _obey(self):
        self._told.recv(1)
        order, done = self._orders.pop(0)
        (order or self._close_all)()
        done.set()
        return order is not None

    def _listen(self):
        if not self._listener:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)

    def _close_all(self):
        if self._listener:
            self._listener.close()
            self._listener = None
        self._drop_all()

    def _drop_all(self):
        for s in list(self._peer):
            self._drop(s)

    def _drop(self, s):
        """Both ends, by a reset."""
        for end in (s, self._peer.get(s)):
            if end in self._peer:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()
        for end in (self._peer.pop(s, None), s):
            self._peer.pop(end, None)
            self._near.discard(end)
            self._drips.pop(end, None)

    def _accept(self):
        near = self._listener.accept()[0]
        self.accepted += 1
        try:
            far = socket.create_connection(self.target, timeout=1)
        except OSError:
            near.close()
            return
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(5)
        self._peer[near], self._peer[far] = far, near
        self._near.add(near)

    def _read(self, s):
        if s is self._listener:
            self._accept()
            return
        if s not in self._peer:
            return
        try:
            data = s.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._drop(s)
        elif self.secretive and data[0] in range(0x14, 0x18):  # a TLS record; LDAP begins with 0x30
            self.hushed += 1
        elif self.leaving and s in self._near:
            self._send(s, GOODBYE)
            self.goodbyes += 1
        elif not self.silent:
            self._pass_on(s, data)

    def _pass_on(self, s, data):
        to = self._peer[s]
        answer = to in self._near
        if answer and self.cut_at is not None:
            self._send(to, data[:self.cut_at])
            self.cut_at = None
            self._drop(to)
            return
        if answer and self.drip:
            self._drips[to] = self._drips.get(to, b"") + data
            return
        if self.delay_ms:
            heapq.heappush(self._late, (time.monotonic() + self.delay_ms / 2000, next(self._tick), to, data))
        else:
            self._send(to, data)

    def _let_drip(self):
        for to, data in list(self._drips.items()):
            self._drips[to] = data[1:]
            if not data[1:]:
                del self._drips[to]
            self._send(to, data[:1])

    def _send(self, to, data):
        if to not in self._peer:
            return
        try:
            to.sendall(data)
        except OSError:
            self._drop(to)
