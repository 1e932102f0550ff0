"""loggiactl's commands for the admin, against a router that runs."""

import json
import re
import subprocess

import pytest
from city.netns import wait_for
from city.router import PROGRAMS, SOURCE
from portal_world import Square

CODES = ["LG-101", "LG-102", "LG-103", "LG-104", "LG-201", "LG-202", "LG-301", "LG-302", "LG-303", "LG-901"]


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.start()
        yield square
        assert "ERROR: AddressSanitizer" not in square.router.log("loggiad")
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def ctl(square, *words):
    return square.router.ns.run(PROGRAMS["loggiactl"], "-c", square.router.conf, *words, check=False)


@pytest.mark.parametrize("code", CODES)
def test_every_code_that_a_citizen_reads_out_is_explained_without_a_daemon(code):
    r = subprocess.run([PROGRAMS["loggiactl"], "explain", code.lower()], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr
    first, mend = r.stdout.strip().split("\n", 1)
    assert first.startswith(code + ": ") and len(mend) > 20


def test_an_unknown_code_is_said_to_be_unknown():
    r = subprocess.run([PROGRAMS["loggiactl"], "explain", "LG-999"], capture_output=True, text=True, check=False)
    assert (r.returncode, r.stderr) == (2, 'loggiactl: no such code: found "LG-999", expected one such as LG-101\n')


def test_a_device_opened_by_hand_is_online_for_its_time_and_accounted_for(square):
    phone = square.phone("02:ab")  # the city would refuse it
    assert phone.probe("ios") == "portal"
    r = ctl(square, "open", phone.mac, "--for", "2h", "--json")
    assert r.returncode == 0, r.stderr
    answer = json.loads(r.stdout)
    assert 7100 < answer["ends_in_s"] <= 7200 and answer["zone"] == "piazza-duomo"
    assert phone.probe("ios") == "online"
    assert square.centre.wait_account(phone, "Start")["session"] == answer["session"]
    assert not [a for a in square.centre.asked(phone) if a["kind"] == "Framed-User"], "the city was asked"
    row = square.row(phone)
    assert (row["down_Bps"], row["up_Bps"]) == (1250000, 625000), "not the guest profile"
    again = ctl(square, "open", phone.mac)
    assert again.returncode == 1 and "it is online already" in again.stderr
    assert ctl(square, "kick", phone.mac).returncode == 0
    assert square.centre.wait_account(phone, "Stop", cause="Admin-Reset")
    assert phone.probe("ios") == "portal"


def test_a_device_that_was_never_seen_can_be_opened_before_it_comes(square):
    phone = square.phone(join=False)
    assert "opened device" in ctl(square, "open", phone.mac, "--for", "1d").stdout
    phone.join(square.router)
    assert phone.probe("ios") == "online" and phone.never_saw_portal()


@pytest.mark.parametrize("words, status, says", [
    (("open", "no-mac"), 1, "that is not the MAC address of a device"),
    (("open", "ff:ff:ff:ff:ff:ff"), 1, "that is not the MAC address of a device"),
    (("open", "02:00:00:00:00:01", "--for", "soon"), 2, '--for: found "soon", expected a time such as 2h'),
    (("open", "02:00:00:00:00:01", "--for", "31d"), 2, '--for: found "31d"'),
    (("open",), 2, "expected one of"),
    (("log-level", "loud"), 2, "no such level, expected one of: err, warning, notice, info, debug"),
])
def test_wrong_words_are_refused_with_what_was_expected(square, words, status, says):
    r = ctl(square, *words)
    assert (r.returncode, r.stdout) == (status, "") and says in r.stderr


def test_a_bad_file_is_refused_with_every_error_and_nobody_notices(square):
    phone = square.phone()
    phone.tap()
    good = square.router.conf.read_text()
    square.router.conf.write_text(good + 'nonsense = 1\nhttp_port = "often"\n')
    try:
        r = ctl(square, "reload")
        assert r.returncode == 2 and r.stdout == ""
        assert "nonsense" in r.stderr and "http_port" in r.stderr and '"often"' in r.stderr
        assert "the old configuration stays" in r.stderr
        assert len([line for line in r.stderr.splitlines() if f"{square.router.conf}:" in line]) == 2
        assert phone.probe("ios") == "online"
    finally:
        square.router.conf.write_text(good)
    r = ctl(square, "reload")
    assert (r.returncode, r.stdout) == (0, f"reloaded {square.router.conf}\n")


def test_a_good_file_is_live_at_once_and_what_waits_for_a_restart_is_named(square):
    good = square.router.conf.read_text()
    square.router.conf.write_text(good.replace('"Prato Wi-Fi"', '"Prato senza fili"') + "max_clients = 77\n")
    try:
        r = ctl(square, "reload", "--json")
        assert json.loads(r.stdout)["needs_restart"] == ["max_clients"]
        assert ctl(square, "status").stdout.splitlines()[1].find("Prato senza fili") > 0
    finally:
        square.router.conf.write_text(good)
        ctl(square, "reload")


def test_the_log_gets_louder_and_quieter_while_it_runs(square):
    before = ctl(square, "log-level").stdout.strip()
    assert before == "info"
    assert ctl(square, "log-level", "debug").stdout == "debug\n"
    try:
        square.phone().probe("ios")
        wait_for("a debug line", lambda: "level=debug" in square.router.log("loggiad"))
    finally:
        ctl(square, "log-level", "info")
    said = square.router.log("loggiad").count("level=debug")
    square.phone().probe("ios")
    assert square.router.log("loggiad").count("level=debug") == said


def test_the_manual_has_every_command_option_and_key(square):
    page = (SOURCE / "docs" / "man" / "loggiactl.1").read_text()
    words = set(re.findall(r"[\w-]+", page))
    usage = ctl(square, "--help").stdout
    for name in re.findall(r"^  ([a-z-]+) ", usage, re.M):
        assert re.search(rf"^\.It Cm {name}\b", page, re.M), name
    for option in re.findall(r"--([a-z]+)", usage):
        assert option in words or f"-{option}" in words, option
    phone = square.phone()
    phone.tap()
    for command in (("status",), ("clients",), ("doctor",), ("explain", "LG-101"), ("log-level",), ("reload",),
                    ("kick", phone.mac)):
        answer = json.loads(ctl(square, *command, "--json").stdout)
        for key in (answer if isinstance(answer, dict) else answer[0]):
            assert key in words, f"{command[0]}: {key}"
