"""A citizen's road through the portal, with the real gate, a real RADIUS server and real phones."""

import re

import pytest
from city.netns import wait_for
from city.platforms import PLATFORMS
from city.webpage import Page
from portal_world import Square, online_page, post, token_of

PROBE = "http://captive.apple.com/hotspot-detect.html"
SERVER = "203.0.113.10"


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.radius_conf = '    when_radius_down = "hold"\n'  # "guest" has tests of its own
        square.router.start()
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@pytest.fixture(autouse=True)
def show_logs(square):
    before = len(square.router.log("loggiad"))
    yield
    print("--- loggiad\n" + square.router.log("loggiad")[before:])


def test_a_captive_probe_is_sent_to_the_splash_page_in_few_bytes_that_nothing_caches(square):
    answer = square.phone().fetch(PROBE)
    assert (answer.status, answer.location) == (302, "http://wifi.prato.example/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("connection", "").lower() == "close"
    assert len(answer.body) < 100


def test_every_platform_opens_its_pop_up(square):
    phone = square.phone()
    assert {name: phone.probe(name) for name in PLATFORMS} == {name: "portal" for name in PLATFORMS}


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_the_splash_page_is_shown_over_both_families_and_guards_itself(square, family):
    answer = square.phone(ipv6=True).fetch("http://wifi.prato.example/", family)
    assert answer.status == 200
    page = Page(answer.text)
    assert page.form("/join") and page.lang == "it"
    assert "Piazza del Duomo" in page.text
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert len(answer.body) <= 30720


def test_the_page_speaks_the_citizens_language_and_the_form_remembers_it(square):
    phone = square.phone(language="zh-CN,zh;q=0.9")
    assert Page(phone.fetch(phone.portal("/")).text).lang.lower() == "zh-hans"
    english = phone.fetch(phone.portal("/?lang=en"))
    assert Page(english.text).lang == "en"
    after = post(phone, "/join", token_of(english), lang="en")
    assert (after.status, after.location) == (303, "/?lang=en")


def test_one_tap_and_the_phone_is_online_and_the_centre_knows(square):
    phone = square.phone(ipv6=True)
    visit = phone.tap()
    assert "/leave" in {f.action.split("?")[0] for f in visit.online.forms}
    assert phone.probe("ios") == "online" and phone.probe("android") == "online"
    assert phone.iperf(seconds=1).payload > 100000
    assert phone.iperf(seconds=1, family=6).payload > 100000
    start = square.centre.wait_account(phone, "Start")
    row = square.row(phone)
    assert row["session"] == start["session"] and re.fullmatch("[0-9a-f]{16}", row["session"])
    assert row["zone"] == "piazza-duomo" and row["down_bytes"] > 100000
    assert 7100 < row["ends_in_s"] <= 7200
    assert any(f"s={row['session']}" in line for line in square.kernel(phone))


def test_a_double_tap_makes_one_session(square):
    phone = square.phone()
    token = token_of(phone.fetch(phone.portal("/")))
    first, second = post(phone, "/join", token), post(phone, "/join", token)
    assert [first.status, second.status] == [303, 303]
    square.centre.wait_account(phone, "Start")
    phone.press("/leave")
    square.centre.wait_account(phone, "Stop")
    assert [a["status"] for a in square.centre.accounts(phone)] == ["Start", "Stop"]


def test_another_phones_form_does_not_tap_for_this_one(square):
    thief, victim = square.phone(), square.phone()
    token = token_of(thief.fetch(thief.portal("/")))
    answer = post(victim, "/join", token)
    assert answer.status == 403 and "LG-102" in answer.text or Page(answer.text).form("/join")
    assert answer.status == 403
    assert square.row(victim) is None
    assert not [a for a in square.centre.asked(victim) if a["kind"] == "Framed-User"]
    again = post(victim, "/join", token_of(answer))  # the button on that very page works
    assert again.status == 303


def test_a_known_device_is_online_with_its_own_profile_and_never_sees_a_splash(square):
    phone = square.phone("02:ac")
    assert phone.probe("ios") == "online"
    assert phone.never_saw_portal() or phone.seen[0].location != "http://wifi.prato.example/"
    row = wait_for("the client's row", lambda: square.row(phone))
    assert (row["down_Bps"], row["up_Bps"]) == (2000000, 1000000)
    assert row["ends_in_s"] > 3900
    assert square.centre.wait_account(phone, "Start")["class"] == "0x636f6d756e65"
    assert {a["kind"] for a in square.centre.asked(phone)} == {"Call-Check"}


def test_a_probe_held_during_the_silent_question_gets_its_own_address_again(square):
    phone = square.phone("02:ac", join=False)
    phone.join(square.router)
    answers = []
    last = phone.browse(PROBE, answers)
    assert last.status == 200 and "Success" in last.text
    assert all(a.location == PROBE for a in answers[:-1])


def test_who_comes_back_later_is_online_without_a_tap(square):
    phone = square.phone()
    phone.tap()
    square.router.ctl("kick", phone.mac)
    assert square.centre.wait_account(phone, "Stop", cause="Admin-Reset")
    answers = []
    assert "Success" in phone.browse(PROBE, answers).text
    assert all(a.location in (None, PROBE) for a in answers), "a splash was shown"
    wait_for("the second Start", lambda: [a["status"] for a in square.centre.accounts(phone)].count("Start") == 2)


def test_leaving_stops_traffic_at_once_and_no_packet_lets_the_phone_back_in(square):
    phone = square.phone()
    phone.tap()
    download = phone.start_iperf(seconds=20)
    wait_for("bytes", lambda: (square.row(phone) or {}).get("down_bytes", 0) > 200000)
    page, answers = phone.press("/leave")
    assert answers[-1].url.endswith("/left") and page.form("/join")
    stop = square.centre.wait_account(phone, "Stop", cause="User-Request")
    assert int(stop["down"]) > 200000
    download.interrupt()
    asked = len(square.centre.asked(phone))
    assert phone.probe("ios") == "portal"
    assert not phone.reaches(SERVER, 80) or phone.fetch(f"http://{SERVER}/").status == 302
    assert not phone.pings(SERVER)
    assert square.row(phone) is None
    assert len(square.centre.asked(phone)) == asked, "a device that left was asked about silently"
    post(phone, "/join", token_of(online_page(phone)))
    assert phone.probe("ios") == "online"


def test_forget_erases_the_pass_so_that_the_next_visit_begins_with_the_splash(square):
    phone = square.phone()
    phone.tap()
    page, answers = phone.press("/forget")
    assert answers[-1].url.endswith("/forgotten"), answers[-1].text
    assert square.centre.asked(phone)[-1]["info"] == "forget"
    assert phone.probe("ios") == "portal"


def test_a_denied_device_is_told_why_and_has_no_button(square):
    phone = square.phone("02:de")
    answer = online_page(phone)
    page = Page(answer.text)
    assert answer.status == 403
    assert not page.form("/join")
    assert "sospes" in page.text.lower(), page.text


def test_a_refusal_without_reason_is_an_error_page_with_its_code(square):
    phone = square.phone("02:ab")
    answer = post(phone, "/join", token_of(online_page(phone)))
    assert answer.status == 403 and "LG-202" in answer.text
    assert square.row(phone) is None


def test_a_silent_centre_is_said_in_words_within_the_deadline(square):
    phone = square.phone("02:5e")
    answer = post(phone, "/join", token_of(online_page(phone)), timeout=15)
    assert answer.status == 503 and "LG-201" in answer.text


def test_a_tap_says_which_terms_and_language_it_accepted(square):
    phone = square.phone()
    phone.tap()
    tap = [a for a in square.centre.asked(phone) if a["kind"] == "Framed-User"][-1]
    assert re.fullmatch(r"terms=\S+ lang=it", tap["info"])
    assert re.fullmatch(r"([0-9A-F]{2}-){5}[0-9A-F]{2}:piazza-duomo", tap["at"])
    assert tap["nas"] == "router"


def test_the_readable_pages_need_no_tap(square):
    phone = square.phone()
    for path in ("/news", "/terms", "/privacy"):
        answer = phone.fetch(phone.portal(path))
        assert answer.status == 200 and Page(answer.text).headings, path
    missing = phone.fetch(phone.portal("/nowhere"))
    assert missing.status == 404 and "LG-103" in missing.text


def test_methods_that_the_portal_has_not_are_refused_and_head_is_get_without_its_body(square):
    phone = square.phone()
    assert phone.fetch(phone.portal("/"), "-X", "PUT").status == 405
    head = phone.fetch(phone.portal("/"), "-I")
    assert head.status == 200 and not head.body and int(head.headers["content-length"]) > 1000
    typed = phone.fetch(phone.portal("/join"))
    assert (typed.status, typed.location) == (303, "/")


def test_somebody_behind_no_device_of_ours_reads_that_in_words(square):
    r = square.router.ns.run("curl", "-sS", "-w", "%{http_code}", "-H", "Host: wifi.prato.example",
                             f"http://127.0.0.1:{square.http_port()}/")
    assert r.stdout.endswith("403") and "LG-101" in r.stdout


def test_news_that_an_editor_changes_is_on_the_page_at_once(square):
    phone = square.phone()
    notice = square.router.dir / "notices" / "zz-test.md"
    notice.write_text("publisher: Comune di Prato\nzones: piazza-duomo\nuntil: 2099-01-01\npriority: emergency\n"
                      "--- it\n# Allerta di prova\nTutto bene.\n")
    wait_for("the new notice", lambda: "Allerta di prova" in online_page(phone).text)
    notice.write_text("publisher: \nzones\n")
    wait_for("the broken notice is gone", lambda: "Allerta di prova" not in online_page(phone).text)
    assert Page(online_page(phone).text).form("/join")
    notice.unlink()
