# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives a device's elements other counters, as years of traffic would: nft(8) cannot, where the set declares no statement.

Run in the router's namespace: counters.py TABLE MAC NUMBER UP_BYTES DOWN_BYTES. (nf_tables' own numbers, from its header.)"""

import socket
import struct
import sys

NESTED = 0x8000
NEWSETELEM, DELSETELEM = 10 << 8 | 12, 10 << 8 | 14
BATCH_BEGIN, BATCH_END = 0x10, 0x11


def attr(kind, value):
    raw = struct.pack("=HH", 4 + len(value), kind) + value
    return raw + b"\0" * (-len(raw) % 4)


def nest(kind, *parts):
    return attr(kind | NESTED, b"".join(parts))


def message(kind, flags, seq, body=b"", family=1, res_id=0):
    payload = struct.pack("=BB", family, 0) + struct.pack(">H", res_id) + body
    return struct.pack("=IHHII", 16 + len(payload), kind, 1 | flags, seq, 0) + payload


def counter(byte_count):
    return nest(7, attr(1, b"counter\0"), nest(2, attr(1, struct.pack(">Q", byte_count)), attr(2, struct.pack(">Q", 1000))))


def element(kind, flags, seq, table, name, *parts):
    return message(kind, flags, seq, attr(1, table.encode() + b"\0") + attr(2, name.encode() + b"\0") + nest(3, nest(1, *parts)))


def main(table, mac, number, up, down):
    number = struct.pack("=I", int(number))
    mac = nest(1, attr(1, bytes.fromhex(mac.replace(":", "")) + bytes(2) + number))  # each part of a key begins a register
    hour, create, ack = attr(4, struct.pack(">Q", 3600_000)), 0x400, 4
    batch = [message(BATCH_BEGIN, 0, 1, family=0, res_id=10),
             element(DELSETELEM, 0, 2, table, "up", mac),
             element(DELSETELEM, 0, 3, table, "down", nest(1, attr(1, number))),
             element(NEWSETELEM, create, 4, table, "up", mac, hour, counter(int(up))),
             element(NEWSETELEM, create | ack, 5, table, "down", nest(1, attr(1, number)), hour, counter(int(down))),
             message(BATCH_END, 0, 6, family=0, res_id=10)]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.bind((0, 0))
        s.send(b"".join(batch))
        error = struct.unpack_from("=i", s.recv(8192), 16)[0]
    return f"the kernel refuses: error {error}" if error else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
