# SPDX-License-Identifier: GPL-2.0-or-later
"""From a change on the noticeboard to what routers fetch: signed, whole whatever happens, and at once."""

import base64
import contextlib
import hashlib
import hmac
import pathlib
import random
import resource
import selectors
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest
from published_world import Board, Key, notice
from city.netns import wait_for


@pytest.fixture
def board():
    b = Board()
    try:
        yield b
    finally:
        b.close()


def test_what_is_dropped_is_published_signed_and_ends_when_it_is_removed(board):
    board.start()
    first = board.pointer()
    assert board.titles() == set()
    board.drop("orari", notice("Orari", zones="duomo"))
    board.says("Orari")
    second = board.pointer()
    assert second["serial"] > first["serial"] and second["keys"] == [board.key.id]
    assert list(board.bundle()["publisher"].values())[1] == "name: Acqua\ncolour: #004d40\n"
    assert "publisher: Comune di Prato" in list(board.bundle()["notice"].values())[0]
    board.remove("orari")
    board.says()


def test_a_file_that_is_wrong_is_named_and_what_it_said_before_stays(board):
    board.drop("orari", notice("Orari"))
    board.start()
    board.says("Orari")
    board.drop("orari", "publisher: comune\nzones: *\nuntil: domani\n--- it\n# Rotto\n")
    board.logged('file="orari.md" reason="line 3: found "domani", expected a date')
    board.drop("altro", notice("Altro", publisher="nessuno"))
    board.logged('file="altro.md" why="found publisher "nessuno", expected one of comune in board.conf"')
    board.drop("acqua", notice("Acqua", publisher="acqua", zones="duomo"))
    board.logged("found zone duomo, where publisher acqua may not publish")
    board.drop("acqua", notice("Acqua", publisher="acqua", zones="stazione"))
    board.says("Orari", "Acqua")


def test_a_restart_publishes_nothing_that_was_published_already(board):
    board.drop("orari", notice("Orari"))
    board.start()
    board.says("Orari")
    before = board.pointer()
    board.process.stop()
    board.start()
    board.logged("event=resumed")
    assert board.pointer() == before
    served = board.ask("/out/current")
    assert served.body == (board.dir / "out" / "current").read_bytes()


def test_routers_are_served_with_validators_and_old_bundles_stay_for_a_while(board):
    board.start()
    old = board.pointer()
    r = board.ask("/out/current")
    assert r.status == 200 and r.getheader("Cache-Control") == "no-cache"
    again = board.ask("/out/current", If_None_Match=r.getheader("ETag"))
    assert again.status == 304 and again.body == b"" and again.getheader("Preference-Applied") is None
    board.drop("orari", notice("Orari"))
    board.says("Orari")
    assert board.ask("/out/current", If_None_Match=r.getheader("ETag")).status == 200
    name = f"/out/{board.pointer()['sha256']}.bundle"
    bundle = board.ask(name)
    assert hashlib.sha256(bundle.body).hexdigest() in name and "immutable" in bundle.getheader("Cache-Control")
    assert board.ask(name, If_None_Match=bundle.getheader("ETag")).status == 304
    assert board.ask(f"/out/{old['sha256']}.bundle").status == 200
    assert board.ask(name, method="HEAD").body == b""
    for path in ("/out/", "/out/../state/board.db", "/out/%2e%2e/board.key", "/out/news/../current", "/out/news/.half-x",
                 f"/out/{'0' * 64}.bundle"):
        assert board.ask(path).status == 404, path
    assert board.ask("/out/current", method="POST", body="x").status == 405


def test_who_waits_is_told_at_once_and_who_waits_in_vain_is_told_so(board):
    board.start()
    etag = board.ask("/out/current").getheader("ETag")
    r = board.ask("/out/current", If_None_Match=etag, Prefer="wait=1")
    assert r.status == 304 and r.getheader("Preference-Applied") == "wait"
    answers = []
    waiters = [threading.Thread(target=lambda: answers.append(
        board.ask("/out/current", If_None_Match=etag, Prefer="respond-async, wait=200", timeout=60))) for _ in range(8)]
    for w in waiters:
        w.start()
    assert not answers
    board.drop("allarme", notice("Allarme", priority="emergency"))
    for w in waiters:
        w.join(30)
    assert len(answers) == 8
    for r in answers:
        assert r.status == 200 and r.getheader("Preference-Applied") == "wait"
        assert r.body == answers[0].body and board.pointer(r.body)["serial"] == board.pointer()["serial"]
    # what they heard of is there to be fetched
    assert "Allarme" in board.ask(f"/out/{board.pointer(answers[0].body)['sha256']}.bundle").body.decode()


