# SPDX-License-Identifier: GPL-2.0-or-later
"""The walled garden by name: a real dnsmasq writes what its names lead to into the gate's sets."""

import json
import re
import subprocess

import pytest
from city.internet import ADDRESSES
from city.netns import wait_for
from city.router import PROGRAMS
from portal_world import Square

NAME, BELOW, OUTSIDE = "www.comune.prato.it", "www.regione.toscana.it", "news.example"


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.extra_conf = f'walled_garden = {{ "{NAME}", "*.toscana.it" }}\n'
        square.router.start()
        restart_dnsmasq(square, square.router.ctl("garden"))
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@pytest.fixture(scope="module")
def phone(square):
    return square.phone(ipv6=True)


def restart_dnsmasq(square, lines):
    square.router.dnsmasq.stop()
    square.router.dnsmasq_extra = lines
    square.router._start_dnsmasq()


def reached(phone, name, family):
    answer = phone.fetch(f"https://{name}/", f"-{family}", timeout=3)
    return answer is not None and answer.status in (200, 204, 404)


def garden(square, family):
    shown = square.router.ns.run("nft", "-j", "list", "set", "inet", "loggia", f"garden{family}").stdout
    found = next(item["set"] for item in json.loads(shown)["nftables"] if "set" in item)
    return {e["elem"]["val"]: e["elem"]["expires"] for e in found.get("elem", [])}


@pytest.mark.parametrize("family", [4, 6])
def test_who_is_not_online_reaches_the_garden_by_name_and_nothing_else(square, phone, family):
    assert reached(phone, NAME, family) and reached(phone, BELOW, family), phone.trouble
    assert not reached(phone, OUTSIDE, family)
    assert set(garden(square, family)) == {ADDRESSES[n][family == 6] for n in (NAME, BELOW)}
    assert all(6000 < left <= 7200 for left in garden(square, family).values())


def test_the_pop_up_comes_all_the_same(square, phone):
    assert [phone.probe(p) for p in ("ios", "android", "windows", "firefox")] == ["portal"] * 4


def test_what_nobody_uses_goes_and_what_is_used_stays(square, phone):
    used, unused = ADDRESSES[NAME][0], ADDRESSES[BELOW][0]
    square.router.ns.run("nft", "flush set inet loggia garden4; add element inet loggia garden4 "
                         f"{{ {used} timeout 20s, {unused} timeout 1s }}")
    assert phone.fetch(f"https://{NAME}/", "--resolve", f"{NAME}:443:{used}") is not None
    assert garden(square, 4)[used] > 6000
    wait_for("it is gone", lambda: unused not in garden(square, 4))
    assert phone.fetch(f"https://{BELOW}/", "--resolve", f"{BELOW}:443:{unused}") is None


def doctor(square):
    r = square.router.ns.run(PROGRAMS["loggiactl"], "-c", square.router.conf, "doctor", "--json", check=False)
    return [f for f in json.loads(r.stdout)["findings"] if f["check"] == "walled-garden"]


def test_the_doctor_sees_whether_dnsmasq_writes_and_whether_a_probe_gets_through(square):
    assert [f["level"] for f in doctor(square)] == ["ok"]
    shared = ADDRESSES["captive.apple.com"][0]
    square.router.ns.run("nft", f"add element inet loggia garden4 {{ {shared} }}")
    found = doctor(square)
    assert [f["level"] for f in found] == ["bad"] and f"captive.apple.com leads to {shared}" in found[0]["what"]
    square.router.ns.run("nft", "flush set inet loggia garden4; flush set inet loggia garden6")
    restart_dnsmasq(square, "")
    found = doctor(square)
    assert {f["level"] for f in found} == {"bad"} and len(found) == 1, found  # *.toscana.it has no address of its own
    assert f"{NAME} leads to" in found[0]["what"] and "loggiactl garden >" in found[0]["mend"]


def test_a_probe_host_in_the_garden_is_refused_with_its_line(square, tmp_path):
    conf = tmp_path / "loggia.conf"
    text = square.router.conf.read_text()
    conf.write_text(re.sub(r"^walled_garden = .*$", 'walled_garden = { "*.apple.com" }', text, flags=re.M))
    line = conf.read_text().splitlines().index('walled_garden = { "*.apple.com" }') + 1
    for program in ("loggiad", "loggia-gate"):
        r = subprocess.run([PROGRAMS[program], "-c", conf, "--check-config"], capture_output=True, text=True, check=False)
        assert r.returncode == 2
        assert f'{conf}:{line}: walled_garden: found "*.apple.com", expected a name that leaves out captive.apple.com' in r.stderr
