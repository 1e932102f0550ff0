# SPDX-License-Identifier: GPL-2.0-or-later
"""Other sites' feeds on the noticeboard: fetched as a good guest does, believed no further than their rules go, and
gone when they are gone there."""

import datetime
import http.server
import ssl
import threading

import pytest
from city.ca import Authority
from city.netns import wait_for
from conftest import SOURCE
from published_world import Board

SEEDS = SOURCE / "tests" / "fuzz" / "seeds"


def rss(*items):
    return ('<?xml version="1.0"?><rss version="2.0"><channel><title>Ufficio stampa</title><language>it</language>' + "".join(
        f"<item><guid>{guid}</guid><title>{title}</title><description>{text}</description></item>"
        for guid, title, text in items) + "</channel></rss>").encode()


def hours(n):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=n)
    return at.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def cap(number, kind="Alert", refers=(), title="Allerta gialla", severity="Severe", status="Actual", sent=None):
    sender = "allerta@protezionecivile.example"
    references = " ".join(f"{sender},IT.{n},{hours(-2)}" for n in refers)
    info = f"""<info><language>it-IT</language><category>Met</category><event>Temporali</event><urgency>Immediate</urgency>
<severity>{severity}</severity><certainty>Likely</certainty><expires>{hours(6)}</expires><headline>{title}</headline>
<description>Temporali forti.</description><area><areaDesc>Bisenzio</areaDesc><geocode><valueName>EMMA_ID</valueName>
<value>IT901</value></geocode></area></info>"""
    return (f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>IT.{number}</identifier><sender>{sender}</sender>
<sent>{sent or hours(-1 + number / 100)}</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>
{f'<references>{references}</references>' if references else ''}{info if kind != 'Cancel' else ''}</alert>""").encode()


class Site:
    """A web server of somebody else's: documents by path, each asked for counted, validators as Apache has them."""

    def __init__(self, tls=None):
        self.documents, self.asked, self.version = {}, [], 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.asked.append((self.path, self.headers.get("If-None-Match"), self.headers.get("User-Agent")))
                found = site.documents.get(self.path)
                if callable(found):
                    return found(self)
                if found is None:
                    return self.answer(404, b"")
                etag, body = found
                if self.headers.get("If-None-Match") == etag:
                    return self.answer(304, b"", ETag=etag)
                return self.answer(200, body, ETag=etag)

            def answer(self, status, body, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, body):
        self.version += 1
        self.documents[path] = (f'"v{self.version}"', body)

    def looks(self, path):
        return sum(p == path for p, *_ in self.asked)

    def after_looks(self, path, n):
        """n whole looks that began after now."""
        first = self.looks(path)
        wait_for(f"{n} looks at {path}", lambda: self.looks(path) >= first + n + 1, timeout=40)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def feed(url, name="notizie", zones='"*"', **more):
    lines = {"poll": 1, "approval": "no", **more}
    return (f'feed {name} {{ url = "{url}" publisher = comune zones = {{ {zones} }} '
            + " ".join(f"{k} = {v}" for k, v in lines.items()) + " }\n")


@pytest.fixture
def site():
    s = Site()
    yield s
    s.close()


@pytest.fixture
def board():
    b = Board()
    try:
        yield b
    except BaseException:
        print(b.log()[-3000:])
        raise
    finally:
        b.close()


def test_items_appear_change_and_end_with_their_feed(board, site):
    site.put("/f", rss(("1", "Uno", "&lt;p&gt;Testo &lt;b&gt;forte&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;&lt;/p&gt;"), ("2", "Due", "")))
    board.configure(feeds=feed(site.url + "/f", zones='"duomo"'))
    board.start()
    board.says("Uno", "Due")
    text = next(t for t in board.bundle()["notice"].values() if "# Uno" in t)
    assert "source: Ufficio stampa" in text and "zones: duomo\n" in text and "Testo **forte**" in text and "script" not in text
    serial = board.pointer()["serial"]
    # what is the same is not sent again by the site, and not published again by the board
    site.after_looks("/f", 2)
    assert site.asked[-1][1] == '"v1"' and site.asked[-1][2] == "loggia-board"
    assert board.pointer()["serial"] == serial
    site.put("/f", rss(("1", "Uno, corretto", ""), ("2", "Due", "")))
    board.says("Uno, corretto", "Due")
    # missing once is a stumble, twice is gone
    site.put("/f", rss(("2", "Due", "")))
    board.says("Due")
    assert board.logged("event=import_gone")
    # back again
    site.put("/f", rss(("1", "Uno", ""), ("2", "Due", "")))
    board.says("Uno", "Due")


def test_items_wait_for_approval_where_the_feed_is_not_trusted(board, site):
    site.put("/f", rss(("1", "Uno", "")))
    board.configure(feeds=feed(site.url + "/f", approval="yes"))
    board.start()
    board.logged("what=new state=waiting")
    assert board.titles() == set()


def test_a_site_that_fails_is_asked_less_often_and_what_it_said_stays(board, site):
    site.put("/f", rss(("1", "Uno", "")))
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    board.says("Uno")
    site.documents["/f"] = lambda h: h.answer(503, b"", Retry_After="1")
    board.logged('event=feed_failed feed=comune/notizie failures=1 why="found HTTP status 503, expected 200"')
    site.put("/f", b"<rss><channel>")
    board.logged('expected well-formed XML')
    assert board.titles() == {"Uno"}
    site.put("/f", rss(("1", "Uno", ""), ("2", "Due", "")))
    board.says("Uno", "Due", timeout=40)
    board.logged("event=feed_back feed=comune/notizie")


HOSTILE = {
    "an entity bomb": (SEEDS / "feed" / "bomb").read_bytes(),
    "an external entity": b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><rss><channel></channel></rss>',
    "a page": b"<!DOCTYPE html><html><body>Manutenzione</body></html>",
    "something else": b"\x00\x01\x02",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_feed_changes_nothing(board, site, what):
    site.put("/f", HOSTILE[what])
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    line = board.logged("event=feed_failed feed=comune/notizie")
    assert "<!DOCTYPE" in line if b"DOCTYPE" in HOSTILE[what] else "well-formed" in line
    assert board.titles() == set()
    assert {p for p, *_ in site.asked} == {"/f"}


def test_a_feed_of_100_megabytes_is_left_while_it_arrives(board, site):
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(100 << 20))
        handler.end_headers()
        try:
            for _ in range(1600):
                handler.wfile.write(b"<item>" + b"a" * 65530)
                sent.append(65536)
        except OSError:
            sent.append("hung up")

    site.documents["/f"] = endless
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    board.logged("event=feed_failed feed=comune/notizie")
    wait_for("that it hangs up", lambda: "hung up" in sent)
    assert sum(n for n in sent if n != "hung up") < 40 << 20
    assert board.ask("/out/current").status == 200


def test_a_certificate_that_nobody_vouches_for_is_not_believed(board, tmp_path):
    site = Site(tls=Authority(tmp_path / "ca").issue(["127.0.0.1"]))
    try:
        site.put("/f", rss(("1", "Falso", "")))
        board.configure(feeds=feed(site.url + "/f"))
        board.start()
        assert "certificate" in board.logged("event=feed_failed feed=comune/notizie")
        assert not site.asked and board.titles() == set()
    finally:
        site.close()


def test_an_alert_is_mapped_updated_and_cancelled(board, site):
    site.put("/cap", cap(1))
    board.configure(feeds=feed(site.url + "/cap", areas='"IT901; Mugello"'))
    board.start()
    board.says("Allerta gialla")
    name, text = next(iter(board.bundle()["notice"].items()))
    assert "priority: emergency" in text and "source: allerta@protezionecivile.example" in text
    assert "Temporali forti.\n\nZona: Bisenzio" in text
    # an update is the same notice, said anew
    site.put("/cap", cap(2, "Update", [1], "Allerta arancione", "Moderate"))
    board.says("Allerta arancione")
    assert list(board.bundle()["notice"]) == [name] and "priority: warning" in board.bundle()["notice"][name]
    site.put("/cap", cap(3, "Update", [2], "Allerta rossa", "Extreme"))  # it names only the one before
    board.says("Allerta rossa")
    assert list(board.bundle()["notice"]) == [name]
    # what is over stays over, though the site serves it again
    site.put("/cap", cap(1))
    site.after_looks("/cap", 1)
    assert "Allerta gialla" not in board.titles()
    site.put("/cap", cap(3, "Update", [2], "Allerta rossa", "Extreme"))
    board.says("Allerta rossa")
    site.after_looks("/cap", 1)
    site.put("/cap", cap(4, "Cancel", [1, 2, 3]))
    site.after_looks("/cap", 1)
    board.says()
    site.put("/cap", cap(3, "Update", [2], "Allerta rossa", "Extreme"))
    site.after_looks("/cap", 1)
    assert board.titles() == set()


def test_an_exercise_and_another_area_are_not_shown(board, site):
    site.put("/prova", cap(1, status="Exercise", title="Prova"))
    site.put("/altrove", cap(2, title="Altrove"))
    board.configure(feeds=feed(site.url + "/prova", "prova") + feed(site.url + "/altrove", "altrove", areas='"IT555"'))
    board.start()
    for path in ("/prova", "/altrove"):
        site.after_looks(path, 1)
    assert board.titles() == set()


def test_alerts_that_a_feed_announces_are_fetched_and_followed(board, site):
    def index(*numbers):
        return ('<feed xmlns="http://www.w3.org/2005/Atom"><title>Avvisi</title><id>x</id>' + "".join(
            f'<entry><id>{n}</id><title>Avviso {n}</title><updated>{hours(-1)}</updated>'
            f'<link rel="alternate" type="application/cap+xml" href="{site.url}/{n}.cap"/></entry>' for n in numbers)
            + "</feed>").encode()
    site.put("/1.cap", cap(1))
    site.put("/2.cap", cap(2, "Update", [1], "Allerta rossa"))
    site.put("/3.cap", cap(3, title="Frana"))
    site.put("/f", index(2, 1, 3))
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    board.says("Allerta rossa", "Frana")  # the announcements themselves are no notices
    site.put("/4.cap", cap(4, "Cancel", [3]))
    site.put("/f", index(4, 2, 1, 3))
    board.says("Allerta rossa")
    site.put("/f", index(4))
    board.says()


def test_alerts_that_stand_inside_a_feed_are_read_there(board, site):
    def index(*alerts):
        return ('<feed xmlns="http://www.w3.org/2005/Atom"><title>Avvisi</title><id>x</id>' + "".join(
            f'<entry><id>{n}</id><title>Avviso {n}</title><updated>{hours(-1)}</updated>'
            f'<content type="text/xml">{alert.decode()}</content></entry>' for n, alert in enumerate(alerts)) + "</feed>").encode()
    site.put("/f", index(cap(1), cap(3, title="Frana")))
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    board.says("Allerta gialla", "Frana")
    assert "priority: " in next(iter(board.bundle()["notice"].values()))
    site.put("/f", index(cap(2, "Update", [1], "Allerta rossa"), cap(4, "Cancel", [3])))
    board.says("Allerta rossa")
    site.put("/f", index(cap(2, "Update", [1], "Allerta rossa"), b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>'))
    assert "an alert in an entry" in board.logged("event=feed_failed")
    assert board.titles() == {"Allerta rossa"}


def test_a_sites_own_authority_is_believed_for_that_feed_alone(board, tmp_path):
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    inside, other = Site(tls=ours.issue(["127.0.0.1"])), Site(tls=theirs.issue(["127.0.0.1"]))
    try:
        for site in (inside, other):
            site.put("/f", rss(("1", f"Da {site.server.server_port}", "")))
        board.configure(feeds=feed(inside.url + "/f", ca_file=f'"{ours.cert}"') + feed(other.url + "/f", "altro", ca_file=f'"{ours.cert}"')
                        + feed(inside.url + "/f", "senza"))
        board.start()
        board.says(f"Da {inside.server.server_port}")
        for name in ("altro", "senza"):
            assert "certificate" in board.logged(f"event=feed_failed feed=comune/{name}")
        assert not other.asked
    finally:
        inside.close()
        other.close()


def test_a_feed_does_not_lead_to_other_hosts_inside(board, site):
    """It may be inside itself: board.conf names it. A document that it announces on another host may not."""
    port = site.server.server_port
    site.put("/1.cap", cap(1))
    site.put("/f", ('<feed xmlns="http://www.w3.org/2005/Atom"><title>Avvisi</title><id>x</id><entry><id>1</id><title>Avviso</title>'
                    f'<updated>{hours(-1)}</updated><link rel="alternate" type="application/cap+xml" '
                    f'href="http://localhost:{port}/1.cap"/></entry></feed>').encode())
    board.configure(feeds=feed(site.url + "/f"))
    board.start()
    assert "not public" in board.logged("event=feed_failed feed=comune/notizie")
    assert site.looks("/1.cap") == 0 and board.titles() == set()


def test_feeds_are_asked_again_after_a_restart_only_when_they_are_due(board, site):
    site.put("/f", rss(("1", "Uno", "")))
    board.configure(feeds=feed(site.url + "/f", poll=3600))
    board.start()
    board.says("Uno")
    board.process.stop()
    board.start()
    board.drop("n", "publisher: comune\nzones: *\nuntil: 2038-01-01\n--- it\n# Due\n")
    board.says("Uno", "Due")
    assert site.looks("/f") == 1
    # other rules: the same document makes other notices, and is read again
    board.configure(feeds=feed(site.url + "/f", zones='"stazione"'))
    board.reload()
    wait_for("the other zone", lambda: any("zones: stazione" in t for t in board.bundle()["notice"].values()))
