# SPDX-License-Identifier: GPL-2.0-or-later
"""What the short cut (offload = "yes") costs a packet, each way, against plain forwarding, against conntrack and NAT
alone, and against the gate without it.

Part of make bench-gate; by itself: python3 bench/gate_offload.py, as root, with LOGGIA_BUILD. Needs a kernel that has
flowtables and hooks at egress."""

import json
import os
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "tests")]

from city.netns import World  # noqa: E402

BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", pathlib.Path(__file__).resolve().parents[1]))
SIZES = (1, 2000)
ROUNDS = 9


def back_of(path, size, translated):
    """The far end's answers to what flood() sent: of the same flows, the other way."""
    from gate import CPU, DESTINATION, FLOOD_MS, ksoftirqd
    mac = json.loads(path.router.run("ip", "-j", "link", "show", "wan0").stdout)[0]["address"]
    return path.sink.argv(BUILD / "bench/flood", "eth0", mac, DESTINATION, size, FLOOD_MS, CPU, ksoftirqd(), translated)


def know_phones(path, size):
    path.router.batch(*(f"neigh replace 10.64.{(256 + i) >> 8}.{i & 255} lladdr 02:be:{i >> 24:02x}:{i >> 16 & 255:02x}:"
                        f"{i >> 8 & 255:02x}:{i & 255:02x} dev lan0 nud permanent" for i in range(size)))


def counted(space, name):
    """Packets in a set of the gate's table."""
    elements = json.loads(space.run("nft", "-j", "list", "set", "inet", "loggia", name).stdout)["nftables"]
    return sum(e["elem"]["counter"]["packets"] for x in elements for e in x.get("set", {}).get("elem", []))


def compare(report, what, taken, plain, base, named):
    for name, path in named.items():
        report.ratio(f"{what}, against conntrack + NAT: {name}", taken[path], taken[base], "ns", inverse=True,
                     least=1.0 if name == "with flowtable" else None)
        report.ratio(f"{what}, against plain forwarding: {name}", taken[path], taken[plain], "ns", inverse=True,
                     least=0.72 if name == "with flowtable" else None)
    report.ratio(f"   the base itself, {what}, against plain", taken[base], taken[plain], "ns", inverse=True)


def measure(report, path_of, gate_of, run_json):
    with World() as world:
        plain, base, slow, fast, rated = (path_of(world, name) for name in ("plain", "cbase", "slow", "fast", "rated"))
        named = {"with flowtable": fast, "without": slow, "who has a rate beside it": rated}
        gates = {}
        for path, name, more in ((slow, "slow", ""), (fast, "fast", SHORT_CUT), (rated, "rated", SHORT_CUT)):
            gates[name] = gate_of(world, path.router, name, more)
            gates[name].start()
        for path in (base, *named.values()):
            path.firewall()
        if "offload=yes" not in gates["fast"].process.output():
            report.missing.append({"name": "with flowtable", "reason": "this kernel lacks a part of it"})
            print("with flowtable: not measured, this kernel lacks a part of it", flush=True)
            return
        now = 0
        for size in SIZES:
            for name, gate in gates.items():
                gate.ask("cap" if name == "rated" else "open", now, size - now, 100)
            now = size
            ways = {"up": lambda p: p.flood(size), "down": lambda p: back_of(p, size, "own" if p is plain else "198.51.100.1")}
            for path in (plain, base, *named.values()):
                know_phones(path, size)
                for way in (*ways.values(), *ways.values()):
                    run_json(way(path))  # flows are there, and where they belong
            for way, argv in ways.items():
                taken = {p: [] for p in (plain, base, *named.values())}
                for _ in range(ROUNDS):
                    for path, values in taken.items():
                        values.append(run_json(argv(path))["ns"])
                compare(report, f"packets {way}, {size:,} clients", taken, plain, base, named)
            left, sent = (counted(fast.router, s) for s in ("fast_left", "fast_up"))
            report.add(f"   of its packets took the short cut, {size:,} clients", round(1 - left / max(sent, 1), 4), "of all")


SHORT_CUT = 'offload = "yes"\nuplinks = {"wan0"}'


def main():
    import gate
    from report import Report
    report = Report()
    measure(report, gate.Path, gate.Gate, gate.run_json)


if __name__ == "__main__":
    main()
