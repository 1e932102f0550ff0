# SPDX-License-Identifier: GPL-2.0-or-later
"""The router's side of the noticeboard, with the real daemons: what is published is seen on the square, what is not
to be believed is not, and nothing is lost when the board, the power or the clock goes."""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from city.board import Key, Publisher, bundle, logo_name, moment, notice, service
from city.internet import GATEWAY
from city.netns import wait_for
from city.router import PROGRAMS
from city.webpage import Page
from conftest import SOURCE
from test_policy_embedded import Village

BROWSER = SOURCE / "tests" / "browser"
LOOK_S = 0.2  # a device that is not online may not ask for names more often
COLOURS = {"comune": "name: Comune di Prato\ncolour: #0066cc\n"}


@pytest.fixture(scope="module")
def square():
    village = Village()
    try:
        village.board = Publisher(village.world, village.internet.ns, GATEWAY[0]).start("--wait")
        village.router.extra_conf = village.board.conf(poll="5") + 'metrics {\n    port = 9551\n}\n'
        village.router.start()
        village.citizen = village.phone()
        yield village
        assert "ERROR: AddressSanitizer" not in village.router.log("loggiad")
    except BaseException:
        print(village.router.logs(60))
        raise
    finally:
        village.world.close()


def page(square, path="/"):
    answer = square.citizen.fetch(square.citizen.portal(path))
    assert answer and answer.status == 200, answer
    assert len(answer.text.encode()) <= 30720
    return answer.text


def seen(square, words, path="/", gone=False):
    return wait_for(f"{words!r} {'gone from' if gone else 'on'} the page",
                    lambda: (words in (text := page(square, path))) != gone and text, timeout=40, every=LOOK_S)


def status(square):
    return square.router.ctl("status", "--json")["board"]


def shown(square, serial):
    wait_for(f"edition {serial}", lambda: status(square)["serial"] == serial, timeout=20)


def kept(square, serial):
    """It is on the router's disk, so that a loggiad that is killed finds it again."""
    file = square.router.dir / "state" / "board" / "current"
    wait_for(f"edition {serial} is kept", lambda: file.exists() and f"serial: {serial}\n" in file.read_text(), timeout=30)


def test_what_is_published_is_on_the_square_with_its_publisher_and_services(square):
    serial = square.board.publish(
        {"orari": notice("Orari della biblioteca", source="Ufficio cultura", link="https://biblioteca.example/orari"),
         "altrove": notice("Solo alla stazione", zones="stazione")},
        {"biblioteca": service("Biblioteca Lazzerini", "Cataloghi e sale studio.", icon="library", order=1),
         "numero": service("Numero del Comune", link="tel:+390574000000", icon="phone", order=2)}, COLOURS)
    text = seen(square, "Orari della biblioteca")
    shown(square, serial)
    assert "Solo alla stazione" not in text
    assert "Fonte: Ufficio cultura" in text
    assert 'class="pub c0066cc">Comune di Prato' in text and ".c0066cc{background:#0066cc;color:#ffffff}" in text
    assert text.index("Orari della biblioteca") < text.index("Servizi online") < text.index("<b>Biblioteca Lazzerini")
    assert 'href="tel:+390574000000"' in text and 'href="/service/biblioteca?lang=it"' in text
    # the notices of the directory stay beside it
    assert "publiacqua" in text
    for path in ("/news", "/"):
        assert "Orari della biblioteca" in page(square, path)
    board = status(square)
    assert board["name"] == "Prato" and board["notices"] == 2 and board["services"] == 2 and not board["last_error"]
    assert board["key"] == square.board.key.id
    assert "edition" in square.router.ctl("status")


PICTURE = (SOURCE / "tests/fuzz/seeds/logo/crest.png").read_bytes()


def with_logo(name):
    return {"comune": f"{COLOURS['comune']}logo: {name}\nlogo_alt: Lo stemma di Prato\n"}


