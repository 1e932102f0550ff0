"""A square of the city: what each kind of phone meets there before and after its tap, and what it must
not be able to do to the others, or to get without joining."""

import json
import re
import urllib.request

import pytest
from city.internet import ADDRESSES, DNS, IPERF, IPERF_PORTS
from city.netns import wait_for
from city.platforms import PLATFORMS
from city.town import Town, ZONES, titles
from city.webpage import Page
from city.window import Window


@pytest.fixture(scope="module")
def town():
    with Town(people=300) as town:
        yield town
        print(town.logs())


@pytest.fixture(scope="module")
def stranger(town):
    """A phone that never taps."""
    return town.newcomer(name="stranger")


@pytest.fixture(scope="module")
def guest(town):
    """A phone that has tapped."""
    phone = town.newcomer(name="guest")
    phone.tap()
    return phone


@pytest.mark.parametrize("platform", list(PLATFORMS))
def test_pop_up_comes_before_the_tap(stranger, platform):
    assert stranger.probe(platform) == "portal"


@pytest.mark.parametrize("platform", list(PLATFORMS))
def test_probe_is_content_after_the_tap(guest, platform):
    assert guest.probe(platform) == "online"


@pytest.mark.parametrize("platform", list(PLATFORMS))
def test_probe_is_answered_by_a_tiny_redirect_to_the_portals_name(stranger, platform):
    answer = stranger.fetch(PLATFORMS[platform].urls[0], agent=PLATFORMS[platform].agent)
    assert answer.status == 302
    assert answer.location == stranger.portal("/")
    assert "no-store" in answer.headers["cache-control"]
    assert len(answer.body) < 1024


def test_dhcp_and_names_work_before_the_tap(town, stranger):
    lease = stranger.lease()
    assert lease["router"] == lease["dns"] == town.router.ipv4
    assert stranger.resolve("captive.apple.com") == set(ADDRESSES["captive.apple.com"])


def test_foreign_dns_server_is_answered_by_the_router(stranger):
    """A phone with a fixed DNS server must get its pop-up too."""
    stranger.ns.resolv.write_text("nameserver 192.0.2.53\n")
    try:
        assert stranger.probe("ios") == "portal"
    finally:
        stranger.ns.resolv.write_text(f"nameserver {stranger.router.ipv4}\n")


def test_portal_is_reached_over_ipv6(stranger):
    answer = stranger.fetch(stranger.portal("/"), "-6")
    assert answer.status == 200 and Page(answer.text).form("/join")


def test_https_fails_at_once_before_the_tap(stranger):
    """A reset, not a silence: the phone must not wait for a timeout, and nobody forges a certificate."""
    r = stranger.ns.run("curl", "-sS", "--max-time", 5, "https://www.google.com/generate_204", check=False)
    assert "Failed to connect" in r.stderr or "refused" in r.stderr or "reset" in r.stderr, r.stderr


@pytest.mark.parametrize("family", [4, 6])
def test_nothing_but_the_portal_is_reached_without_joining(stranger, family):
    which = 0 if family == 4 else 1
    for port in (IPERF_PORTS[0], 443, 853):
        assert not stranger.reaches(IPERF[which], port), f"port {port}"
    assert not stranger.pings(DNS[which])
    answer = stranger.fetch("http://news.example/", f"-{family}")
    assert answer.status == 302


@pytest.mark.parametrize("family", [4, 6])
def test_guest_reaches_the_world(guest, family):
    which = 0 if family == 4 else 1
    assert guest.reaches(IPERF[which], 443)
    assert guest.pings(DNS[which])


@pytest.mark.parametrize("kind", ["ipv4", "ipv6", "link-local"])
def test_devices_do_not_reach_each_other(town, guest, kind):
    other = town.newcomer(name=f"other-{kind}")
    other.tap()
    address = {"ipv4": other.ipv4, "ipv6": other.wait_ipv6(), "link-local": f"{other.link_local()}%wlan0"}[kind]
    assert other.pings(town.router.ipv4) or other.reaches(town.router.ipv4, 80), "the other one is not there"
    assert not guest.pings(address)
    if kind != "link-local":  # nor by way of the router, which forwards within the square
        guest.ns.batch(f"route add {address} via {town.router.ipv4 if kind == 'ipv4' else town.router.ipv6} dev wlan0")
        assert not guest.pings(address)


