"""What the city's monitoring reads: names, types, and values that move when a citizen does something."""

import re
import shutil
import subprocess
import time

import pytest
from city.netns import wait_for
from city.router import SOURCE
from portal_world import Square

PORT = 9550


@pytest.fixture(scope="module")
def square():
    square = Square(tls=True)
    try:
        square.router.extra_conf = f'metrics {{\n    address = "127.0.0.1"\n    port = {PORT}\n}}\n'
        square.router.start()
        yield square
        assert "ERROR: AddressSanitizer" not in square.router.log("loggiad")
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def fetch(square, path="/metrics", *options):
    r = square.router.ns.run("curl", "-sS", "-w", "\n%{http_code} %{content_type}", *options, f"http://127.0.0.1:{PORT}{path}")
    body, last = r.stdout.rsplit("\n", 1)
    return body, last


def scrape(square):
    """name{labels} -> value, after a check that each line is one."""
    values = {}
    for line in fetch(square)[0].splitlines():
        if line.startswith("#"):
            continue
        m = re.fullmatch(r'([a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) (\d+(?:\.\d+)?)', line)
        assert m, line
        assert m[1] not in values, f"{m[1]} twice"
        values[m[1]] = float(m[2])
    return values


def test_promtool_finds_nothing_to_blame(square):
    body, last = fetch(square)
    assert last == "200 text/plain; version=0.0.4; charset=utf-8"
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    r = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, text=True, check=False)
    assert (r.returncode, r.stdout + r.stderr) == (0, "")


