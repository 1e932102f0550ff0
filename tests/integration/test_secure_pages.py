"""The portal over TLS: the same pages with the portal's real name, the API of RFC 8908 and where phones learn
of it (RFC 8910), certificates that are replaced while people read."""

import http.client
import json
import re
import signal
import socket
import ssl
import threading
import time

import pytest

from city.ca import Authority
from city.netns import wait_for
from city.router import PORTAL_NAME
from city.window import enter
from portal_world import Square, online_page, token_of

API = f"https://{PORTAL_NAME}/api"


@pytest.fixture(scope="module")
def square():
    s = Square(tls=True)
    try:
        s.router.extra_conf = ('privacy { controller = "Comune di Prato" contact = "urp@comune.example" '
                               'retention = "90d" }\n')
        s.router.start()
        yield s
    finally:
        s.close()


def secure(path="/"):
    return f"https://{PORTAL_NAME}{path}"


def api(phone):
    answer = phone.fetch(API)
    assert answer and answer.status == 200, answer
    return answer, json.loads(answer.text)


def tap(phone, lang="it"):
    page = phone.fetch(secure(f"/?lang={lang}"))
    return phone.fetch(secure("/join"), "--data-raw", f"token={token_of(page)}&lang={lang}&terms=1")


class Link:
    """One TLS connection of the phone that stays open, as browsers keep theirs."""

    def __init__(self, phone):
        self.context = ssl.create_default_context(cafile=phone.internet.ca.cert)
        self.namespace, self.address = phone.ns.full, phone.router.ipv4
        made = {}

        def inside():
            enter(self.namespace)
            raw = socket.create_connection((self.address, 443), 5)
            made["tls"] = self.context.wrap_socket(raw, server_hostname=PORTAL_NAME)
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        self.tls = made["tls"]
        self.serial = self.tls.getpeercert()["serialNumber"]

    def get(self, path):
        self.tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {PORTAL_NAME}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(self.tls)
        answer.begin()
        answer.read()
        return answer.status


def test_a_phone_is_sent_to_the_secure_page_and_may_type_the_other(square):
    phone = square.phone()
    first = phone.fetch("http://captive.apple.com/hotspot-detect.html")
    assert (first.status, first.location) == (302, secure("/"))
    page = phone.fetch(first.location)
    assert page.status == 200 and 'action="/join"' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    plain = phone.fetch(phone.portal("/"))
    assert plain.status == 200 and 'action="/join"' in plain.text  # a clock or roots too old for TLS
    visit = phone.tap()
    assert visit.online.form("/leave") and phone.probe() == "online"
    assert all(a.url.startswith("https://") for a in visit.answers[1:])


def test_the_secure_port_of_another_host_is_refused_and_never_answered_by_us(square):
    phone = square.phone()
    began = time.monotonic()
    r = phone.ns.run("curl", "-sSk", "--max-time", "5", "https://203.0.113.10/", check=False)
    assert r.returncode == 7, r.stderr  # no connection at all: not ours, not theirs
    assert time.monotonic() - began < 2


def test_the_api_says_captive_before_the_tap_and_what_is_left_after_it(square):
    phone = square.phone()
    answer, before = api(phone)
    assert answer.headers["content-type"] == "application/captive+json"
    assert "private" in answer.headers["cache-control"]
    assert len(answer.body) <= 4096
    assert before == {"captive": True, "user-portal-url": secure("/"), "venue-info-url": secure("/news")}
    assert phone.fetch(before["venue-info-url"]).status == 200
    assert tap(phone).status == 303
    _, after = api(phone)
    assert after["captive"] is False and after["can-extend-session"] is False
    assert 7100 <= after["seconds-remaining"] <= 7200
    assert 299_000_000 < after["bytes-remaining"] <= 300_000_000
    assert {"user-portal-url", "venue-info-url"} < set(after)


def test_a_phone_that_the_city_knows_is_never_told_captive(square):
    phone = square.phone("02:ac")
    _, first = api(phone)
    assert first["captive"] is False and "seconds-remaining" in first
    assert "bytes-remaining" in first  # the visitor's quota stands where the centre names none


def test_the_api_is_not_there_over_plain_http(square):
    phone = square.phone()
    assert phone.fetch(phone.portal("/api")).status == 404
    assert phone.fetch(API, "-X", "POST", "--data-raw", "x=1").status == 405


def test_dhcp_tells_the_phone_the_very_address_of_the_api(square):
    phone = square.phone()
    told = bytes.fromhex(phone.lease()["opt114"]).decode() if re.fullmatch(
        r"[0-9a-f]+", phone.lease()["opt114"]) else phone.lease()["opt114"]
    assert told == API
    assert phone.fetch(told).status == 200


INFORMATION_REQUEST = """
import socket, struct, sys
link = socket.if_nametoindex("wlan0")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.bind(("::", 546))
client = struct.pack("!HHHH6s", 1, 10, 3, 1, bytes(6))
s.sendto(b"\\x0bxyz" + client + struct.pack("!HHH", 6, 2, 103), ("ff02::1:2", 547, 0, link))
reply, at = s.recv(2048), 4
while at < len(reply):
    code, length = struct.unpack_from("!HH", reply, at)
    if code == 103:
        sys.stdout.write(reply[at + 4:at + 4 + length].decode())
    at += 4 + length
"""


def test_dhcpv6_tells_it_too(square):
    phone = square.phone(ipv6=True)
    told = phone.ns.run("/usr/bin/python3", "-c", INFORMATION_REQUEST).stdout
    assert told == API


def test_the_chosen_language_stays_through_the_tap(square):
    phone = square.phone()
    answer = tap(phone, "zh-hans")
    assert answer.status == 303 and answer.location == "/?lang=zh-hans"
    page = phone.fetch(secure(answer.location))
    assert '<html lang="zh-hans"' in page.text and 'action="/leave"' in page.text


