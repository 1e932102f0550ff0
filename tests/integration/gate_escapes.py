# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways out of a gate that somebody might try. Run as a program on a phone:

    gate_escapes.py ROUTER_MAC PHONE_MAC PHONE4 PHONE6 OTHER4 OTHER6 HOST4 HOST6

sends one packet (or two) for each, with a payload that names it, and prints the names."""

import json
import sys

from scapy.all import (AH, ARP, ESP, GRE, ICMP, IP, PPP, SCTP, TCP, UDP, Dot1Q, Ether, ICMPv6DestUnreach, ICMPv6EchoReply,
                       ICMPv6EchoRequest, ICMPv6ND_RA, IPOption_LSRR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, PPPoE, Raw, SCTPChunkData, conf, fragment, fragment6, sendp)


def names_and_packets(phone4, phone6, other4, other6, host4, host6):
    """(name, layer 3). In each payload stands escape=NAME."""
    def pay(name, size=0):
        return Raw(f"escape={name};".encode().ljust(size, b"."))
    four, six = IP(src=phone4, dst=host4), IPv6(src=phone6, dst=host6)
    local = IPv6(src="fe80::77", dst=host6)
    inner4, inner6 = IP(src=phone4, dst=host4) / UDP(dport=9), IPv6(src=phone6, dst=host6) / UDP(dport=9)
    return [
        ("udp4", four / UDP(dport=7999) / pay("udp4")), ("udp6", six / UDP(dport=7999) / pay("udp6")),
        ("tcp4", four / TCP(dport=22, flags="S") / pay("tcp4")), ("tcp6", six / TCP(dport=22, flags="S") / pay("tcp6")),
        ("tcp-ack", four / TCP(dport=22, flags="A") / pay("tcp-ack")), ("tcp-odd", four / TCP(dport=22, flags="SFPU") / pay("tcp-odd")),
        ("ping4", four / ICMP() / pay("ping4")), ("ping6", six / ICMPv6EchoRequest(data=pay("ping6").load)),
        ("pong4", four / ICMP(type=0) / pay("pong4")), ("pong6", six / ICMPv6EchoReply(data=pay("pong6").load)),
        ("stamp", four / ICMP(type=13) / pay("stamp")), ("redirect", four / ICMP(type=5) / pay("redirect")),
        ("unreach4", four / ICMP(type=3) / IP(src=host4, dst=phone4) / UDP() / pay("unreach4")),
        ("unreach6", six / ICMPv6DestUnreach() / IPv6(src=host6, dst=phone6) / UDP() / pay("unreach6")),
        ("6in4", four / inner6 / pay("6in4")), ("4in4", four / inner4 / pay("4in4")), ("4in6", six / inner4 / pay("4in6")),
        ("6in6", six / inner6 / pay("6in6")), ("gre4", four / GRE() / inner4 / pay("gre4")), ("gre6", six / GRE() / inner6 / pay("gre6")),
        ("esp", four / ESP(spi=7, seq=1, data=pay("esp").load)), ("ah", four / AH(spi=7, seq=1) / UDP(dport=9) / pay("ah")),
        ("sctp", four / SCTP() / SCTPChunkData(data=pay("sctp").load)), ("proto253", IP(src=phone4, dst=host4, proto=253) / pay("proto253")),
        ("proto59", IPv6(src=phone6, dst=host6, nh=59) / pay("proto59")),
        ("udp-from-53", four / UDP(sport=53, dport=7999) / pay("udp-from-53")), ("dhcp-out", four / UDP(sport=68, dport=67) / pay("dhcp-out")),
        ("dhcp6-out", six / UDP(sport=546, dport=547) / pay("dhcp6-out")), ("ntp", four / UDP(sport=123, dport=123) / pay("ntp")),
        ("quic4", four / UDP(dport=443) / pay("quic4", 1200)), ("dot", four / UDP(dport=853) / pay("dot")),
        ("source-route", IP(src=phone4, dst="10.77.0.1", options=IPOption_LSRR(routers=[host4])) / UDP(dport=9) / pay("source-route")),
        ("hop-by-hop", six / IPv6ExtHdrHopByHop(options=PadN(optdata=b"1234")) / UDP(dport=7999) / pay("hop-by-hop")),
        ("dest-opt", six / IPv6ExtHdrDestOpt(options=PadN(optdata=b"1234")) / UDP(dport=7999) / pay("dest-opt")),
        ("routing-0", IPv6(src=phone6, dst="fd77::1") / IPv6ExtHdrRouting(addresses=[host6]) / UDP(dport=9) / pay("routing-0")),
        ("routing-2", IPv6(src=phone6, dst="fd77::1") / IPv6ExtHdrRouting(type=2, addresses=[host6]) / UDP(dport=9) / pay("routing-2")),
        ("atomic", six / IPv6ExtHdrFragment(id=3) / UDP(dport=7999) / pay("atomic")),
        *[("fragments4", f) for f in fragment(IP(src=phone4, dst=host4, id=7) / UDP(dport=7999) / pay("fragments4", 3000), 1000)],
        *[("fragments6", f) for f in fragment6(six / IPv6ExtHdrFragment(id=9) / UDP(dport=7999) / pay("fragments6", 3000), 1280)],
        ("last-fragment", IP(src=phone4, dst=host4, id=8, frag=100, proto=17) / pay("last-fragment", 80)),
        ("link-local", local / UDP(dport=7999) / pay("link-local")), ("no-source6", IPv6(src="::", dst=host6) / UDP(dport=7999) / pay("no-source6")),
        ("no-source4", IP(src="0.0.0.0", dst=host4) / UDP(dport=7999) / pay("no-source4")),
        ("mapped", IPv6(src="::ffff:10.77.0.11", dst="::ffff:" + host4) / UDP(dport=7999) / pay("mapped")),
        ("6to4", IPv6(src="2002:a4d:b::1", dst=host6) / UDP(dport=7999) / pay("6to4")),
        ("multicast4", IP(src=phone4, dst="239.1.2.3", ttl=9) / UDP(dport=7999) / pay("multicast4")),
        ("multicast6", IPv6(src=phone6, dst="ff0e::123", hlim=9) / UDP(dport=7999) / pay("multicast6")),
        ("broadcast", IP(src=phone4, dst="198.51.100.255") / UDP(dport=7999) / pay("broadcast")),
        ("as-router4", IP(src="10.77.0.1", dst=host4) / UDP(dport=7999) / pay("as-router4")),
        ("as-router6", IPv6(src="fd77::1", dst=host6) / UDP(dport=7999) / pay("as-router6")),
        ("as-wan", IP(src="198.51.100.1", dst=host4) / UDP(dport=7999) / pay("as-wan")),
        ("as-open4", IP(src=other4, dst=host4) / UDP(dport=7999) / pay("as-open4")),
        ("as-open6", IPv6(src=other6, dst=host6) / UDP(dport=7999) / pay("as-open6")),
        ("advert-out", six / ICMPv6ND_RA() / pay("advert-out")),
    ]


def frames(router, phone, packets):
    """Layer 2: each as it is, and some in clothes of other kinds."""
    ether = Ether(src=phone, dst=router)
    yield from ((name, ether / packet) for name, packet in packets)
    first = dict(packets)
    for name, packet in (("udp4", first["udp4"]), ("udp6", first["udp6"])):
        def renamed(kind, name=name, packet=packet):
            return type(packet)(bytes(packet).replace(f"escape={name};".encode(), f"escape={kind};".encode()))
        yield f"prio-{name[-1]}", ether / Dot1Q(vlan=0) / first[name]
        yield f"vlan-{name[-1]}", ether / Dot1Q(vlan=1) / Dot1Q(vlan=7) / first[name]
        yield f"multicast-mac-{name[-1]}", Ether(src=phone, dst="01:00:5e:00:00:01") / first[name]
        yield f"broadcast-mac-{name[-1]}", Ether(src=phone, dst="ff:ff:ff:ff:ff:ff") / first[name]
        yield f"multicast-source-{name[-1]}", Ether(src="01:77:00:00:00:99", dst=router) / first[name]
        yield f"pppoe-{name[-1]}", ether / PPPoE(sessionid=1) / PPP() / first[name]
        yield f"mislabelled-{name[-1]}", Ether(src=phone, dst=router, type=0x86DD if name == "udp4" else 0x0800) / Raw(bytes(first[name]))
    yield "arp", ether / ARP(op=1, psrc="10.77.0.10", pdst="198.51.100.2") / Raw(b"escape=arp;")
    yield "odd-type", Ether(src=phone, dst=router, type=0x88B5) / Raw(b"escape=odd-type;")


def main(router, phone, *addresses):
    conf.verb = 0
    sent = list(frames(router, phone, names_and_packets(*addresses)))
    sendp([frame for _, frame in sent], iface="wlan0")
    print(json.dumps(sorted({name for name, _ in sent})))


if __name__ == "__main__":
    main(*sys.argv[1:])
