# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole road: an editor's click on a real loggia-board, real routers, and the phones on two squares."""

import contextlib
import re
import subprocess
import time

import pytest
from board_world import Board
from city.internet import GATEWAY, Internet
from city.netns import World, wait_for
from city.phone import Phone
from city.router import Router
from test_board_signin import TlsBoard

LOOK_S = 0.2  # a device that is not online may not ask for names more often


class City:
    """The board on this machine's loopback, where editors are; a pair of socats carries it into the internet of the test
    city; two squares, one router each."""

    PORT = 8480

    def __init__(self):
        self.world = World()
        self.relays = []
        self.board = None
        try:
            self.internet = Internet(self.world)
            self.board = Board()
            self.relay()
            self.squares = {}
            for number, (zone, title) in enumerate((("duomo", "Piazza del Duomo"), ("san-marco", "Piazza San Marco"))):
                router = Router(self.internet, name=f"router{number}", number=number, zone=(zone, title))
                router.extra_conf = self.section()
                router.start()
                phone = Phone(self.internet, f"phone{number}")
                phone.join(router, ipv6=False)
                self.squares[zone] = (router, phone)
            for router, _ in self.squares.values():  # each has what there is, and has asked for what will be
                wait_for("the first edition", lambda r=router: r.ctl("status", "--json")["board"]["asked"] >= 2, timeout=60)
        except BaseException:
            self.close()
            raise

    def section(self, path="out/"):
        return (f'board {{\n    url = "http://{GATEWAY[0]}:{self.PORT}/{path}"\n    keys = {{ "{self.board.dir}/board.pub" }}\n'
                "    poll = 5\n}\n")

    def relay(self):
        socket = self.world.dir / "board.sock"
        host = subprocess.Popen(["socat", f"UNIX-LISTEN:{socket},fork,unlink-early", f"TCP:127.0.0.1:{self.board.port}"],
                                start_new_session=True)
        self.relays.append(host)
        wait_for("the relay", socket.exists)
        ns = self.internet.ns.start("socat", f"TCP-LISTEN:{self.PORT},fork,reuseaddr", f"UNIX-CONNECT:{socket}")
        wait_for("the relay", lambda: f":{self.PORT}" in self.internet.ns.run("ss", "-lnt").stdout or not ns.alive())

    def page(self, zone):
        _, phone = self.squares[zone]
        answer = phone.fetch(phone.portal("/"))
        assert answer and answer.status == 200, answer
        return answer.text

    def shows(self, zone, words, gone=False, timeout=30):
        return wait_for(f"{words!r} {'gone from' if gone else 'on'} {zone}",
                        lambda: (words in self.page(zone)) != gone, timeout=timeout, every=LOOK_S)

    def waiting(self):
        """Both routers' questions are held by the board, and they know it from an answer that had waited."""
        for router, _ in self.squares.values():
            wait_for("the long poll", lambda r=router: r.ctl("status", "--json")["board"]["state"] == "waiting", timeout=30)

    def close(self):
        if self.board:
            self.board.close()
        for relay in self.relays:
            relay.kill()
            relay.wait()
        self.world.close()


@pytest.fixture(scope="module")
def city():
    c = City()
    try:
        yield c
    except BaseException:
        print(c.board.log()[-3000:])
        raise
    finally:
        c.close()


def test_what_an_editor_publishes_is_on_the_page_of_its_square_and_not_of_the_other(city):
    anna = city.board.editor("anna")
    page = anna.write(title__it="Mercato in piazza", text__it="Da **lunedì**.", title__en="Market on the square")
    assert "Mercato in piazza" not in city.page("duomo")
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    assert "on the pages" in anna.submit("/publish").words
    city.shows("duomo", "Mercato in piazza")
    assert "Mercato in piazza" not in city.page("san-marco")
    assert "<strong>lunedì</strong>" in city.page("duomo")
    # both routers have it, and the editor reads so
    city.waiting()
    wait_for("2 of 2 routers", lambda: "All routers that asked today (2) have the last change" in anna.get(f"/notice/{number}").words)
    anna.get(f"/notice/{number}")
    anna.submit("/withdraw")
    city.shows("duomo", "Mercato in piazza", gone=True)


def test_an_emergency_is_on_every_square_of_its_zones_within_five_seconds_of_the_click(city):
    carla = city.board.editor("carla")
    carla.get("/templates/new")
    carla.submit("/templates/new", title__it="Allerta meteo", text__it="Restate in casa.", everywhere="1", hours="3",
                 publisher="comune")
    city.waiting()
    bruno = city.board.editor("bruno")
    bruno.get("/emergency")
    action = next(f["action"] for f in bruno.page.forms if f["action"].startswith("/emergency/"))
    clicked = time.monotonic()
    bruno.submit(action)
    for zone in city.squares:
        city.shows(zone, "Allerta meteo")
    print(f"emergency: click to the pages of {len(city.squares)} squares: {time.monotonic() - clicked:.2f} s")
    assert time.monotonic() - clicked < 5
    text = city.page("duomo")
    assert text.index('role="alert"') < text.index("Allerta meteo") < text.index('action="/join"')


