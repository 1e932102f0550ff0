# SPDX-License-Identifier: GPL-2.0-or-later
"""What the short cut (offload = "yes") costs a packet, against conntrack and NAT alone and against the gate without it.

Part of make bench-gate; by itself: python3 bench/gate_offload.py, as root, with LOGGIA_BUILD. Needs a kernel that has
flowtables and hooks at egress."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "tests")]

from city.netns import World  # noqa: E402

SIZES = (1, 2000)
ROUNDS = 9


def measure(report, path_of, gate_of, run_json):
    with World() as world:
        base, slow, fast, rated = (path_of(world, name) for name in ("cbase", "slow", "fast", "rated"))
        gates = {}
        for path, name, more in ((slow, "slow", ""), (fast, "fast", SHORT_CUT), (rated, "rated", SHORT_CUT)):
            gates[name] = gate_of(world, path.router, name, more)
            gates[name].start()
        for path in (base, slow, fast, rated):
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
            taken = {p: [] for p in (base, slow, fast, rated)}
            for path in taken:
                run_json(path.flood(size))  # flows are there, and where they belong
            for _ in range(ROUNDS):
                for path, values in taken.items():
                    values.append(run_json(path.flood(size))["ns"])
            named = f"packets, {size:,} clients, against conntrack + NAT: "
            report.ratio(named + "with flowtable", taken[fast], taken[base], "ns", least=1.0, inverse=True)
            report.ratio(named + "without", taken[slow], taken[base], "ns", inverse=True)
            report.ratio(named + "who has a rate beside it", taken[rated], taken[base], "ns", inverse=True)
            shown = fast.router.run("nft", "list", "set", "inet", "loggia", "fast_left").stdout
            left = sum(int(line.split("packets ")[1].split()[0]) for line in shown.split("ether_addr")[-1].split(",")
                       if "packets " in line)
            sent = sum(int(line.split("packets ")[1].split()[0]) for line in
                       fast.router.run("nft", "list", "set", "inet", "loggia", "fast_up").stdout.split(",") if "packets " in line)
            report.add(f"   of its packets took the short cut, {size:,} clients", round(1 - left / max(sent, 1), 4), "of all")


SHORT_CUT = 'offload = "yes"\nuplinks = {"wan0"}'


def main():
    import gate
    from report import Report
    report = Report()
    measure(report, gate.Path, gate.Gate, gate.run_json)


if __name__ == "__main__":
    main()