def test_two_thousand_routers_wait_and_all_hear_the_news(board):
    """Bare sockets: what a router costs here is what it costs the board."""
    board.start()
    etag = board.ask("/out/current").getheader("ETag")
    request = (f"GET /out/current HTTP/1.1\r\nHost: board\r\nIf-None-Match: {etag}\r\nPrefer: wait=240\r\n\r\n").encode()
    sockets = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        for _ in range(2000):
            s = socket.create_connection(("127.0.0.1", board.port), timeout=30)
            s.sendall(request)
            sockets.append(s)
        assert board.ask("/out/current").status == 200  # an editor, or a router that polls, is served beside them
        board.drop("orari", notice("Orari"))
        selector = selectors.DefaultSelector()
        for s in sockets:
            selector.register(s, selectors.EVENT_READ)
        told, end = 0, time.monotonic() + 60
        while told < len(sockets) and time.monotonic() < end:
            for key, _ in selector.select(1):
                head = key.fileobj.recv(200)
                assert head.startswith(b"HTTP/1.1 200") and etag.encode() not in head, head
                selector.unregister(key.fileobj)
                told += 1
        assert told == 2000
    finally:
        for s in sockets:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "waiting=2000" in board.logged("notices=1")


def test_keys_rotate_with_an_overlap_and_the_bundle_stays(board):
    board.drop("orari", notice("Orari"))
    board.start()
    board.says("Orari")
    before, old = board.pointer(), board.key
    new = Key(board.dir, "next")
    for keys in ([new, old], [new]):
        board.configure(keys=keys)
        board.reload()
        wait_for("the signatures", lambda keys=keys: board.pointer()["keys"] == [k.id for k in keys])
        assert board.pointer()["serial"] == before["serial"] and board.pointer()["sha256"] == before["sha256"]
    board.configure(keys=[])
    board.reload()
    board.logged('event=not_published why="no key is configured')
    assert board.pointer()["serial"] == before["serial"]


def test_a_board_whose_disk_is_full_says_so_keeps_what_there_is_and_catches_up(board):
    out = board.dir / "out"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", out], check=True)
    try:
        board.drop("orari", notice("Orari"))
        board.start()
        board.says("Orari")
        serial = board.pointer()["serial"]
        with contextlib.suppress(OSError), open(out / "ballast", "wb", buffering=0) as f:
            while f.write(b"x" * 4096):
                pass
        board.drop("altro", notice("Altro"))
        board.logged('event=not_published why="')
        assert board.titles() == {"Orari"} and board.pointer(board.ask("/out/current").body)["serial"] == serial
        (out / "ballast").unlink()
        board.says("Orari", "Altro")
        assert not [p.name for p in out.rglob(".half-*")]
    finally:
        board.process.stop()
        subprocess.run(["umount", out], check=True)


def test_a_directory_that_was_cleared_or_replaced_is_filled_again(board):
    board.drop("orari", notice("Orari"))
    board.start()
    board.says("Orari")
    (board.dir / "out").rename(board.dir / "away")
    board.drop("altro", notice("Altro"))
    wait_for("another directory", (board.dir / "out" / "current").exists, timeout=20)
    board.says("Orari", "Altro")