def test_while_the_board_is_away_the_pages_stay_and_it_catches_up(city):
    anna = city.board.editor("anna")
    anna.write(title__it="Prima")
    anna.submit("/publish")
    city.shows("duomo", "Prima")
    city.board.stop()
    assert "Prima" in city.page("duomo")
    router, _ = city.squares["duomo"]
    edition = f"serial: {router.ctl('status', '--json')['board']['serial']}\n"
    wait_for("it is on the disk", lambda: edition in (router.dir / "state/board/current").read_text(), timeout=30)
    router.restart("loggiad")  # nobody is there to ask: the last good pair is on its disk
    city.shows("duomo", "Prima")
    city.board.start()
    anna = city.board.editor("anna")
    anna.write(title__it="Dopo")
    anna.submit("/publish")
    city.shows("duomo", "Dopo", timeout=90)
    assert "Prima" in city.page("duomo")


class CountingBoard(TlsBoard):
    """Over TLS by itself, with a secret for the routers' counts."""

    def write_conf(self):
        super().write_conf()
        (self.dir / "token").write_text("s3greto-di-prova\n")
        (self.dir / "token").chmod(0o600)
        conf = self.dir / "board.conf"
        conf.write_text(f'token_file = "{self.dir}/token"\n' + conf.read_text())


@contextlib.contextmanager
def own_loopback(city, router, board, port):
    """board at 127.0.0.1:PORT of the router, by the name that its certificate has."""
    socket = city.world.dir / "tls-board.sock"
    host = subprocess.Popen(["socat", f"UNIX-LISTEN:{socket},fork,unlink-early", f"TCP:127.0.0.1:{board.port}"], start_new_session=True)
    try:
        wait_for("the relay", socket.exists)
        ns = router.ns.start("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", f"UNIX-CONNECT:{socket}")
        wait_for("the relay", lambda: f":{port}" in router.ns.run("ss", "-lnt").stdout or not ns.alive())
        yield
    finally:
        host.kill()
        host.wait()


def test_over_tls_a_router_waits_for_news_and_its_counts_are_on_the_editors_page(city):
    board, port = CountingBoard(city.internet.ca), 8482
    router = Router(city.internet, name="router8", number=8, zone=("duomo", "Piazza del Duomo"))
    router.extra_conf = (f'board {{\n    url = "https://127.0.0.1:{port}/out/"\n    keys = {{ "{board.dir}/board.pub" }}\n'
                         f'    ca_file = "{city.internet.ca.cert}"\n    token_file = "{board.dir}/token"\n    report = "5s"\n}}\n')
    state = lambda: router.ctl("status", "--json")["board"]  # noqa: E731
    try:
        carla = board.editor("carla")
        carla.get("/services/new")
        carla.submit("/services/new", title__it="Biblioteca", link="https://biblioteca.prato.example/")
        with own_loopback(city, router, board, port):
            router.start()
            phone = Phone(city.internet, "phone8")
            phone.join(router, ipv6=False)
            wait_for("the long poll over TLS", lambda: state()["state"] == "waiting", timeout=30)
            asked = state()["asked"]
            anna = board.editor("anna")
            anna.write(title__it="Contata per davvero", link="https://comune.prato.example/")
            anna.submit("/publish")
            wait_for("the news", lambda: "Contata per davvero" in phone.fetch(phone.portal("/")).text, timeout=30, every=LOOK_S)
            assert state()["asked"] <= asked + 1  # the question that was held had the answer
            name = re.search(r"/go/(comune-\d+)", phone.fetch(phone.portal("/")).text).group(1)
            for _ in range(12):
                assert phone.fetch(phone.portal("/")).status == 200
                assert phone.fetch(phone.portal(f"/go/{name}?lang=it")).status == 303
            words = lambda: anna.get("/counts").words  # noqa: E731
            wait_for("the counts", lambda: re.search(r"Notice Shown Tapped Contata per davvero 1\d 12 ", words()), timeout=60, every=0.5)
            assert re.search(r"Service Shown Tapped Biblioteca 1\d ", words())
            assert "s3greto" not in router.log("loggiad") + board.log()
    finally:
        board.close()


def test_any_web_server_serves_the_directory_to_routers_that_poll(city):
    """busybox httpd, which knows nothing of us: no ETag, no waiting, only files."""
    port = 8481
    city.internet.ns.start("busybox", "httpd", "-f", "-p", f"{GATEWAY[0]}:{port}", "-h", city.board.dir / "out")
    router = Router(city.internet, name="router9", number=9, zone=("duomo", "Piazza del Duomo"))
    router.extra_conf = city.section("").replace(f":{city.PORT}/", f":{port}/")
    router.start()
    phone = Phone(city.internet, "phone9")
    phone.join(router, ipv6=False)
    city.squares["static"] = (router, phone)
    try:
        anna = city.board.editor("anna")
        anna.write(title__it="Da file")
        anna.submit("/publish")
        city.shows("static", "Da file", timeout=40)
    finally:
        del city.squares["static"]
