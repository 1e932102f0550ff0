# SPDX-License-Identifier: GPL-2.0-or-later
"""How passwords travel: to directories that stand still or show a wrong certificate, and from browsers, with a proxy
before the board and without."""

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest
from board_world import PEOPLE, Board, Editor, Slapd
from city.ca import Authority
from city.netns import wait_for

DEADLINE_MS = 1500


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other-ca"))


class SecureBoard(Board):
    """Its directory shows a certificate for 127.0.0.1, unless names says another; ways: how it is asked."""

    WAYS = {"plain": ("ldap", "no"), "starttls": ("ldap", "yes"), "ldaps": ("ldaps", "yes")}

    def __init__(self, ca, believed=None, way="starttls", names=("127.0.0.1",), tls=True):
        self.ca, self.believed, self.names, self.tls = ca, believed or ca, names, tls
        self.way = way
        super().__init__()

    def make_slapd(self):
        return Slapd(self.dir / "slapd", tls=self.ca.issue(list(self.names), file=f"slapd-{self.dir.name}") if self.tls else None)

    def directory(self):
        scheme, start_tls = self.WAYS[self.way]
        uri = self.slapd.secure_uri if scheme == "ldaps" else self.slapd.uri
        return (f'directory {{ uri = "{uri}" base = "o=comune" start_tls = {start_tls} timeout_ms = {DEADLINE_MS} '
                f'group_base = "o=comune" ca_file = "{self.believed.cert}" }}\n')

    def asked_by(self, way):
        self.way = way
        self.write_conf()
        before = self.log().count("event=reloaded")
        os.kill(self.process.pid, signal.SIGHUP)
        wait_for("the reload", lambda: self.log().count("event=reloaded") > before)


@pytest.fixture(scope="module")
def board(trusted):
    b = SecureBoard(trusted)
    try:
        yield b
    finally:
        b.close()


# --- the directory ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("way", SecureBoard.WAYS)
def test_a_directory_that_stands_still_holds_nobody_but_who_signs_in_and_is_said_in_time(board, way):
    board.asked_by(way)
    anna = board.editor("anna")
    board.slapd.freeze()
    try:
        said = []
        e = board.editor()
        began = time.monotonic()
        thread = threading.Thread(target=lambda: said.append(e.sign_in("franco")))
        thread.start()
        pages = 0
        while thread.is_alive():  # the others' pages, all the while
            before = time.monotonic()
            assert anna.get("/").status == 200 and anna.get("/style.css").status == 200
            pages += 1
            assert time.monotonic() - before < DEADLINE_MS / 1000, "a page waited for the directory"
        assert said[0].status == 503 and "does not answer" in said[0].words
        assert pages > 3
        # the whole time for one sign-in, not one for each of its steps
        assert time.monotonic() - began < 2 * DEADLINE_MS / 1000 + 1
    finally:
        board.slapd.thaw()
    assert "Write a notice" in board.editor("franco").page.words


def test_a_directory_that_stops_in_the_middle_of_starttls_is_given_up_in_time(board):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def half():
            peer = server.accept()[0]
            taken.append(peer)
            peer.recv(4096)
            peer.sendall(bytes.fromhex("300c02010178070a010004000400"))  # ExtendedResponse: success, and nothing more
        thread = threading.Thread(target=half)
        thread.start()
        board.way = "starttls"
        real, board.slapd.uri = board.slapd.uri, f"ldap://127.0.0.1:{server.getsockname()[1]}"
        try:
            board.asked_by("starttls")
            page = board.editor().sign_in("anna")
            assert page.status == 503 and "does not answer" in page.words
            thread.join(timeout=30)
            hello = taken[0].recv(4096)
            assert hello.startswith(b"\x16\x03"), "the handshake had begun"
        finally:
            board.slapd.uri = real
            for peer in taken:
                peer.close()


@pytest.mark.parametrize("way", ["starttls", "ldaps"])
def test_a_password_travels_over_tls_to_the_directory_that_is_meant(board, way):
    board.asked_by(way)
    assert "Write a notice" in board.editor("anna").page.words


