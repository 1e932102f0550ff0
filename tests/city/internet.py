"""The internet of the test city: a namespace with a backbone (a bridge), a real DNS, the web of
world_wide_web.py and iperf3 servers. Documentation prefixes only.

    198.51.100.0/24, 2001:db8:100::/64   the backbone: routers' WAN links, the centre
    203.0.113.0/24,  2001:db8:cafe::/64  servers, one address each
"""

import itertools
import pathlib
import sys

from city.ca import Authority
from city.netns import wait_for

HERE = pathlib.Path(__file__).parent
GATEWAY = ("198.51.100.1", "2001:db8:100::1")
DNS = ("203.0.113.53", "2001:db8:cafe::53")
IPERF = ("203.0.113.200", "2001:db8:cafe::200")
IPERF_PORTS = range(5201, 5209)

# Every name of the world has an address of its own, so that a walled garden can tell them apart.
NAMES = ("captive.apple.com", "connectivitycheck.gstatic.com", "www.gstatic.com", "www.google.com",
         "clients3.google.com", "www.msftconnecttest.com", "detectportal.firefox.com", "network-test.debian.org",
         "spectrum.s3.amazonaws.com", "www.comune.prato.it", "www.regione.toscana.it", "news.example")
ADDRESSES = {name: (f"203.0.113.{10 + n}", f"2001:db8:cafe::{10 + n}") for n, name in enumerate(NAMES)}
ADDRESSES["iperf.example"] = IPERF
# Windows compares these with what it knows; nothing is ever sent there.
ADDRESSES["dns.msftncsi.com"] = ("131.107.255.255", "fd3e:4f5a:5b81::1")


class Internet:
    def __init__(self, world):
        self.world, self.ns = world, world.namespace("internet")
        self.ca = Authority(world.dir / "ca")
        self._hosts, self._reserved = itertools.count(10), {}
        self._ports = itertools.cycle(IPERF_PORTS)
        self._backbone()
        self._servers()

    def _backbone(self):
        self.ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.ns.sysctl("net.ipv4.ip_forward", 1)
        self.ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.ns.batch(
            "link add backbone type bridge mcast_snooping 0 forward_delay 0",
            f"address add {GATEWAY[0]}/24 dev backbone",
            f"address add {GATEWAY[1]}/64 dev backbone nodad",
            *(f"address add {v4}/32 dev lo" for v4 in self._server_addresses(0)),
            *(f"address add {v6}/128 dev lo nodad" for v6 in self._server_addresses(1)),
            "link set backbone up")

    @staticmethod
    def _server_addresses(which):
        return sorted({pair[which] for pair in (*ADDRESSES.values(), DNS)})

    def _servers(self):
        records = [f"address=/{name}/{ip}" for name, pair in ADDRESSES.items() for ip in pair]
        conf = self.world.dir / "internet-dns.conf"
        conf.write_text("\n".join(["no-resolv", "no-hosts", "local=/#/", "bind-interfaces", "user=root", "group=root",
                                   *(f"listen-address={ip}" for ip in DNS), *records, ""]))
        self.dns = self.ns.start("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=", "-C", conf)
        chain, key = self.ca.issue(list(NAMES), "web")
        self.web = self.ns.start(sys.executable, HERE / "world_wide_web.py", chain, key)
        for port in IPERF_PORTS:
            self.ns.start("iperf3", "--server", "--port", port)
        wait_for("the web of the internet", lambda: "ready" in self.web.output())
        wait_for("the iperf3 servers", lambda: self.ns.run("ss", "-Hltn").stdout.count(":52") >= len(IPERF_PORTS))

    def iperf_port(self):
        """The next iperf3 server (each serves one client at a time)."""
        return next(self._ports)

    def reserve(self, name):
        """The addresses on the backbone that the namespace of this name has or will get."""
        if name not in self._reserved:
            n = next(self._hosts)
            self._reserved[name] = (f"198.51.100.{n}", f"2001:db8:100::{n:x}")
        return self._reserved[name]

    def attach(self, space, interface="wan0"):
        """Connects a namespace to the backbone; its addresses there, (IPv4, IPv6)."""
        mine = self.reserve(space.name)
        port = f"to-{space.name}"[:15]
        self.world.link(self.ns, port, space, interface)
        self.ns.ip("link", "set", port, "master", "backbone")
        space.sysctl(f"net.ipv6.conf.{interface}.accept_ra", 0)
        space.batch(f"address add {mine[0]}/24 dev {interface}",
                    f"address add {mine[1]}/64 dev {interface} nodad",
                    f"route add default via {GATEWAY[0]}", f"route add ::/0 via {GATEWAY[1]}")
        space.resolv.write_text("".join(f"nameserver {ip}\n" for ip in DNS))
        return mine

    def route(self, prefix, via):
        """The prefix is behind a router of the city (IPv6: nobody translates)."""
        self.ns.ip("-6", "route", "replace", prefix, "via", via)