def test_every_name_is_in_the_documentation_with_its_type_and_labels_and_no_other(square):
    body, _ = fetch(square)
    served = {m[1]: [m[2], set()] for m in re.finditer(r"^# TYPE (\S+) (\S+)$", body, re.M)}
    helped = set(re.findall(r"^# HELP (\S+) \S", body, re.M))
    for name, labels in re.findall(r"^([a-z_]+)\{(.*)\}", body, re.M):
        family = name if name in served else re.sub(r"_(bucket|sum|count)$", "", name)
        served[family][1] |= set(re.findall(r'([a-z]+)="', labels)) - {"le"}
    text = (SOURCE / "docs" / "metrics.md").read_text()
    written = {name: [kind, set(re.findall(r"`([a-z]+)`", labels))]
               for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", text, re.M)}
    assert written.pop("loggia_passes"), "only a router without a centre has it"
    written = {name: row for name, row in written.items() if not name.startswith("loggia_board_")}  # see test_board_router
    assert served == written
    assert helped == set(served)


def test_values_move_when_a_visitor_joins(square):
    before = scrape(square)
    phone = square.phone()
    phone.tap()
    after = scrape(square)

    def moved(name):
        return after[name] - before[name]
    assert moved('loggia_joins_total{kind="tap",result="accepted"}') == 1
    assert moved('loggia_joins_total{kind="silent",result="rejected"}') >= 1
    assert moved('loggia_joins_total{kind="silent",result="accepted"}') == 0
    assert moved("loggia_splash_duration_seconds_count") >= 1
    assert moved("loggia_tap_duration_seconds_count") == 1
    assert 0 < moved("loggia_tap_duration_seconds_sum") < 5
    assert moved("loggia_sessions") == moved("loggia_gate_devices") == 1
    assert moved('loggia_gate_transactions_total{result="committed"}') >= 1
    assert moved('loggia_radius_answers_total{server="centre",answer="accept"}') == 1
    assert after['loggia_radius_up{server="centre",purpose="access"}'] == 1
    assert after['loggia_tap_duration_seconds_bucket{le="+Inf"}'] == after["loggia_tap_duration_seconds_count"]


def test_both_daemons_tell_their_turns_here_and_in_the_status(square):
    before = scrape(square)
    square.phone().tap()
    after, told = scrape(square), square.router.ctl("status", "--json")["loops"]
    for daemon in ("loggiad", "loggia-gate"):
        turns, slow, longest, waited = (
            [v[f'loggia_loop_{name}{{daemon="{daemon}"}}'] for v in (before, after)]
            for name in ("turns_total", "slow_turns_total", "longest_turn_seconds", "longest_turn_waiting_seconds"))
        assert turns[0] < turns[1] <= told[daemon]["turns"] and slow[1] <= told[daemon]["slow"] < told[daemon]["turns"]
        assert longest[1] > 0 and longest[1] >= waited[1]
        assert told[daemon]["longest_us"] > 0 and told[daemon]["longest_us"] >= told[daemon]["waited_us"]


def test_a_denied_device_is_counted_as_denied_and_a_known_one_as_silent(square):
    before = scrape(square)
    for prefix in ("02:de", "02:ac"):
        square.phone(prefix).probe("ios")
    wait_for("both counted", lambda: all(
        scrape(square)[f'loggia_joins_total{{kind="silent",result="{r}"}}'] > before[f'loggia_joins_total{{kind="silent",result="{r}"}}']
        for r in ("denied", "accepted")))


def test_traffic_is_counted_once_in_each_direction_also_across_a_restart(square):
    phone = square.phone()
    phone.tap()
    square.router.clients()  # reads everybody's counters from the kernel
    before = scrape(square)
    assert "Success" in phone.fetch("http://captive.apple.com/hotspot-detect.html").text
    row = square.row(phone)
    after = scrape(square)
    name = 'loggia_traffic_bytes_total{direction="%s"}'
    assert row["down_bytes"] > 0 and row["up_bytes"] > 0
    assert after[name % "down"] - before[name % "down"] == row["down_bytes"]
    square.router.restart("loggiad")
    square.row(phone)
    begun = scrape(square)
    assert begun["loggia_sessions_adopted_total"] >= 1
    assert begun[name % "down"] < row["down_bytes"], "what was counted before the restart is counted again"


def test_a_gate_that_is_away_is_said_and_the_scrape_comes_all_the_same(square):
    square.router.kill("loggia-gate")
    try:
        values = wait_for("the gate to be missed", lambda: (v := scrape(square))["loggia_gate_up"] == 0 and v)
        assert "loggia_sessions" in values and "loggia_gate_devices" not in values
    finally:
        square.router.restart("loggia-gate")
    wait_for("the gate is back", lambda: scrape(square)["loggia_gate_up"] == 1)
    assert scrape(square)["loggia_gate_losses_total"] >= 1


def test_a_refused_reload_is_an_alarm_until_a_good_one(square):
    good = square.router.conf.read_text()
    square.router.conf.write_text(good + "nonsense = 1\n")
    try:
        square.router.ctl("reload", check=False)
        assert scrape(square)["loggia_config_last_reload_successful"] == 0
    finally:
        square.router.conf.write_text(good)
    square.router.ctl("reload")
    assert scrape(square)["loggia_config_last_reload_successful"] == 1


def test_the_day_on_which_the_certificate_expires_can_be_watched(square):
    expires = scrape(square)["loggia_certificate_expiry_timestamp_seconds"]
    assert 29 * 86400 < expires - time.time() < 31 * 86400


def test_a_disk_that_cannot_be_written_is_an_alarm(square):
    assert {v for k, v in scrape(square).items() if k.startswith("loggia_not_kept{")} == {0}


def test_citizens_cannot_reach_the_listener_and_other_paths_say_where_it_is(square):
    phone = square.phone()
    phone.tap()
    assert not phone.reaches(square.router.ipv4, PORT)
    assert fetch(square, "/") == ("see /metrics\n", "404 text/plain; charset=utf-8")
    assert fetch(square, "/metrics", "-X", "POST")[1].startswith("405")
    assert "loggia_" not in phone.fetch(phone.portal("/metrics")).text


def test_a_router_that_decides_by_itself_is_sound_and_tells_its_passes():
    alone = Square()
    try:
        alone.router.radius = None
        alone.router.extra_conf = f'metrics {{\n    address = "127.0.0.1"\n    port = {PORT}\n}}\n'
        alone.router.start()
        alone.phone().tap()
        values = scrape(alone)
        assert values["loggia_passes"] == 1 and values['loggia_joins_total{kind="tap",result="accepted"}'] == 1
        assert not [name for name in values if "radius" in name or "accounting_" in name]
        assert "no server is configured: this router decides by itself" in alone.router.ctl("doctor")
    finally:
        print(alone.router.logs(40))
        alone.close()
