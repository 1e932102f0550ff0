#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The editor's list and search with ten thousand notices of history against a hundred: two boards side by side, the
same requests in turn. Run as root by `make bench-board-list`."""

import http.client
import pathlib
import sqlite3
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/integration"), str(ROOT / "bench")]

from board_world import Board  # noqa: E402
from conftest import BUILD  # noqa: E402
from report import Report, output  # noqa: E402

ROUNDS = 400
PAGES = {"first page": "/", "what has ended": "/?show=ended", "all": "/?show=all", "a search that finds many": "/?q=mercato",
         "a search that finds one": "/?q=rarissimo", "a search that finds none": "/?q=inesistente", "drafts": "/?show=drafts"}
TEXT = "Il mercato del lunedì si sposta in piazza per i lavori; bancarelle numero {n} e seguenti. " * 5


def fill(path, count):
    """As the store writes them: a year of notices that have ended, the last 20 still shown."""
    now, scope = int(time.time()), "n" + b"comune".hex()
    with sqlite3.connect(path, timeout=20) as db:
        for n in range(1, count + 1):
            shown = n > count - 20
            ends = now + 86400 if shown else now - 86400
            title = f"Mercato {n}" + (" rarissimo" if n == 50 else "")
            db.execute("INSERT INTO notice(id, administration, publisher, kind, state, version, live, ever, title, priority, starts, "
                       "ends, zones, live_starts, live_ends, live_zones, changed, author, editor) VALUES "
                       "(?, 'comune', 'comune', 0, 2, 1, 1, 1, ?, 0, ?, ?, ',duomo,', ?, ?, ',duomo,', ?, 'anna', 'anna')",
                       (n, title, ends - 7200, ends, ends - 7200, ends, now - 100))
            db.execute("INSERT INTO version VALUES (?, 1, 'anna', ?, 2, NULL, ?, ?)", (n, now - 100, "title.it=x", TEXT.format(n=n)))
            db.execute("INSERT INTO words(rowid, scope, text) VALUES (?, ?, ?)", (n, scope, title + "\n" + TEXT.format(n=n)))


def ask(editor, connection, path):
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in editor.cookies.items())})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    assert answer.status == 200 and b"<h1>" in body
    return took * 1e6


def main():
    report, boards = Report(), []
    try:
        for count in (100, 10000):
            board = Board()
            boards.append(board)
            fill(board.dir / "state/board.db", count)
        editors = [b.editor("anna") for b in boards]
        connections = [http.client.HTTPConnection("127.0.0.1", b.port) for b in boards]
        for name, path in PAGES.items():
            times = ([], [])
            for _ in range(ROUNDS):
                for i in (0, 1):
                    times[i].append(ask(editors[i], connections[i], path))
            report.add(f"10,000 notices of history against 100: {name}", sorted(times[1])[ROUNDS // 2], "us",
                       base=sorted(times[0])[ROUNDS // 2],
                       ratio=round(sorted(times[1])[ROUNDS // 2] / sorted(times[0])[ROUNDS // 2], 3), must="ratio <= 1.5",
                       ok=sorted(times[1])[ROUNDS // 2] <= 1.5 * sorted(times[0])[ROUNDS // 2])
    finally:
        for board in boards:
            board.close()
    (BUILD / "bench").mkdir(exist_ok=True)
    report.save(BUILD / "bench" / "board_list.json", sqlite=output("sqlite3", "--version"))


main()
