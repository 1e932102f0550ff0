# SPDX-License-Identifier: GPL-2.0-or-later
"""The access router behind a provider's box, which gives it a private address by DHCP and translates once more."""

import pytest
from city.netns import wait_for
from city.phone import HERE
from city.router import Router
from portal_world import Square
from test_admin_doctor import bad, doctor


class Box:
    """In the internet's place for the router: the provider's box, with a DHCP server of its own."""

    def __init__(self, internet):
        self.internet, self.world, self.ca = internet, internet.world, internet.ca
        self.ns = self.world.namespace("box")
        self.ns.sysctl("net.ipv4.ip_forward", 1)
        self.ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.wan = internet.attach(self.ns)
        self.ns.run("nft", "-f", "-", input="""table ip box {
            chain forward { type filter hook forward priority 0; iifname "wan0" ct state new drop; }
            chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
            }""")
        self.dnsmasq = self.client = None

    def attach(self, space):
        self.router = space
        self.world.link(self.ns, "lan0", space, "wan0")
        self.ns.ip("address", "add", "2001:db8:b0c::1/64", "dev", "lan0", "nodad")
        space.sysctl("net.ipv6.conf.wan0.accept_ra", 0)
        space.batch("address add 2001:db8:b0c::2/64 dev wan0 nodad", "route add ::/0 via 2001:db8:b0c::1")
        return self.lend("192.168.1"), "2001:db8:b0c::2"

    def lend(self, net):
        """Gives out addresses of this network from now on; the router's new one."""
        for process in (self.client, self.dnsmasq):
            if process:
                process.stop()
        self.ns.batch("address flush dev lan0 scope global", f"address add {net}.1/24 dev lan0",
                      "address add 2001:db8:b0c::1/64 dev lan0 nodad")
        dns = "203.0.113.53"
        self.dnsmasq = self.ns.start("dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=lan0", "--bind-dynamic", "--user=root",
                                     f"--dhcp-range={net}.50,{net}.99,1h", f"--dhcp-option=option:dns-server,{dns}", "--no-ping",
                                     f"--dhcp-leasefile={self.world.dir}/box-leases-{net}")
        lease = self.world.dir / "router.lease"
        lease.unlink(missing_ok=True)
        self.client = self.router.start("udhcpc", "-f", "-i", "wan0", "-s", HERE / "udhcpc.script", "-t", "10", "-T", "1",
                                        env={"LEASE": str(lease)})
        wait_for("the router's lease", lease.exists)
        return dict(line.split("=", 1) for line in lease.read_text().splitlines() if "=" in line)["ip"]

    def route(self, prefix, via):
        self.ns.ip("-6", "route", "replace", prefix, "via", via)
        self.internet.route(prefix, self.wan[1])


@pytest.fixture(scope="module")
def square():
    square = Square(kind=lambda internet, **kw: Router(Box(internet), **kw))
    try:
        square.router.start()
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def test_behind_another_address_translation_citizens_join_as_anywhere(square):
    """Twice translated: RADIUS, the pages, downloads and their accounting."""
    phone = square.phone(ipv6=True)
    phone.tap()
    start = square.centre.wait_account(phone, "Start")
    assert phone.probe("ios") == "online" and phone.probe("android") == "online"
    assert phone.iperf(seconds=1).payload > 100000 and phone.iperf(seconds=1, family=6).payload > 100000
    square.router.ctl("kick", phone.mac)
    stop = square.centre.wait_account(phone, "Stop", session=start["session"])
    assert int(stop["down"]) > 200000
    assert square.phone("02:ac").probe("ios") == "online", "who is known sees no splash"


def test_the_doctor_says_that_somebody_translates_once_more_and_has_nothing_to_mend(square):
    code, findings = doctor(square)
    assert (code, bad(findings)) == (0, []), bad(findings)
    assert [f["what"] for f in findings if f["check"] == "uplink"] == [
        f"IPv4 goes out by wan0 ({square.router.wan[0]}, behind another address translation), IPv6 by wan0"]


def test_a_box_that_gives_out_the_lans_own_network_is_named_with_what_mends_it(square):
    box = square.router.internet
    box.lend("10.80.1")
    try:
        said = [f for f in bad(doctor(square)[1]) if f["check"] == "uplink"]
        assert [f["what"] for f in said] == ["the LAN's network 10.80.0.0/20 (br-lan) and 10.80.1.0/24 (wan0) overlap"]
        assert "dhcp-range=" in said[0]["mend"]
    finally:
        box.lend("192.168.1")
    wait_for("all is well again", lambda: not bad(doctor(square)[1]), timeout=20)
    assert square.phone("02:ac").probe("ios") == "online"