def token_of(secret, router):
    mac = hmac.new(secret.encode(), b"loggia-router:" + router.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def test_counts_are_taken_once_and_from_whom_they_say_they_are():
    board = Board()
    secret = board.dir / "token"
    secret.write_text("segreto-del-comune\n")
    secret.chmod(0o600)
    board.configure(extra=f'token_file = "{secret}"')
    counts = ("loggia-counts 1\nrouter: {router}\nbatch: {batch}\ncount: 2026-11-25T22:00:00Z notice comune-1 duomo it 40 7\n"
              "count: 2026-11-25T22:00:00Z service comune-2 duomo it 9 3\n")

    def post(router, token, batch="0123456789abcdef", body=None):
        text = body if body is not None else counts.format(router=router, batch=batch)
        return board.ask("/out/counts", method="POST", body=text, Authorization=f"Bearer {token}").status

    try:
        board.start()
        assert post("duomo-1", token_of("segreto-del-comune", "duomo-2")) == 403
        assert post("duomo-1", "") == 403
        assert board.ask("/out/counts", method="POST", body=counts.format(router="duomo-1", batch="0" * 16)).status == 403
        assert post("duomo-1", token_of("segreto-del-comune", "duomo-1")) == 204
        assert post("duomo-1", token_of("segreto-del-comune", "duomo-1")) == 204  # its answer was lost
        assert post("duomo-2", "segreto-del-comune") == 204
        assert post("duomo-1", "segreto-del-comune", body="loggia-counts 1\nrouter: x\n") == 400
        assert post("duomo-1", "segreto-del-comune", body="x" * 300000) == 413
        with sqlite3.connect(f"file:{board.dir}/state/board.db?mode=ro", uri=True) as db:
            assert db.execute("SELECT notice, kind, zone, sum(displays), sum(taps) FROM counted GROUP BY 1 ORDER BY 1").fetchall() == [
                ("comune-1", 0, "duomo", 80, 14), ("comune-2", 2, "duomo", 18, 6)]
        assert "segreto" not in board.log()
    finally:
        board.close()


def state(board):
    """What a router, or a web server, would find: judged as a whole."""
    fields = board.pointer()
    parts = board.bundle(fields)
    return fields["serial"], {line[2:] for text in parts["notice"].values() for line in text.splitlines()
                              if line.startswith("# ")}


def test_killed_at_any_moment_it_leaves_the_old_state_or_the_new_one(board):
    """-9 while it publishes, again and again: the pair on the disk is whole, signed, never older than it was, and what
    it says was once said by the files."""
    dice = random.Random(1)
    board.drop("n0", notice("N0"))
    board.start()
    board.says("N0")
    serial, _ = state(board)
    for turn in range(1, 13):
        board.drop(f"n{turn % 3}", notice(f"N{turn}", "Testo. " * dice.randrange(1, 1500)))
        time.sleep(dice.uniform(0.02, 0.35))  # the moment of death, not a wait for anything
        board.process.kill(signal.SIGKILL)
        now, titles = state(board)
        assert now >= serial
        assert titles <= {f"N{t}" for t in range(turn + 1)} and titles
        serial = now
        board.start(ready=False)
    board.logged("event=ready")
    wait_for("the last one", lambda: "N12" in state(board)[1])


# The system call at whose door it dies, for the how-manieth time, and what is there then: the bundle is renamed first,
# `current` second, feeds behind them.
DEATHS = [("fsync", 1, "old"), ("renameat", 1, "old"), ("fsync", 2, "old"), ("fsync", 3, "old"), ("renameat", 2, "old"),
          ("renameat", 3, "new")]


def test_killed_at_each_step_of_publishing_it_leaves_the_old_state_or_the_new_one(board):
    board.drop("n", notice("old"))
    board.start()
    board.says("old")
    board.process.stop()
    (board.dir / "trace").mkdir()
    for i, (call, when, there) in enumerate(DEATHS):
        board.drop("n", notice("new"))
        board.start(ready=False, through=["strace", "-o", board.dir / "trace" / str(i), "-e", f"trace={call}", "-e",
                                          f"inject={call}:signal=SIGKILL:when={when}"])
        wait_for(f"death at {call} {when}", lambda: not board.process.alive(), timeout=30)
        assert state(board)[1] == {there}, (call, when)
        board.start()
        board.says("new")
        assert not [p.name for p in pathlib.Path(board.dir, "out").glob(".half-*")]
        board.drop("n", notice("old"))
        board.says("old")
        board.process.stop()
