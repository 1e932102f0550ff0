# SPDX-License-Identifier: GPL-2.0-or-later
"""IP bytes counted where they arrive, for the tests that compare them with what the gate says."""

import json

TABLE = """table inet far {
    set sent4 { type ipv4_addr; flags dynamic; counter; }
    set sent6 { type ipv6_addr; flags dynamic; counter; }
    chain in {
        type filter hook prerouting priority -400
        update @sent4 { ip saddr }
        update @sent6 { ip6 saddr }
    }
}
"""


def segments_as_on_a_wire(w, single=True):
    """No segments of 64 KB, as virtual cables have: each has its own header, and it counts. single False: as they are."""
    segments, size = (1, 1) if single else (65535, 65536)
    for space, name in [(w.internet, "eth0"), *((p.space, "wlan0") for p in w.phones)]:
        space.ip("link", "set", name, "gso_max_segs", segments, "gro_max_size", size)


def count_arrivals(*spaces):
    for space in spaces:
        space.run("nft", "-f", "-", input=TABLE)


def arrived(space, *sources):
    """IP bytes that have come from the addresses."""
    listed = json.loads(space.run("nft", "-j", "list", "table", "inet", "far").stdout)
    elements = [e["elem"] for x in listed["nftables"] if "set" in x for e in x["set"].get("elem", [])]
    return sum(e["counter"]["bytes"] for e in elements if e["val"] in sources)
