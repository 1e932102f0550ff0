"""The pages in a real browser: Debian's Chromium in a phone's namespace, with and without scripts, judged by
axe-core and html-validate. What a person would meet, at 360 and 320 px, in the dark, with text twice as large."""

import json
import os
import pathlib
import subprocess

import pytest

from city.router import BUILD
from conftest import SOURCE
from portal_world import Square

BROWSER = SOURCE / "tests" / "browser"
PROBE = "http://captive.apple.com/hotspot-detect.html"


@pytest.fixture(scope="session", autouse=True)
def prepared():
    r = subprocess.run([BROWSER / "prepare"], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of the browser's own."""
    return tmp_path_factory.mktemp("browser")


def trust(home, authority):
    """As the phone trusts the city's authority: in the store that Chromium reads."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-n", "Test city", "-t", "C,,", "-i", authority.cert]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def square(home):
    s = Square(tls=True)
    try:
        s.router.extra_conf = "last_password = yes\n"
        s.router.start()
        trust(home, s.internet.ca)
        yield s
    finally:
        s.close()


def node(script, *args, home, phone=None):
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    command = ["node", BROWSER / script, *args]
    if phone:
        r = phone.ns.run(*command, check=False, timeout=240, env=env)
    else:
        r = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=240, env=env)
    assert r.returncode == 0, r.stderr[-4000:]
    return json.loads(r.stdout)


@pytest.mark.parametrize("script", ["script", "noscript"])
def test_a_person_taps_is_online_and_leaves(square, home, script):
    phone = square.phone()
    seen = node("walk.js", PROBE, *(["noscript"] if script == "noscript" else []), home=home, phone=phone)
    assert [s["name"] for s in seen["steps"]] == ["splash", "online", "left"]
    assert [s["heading"] for s in seen["steps"]] == ["Prato Wi-Fi", "Sei online", "Ti sei scollegato"]
    assert {s["lang"] for s in seen["steps"]} == {"it"}
    assert all(s["address"].startswith("https://wifi.prato.example/") for s in seen["steps"])
    assert not [w for s in seen["steps"] for w in s["wrong"]]
    assert not seen["errors"]  # such as a style or a form that the Content-Security-Policy forbids
    own = ("https://wifi.prato.example/", PROBE, "data:")
    assert not [u for u in seen["requests"] if not u.startswith(own)]  # no third party


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page in every language."""
    directory = tmp_path_factory.mktemp("pages")
    program = pathlib.Path(BUILD) / "tests" / "unit" / "test_page"
    if not program.exists():
        subprocess.run(["make", "-s", "-C", BUILD, "tests/unit/test_page"], check=True, capture_output=True)
    subprocess.run([program], env={**os.environ, "LOGGIA_PAGES_DIR": str(directory)}, check=True, capture_output=True)
    return directory


def test_every_page_in_every_language_is_accessible_and_sound(pages, home):
    report = node("audit.js", pages, home=home)
    assert len(report["pages"]) >= 27
    assert not report["wrong"], "\n".join(report["wrong"][:20])


def test_what_is_wrong_with_a_page_would_be_found(tmp_path, home):
    """So that silence means something."""
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>x</title></head><body><main><h1>x</h1>'
        '<p style="color:#aaa;background:#fff">pale</p><input><button style="height:20px">b</button>'
        '<div style="width:900px">wide</div><p id="a">1</p><p id="a">2</p></main></body></html>')
    wrong = "\n".join(node("audit.js", tmp_path, home=home)["wrong"])
    for fault in ("color-contrast", "html-has-lang", "label", "wider than the screen", "px high", "no-dup-id"):
        assert fault in wrong, fault


def test_a_screenshot_shows_the_splash_page_at_phone_size(square, home):
    phone, file = square.phone(), home / "splash.png"
    told = node("screenshot.js", PROBE, file, "360", "740", home=home, phone=phone)
    assert told["status"] == 200 and "Prato Wi-Fi" in told["title"]
    data = file.read_bytes()
    assert data.startswith(b"\x89PNG") and int.from_bytes(data[16:20], "big") == 720  # two pixels for one