def test_the_privacy_page_says_what_the_configuration_says(square):
    phone = square.phone()
    text = phone.fetch(secure("/privacy?lang=en")).text
    for words in ("The data controller is Comune di Prato.", "erased after 90 days", "urp@comune.example",
                  "At most 2 hours for a visitor", "after 30 minutes without traffic"):
        assert words in text, words
    assert "old account" not in text and "detailed log" not in text
    conf = square.router.conf
    before = conf.read_text()
    conf.write_text(before.replace('"90d"', '"30d"').replace('session   = "2h"', 'session   = "1h"'))
    reload(square.router)
    text = phone.fetch(secure("/privacy?lang=en")).text
    assert "erased after 30 days" in text and "At most 1 hour for a visitor" in text
    conf.write_text(before)
    reload(square.router)


def reload(router):
    lines = router.log("loggiad").count("event=reloaded")
    router.daemons["loggiad"].popen.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: router.log("loggiad").count("event=reloaded") > lines)


def test_a_new_certificate_is_for_new_connections_and_drops_nobody(square):
    phone = square.phone()
    old = Link(phone)
    assert old.get("/news") == 200
    taken = square.router.log("loggiad").count("event=certificate ")
    square.router.certificate()
    wait_for("the new certificate", lambda: square.router.log("loggiad").count("event=certificate ") > taken)
    new = Link(phone)
    assert new.serial != old.serial
    assert old.get("/privacy") == 200 and new.get("/news") == 200


@pytest.mark.parametrize("wrong, why", [
    ("name", f"the certificate is not for {PORTAL_NAME}"), ("key", "the key is not this certificate's"),
    ("text", "no PEM certificate"), ("mode", "others may read it (mode 0644)"), ("old", "it is out of date")])
def test_a_bad_certificate_is_refused_and_the_old_one_goes_on(square, wrong, why):
    phone = square.phone()
    before = Link(phone).serial
    chain = square.router.dir / "tls" / "portal.pem"
    said = square.router.log("loggiad").count("event=certificate_refused")
    if wrong == "name":
        square.router.certificate(names=("www.example",))
    elif wrong == "key":
        other, _ = square.internet.ca.issue([PORTAL_NAME], f"other-{time.monotonic_ns()}")
        chain.write_bytes(other.read_bytes())
    elif wrong == "text":
        chain.write_text("this is not a certificate\n")
    elif wrong == "mode":
        (square.router.dir / "tls" / "portal.key").chmod(0o644)
    else:
        square.router.certificate(days=-1)
    wait_for("the refusal", lambda: square.router.log("loggiad").count("event=certificate_refused") > said)
    assert why in square.router.log("loggiad").split("event=certificate_refused")[-1]
    assert "the one before stays" in square.router.log("loggiad").split("event=certificate_refused")[-1]
    assert Link(phone).serial == before
    taken = square.router.log("loggiad").count("event=certificate ")
    square.router.certificate()
    wait_for("a good one", lambda: square.router.log("loggiad").count("event=certificate ") > taken)
    assert Link(phone).serial != before


def test_who_reads_a_page_over_plain_http_is_not_sent_in_circles(square):
    phone = square.phone()
    answers = []
    phone.browse("http://captive.apple.com/", answers)
    assert [a.status for a in answers] == [302, 200]


def test_a_reload_keeps_the_secure_pages_and_who_is_online(square):
    phone = square.phone()
    tap(phone)
    old = Link(phone)
    reload(square.router)
    assert old.get("/") == 200 and square.row(phone)


def test_a_certificate_of_another_authority_is_what_the_phone_would_see(square, tmp_path):
    """Not ours to judge: but it must be served, so that doctor and the admin can see it."""
    phone = square.phone()
    taken = square.router.log("loggiad").count("event=certificate ")
    square.router.certificate(Authority(tmp_path / "other"))
    wait_for("it is taken", lambda: square.router.log("loggiad").count("event=certificate ") > taken)
    assert phone.fetch(secure("/news")) is None  # the phone does not trust it
    square.router.certificate()
    wait_for("a good one", lambda: square.router.log("loggiad").count("event=certificate ") > taken + 1)
    assert phone.fetch(secure("/news")).status == 200


def test_without_a_good_certificate_phones_are_sent_to_http_and_get_online():
    s = Square(tls=True)
    try:
        s.router.certificate()
        (s.router.dir / "tls" / "portal.key").unlink()
        s.router.certificate = lambda: s.router.dir / "tls" / "portal.pem"
        s.router.start()
        assert "then=\"no secure pages and no API until it is mended\"" in s.router.log("loggiad")
        phone = s.phone()
        assert phone.fetch("http://captive.apple.com/").location == f"http://{PORTAL_NAME}/"
        phone.tap()
        assert phone.probe() == "online"
        del s.router.certificate
        s.router.certificate()
        wait_for("the certificate", lambda: "event=certificate " in s.router.log("loggiad"))
        phone = s.phone()
        assert phone.fetch("http://captive.apple.com/").location == secure("/")
        assert api(phone)[1]["captive"] is True
    finally:
        s.close()


def test_without_a_tls_section_the_api_is_off_and_the_log_says_so():
    s = Square()
    try:
        s.router.start()
        phone = s.phone()
        assert phone.fetch(API) is None
        assert phone.fetch(phone.portal("/api")).status == 404
        assert phone.fetch(phone.portal("/login"), "--data-raw", "user=a&password=b").status == 404
        assert s.router.log("loggiad").count("event=api_off") == 1
        assert "opt114" not in phone.lease()
        assert "account" not in online_page(phone).text
    finally:
        s.close()
