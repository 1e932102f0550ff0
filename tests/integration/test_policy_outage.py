# SPDX-License-Identifier: GPL-2.0-or-later
"""No RADIUS server answers: what a tap gets, and what becomes of it when one is back."""

import signal
import time

import pytest
from city.netns import wait_for
from portal_world import Square, online_page, post, token_of

TIMEOUT_MS = 1500
GUEST_CAP = 10000 * 125  # of the sample


def a_square(when_down):
    square = Square()
    try:
        square.router.radius_conf = f'    when_radius_down = "{when_down}"\n    timeout_ms = {TIMEOUT_MS}\n    retry_ms = 300\n'
        square.router.start()
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@pytest.fixture(scope="module")
def square():
    yield from a_square("guest")


@pytest.fixture(scope="module")
def holding():
    yield from a_square("hold")


@pytest.fixture(autouse=True)
def show_logs(request):
    yield
    for name in ("square", "holding"):
        if name in request.fixturenames:
            print("--- loggiad\n" + "\n".join(request.getfixturevalue(name).router.log("loggiad").splitlines()[-60:]))


@pytest.fixture
def frozen(square):
    """The centre is frozen: it takes packets and says nothing."""
    square.centre.daemon.kill(signal.SIGSTOP, wait=False)
    yield
    square.centre.daemon.kill(signal.SIGCONT, wait=False)
    wait_for("the server to be found again", lambda: alive(square), timeout=20)
    wait_for("what waits to be told", lambda: square.router.ctl("status", "--json")["accounting"]["waiting"] == 0, timeout=40)


def alive(square):
    return square.router.ctl("status", "--json")["radius"][0]["alive"]


def thaw(square):
    square.centre.daemon.kill(signal.SIGCONT, wait=False)


def tapped(square, phone, token):
    began = time.monotonic()
    answer = post(phone, "/join", token, timeout=15)
    assert answer.status == 303, answer.text
    return (time.monotonic() - began) * 1000


def in_an_outage(square, prefix="02:00"):
    """A phone that got the splash page before the outage, and taps in it."""
    phone = square.phone(prefix)
    token = token_of(online_page(phone))
    return phone, tapped(square, phone, token)


def test_a_tap_in_an_outage_is_online_in_time_for_a_short_while(square, frozen):
    phone, took_ms = in_an_outage(square)
    assert took_ms < TIMEOUT_MS + 500
    assert phone.probe("ios") == "online"
    row = square.row(phone)
    assert row["provisional"] and row["ends_in_s"] <= 300 and row["down_Bps"] == GUEST_CAP
    assert "event=provisional" in square.router.log("loggiad")
    # Now that the server is known to be dead nobody waits for it.
    second, took_ms = in_an_outage(square)
    assert took_ms < 400, f"{took_ms:.0f} ms"
    assert square.row(second)["provisional"]
    counts = square.router.ctl("status", "--json")["sessions"]
    assert counts["provisional"] >= 2


def test_a_server_that_is_back_makes_it_a_whole_session_with_a_pass(square, frozen):
    phone, _ = in_an_outage(square)
    before = square.row(phone)
    phone.iperf(seconds=1)
    thaw(square)
    row = wait_for("the session to be confirmed", lambda: (r := square.row(phone)) and not r["provisional"] and r, timeout=20)
    assert row["session"] == before["session"] and 300 < row["ends_in_s"] <= 7200
    assert row["down_bytes"] >= 100000, "what was counted before is gone"
    asked = [a for a in square.centre.asked(phone) if a["kind"] == "Framed-User"]
    assert asked and all(a["info"].startswith("terms=") and "lang=it" in a["info"] for a in asked), asked
    square.centre.wait_account(phone, "Start", session=before["session"])
    # The pass was written: the next time nobody is asked to tap.
    square.router.ctl("kick", phone.mac)
    wait_for("it is let in without a tap", lambda: phone.probe("ios") == "online")
    assert not square.row(phone)["provisional"]


def test_the_profile_of_the_centre_replaces_the_guests(square, frozen):
    phone, _ = in_an_outage(square, "02:ac")
    assert square.row(phone)["down_Bps"] == GUEST_CAP
    thaw(square)
    row = wait_for("the centre's profile", lambda: (r := square.row(phone)) and not r["provisional"] and r, timeout=20)
    assert row["down_Bps"] == 2000000 and row["up_Bps"] == 1000000 and row["ends_in_s"] > 3900
    phone.press("/leave")
    assert square.centre.wait_account(phone, "Stop")["class"] == "0x636f6d756e65"


def test_who_is_denied_is_closed_and_told_why_when_the_centre_is_back(square, frozen):
    phone, _ = in_an_outage(square, "02:de")
    assert phone.probe("ios") == "online"
    session = square.row(phone)["session"]
    thaw(square)
    wait_for("the session to be closed", lambda: square.row(phone) is None, timeout=20)
    assert phone.probe("ios") == "portal"
    answer = phone.fetch(phone.portal("/"))
    assert answer.status == 403 and "/join" not in answer.text
    square.centre.wait_account(phone, "Stop", session=session, cause="NAS-Request")


def test_a_restart_in_the_outage_does_not_forget_to_ask(square, frozen):
    phone, _ = in_an_outage(square)
    before = square.row(phone)
    square.router.kill("loggiad")
    square.router.restart("loggiad")
    row = square.row(phone)
    assert row["session"] == before["session"] and row["provisional"]
    thaw(square)
    row = wait_for("the session to be confirmed", lambda: (r := square.row(phone)) and not r["provisional"] and r, timeout=20)
    assert row["session"] == before["session"] and row["ends_in_s"] > 300
    assert any("lang=it" in a["info"] for a in square.centre.asked(phone))


def test_nobody_is_let_in_silently_in_an_outage(square, frozen):
    phone = square.phone()
    assert phone.probe("ios") == "portal"
    assert square.row(phone) is None


def test_where_the_admin_says_hold_a_tap_waits_for_the_centre(holding):
    phone = holding.phone()
    token = token_of(online_page(phone))
    holding.centre.daemon.kill(signal.SIGSTOP, wait=False)
    answer = post(phone, "/join", token, timeout=15)
    assert answer.status == 503 and "LG-201" in answer.text
    assert holding.row(phone) is None
    thaw(holding)
    assert wait_for("the tap to be taken", lambda: post(phone, "/join", token).status == 303, every=0.5)
    assert not holding.row(phone)["provisional"]


def test_the_policy_is_changed_without_a_restart(holding):
    path = holding.router.conf
    path.write_text(path.read_text().replace('"hold"', '"guest"'))
    holding.router.daemons["loggiad"].kill(signal.SIGHUP, wait=False)
    wait_for("the reload", lambda: "event=reloaded" in holding.router.log("loggiad"))
    holding.centre.daemon.kill(signal.SIGSTOP, wait=False)
    phone, _ = in_an_outage(holding)
    assert holding.row(phone)["provisional"]
    thaw(holding)
