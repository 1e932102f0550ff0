# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways out for who has not joined that look like something else: a real DNS tunnel (iodine), measured.

Here for a few seconds; `make soak-tunnels` measures over 60 s after the default burst."""

import os
import time

import pytest
from city import gateclient as gc
from city.gateworld import ROUTER4, TRAFFIC, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD

SECONDS = 60 if os.environ.get("LOGGIA_SOAK") else 6
INSIDE = {"up": "10.53.0.1", "down": "10.53.0.2"}  # the tunnel's far end, its phone
WIDE = {"dns_rate": 100000, "dns_burst": 100000, "dns_bytes": 100000000, "dns_bytes_burst": 100000000}
TIGHT = {} if SECONDS >= 60 else {"dns_bytes_burst": 4000, "dns_burst": 20}  # short: no time to use the burst up


@pytest.fixture(scope="module")
def city():
    with World() as world:
        w = GateWorld(world, BUILD)
        w.servers[1].stop()  # a real name server takes its place
        w.configure(**WIDE)
        w.start_gate()
        w.router.start("dnsmasq", "-d", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--port=53", "--user=root",
                       "--server=198.51.100.2#5353", "--cache-size=0", "--edns-packet-max=4096")
        yield w


def tunnel(city, kind):
    phone = city.phones[0]
    far = city.internet.start("iodined", "-f", "-c", "-P", "secret", "-p", 5353, "-n", "198.51.100.2", "10.53.0.1/24", "t.example")
    wait_for_text(far, "Listening to dns")
    near = phone.space.start("iodine", "-f", "-r", "-P", "secret", "-T", kind, "-m", 100 if kind == "CNAME" else 700, ROUTER4, "t.example")
    wait_for_text(near, "Connection setup complete", timeout=60)
    return far, near


def received(city):
    def of(space):
        return int(space.run("cat", "/sys/class/net/dns0/statistics/rx_bytes").stdout)
    return {"up": of(city.internet), "down": of(city.phones[0].space)}


def rates(city, seconds):
    """kbit/s that the tunnel delivers each way. A stretch of time, because it is a rate that is measured."""
    began, before = time.monotonic(), received(city)
    time.sleep(seconds)
    after = received(city)
    return {way: (after[way] - before[way]) * 8 / 1000 / (time.monotonic() - began) for way in before}


def reload(city, **options):
    lines = city.gate.output().count("event=reloaded")
    city.configure(**options)
    city.gate.popen.send_signal(1)
    wait_for("reloaded", lambda: city.gate.output().count("event=reloaded") > lines)
    for name in ("dns", "answers"):  # what was remembered has the old bounds
        city.router.run("nft", "flush", "set", "inet", "loggia", name)


@pytest.mark.parametrize("kind", ["NULL"] if SECONDS < 60 else ["NULL", "TXT", "CNAME"])
def test_a_dns_tunnel_is_not_worth_the_while(city, kind):
    reload(city, **WIDE)
    far, near = tunnel(city, kind)
    try:
        floods = [city.phones[0].space.start(*TRAFFIC, "pour", INSIDE["up"], 9000, 200, 40),
                  city.internet.start(*TRAFFIC, "pour", INSIDE["down"], 9000, 200, 40)]
        wait_for("it carries", lambda: all(v > 20000 for v in received(city).values()))
        free = rates(city, 2)
        reload(city, **TIGHT)
        burst = received(city)
        end = time.monotonic() + (SECONDS + 60 if SECONDS >= 60 else 20)
        wait_for("the burst is used up", lambda: max(rates(city, 1).values()) < 16 or time.monotonic() > end, timeout=200)
        used = received(city)
        bound = rates(city, SECONDS)
        print(f"\n{kind}: unbound {free['up']:.0f} up, {free['down']:.0f} down; bound {bound['up']:.2f} up, "
              f"{bound['down']:.2f} down kbit/s over {SECONDS} s, after a burst of "
              f"{used['up'] - burst['up']} and {used['down'] - burst['down']} bytes")
        assert min(free.values()) > 30, "the tunnel works where nobody bounds it"
        assert max(bound.values()) < 10
        with gc.GateClient(city.socket) as gate:
            gate.open(city.phones[0].mac)
            assert min(rates(city, 2).values()) > 30, "and who is open is not held back"
            gate.close_device(city.phones[0].mac)
    finally:
        for p in (*floods, near, far):
            p.stop()