def test_spoofed_open_address_does_not_let_a_stranger_out(town):
    """A device is its MAC: taking a guest's IP address opens nothing."""
    guest = town.newcomer(name="victim")
    guest.tap()
    thief = town.newcomer(name="thief")
    thief.dhcp.kill()
    thief.ns.batch(f"address del {thief.ipv4}/20 dev wlan0", f"address add {guest.ipv4}/20 dev wlan0",
                   f"route replace default via {town.router.ipv4} dev wlan0")
    assert thief.pings(town.router.ipv4), "the thief has no link"
    assert not thief.reaches(IPERF[0], 443)


def test_device_that_cannot_be_found_is_told_so_in_words(town):
    """The portal asked from the router itself: there is no MAC to open."""
    r = town.router.ns.run("curl", "-sS", "-H", "Accept-Language: it", "-H", "Host: wifi.prato.example",
                           f"http://127.0.0.1:{town.router.http_port()}/")
    assert "LG-101" in r.stdout
    page = Page(r.stdout)
    assert page.form("/join") is None and len(page.text) > 40


def test_splash_speaks_the_phones_language(town, stranger):
    shown, _ = titles(town.notices, ZONES[0][0], "en")
    english = town.newcomer(name="tourist", language="en-GB,en;q=0.9")
    page, _ = english.splash()
    assert page.lang == "en" and shown <= set(page.headings)
    page, _ = stranger.splash()
    assert page.lang == "it"


def test_splash_is_light_and_runs_no_script(stranger):
    answers = []
    splash = stranger.browse(stranger.portal("/"), answers)
    assert len(splash.body) <= 30 * 1024
    page = Page(splash.text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "img", "object")]
    assert "set-cookie" not in splash.headers


def test_form_of_one_phone_does_not_open_another(town, stranger):
    """A stolen or replayed form is worth nothing on another device."""
    page, answers = stranger.splash()
    form = page.form("/join")
    other = town.newcomer(name="replay")
    answer = other.fetch(other.portal("/join"), "--data-raw", form.encoded())
    assert answer.status in (200, 400, 403) and "LG-102" in answer.text
    assert other.probe("ios") == "portal"


def test_forget_brings_the_splash_back_for_good(town):
    phone = town.newcomer(name="forgetful")
    phone.tap()
    page, answers = phone.press("/forget")
    assert answers[-1].url.split("?")[0].endswith("/forgotten"), page.text
    assert phone.probe("ios") == "portal"
    phone.move_to(town.router)
    assert phone.probe("ios") == "portal"


def test_returning_guest_needs_no_second_tap(town):
    phone = town.newcomer(name="returning")
    phone.tap()
    town.router.ctl("kick", phone.mac)
    wait_for("the phone to be closed", lambda: phone.mac not in town.router.clients())
    phone.leave()
    wait_for("the gate to be ready to announce it again (every 2 s at most)", lambda: phone.mac not in
             town.router.ns.run("nft", "list", "set", "inet", "loggia", "seen").stdout)
    phone.seen.clear()
    phone.join(town.router, ipv6=False)
    assert phone.probe("ios") == "online"
    assert phone.never_saw_portal()


def test_clients_are_listed_for_the_admin(town, guest):
    row = town.router.clients()[guest.mac]
    assert row["zone"] == "piazza-duomo"
    assert row["session"]
    assert re.search(guest.mac, town.router.ctl("clients"), re.I)
    json.dumps(town.router.ctl("status", "--json"))


def test_second_loggiad_on_the_same_router_is_refused(town):
    r = town.router.second("loggiad")
    assert r.returncode == 1, r.stdout + r.stderr
    assert town.router.daemons["loggiad"].alive()


def test_mac_addresses_are_not_in_the_logs(town, guest, stranger):
    for daemon in ("loggiad", "loggia-gate"):
        text = town.router.log(daemon).lower()
        for phone in (guest, stranger):
            assert phone.mac not in text and phone.mac.replace(":", "-") not in text




def test_person_at_this_machine_can_look_through_the_window(town):
    """./demo --stay: the splash page in one's own browser, in a phone's place."""
    phone = town.newcomer(name="window")
    window = Window(phone)
    try:
        def ask(path, data=None):
            with urllib.request.urlopen(window.url + path, data, timeout=10) as answer:  # follows redirects
                return Page(answer.read().decode())
        form = ask("").form("/join")
        assert ask("join", form.encoded().encode()).form("/leave")
        assert phone.probe("ios") == "online"
    finally:
        window.close()


def test_ordinary_day_leaves_no_error_in_the_logs(town, guest):
    bad = [line for daemon in ("loggiad", "loggia-gate") for line in town.router.log(daemon).splitlines()
           if "level=err" in line or "level=crit" in line or "runtime error" in line or "AddressSanitizer" in line]
    assert not bad, "\n".join(bad)
