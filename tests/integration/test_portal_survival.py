"""What dies and comes back: loggiad, the gate, the table, the centre. Citizens must not notice."""

import os
import pathlib
import re
import signal
import threading

import pytest
from city.netns import wait_for
from city.router import PROGRAMS, SOURCE
from late_gate import LateGate
from portal_world import Square, online_page, post, token_of


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.radius_conf = '    when_radius_down = "hold"\n'
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


def joined(square, prefix="02:00"):
    phone = square.phone(prefix)
    phone.tap()
    square.centre.wait_account(phone, "Start")
    return phone


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_a_restarted_portal_goes_on_with_the_same_session(square, sig):
    phone = joined(square)
    before = square.row(phone)
    download = phone.start_iperf(seconds=4)
    wait_for("bytes", lambda: square.row(phone)["down_bytes"] > before["down_bytes"] + 100000)
    square.router.kill("loggiad", sig)
    square.router.restart("loggiad")
    after = wait_for("the session adopted", lambda: square.row(phone))
    assert after["session"] == before["session"] and after["adopted"]
    assert abs(after["since"] - before["since"]) <= 1
    assert before["ends_in_s"] - 15 <= after["ends_in_s"] <= before["ends_in_s"]
    assert (after["down_Bps"], after["quota_bytes"]) == (before["down_Bps"], before["quota_bytes"])
    assert "/leave" in online_page(phone).text
    assert download.result().longest_stall_s() < 2  # a busy machine alone makes it half a second
    phone.press("/leave")
    stop = square.centre.wait_account(phone, "Stop", cause="User-Request")
    assert stop["session"] == before["session"] and int(stop["down"]) >= download.payload
    assert [a["status"] for a in square.centre.accounts(phone) if a["status"] != "Interim-Update"] == ["Start", "Stop"]


def test_a_class_from_the_centre_survives_the_restart(square):
    phone = square.phone("02:ac")
    assert phone.probe("ios") == "online"
    square.centre.wait_account(phone, "Start")
    square.router.kill("loggiad")
    square.router.restart("loggiad")
    square.router.ctl("kick", phone.mac)
    assert square.centre.wait_account(phone, "Stop")["class"] == "0x636f6d756e65"


@pytest.mark.parametrize("name, nice", [("loggia-gate", -10), ("loggiad", -5)])
def test_a_busy_router_lets_its_citizens_in_first(square, name, nice):
    unit = (SOURCE / f"conf/systemd/{name}.service").read_text()
    assert f"\nNice={nice}\n" in unit
    pid = square.router.daemons[name].pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == nice, "as root it sees to it itself"
    session = pathlib.Path(f"/proc/{pid}/autogroup")
    if session.exists() and os.getsid(pid) == pid and session.read_text().strip():  # empty: not grouped so
        assert session.read_text().endswith(" nice -3\n")


def code_kb(daemon, library):
    """Of a library's code, what is mapped in now."""
    smaps = pathlib.Path(f"/proc/{daemon.pid}/smaps").read_text()
    return sum(map(int, re.findall(rf" r-xp .*/{library}\.so\.\d.*\n(?:(?!Rss)\w+: .*\n)*Rss: +(\d+) kB", smaps)))


@pytest.mark.parametrize("name, event", [("loggia-gate", "event=reloaded interfaces="), ("loggiad", "event=reloaded file=")])
def test_what_only_a_start_or_a_reload_needed_is_not_held(square, name, event):
    """The memory of a small router is for its citizens' packets."""
    square.router.restart(name)
    daemon = square.router.daemons[name]
    assert code_kb(daemon, "libc") > 0
    assert code_kb(daemon, "libconfuse") == 0, "nobody reads the configuration any more"
    assert code_kb(daemon, "libseccomp") == 0, "nor makes filters"
    daemon.kill(signal.SIGHUP, wait=False)
    wait_for("the reload", lambda: event in daemon.output())
    wait_for("the reader's code is gone again", lambda: code_kb(daemon, "libconfuse") == 0)
    assert joined(square).probe("ios") == "online"


def test_a_form_that_was_open_before_the_restart_still_works(square):
    phone = square.phone()
    token = token_of(online_page(phone))
    square.router.kill("loggiad")
    square.router.restart("loggiad")
    assert post(phone, "/join", token).status == 303
    key = square.router.dir / "state" / "token.key"
    assert key.stat().st_size == 32 and key.stat().st_mode & 0o777 == 0o600


def test_only_the_first_life_says_accounting_on(square):
    joined(square)
    wait_for("Accounting-On", lambda: [a for a in square.centre.accounts() if a["status"] == "Accounting-On"])
    ons = len([a for a in square.centre.accounts() if a["status"] == "Accounting-On"])
    square.router.kill("loggiad")
    square.router.restart("loggiad")
    phone = joined(square)
    assert phone
    assert len([a for a in square.centre.accounts() if a["status"] == "Accounting-On"]) == ons


def test_a_killed_gate_is_found_again_and_nobody_waits_long(square):
    phone, newcomer = joined(square), square.phone()
    before = square.row(phone)
    token = token_of(online_page(newcomer))
    square.router.kill("loggia-gate")
    assert phone.probe("ios") == "online"
    square.router.restart("loggia-gate")
    assert post(newcomer, "/join", token).status == 303
    assert newcomer.probe("ios") == "online"
    assert square.row(phone)["session"] == before["session"]
    wait_for("loggiad is told", lambda: square.router.ctl("status", "--json")["gate"]["connected"])