@pytest.mark.parametrize("way", ["starttls", "ldaps"])
@pytest.mark.parametrize("wrong", ["signed by somebody else", "another host's"])
def test_a_directory_with_a_wrong_certificate_gets_no_password(trusted, stranger, way, wrong):
    b = SecureBoard(stranger, believed=trusted, way=way) if wrong.startswith("signed") else \
        SecureBoard(trusted, way=way, names=["ldap.example"])
    try:
        page = b.editor().sign_in("anna")
        assert page.status == 503 and "does not answer" in page.words
        step = "starttls" if way == "starttls" else "connect"
        assert f'event=directory_away administration=comune why="{step}: ' in b.log()
        assert PEOPLE["anna"][0] not in b.log()
    finally:
        b.close()


def test_a_directory_that_offers_no_tls_gets_no_password(trusted):
    b = SecureBoard(trusted, tls=False)
    try:
        assert b.editor().sign_in("anna").status == 503
        assert 'event=directory_away administration=comune why="starttls: ' in b.log()
    finally:
        b.close()


# --- who may what, again and again -----------------------------------------------------------------------------
@pytest.fixture
def watchful():
    b = Board("recheck = 1\nrecheck_keep = 600\n")
    try:
        yield b
    finally:
        b.close()


def test_who_leaves_a_group_is_signed_out_and_who_joins_one_may_more(watchful):
    b = watchful
    anna, bruno, franco, carla = b.editor("anna"), b.editor("BRUNO", password=PEOPLE["bruno"][0]), b.editor("franco"), b.editor("carla")
    number = re.search(r"/notice/(\d+)/", anna.write(title__it="Di Anna").text).group(1)
    form = bruno.get("/new").form("/new")["fields"]
    b.slapd.member("bruno", "responsabili", "delete")
    wait_for("Bruno is signed out", lambda: "Write a notice" not in bruno.get("/").words)
    assert 'event=session_ended administration=comune name=BRUNO why="it may nothing here any more"' in b.log()
    page = bruno.post("/new", {**form, "title.it": "Scritto troppo tardi"})
    assert page.status == 401 and "what you typed is kept" in page.words
    assert "not an editor" in bruno.submit("/sign-in", name="bruno", password=PEOPLE["bruno"][0], administration="comune").words
    b.slapd.member("anna", "bacheca-admin", "add")
    wait_for("Anna is an admin", lambda: 'href="/templates"' in anna.get("/").text)
    b.slapd.member("anna", "bacheca-admin", "delete")
    wait_for("and no longer", lambda: 'href="/templates"' not in anna.get("/").text)
    assert anna.get("/templates/new").status == 404 and anna.get(f"/notice/{number}").status == 200
    b.slapd.modify("dn: uid=carla,o=comune\nchangetype: delete\n")
    wait_for("Carla's account is gone", lambda: "Write a notice" not in carla.get("/").words)
    assert "Write a notice" in franco.get("/").words, "who stayed where they were stays signed in"


def test_what_a_group_grants_counts_from_the_reload_on(watchful):
    b = watchful
    b.reload("recheck = 1h\nrecheck_keep = 10h\n")
    anna = b.editor("anna")
    assert 'href="/templates"' not in anna.get("/").text
    conf = b.dir / "board.conf"
    conf.write_text(conf.read_text().replace("group = \"redazione\" grants = writer", "group = \"redazione\" grants = admin"))
    os.kill(b.process.pid, signal.SIGHUP)
    wait_for("Anna is an admin", lambda: 'href="/templates"' in anna.get("/").text)


def test_a_directory_that_is_away_changes_nothing_for_a_while_and_then_one_signs_in_again(watchful):
    b = watchful
    anna = b.editor("anna")
    b.slapd.freeze()
    try:
        wait_for("it was asked in vain", lambda: "event=directory_away administration=comune" in b.log(), timeout=30)
        assert "Write a notice" in anna.get("/").words and "session_ended" not in b.log()
        b.reload("recheck = 1\nrecheck_keep = 2\n")
        wait_for("what was known is too old", lambda: "Write a notice" not in anna.get("/").words)
    finally:
        b.slapd.thaw()
    assert "Write a notice" in b.editor("anna").page.words