def test_a_publishers_logo_comes_with_the_news_and_is_asked_for_once(square):
    name = logo_name(PICTURE)
    square.board.publish({"orari": notice("Con lo stemma")}, publishers=with_logo(name), logos={name: PICTURE})
    text = seen(square, "Con lo stemma")
    assert f'<img class="logo" src="/logo/{name}" alt="Lo stemma di Prato" width="21" height="28">' in text
    phone = square.citizen
    answer = phone.fetch(phone.portal(f"/logo/{name}"))
    assert answer.status == 200 and answer.body == PICTURE
    assert answer.headers["content-type"] == "image/png" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for other in ("", "x", name[:-4] + ".jpg", "../current", "..%2f..%2fetc%2fpasswd"):
        assert phone.fetch(phone.portal(f"/logo/{other}")).status in (303, 404)
    assert phone.fetch(phone.portal(f"/logo/{name}"), "-d", "x=1").status == 405


def test_a_logo_that_is_not_what_its_name_says_is_left_out_and_the_news_is_not(square):
    other = (SOURCE / "tests/fuzz/seeds/logo/crest.jpg").read_bytes()
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
    for data, name in ((other, logo_name(PICTURE)), (PICTURE[:-1], logo_name(PICTURE[:-1])), (svg, logo_name(svg))):
        serial = square.board.publish({"orari": notice(f"Senza {name}")}, publishers=with_logo(name), logos={name: data})
        text = seen(square, f"Senza {name}")
        shown(square, serial)
        assert "<img" not in text and 'class="pub c0066cc">Comune di Prato' in text and status(square)["skipped"] == 1
        assert square.citizen.fetch(square.citizen.portal(f"/logo/{name}")).status == 404