def test_a_page_asked_for_while_the_gate_restarts_is_answered_when_it_is_back(square):
    phone = square.phone()
    online_page(phone)
    square.router.kill("loggia-gate")
    wait_for("the loss is noticed", lambda: not square.router.ctl("status", "--json")["gate"]["connected"])
    answer = phone.fetch(phone.portal("/"))
    assert answer.status == 503 and "LG-301" in answer.text
    square.router.restart("loggia-gate")
    assert online_page(phone).status == 200


def test_pages_are_right_before_the_gate_has_listed_everybody(square):
    """A city's worth of devices takes it a second: nobody waits for the others, nobody online is shown the splash."""
    router, phone, newcomer = square.router, joined(square), square.phone()
    before, token = square.row(phone), token_of(online_page(newcomer))
    router.kill("loggiad")
    late = LateGate(router.dir / "run" / "gate.sock")
    try:
        router.daemons["loggiad"] = router.ns.start(PROGRAMS["loggiad"], "-c", router.conf,
                                                    log=router.dir / f"loggiad.log.{len(router.world.processes)}")
        late.lists()
        page = wait_for("its own page", lambda: (a := online_page(phone)) and a.status == 200 and a)
        assert "/leave" in page.text and "/join" not in page.text
        assert 'name="token"' in online_page(newcomer).text
        assert late.asked >= 2 and late.held, "each was looked for, while the list was not there"
        taps = []
        tap = threading.Thread(target=lambda: taps.append(post(newcomer, "/join", token, timeout=20)))
        tap.start()
        wait_for("the tap, which the centre has granted",
                 lambda: any("Framed" in a["kind"] for a in square.centre.asked(newcomer)))
        assert not taps
        late.release()
        tap.join(30)
        assert taps[0].status == 303 and newcomer.probe("ios") == "online"
        assert square.row(phone)["session"] == before["session"]
        status = router.ctl("status", "--json")
        assert status["gate"]["reopened"] == 0, status["gate"]
    finally:
        router.kill("loggiad")
        late.end()
        router.restart("loggiad")
    assert square.row(phone)["session"] == before["session"]


def test_sessions_that_the_kernel_lost_while_the_gate_was_dead_are_opened_again(square):
    phone = joined(square)
    phone.iperf(seconds=1)
    before = square.row(phone)
    square.router.kill("loggia-gate")
    square.router.ns.run("nft", "delete", "table", "inet", "loggia")
    square.router.restart("loggia-gate")
    wait_for("the session is back in the kernel", lambda: square.kernel(phone))
    assert phone.probe("ios") == "online"
    after = square.row(phone)
    assert after["session"] == before["session"] and after["down_bytes"] >= before["down_bytes"]
    assert "reopened=" in square.router.log("loggiad")


def test_a_flush_by_another_tool_is_named_in_the_log(square):
    phone = joined(square)
    square.router.ns.run("nft", "delete", "table", "inet", "loggia")
    wait_for("the warning", lambda: "event=table_rebuilt" in square.router.log("loggiad"))
    assert re.search(r"event=table_rebuilt gap_us=\d+ .*another program deleted table", square.router.log("loggiad"))
    assert phone.probe("ios") == "online"


def test_what_nobody_can_explain_is_closed(square):
    phone = joined(square)
    row = square.row(phone)
    square.router.kill("loggiad")
    table = square.router.ns.run("nft", "list", "map", "inet", "loggia", "ids").stdout
    assert row["session"] in table
    square.router.restart("loggiad")
    assert square.row(phone)["session"] == row["session"]


def test_the_centre_may_come_late(square):
    phone = square.phone()
    token = token_of(online_page(phone))
    square.centre.daemon.stop()
    answer = post(phone, "/join", token, timeout=15)
    assert answer.status == 503 and "LG-201" in answer.text
    square.centre.start()
    assert post(phone, "/join", token).status == 303
    assert phone.probe("ios") == "online"


def test_forget_is_kept_trying_until_the_centre_has_heard_it(square):
    phone = joined(square)
    square.centre.daemon.stop()
    answers = []
    page = phone.browse(phone.portal("/"), answers)
    answer = post(phone, "/forget", token_of(page), timeout=15)
    assert answer.status == 503 and "LG-201" in answer.text
    assert square.row(phone) is None, "the traffic went on"
    square.centre.start()
    wait_for("forget arrives", lambda: [a for a in square.centre.asked(phone) if a["info"] == "forget"], timeout=40)
    wait_for("it is in the log", lambda: "event=forgotten" in square.router.log("loggiad"))


def test_a_router_that_stops_empty_says_accounting_off_and_one_that_is_upgraded_does_not(square):
    def offs():
        return len([a for a in square.centre.accounts() if a["status"] == "Accounting-Off"])
    phone = joined(square)
    before = offs()
    square.router.kill("loggiad", signal.SIGTERM)
    square.router.restart("loggiad")
    assert square.row(phone) and offs() == before
    for client in square.router.clients().values():
        square.router.ctl("kick", client["session"])
    for other in list(square.world.spaces):
        if other.startswith("phone"):
            square.world.spaces[other].run("ip", "link", "set", "wlan0", "down", check=False)
    for client in square.router.clients().values():
        square.router.ctl("kick", client["session"])
    square.router.kill("loggiad", signal.SIGTERM)
    square.router.restart("loggiad")  # what was not acknowledged in time is sent by the next life
    wait_for("Accounting-Off", lambda: offs() == before + 1)
