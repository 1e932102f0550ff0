# SPDX-License-Identifier: GPL-2.0-or-later
"""Several places on one router: a bridge and what is named as a VLAN of a cable, each a zone with its own title, notices,
terms and limits."""

import re
import signal
import subprocess

import pytest
from city.netns import wait_for
from portal_world import Square, online_page

LIBRARY = ("eth0.10", "10.90.0.1")
CONF = """
zone "biblioteca" {{
    title           = "Biblioteca Lazzerini"
    interfaces      = {{ "eth0.10" }}
    terms_id        = "library-3"
    terms_directory = "{terms}"
    session         = "4h"
    down_kbps       = {down}
    quota_mb        = 0
}}
"""
DNSMASQ = """
interface=eth0.10
except-interface=lo
bind-dynamic
no-hosts
no-ping
user=root
dhcp-authoritative
dhcp-range=10.90.0.10,10.90.0.50,255.255.255.0,1h
dhcp-option=option:router,10.90.0.1
dhcp-option=option:dns-server,10.90.0.1
address=/wifi.prato.example/10.90.0.1
"""


def write_conf(square, down):
    terms = square.world.dir / "library-terms"
    terms.mkdir(exist_ok=True)
    terms.chmod(0o755)
    (terms / "terms.it.md").write_text("# Regole della biblioteca\n\nIn sala si tace.\n")
    square.router.extra_conf = CONF.format(terms=terms, down=down)


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        write_conf(square, 3000)
        router = square.router
        # The cable is there before the first reader sits down at it.
        square.reader = square.phone(join=False)
        subprocess.run(["ip", "link", "add", LIBRARY[0], "netns", router.ns.full, "type", "veth", "peer", "name", "wlan0",
                        "address", square.reader.mac, "netns", square.reader.ns.full], check=True)
        router.ns.batch(f"address add {LIBRARY[1]}/24 dev {LIBRARY[0]}", f"link set {LIBRARY[0]} up")
        router.start()
        conf = square.world.dir / "library-dnsmasq.conf"
        conf.write_text(DNSMASQ)
        dns = router.ns.start("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=", "-C", conf,
                              f"--dhcp-leasefile={square.world.dir}/library-leases")
        wait_for("the library's dnsmasq", lambda: "started" in dns.output())
        square.reader.ns.ip("link", "set", "wlan0", "up")
        square.reader.router = router
        square.reader.ask_dhcp()
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def test_each_place_has_its_own_title_notices_terms_and_limits(square):
    walker, reader = square.phone(), square.reader
    splash = {p: online_page(p).text for p in (walker, reader)}
    assert "Piazza del Duomo" in splash[walker] and "Biblioteca Lazzerini" in splash[reader]
    assert "Si studia anche la sera" in splash[reader] and "Si studia anche la sera" not in splash[walker]
    assert "In sala si tace" in reader.fetch(reader.portal("/terms")).text
    assert "In sala si tace" not in walker.fetch(walker.portal("/terms")).text
    for phone in (walker, reader):
        phone.tap()
        square.centre.wait_account(phone, "Start")
    rows = {p: square.row(p) for p in (walker, reader)}
    assert [rows[p]["zone"] for p in (walker, reader)] == ["piazza-duomo", "biblioteca"]
    assert [rows[p]["down_Bps"] for p in (walker, reader)] == [10000 * 125, 3000 * 125]
    assert [rows[p]["quota_bytes"] for p in (walker, reader)] == [300_000_000, 0]
    assert 7100 < rows[walker]["ends_in_s"] <= 7200 and 14300 < rows[reader]["ends_in_s"] <= 14400
    taps = {p: next(a for a in square.centre.asked(p) if a["kind"] == "Framed-User") for p in (walker, reader)}
    assert [taps[p]["info"].split()[0] for p in (walker, reader)] == ["terms=1", "terms=library-3"]
    assert taps[reader]["at"].endswith(":biblioteca")
    assert "14400" in reader.fetch(reader.portal("/privacy")).text or "4 ore" in reader.fetch(reader.portal("/privacy")).text
    for a, b in ((walker, reader), (reader, walker)):
        lost = a.ns.run("ping", "-c", "1", "-W", "1", b.ipv4, check=False).stdout
        assert " 0 received" in lost, "the places do not see each other through the router"
    for phone in (walker, reader):
        assert phone.probe() == "online"


def test_a_places_limits_change_with_a_reload(square):
    reader = square.reader
    page = online_page(reader)
    if "/leave" in page.text:
        reader.press("/leave")
    write_conf(square, 6000)
    text = square.router.conf.read_text()
    square.router.conf.write_text(re.sub(r"down_kbps       = \d+", "down_kbps       = 6000", text))
    said = square.router.log("loggiad").count("event=reloaded")
    square.router.daemons["loggiad"].popen.send_signal(signal.SIGHUP)
    wait_for("reloaded", lambda: square.router.log("loggiad").count("event=reloaded") > said)
    reader.tap()
    assert wait_for("online", lambda: square.row(reader))["down_Bps"] == 6000 * 125