def test_a_browser_shows_the_logo_and_it_shuts_nobody_out(square):
    r = subprocess.run([BROWSER / "prepare"], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr
    name = logo_name(PICTURE)
    square.board.publish({"orari": notice("Guardate lo stemma")}, publishers=with_logo(name), logos={name: PICTURE})
    seen(square, "Guardate lo stemma")
    phone = square.phone()
    with tempfile.TemporaryDirectory(prefix="loggia-") as home:
        r = phone.ns.run("node", BROWSER / "picture.js", phone.portal("/"), check=False, timeout=240,
                         env={**os.environ, "HOME": home, "TMPDIR": home})
    assert r.returncode == 0, r.stderr[-4000:]
    told = json.loads(r.stdout)
    as_it_is = {"src": f"/logo/{name}", "alt": "Lo stemma di Prato", "natural": [48, 64], "height": 28}
    assert told["pictures"] and all(p == as_it_is for p in told["pictures"])  # also at the directory's own notices
    assert not told["wrong"] and not told["errors"], told
    assert len([u for u in told["requests"] if "/logo/" in u]) == 1


def test_a_link_leads_through_the_portal_to_what_is_published_and_nowhere_else(square):
    serial = square.board.publish({"orari": notice("Orari", link="https://biblioteca.example/orari?a=1"),
                                   "chiama": notice("Chiama", link="tel:112")},
                                  {"suap": service("SUAP", link="https://suap.example/")})
    shown(square, serial)
    phone = square.citizen

    def leads(path):
        answer = phone.fetch(phone.portal(path))
        return answer.status, answer.location
    assert leads("/go/orari?lang=it") == (303, "https://biblioteca.example/orari?a=1")
    assert leads("/service/suap?lang=it") == (303, "https://suap.example/")
    for path in ("/go/none", "/go/", "/go/chiama", "/go/..%2f..%2fetc", "/go/https://evil.example", "/service/orari", "/go/orari%0d%0aX:1"):
        code, where = leads(path)
        assert code == 303 and where.startswith("/news"), path
    assert 'href="tel:112"' in page(square)


def test_an_emergency_waits_for_no_poll_and_stands_above_the_button_and_in_nobodys_way(square):
    shown(square, square.board.publish({"prima": notice("Prima")}))  # who has nothing yet does not wait for a change of it
    assert wait_for("the long poll", lambda: status(square)["state"] == "waiting", timeout=20)
    square.board.publish({"allerta": notice("Allerta rossa", "Restate in casa.", priority="emergency", link="tel:112")})
    text = seen(square, "Allerta rossa")
    alert = re.search(r'<section class="box alert" role="alert">.*?</section>', text, re.S)
    assert alert and "Allerta rossa" in alert[0] and 'href="tel:112"' in alert[0]
    assert alert.start() < text.index('action="/join"')
    visitor = square.phone()
    visitor.tap()
    for path, mark in (("/", 'role="alert">'), ("/news", 'class="tag t3">')):  # online, and told: /news is the API's venue-info-url
        text = visitor.fetch(visitor.portal(path)).text
        assert mark in text and text.index(mark) < text.index("Allerta rossa"), path
    assert visitor.probe() == "online"
    assert not status(square)["refused"]


# Each: what is put at the published address, and what the router says of it.
def cut_short(board):
    data = bundle(board.serial + 1, {"falso": notice("FALSO")})
    name = hashlib.sha256(data).hexdigest() + ".bundle"
    board.place(name, data[:-10])
    return board.pointer(board.serial + 1, data)


def other_bytes(board):
    data = bundle(board.serial + 1, {"falso": notice("FALSO")})
    board.place(hashlib.sha256(data).hexdigest() + ".bundle", data.replace(b"FALSO", b"FINTO"))
    return board.pointer(board.serial + 1, data)


def whole(board, **pointer):
    data = bundle(board.serial + 1, {"falso": notice("FALSO")})
    board.place(hashlib.sha256(data).hexdigest() + ".bundle", data)
    return board.pointer(board.serial + 1, data, **pointer)


def unknown_key(board):
    return whole(board, keys=[Key(board.dir, "stranger")])


def wrongly_signed(board):
    text = whole(board)
    return text.replace(b"serial: ", b"serial: 9")


def signature_of_another(board):
    return whole(board, keys=[Key(board.dir, "stranger")]).replace(b"signature: ", b"signature: " + board.key.id.encode() + b" ", 1)


def unsigned(board):
    return whole(board).split(b"signature")[0]


def replayed(board):
    data = bundle(1, {"falso": notice("FALSO")})
    board.place(hashlib.sha256(data).hexdigest() + ".bundle", data)
    return board.pointer(1, data)


def same_serial(board):
    data = bundle(board.serial, {"falso": notice("FALSO")})
    board.place(hashlib.sha256(data).hexdigest() + ".bundle", data)
    return board.pointer(board.serial, data)


def of_the_future(board):
    return whole(board, created=2 * 86400, expires=9 * 86400)


def too_old(board):
    return whole(board, created=-9 * 86400, expires=-2 * 86400)


def oversized(board):
    return board.pointer(board.serial + 1, b"x", length=5 << 20)


def serial_of_another(board):
    data = bundle(board.serial + 7, {"falso": notice("FALSO")})
    board.place(hashlib.sha256(data).hexdigest() + ".bundle", data)
    return board.pointer(board.serial + 1, data)


def garbage(board):
    return random.Random(7).randbytes(900)


def endless(board):
    return b"loggia-current 1\n" * 1000


HOSTILE = {cut_short: "length is not the one", other_bytes: "digest is not the one", unknown_key: "none of which is configured",
           wrongly_signed: "is not over these bytes", signature_of_another: "signature", unsigned: "signed with no key",
           replayed: "it is replayed", same_serial: "another bundle under the same serial", of_the_future: "of the future",
           too_old: "too old", oversized: "longer than a bundle", serial_of_another: "serial is not the one",
           garbage: "", endless: "longer than it may be"}


@pytest.mark.parametrize("attack", HOSTILE, ids=lambda f: f.__name__)
def test_what_is_not_to_be_believed_is_not_shown(square, attack):
    serial = square.board.publish({"vero": notice(f"Vero {attack.__name__}")})
    shown(square, serial)
    before = status(square)
    square.board.place("current", attack(square.board))
    after = wait_for("its refusal", lambda: (s := status(square))["failures"] > before["failures"] and s, timeout=20)
    assert HOSTILE[attack] in after["last_error"], after["last_error"]
    assert after["serial"] == serial
    text = page(square)
    assert f"Vero {attack.__name__}" in text and "FALSO" not in text and "FINTO" not in text
    # and it is over as soon as the board says something right
    serial = square.board.publish({"vero": notice("Di nuovo vero")})
    square.router.ctl("reload")  # which asks at once; else it would after `poll`
    shown(square, serial)
    assert not status(square)["last_error"]


def test_metrics_and_doctor_know_it(square):
    serial = square.board.publish({"a": notice("Uno")})
    shown(square, serial)
    body = square.router.ns.run("curl", "-sS", "http://127.0.0.1:9551/metrics").stdout
    served = set(re.findall(r"^# TYPE (loggia_board_\w+) ", body, re.M))
    written = set(re.findall(r"^\| `(loggia_board_\w+)` ", (SOURCE / "docs" / "metrics.md").read_text(), re.M))
    assert served == written
    assert f"loggia_board_serial {serial}\n" in body and "loggia_board_up 1\n" in body
    findings = square.router.ctl("doctor", "--json", check=False)
    text = findings if isinstance(findings, str) else str(findings)
    assert f"edition {serial} of Prato" in text


def test_keys_are_replaced_with_an_overlap_of_two(square):
    conf, board = square.router.conf, square.board
    old = conf.read_text()
    serial = board.publish({"a": notice("Firmato da due")}, keys=[board.key, board.next_key])
    shown(square, serial)
    conf.write_text(old.replace(f'"{board.key.pub}"', f'"{board.next_key.pub}"'))
    try:
        square.router.ctl("reload")
        serial = board.publish({"a": notice("Firmato dal nuovo")}, keys=[board.next_key])
        seen(square, "Firmato dal nuovo")
        assert status(square)["key"] == board.next_key.id
        refused = status(square)["refused"]
        board.publish({"a": notice("Firmato dal vecchio")}, keys=[board.key])
        wait_for("the refusal", lambda: status(square)["refused"] > refused, timeout=20)
        assert "Firmato dal nuovo" in page(square)
    finally:
        conf.write_text(old)
        square.router.ctl("reload")
    serial = board.publish({"a": notice("Di nuovo il primo")})
    seen(square, "Di nuovo il primo")


def test_without_the_board_what_was_last_said_stays_and_ends_by_itself(square):
    serial = square.board.publish({"resta": notice("Resta"), "finisce": notice("Finisce", until=moment(12))})
    seen(square, "Finisce")
    kept(square, serial)
    square.board.stop()
    try:
        square.router.kill("loggiad")
        square.router.restart("loggiad")
        board = status(square)
        assert board["serial"] == serial and board["from_disk"]
        wait_for("it is missed", lambda: status(square)["last_error"], timeout=20)
        assert "Resta" in page(square)
        seen(square, "Finisce", gone=True)
        assert "Resta" in page(square)
        assert square.phone().tap()  # nobody waits for a board
    finally:
        square.board.start("--wait")
    serial = square.board.publish({"dopo": notice("Dopo la pausa")})
    text = seen(square, "Dopo la pausa")
    assert "Resta" not in text


def test_killed_while_it_keeps_an_edition_it_finds_the_old_or_the_new_one(square):
    board, router = square.board, square.router
    chance = random.Random(11)
    for _ in range(6):
        last = board.publish({"a": notice("Prima"), "big": notice("Grande", "x" * 15000)})
        shown(square, last)
        kept(square, last)
        board.publish({"a": notice("Dopo"), "big": notice("Grande", "y" * 15000)})
        end = time.monotonic() + chance.random() * 0.12  # somewhere from the answer to the last rename
        wait_for("the edition comes", lambda: status(square)["state"] != "waiting" or status(square)["serial"] > last)
        while time.monotonic() < end:
            pass
        router.kill("loggiad")
        board.stop()
        router.restart("loggiad")
        assert status(square)["serial"] in (last, last + 1)
        assert ("Prima" in page(square)) != ("Dopo" in page(square))
        board.start("--wait")


def test_any_web_server_will_do(square):
    """No long poll, no ETag."""
    square.board.stop()
    square.board.start("--no-etag")
    try:
        for words in ("Senza tutto", "Senza tutto, di nuovo"):
            square.board.publish({"a": notice(words)})
            seen(square, words)
    finally:
        square.board.stop()
        square.board.start("--wait")


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    library = tmp_path_factory.mktemp("clock") / "wrong_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE / "tests/integration/wrong_clock.c"], check=True)
    library.parent.chmod(0o755)
    return library


@pytest.mark.parametrize("off", [-40 * 365 * 86400, -3 * 86400, 400 * 86400], ids=["1986", "days behind", "next year"])
def test_a_clock_that_is_wrong_neither_hides_everything_nor_shows_what_has_ended(square, preload, off):
    serial = square.board.publish({"ora": notice("Vale ora", from_=moment(-3600), until=moment(86400)),
                                   "ieri": notice("Finito ieri", from_=moment(-5 * 86400), until=moment(-3600)),
                                   "domani": notice("Comincia domani", from_=moment(86400))})
    shown(square, serial)
    kept(square, serial)
    router = square.router
    router.kill("loggiad")
    start = router.ns.start

    def start_wrong(*command, **kw):
        return start(*command, **kw, env={"LD_PRELOAD": str(preload), "CLOCK_OFF": str(off),
                                          "ASAN_OPTIONS": "verify_asan_link_order=0"})
    router.ns.start = start_wrong
    try:
        router.restart("loggiad")
        wait_for("the board is heard", lambda: status(square)["heard_s"] >= 0, timeout=20)
        text = page(square)
        assert abs(status(square)["clock_off_s"] + off) < 900
        assert "Vale ora" in text and "Finito ieri" not in text and "Comincia domani" not in text
        # without the board's own time there is still a lower bound; nothing that is kept is hidden for a clock behind
        if off < 0:
            square.board.stop()
            router.kill("loggiad")
            router.restart("loggiad")
            assert status(square)["from_disk"]
            text = page(square)
            assert "Vale ora" in text and "Finito ieri" not in text
    finally:
        square.board.stop()
        square.board.start("--wait")
        router.ns.start = start
        router.kill("loggiad")
        router.restart("loggiad")


def test_displays_and_taps_reach_the_board_as_sums_and_only_with_a_token(square, tmp_path):
    board, router = square.board, square.router
    log = board.dir / "counts.log"
    old = router.conf.read_text()
    assert not log.exists()
    serial = board.publish({"contato": notice("Contato", link="https://contato.example/")},
                           {"suap": service("SUAP", link="https://suap.example/")})
    shown(square, serial)
    token = router.dir / "board.token"
    token.write_text("s3greto\n")
    token.chmod(0o600)
    other = Publisher.__new__(Publisher)  # the same directory, on this router's own loopback: a token goes nowhere in clear
    other.__dict__.update(board.__dict__, ns=router.ns, address="127.0.0.1", url=f"http://127.0.0.1:{board.port}/")
    other.start("--wait")
    try:
        router.conf.write_text(old.replace(f'url = "{board.url}"', f'url = "{other.url}"\n    token_file = "{token}"\n    report = "5s"'))
        router.kill("loggiad")
        router.restart("loggiad")
        shown(square, serial)
        for _ in range(3):
            page(square)
        phone = square.citizen
        assert phone.fetch(phone.portal("/go/contato?lang=it")).status == 303
        wait_for("the counts", log.exists, timeout=30)
        total = {}

        def counted():
            for kind, name, zone, lang, displays, taps in re.findall(
                    r"^count: \S+:00:00Z (\S+) (\S+) (\S+) (\S+) (\d+) (\d+)$", log.read_text(), re.M):
                was = total.setdefault((kind, name, zone, lang), [0, 0])
                was[0] += int(displays)
                was[1] += int(taps)
            return ("notice", "contato", "piazza-duomo", "it") in total
        wait_for("the sums", counted, timeout=30)
        assert total["notice", "contato", "piazza-duomo", "it"] == [3, 1]
        assert total["service", "suap", "piazza-duomo", "it"] == [3, 0]
        text = log.read_text()
        assert "token: Bearer s3greto" in text and f"router: {router.name}\n" in text
        assert phone.mac not in text and phone.ipv4 not in text
        assert "s3greto" not in router.log("loggiad")
        # What was not sent is kept through a restart: on disk, and sent soon after it.
        router.conf.write_text(router.conf.read_text().replace('report = "5s"', 'report = "1h"'))
        router.kill("loggiad")
        router.restart("loggiad")
        counted()
        before = total["notice", "contato", "piazza-duomo", "it"][0]
        for _ in range(2):
            page(square)
        router.daemons["loggiad"].stop()  # in order, as an upgrade does
        kept = next(router.dir.glob("**/board/counts"))
        assert " notice contato piazza-duomo it 2 0\n" in kept.read_text() and "s3greto" not in kept.read_text()
        log.unlink()
        router.restart("loggiad")
        wait_for("the kept counts", log.exists, timeout=30)
        wait_for("the kept sums", lambda: " notice contato piazza-duomo it 2 0\n" in log.read_text(), timeout=30)
        assert before >= 3
        wait_for("the file is gone once they are taken", lambda: router.ctl("status", "--json")["board"]["serial"] and log.exists())
    finally:
        other.stop()
        router.conf.write_text(old)
        router.kill("loggiad")
        router.restart("loggiad")


def test_a_page_made_once_is_each_devices_own_and_changes_with_the_news(square):
    """The splash is kept between devices, but for the token of its form."""
    one, two = square.phone(), square.phone()
    tokens = set()
    for phone in (one, two, one):
        form = Page(phone.fetch(phone.portal("/")).text).form("/join")
        tokens.add(dict(form.fields)["token"])
    assert len(tokens) >= 2
    square.board.publish({"a": notice("Appena cambiato")})
    seen(square, "Appena cambiato")
    one.tap()
    two.tap()
    assert one.probe() == two.probe() == "online"


def libraries(router):
    maps = pathlib.Path(f"/proc/{router.daemons['loggiad'].pid}/maps").read_text()
    return {name.partition(".so")[0] for name in re.findall(r"/([^/ ]+\.so[.\d]*)$", maps, re.M)}


def test_what_fetches_is_in_memory_only_where_a_board_is_configured(square):
    """Two dozen libraries, and as many megabytes as the rest of loggiad, with strangers at the door."""
    assert {"loggia-fetch", "libcurl-gnutls"} <= libraries(square.router)
    lonely = Village()
    try:
        lonely.router.start()
        assert "libmicrohttpd" in libraries(lonely.router)
        assert not {"loggia-fetch", "libcurl-gnutls", "libldap-2.5", "libkrb5"} & libraries(lonely.router)
    finally:
        lonely.world.close()


def test_a_module_that_is_damaged_or_of_another_version_is_named(square, tmp_path):
    elsewhere = square.world.namespace("elsewhere")
    program, module = tmp_path / "portal" / "loggiad", tmp_path / "lib" / ".libs" / "loggia-fetch.so"
    for path in (program, module):
        path.parent.mkdir(parents=True)
    shutil.copy(PROGRAMS["loggiad"], program)
    conf = tmp_path / "loggia.conf"
    conf.write_text(re.sub(r"(?m)^run_directory = .*$", f'run_directory = "{tmp_path}"', square.router.conf.read_text()))
    other = tmp_path / "other.c"
    other.write_text('const struct { const char *version; long more[9]; } loggia_fetch = {"0.0.1", {0}};\n')
    for content, named in ((b"no library", "invalid ELF header|file too short"), (None, "of another version .0.0.1.")):
        if content:
            module.write_bytes(content)
        else:
            subprocess.run(["cc", "-shared", "-fPIC", "-o", module, other], check=True)
        r = elsewhere.run(program, "-c", conf, check=False)
        assert r.returncode == 1, r
        assert re.search(f"event=fetch_not_loaded .*({named})", r.stderr), r.stderr
        assert re.search(r'event=failed why="cannot ask the board', r.stderr), r.stderr