# --- the browser -----------------------------------------------------------------------------------------------
class Behind(Editor):
    """A browser whose requests come from an address of its own, with a proxy's headers."""

    def __init__(self, board, source, **headers):
        super().__init__(self)
        self.real, self.source, self.extra = board, source, {k.replace("_", "-"): v for k, v in headers.items()}

    passwords = property(lambda self: self.real.passwords)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.real.port, timeout=30, source_address=(self.source, 0))

    def request(self, method, path, body=None, headers=None):
        return super().request(method, path, body, {**self.extra, **(headers or {})})


class ProxiedBoard(Board):
    def write_conf(self):
        self.url = f"https://bacheca.example:{self.port}"
        super().write_conf()


def test_a_proxys_headers_are_believed_from_the_proxy_alone():
    b = ProxiedBoard(conf='trusted_proxy = "127.0.0.2"')
    try:
        claim = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "198.51.100.7"}
        for source, headers in (("127.0.0.1", claim), ("127.0.0.1", {}), ("127.0.0.2", {}), ("127.0.0.2", {**claim, "X_Forwarded_Proto": "http"})):
            page = Behind(b, source, **headers).get("/sign-in")
            assert page.status == 403 and "https" in page.words and not page.forms, (source, headers)
        proxied = Behind(b, "127.0.0.2", **claim)
        page = proxied.sign_in("anna")
        assert "Write a notice" in page.words
        assert {name for name in proxied.cookies if name.startswith("__Host-")} and "name=anna address=198.51.100.7" in b.log()
        # the cookie is of no use over a wire that everybody can read
        naked = Behind(b, "127.0.0.1")
        naked.cookies = proxied.cookies
        assert naked.get("/").status == 403
    finally:
        b.close()


class TlsBoard(Board):
    def __init__(self, ca):
        self.ca = ca
        super().__init__()

    def write_conf(self):
        self.chain, self.key = self.dir / "chain.pem", self.dir / "board-tls.key"
        self.certify()
        self.more = f'tls {{ certificate = "{self.chain}" key = "{self.key}" }}'
        self.url = f"https://127.0.0.1:{self.port}"
        super().write_conf()

    def certify(self):
        chain, key = self.ca.issue(["127.0.0.1"], file=f"board-{time.monotonic_ns()}")
        for source, target in ((chain, self.chain), (key, self.key)):
            shutil.copy(source, target)
            target.chmod(0o600)

    def connect(self):
        context = ssl.create_default_context(cafile=self.ca.cert)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)

    def shown(self):
        """The certificate that the board shows to a new connection."""
        connection = self.connect()
        connection.connect()
        try:
            return connection.sock.getpeercert(binary_form=True)
        finally:
            connection.close()


def test_the_board_speaks_tls_itself_and_takes_a_new_certificate_without_a_restart(trusted):
    b = TlsBoard(trusted)
    try:
        e = b.editor()
        e.get("/sign-in")
        page = e.submit("/sign-in", follow=False, name="anna", password=PEOPLE["anna"][0], administration="comune")
        assert page.status == 303 and page.headers["Set-Cookie"].startswith("__Host-loggia-board=")
        assert "; Secure" in page.headers["Set-Cookie"]
        assert "All checks" in e.write(title__en="Market moved").words
        with socket.create_connection(("127.0.0.1", b.port), timeout=30) as s:  # no page without
            s.sendall(b"GET /sign-in HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                assert b"HTTP/1.1 200" not in s.recv(4096)
            except ConnectionResetError:
                pass
        first = b.shown()
        b.certify()
        os.kill(b.process.pid, signal.SIGHUP)
        wait_for("the new certificate", lambda: b.shown() != first)
        assert "Write a notice" in e.get("/").words  # and who was in stays in
    finally:
        b.close()
