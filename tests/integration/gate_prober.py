# SPDX-License-Identifier: GPL-2.0-or-later
"""Hammers at a gate that ought to be shut, and says what came through. Run as a program in two namespaces:

    flood HOST PORT   datagrams as fast as they go, until SIGTERM
    count PORT        until SIGTERM; then {"through": when each of those arrived that did}, by CLOCK_MONOTONIC
"""

import json
import signal
import socket
import sys
import time


def _until_term(work):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    print("ready", flush=True)
    while not stop:
        work()


def flood(host, port):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((host, port))
    sent = [0]

    def work():
        for _ in range(50):
            try:
                s.send(b"is it open?")
                sent[0] += 1
            except OSError:  # refused by what the gate rejects, or no route for a moment
                pass
    _until_term(work)
    return {"sent": sent[0]}


def count(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    s.bind(("::", port))
    s.settimeout(0.05)
    arrivals = []

    def work():
        try:
            s.recv(100)
            arrivals.append(time.monotonic())
        except TimeoutError:
            pass
    _until_term(work)
    return {"through": arrivals}


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    print(json.dumps(flood(rest[0], int(rest[1])) if command == "flood" else count(int(rest[0]))), flush=True)
