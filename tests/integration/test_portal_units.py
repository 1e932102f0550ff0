"""The daemons as systemd starts them: already their own users, with what the units leave them and nothing else.
Elsewhere the tests start them as root, which would hide a socket that only root opens."""

import os
import re
import shutil
import subprocess

import pytest
from city.netns import wait_for
from city.router import PROGRAMS, SOURCE, USERS, Router
from portal_world import Square, online_page

GROUP = "nogroup"  # stands for the units' Group=loggia
KEEPS = {"loggia-gate": (USERS["gate_user"], "-all,+net_admin"), "loggiad": (USERS["user"], "-all")}


class UnitRouter(Router):
    def _configure(self):
        super()._configure()
        run = self.dir / "run"
        shutil.chown(run, "root", GROUP)
        run.chmod(0o2770)  # conf/systemd/loggia.tmpfiles

    def trace(self, daemon):
        return self.dir / f"{daemon}.strace"

    def _launch(self, daemon):
        user, caps = KEEPS[daemon]
        program = shutil.copy(PROGRAMS[daemon], self.world.dir)  # the build may lie where they cannot read
        process = self.ns.start(
            "strace", "-f", "-qq", "-o", self.trace(daemon), "setpriv", f"--reuid={user}", f"--regid={GROUP}",
            "--clear-groups", f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}",
            "--no-new-privs", program, "-c", self.conf, log=self.dir / f"{daemon}.log.{len(self.world.processes)}",
            # LeakSanitizer does not work under ptrace; the other tests' daemons are looked at for leaks
            env={"ASAN_OPTIONS": "detect_leaks=0"})
        self.daemons[daemon] = process
        wait_for(f"{daemon} ready", lambda: "event=ready" in process.output() or not process.alive())
        assert process.alive(), process.output()


@pytest.fixture(scope="module")
def square():
    square = Square(kind=UnitRouter)
    try:
        square.router.start()
        yield square
    finally:
        square.close()


def test_daemons_that_never_were_root_find_each_other_and_serve(square):
    phone = square.phone()
    phone.tap()
    assert square.row(phone)
    assert "connected" in square.router.ctl("status")
    phone.press("/leave")
    assert online_page(phone).status == 200
    run = square.router.dir / "run"
    for socket in ("gate.sock", "control.sock"):
        assert os.stat(run / socket).st_mode & 0o007 == 0, socket


def calls_of(group):
    """A group of system calls, as systemd has it."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    found = set()
    for word in re.findall(r"^    (@?[a-z0-9_-]+)$", text, re.M):
        found |= calls_of(word) if word.startswith("@") else {word}
    return found


def allowed_by(unit):
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        named = set()
        for word in line.lstrip("~").split():
            named |= calls_of(word) if word.startswith("@") else {word}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


@pytest.mark.parametrize("daemon", ["loggia-gate", "loggiad"])
def test_a_unit_does_not_kill_its_daemon_for_a_system_call(square, daemon):
    phone = square.phone(ipv6=True)
    phone.tap()
    lines = square.router.trace(daemon).read_text().splitlines()
    own = max(i for i, line in enumerate(lines) if "execve(" in line) + 1  # after setpriv
    used = {m[1] for line in lines[own:] if (m := re.match(r"\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", line))}
    assert {"epoll_wait", "socket"} <= used
    sanitized = b"__asan_init" in PROGRAMS[daemon].read_bytes()
    assert "seccomp" in used or sanitized, "its own filter, where no systemd makes one"
    confined = next((i for i, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER" in line), len(lines))
    assert not [line for line in lines[confined:] if " EPERM " in line], "it leaves the daemon what it needs"
    refused = used - allowed_by((SOURCE / f"conf/systemd/{daemon}.service").read_text())
    assert not refused, refused


def test_systemd_knows_every_word_of_the_units(tmp_path):
    for unit in ("loggia-gate", "loggiad"):
        text = (SOURCE / f"conf/systemd/{unit}.service").read_text().replace("@sbindir@", "/bin")
        (tmp_path / f"{unit}.service").write_text(text.replace(f"/bin/{unit}", "/bin/true"))
        r = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                            tmp_path / f"{unit}.service"], capture_output=True, text=True, check=False)
        wrong = [line for line in r.stderr.splitlines() if unit in line]
        assert not wrong, wrong
