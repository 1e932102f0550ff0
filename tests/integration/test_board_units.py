"""loggia-board as its unit leaves it, confined once it is ready: an editor's day needs no system call that is refused."""

import os
import re
import subprocess

import pytest

from board_world import Board
from city.netns import wait_for
from conftest import BUILD, SOURCE
from test_portal_units import allowed_by

PROGRAM = BUILD / "noticeboard/loggia-board"
SANITIZED = b"__asan_init" in PROGRAM.read_bytes()


class Traced(Board):
    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["strace", "-f", "-qq", "-I2", "-o", self.dir / "trace", PROGRAM, "-c", self.dir / "board.conf"], stderr=log,
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        wait_for("loggia-board is ready", self.ready)

    def daemon(self):
        pid = self.process.pid
        return int(open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read().split()[0])

    def stop(self):
        if self.process and self.process.poll() is None:
            os.kill(self.daemon(), 15)
            assert self.process.wait(timeout=30) == 0, self.log()


@pytest.fixture(scope="module")
def board():
    b = Traced()
    try:
        yield b
    finally:
        b.close()


def an_editors_day(board):
    carla = board.editor("carla")
    page = carla.write(title__it="Un giorno", link="https://127.0.0.1:1/", zone__duomo="1")
    assert "Un giorno" in page.words
    assert "on the pages" in carla.submit("/publish").words
    wait_for("published", lambda: (board.dir / "out/current").exists())
    carla.get("/?q=giorno")
    carla.get("/counts")
    os.kill(board.daemon(), 1)
    wait_for("reloaded", lambda: "event=reloaded" in board.log())
    assert board.editor("anna").page.status == 200


def test_a_board_that_is_taken_over_can_start_no_program_and_needs_nothing_that_is_refused(board):
    an_editors_day(board)
    if not SANITIZED:
        for task in os.listdir(f"/proc/{board.daemon()}/task"):
            status = open(f"/proc/{board.daemon()}/task/{task}/status", encoding="ascii").read()
            assert "Seccomp:\t2\n" in status, "each thread, those of the sign-in too"
    lines = (board.dir / "trace").read_text().splitlines()
    own = next(i for i, line in enumerate(lines) if "execve(" in line) + 1
    used = {m[1] for line in lines[own:] if (m := re.match(r"\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", line))}
    assert {"epoll_wait", "fdatasync", "connect"} <= used
    confined = next((i for i, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER" in line), len(lines))
    assert SANITIZED or confined < len(lines)
    refused = [line for line in lines[confined:] if " EPERM " in line]
    assert not refused, refused
    used -= {"fchown"}  # SQLite's, of root alone, which it is here
    beyond = used - allowed_by((SOURCE / "conf/systemd/loggia-board.service").read_text())
    assert not beyond, beyond
