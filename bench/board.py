# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench-board: what the noticeboard costs routers and citizens, each figure beside its base, in one run.

Publishing: 300 routers' own code (bench/board_routers.c: when to ask, what to believe, loading, keeping; a fetcher
and a state directory each) against a real loggia-board with long poll, and against Python's plain http.server with
polling. Editions come in as files that are dropped into the board's folder; the time ends when a router shows it, and
one whole router with gate and phone says how much later the page does. Bytes are HTTP's, heads included, counted by
the routers while nothing changes, and extrapolated to a day. Pages: requests a second of a real loggiad from a phone
against the same bytes from the same HTTP library on the same router, in turn.
Prints a table and writes bench/board.json in the build directory. Needs root. --quick: fewer; --pages: without publishing; --polling: that alone."""

import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE))
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "tests" / "integration"), str(SOURCE / "bench")]

import published_world  # noqa: E402
from city.board import Publisher, notice, service  # noqa: E402
from city.internet import GATEWAY, Internet  # noqa: E402
from city.netns import World, wait_for  # noqa: E402
from city.phone import Phone  # noqa: E402
from city.router import PORTAL_NAME, Router  # noqa: E402
from report import Report, output  # noqa: E402

QUICK = "--quick" in sys.argv
ROUTERS = 300
NEWS, NEWS_POLLED = (4, 1) if QUICK else (10, 3)  # editions
QUIET_S = 60 if QUICK else 180     # while nothing changes, polling
POLL_S, WAIT_S, DAY_S = 60, 240, 86400
LOOK_S = 10                        # a phone looks at each polling router
ROUNDS, ROUND_MS, CONNECTIONS = (5, 300, 8) if QUICK else (11, 600, 8)
STATIC_PORT = 2090


class Routers:
    """bench/board_routers: what it says, as it says it."""

    def __init__(self, world, ns, url, key, n, long_poll, poll_s=POLL_S, look_s=0):
        directory = world.dir / f"routers-{random.randrange(1 << 30)}"
        directory.mkdir()
        argv = (ns.argv if ns else lambda *words: words)(
            BUILD / "bench/board_routers", url, key, n, "yes" if long_poll else "no", poll_s, directory, look_s)
        self.n = n
        self.out = open(directory / "said", "w+b")
        self.popen = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=self.out)
        self.path = directory / "said"

    def lines(self):
        return self.path.read_bytes().decode().split("\n")[:-1]

    def editions(self, serial):
        """router -> when it showed it (the monotonic clock, µs)."""
        rows = (line.split() for line in self.lines() if line.startswith("edition "))
        return {int(r[1]): int(r[3]) for r in rows if int(r[2]) == serial}

    def wait(self, serial, timeout):
        wait_for(f"edition {serial} on {self.n} routers", lambda: len(self.editions(serial)) == self.n, timeout, every=0.25)
        return self.editions(serial)

    def sums(self):
        before = sum(line.startswith("{") for line in self.lines())
        self.popen.stdin.write(b"?\n")
        self.popen.stdin.flush()
        wait_for("the sums", lambda: sum(line.startswith("{") for line in self.lines()) > before)
        return json.loads([line for line in self.lines() if line.startswith("{")][-1])

    def stop(self):
        self.popen.stdin.close()
        self.popen.wait(30)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def monotonic_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


# --- publishing -----------------------------------------------------------------------------------
class NewsBoard(published_world.Board):
    """A real loggia-board, whose news are files that are dropped into its folder."""

    def news(self):
        """(serial, when the file was dropped)."""
        before, began = self.pointer()["serial"], monotonic_us()
        self.drop("novita", published_world.notice(f"Novità {began}", "Testo della notizia, con **qualche** parola. " * 5))
        wait_for("it is published", lambda: self.pointer()["serial"] > before)
        return self.pointer()["serial"], began


def news(report, name, routers, board, pause, times, most_s):
    took = []
    for _ in range(times):
        pause()
        serial, began = board.news()
        took += [(at - began) / 1e6 for at in routers.wait(serial, 2 * most_s).values()]
    p99 = percentile(took, 99)
    report.add(f"{name}: publish -> shown, {routers.n} routers, median", statistics.median(took), "s")
    report.add(f"{name}: publish -> shown, {routers.n} routers, p99", p99, "s", must=f"<= {most_s}", ok=p99 <= most_s)


def quiet(report, name, routers, window_s, most=None, poll_s=POLL_S):
    """Bytes of a day when nothing changes; of routers that ask every poll_s, reckoned for POLL_S."""
    a = routers.sums()
    time.sleep(window_s)
    b = routers.sums()
    seconds = (b["at_us"] - a["at_us"]) / 1e6
    total = b["sent"] + b["received"] - a["sent"] - a["received"]
    day = total / seconds / routers.n * DAY_S * poll_s / POLL_S
    report.add(f"{name}: bytes per router and day, nothing changes ({b['asked'] - a['asked']} questions in {seconds:.0f} s)",
               day / 1000, "kB", **({"must": f"<= {most}", "ok": day / 1000 <= most} if most else {}))
    if b["failures"] or b["refused"]:
        raise SystemExit(f"{name}: {b}")


def waiting(routers):
    wait_for("all routers wait", lambda: routers.sums()["waiting"] == routers.n, 60, every=0.5)


@contextlib.contextmanager
def news_board():
    board = NewsBoard()
    try:
        board.start()
        board.drop("fissa", published_world.notice("Notizia che resta"))
        board.says("Notizia che resta")
        yield board
    finally:
        board.close()


def long_polling(report, world):
    with news_board() as board:
        routers = Routers(world, None, f"http://127.0.0.1:{board.port}/out/", board.key.public, ROUTERS, True)
        waiting(routers)
        news(report, "long poll", routers, board, lambda: waiting(routers), NEWS, 5)
        waiting(routers)
        quiet(report, "long poll", routers, WAIT_S + 5, 200)
        routers.stop()


def polling(report, world):
    with contextlib.ExitStack() as stack:
        board = stack.enter_context(news_board())
        key, port = board.key.public, published_world.free_port()
        server = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", board.dir / "out", str(port)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(server.kill)
        wait_for("http.server", lambda: subprocess.run(["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/current"], check=False).returncode == 0)
        routers = Routers(world, None, f"http://127.0.0.1:{port}/", key, ROUTERS, False, look_s=LOOK_S)
        wait_for("all routers are up", lambda: routers.sums()["up"] == ROUTERS, 60, every=0.5)
        news(report, "polling http.server, looked at", routers, board, lambda: time.sleep(random.random() * 5), NEWS_POLLED, 65)
        quiet(report, "polling http.server, looked at all day and night", routers, QUIET_S)
        routers.stop()
        # Where nobody looks there are minutes between two questions: five rounds of them, ten times as fast.
        routers = Routers(world, None, f"http://127.0.0.1:{port}/", key, ROUTERS, False, poll_s=POLL_S // 10)
        wait_for("all routers are up", lambda: routers.sums()["up"] == ROUTERS, 60, every=0.5)
        time.sleep(POLL_S // 2)  # until they no longer come all together
        quiet(report, "polling http.server, nobody looks", routers, 5 * POLL_S // 2, 200, POLL_S // 10)
        routers.stop()


@contextlib.contextmanager
def square():
    """One whole router."""
    with World() as world:
        internet = Internet(world)
        yield world, internet, Router(internet)


def page_delay(report, router, phone, board):
    """To the page itself, asked for again and again."""
    address = ("--resolve", f"{PORTAL_NAME}:80:{router.ipv4}")  # the router bounds how often names may be asked for
    delays = []
    for n in range(5):
        words = f"Notizia {n} {random.randrange(1 << 30)}"
        began = time.monotonic()
        board.publish({"a": notice(words)})
        wait_for(words, lambda words=words: (a := phone.fetch(phone.portal("/"), *address)) and words in a.text, 20, every=0.05)
        delays.append(time.monotonic() - began)
    report.add("one whole router, long poll: publish -> on the page of a phone, worst of 5", max(delays), "s", must="<= 5", ok=max(delays) <= 5)


# --- pages ----------------------------------------------------------------------------------------
def load(phone, router, path, port, kind="new"):
    argv = phone.ns.argv("taskset", "-c", str(os.cpu_count() - 1), BUILD / "bench/http_load", router.ipv4, port, PORTAL_NAME, path,
                         CONNECTIONS, ROUND_MS, kind)
    r = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    if r.returncode:
        raise SystemExit(f"http_load {path}: {r.stderr}")
    said = json.loads(r.stdout)
    return said["requests"] * 1e6 / said["us"], said["bytes"]


def pages(report, world, router, phone, board):
    for n, least in ((1, 0.85), (20, 0.8)):
        serial = board.publish({f"n{i:02}": notice(f"Notizia numero {i}", "Testo **della** notizia, con [un indirizzo](https://example.org/). " * 2,
                                          link="https://example.org/", priority="service") for i in range(n)},
                      {"biblioteca": service("Biblioteca", "Orari.", icon="library")} if n > 1 else None)
        wait_for("the notices", lambda serial=serial: router.ctl("status", "--json")["board"]["serial"] == serial)
        answer = phone.fetch(phone.portal("/"))
        file = world.dir / f"static-{n}.html"
        file.write_bytes(answer.body)
        static = router.ns.start("taskset", "-c", "0", BUILD / "bench/http_static", router.ipv4, STATIC_PORT, file)
        wait_for("the static page", lambda static=static: "ready" in static.output())
        for kind in ("new", "keep"):
            splash, plain = [], []
            for _ in range(ROUNDS):
                rate, size = load(phone, router, "/", 80, kind)
                splash.append(rate)
                base, same = load(phone, router, "/", STATIC_PORT, kind)
                plain.append(base)
                assert size == same, f"two pages of different sizes: {size}, {same}"
            words = "a connection each" if kind == "new" else "kept connections"
            report.ratio(f"splash, {n} notices ({size} B), {words}: requests/s against static", splash, plain, "1/s",
                         least=least if kind == "new" else None)
        static.stop()


# --- all ------------------------------------------------------------------------------------------
def local(report):
    """A router of its own: load of 200 notices, and how long the loop stands still for it."""
    with World() as world:
        ns = world.namespace("board")
        ns.ip("link", "set", "lo", "up")
        board = Publisher(world, ns, "127.0.0.1", 8481).start("--wait")
        two_hundred = {f"n{i:03}": notice(f"Notizia {i}", "Testo della notizia, con **qualche** parola. " * 12,
                                          zones="piazza-duomo, stazione") for i in range(200)}
        board.publish({"a": notice("Prima")})
        one = Routers(world, ns, board.url, board.key.pub, 1, True, 5)
        one.wait(1, 20)
        stalls, steps = [], []
        for _ in range(5):
            wait_for("it waits", lambda: one.sums()["waiting"] == 1)
            one.sums()
            serial = board.publish({**two_hundred, "b": notice(f"Nuova {board.serial}")})
            one.wait(serial, 20)
            wait_for("it is kept", lambda: one.sums()["waiting"] == 1)
            said = one.sums()
            stalls.append(said["stall_us"] / 1000)
            steps.append(said["longest_step_us"] / 1000)
        size = next(board.dir.glob("*.bundle")).stat().st_size
        one.stop()
        report.add(f"bundle of 200 notices: longest single step of loading it ({size / 1000:.0f} kB)", max(steps), "ms", must="<= 5", ok=max(steps) <= 5)
        report.add("bundle of 200 notices: the loop stood still, worst of 5 editions", max(stalls), "ms", must="<= 5", ok=max(stalls) <= 5)


def main():
    report = Report()
    if "--polling" in sys.argv:
        with World() as world:
            polling(report, world)
        return
    with square() as (world, internet, router):
        board = Publisher(world, internet.ns, GATEWAY[0]).start("--wait")
        router.notices = world.dir / "no-notices"
        router.notices.mkdir()
        router.extra_conf = board.conf(poll="5") + f'router_ports = {{ "tcp/{STATIC_PORT}" }}\nflow_rate = 100000\nflow_burst = 100000\n'
        router.start()
        for daemon in router.daemons.values():
            subprocess.run(["taskset", "-a", "-p", "-c", "0", str(daemon.pid)], check=True, capture_output=True)
        phone = Phone(internet, "phone1")
        phone.join(router, ipv6=False)
        page_delay(report, router, phone, board)
        pages(report, world, router, phone, board)
    local(report)
    if "--pages" not in sys.argv:
        with World() as world:
            long_polling(report, world)
            polling(report, world)
    report.save(BUILD / "bench" / "board.json", libcurl=output("curl", "--version"))


main()
