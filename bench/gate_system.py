# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of `make bench-gate` in which loggiad has a part: from the click to the first packet, what both daemons
hold in memory, how long a router needs that was killed."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import statistics
import time

from city.internet import IPERF
from city.town import Town

SOURCE = pathlib.Path(__file__).resolve().parents[1]
NAME = "wifi.test.example"
PHONES, TAPS = 4, 10  # a phone may tap twelve times a minute


def kilobytes(pid, file, key):
    text = pathlib.Path(f"/proc/{pid}/{file}").read_text()
    return int(text.split(f"\n{key}:")[1].split()[0])


def children(pid):
    """What its children have cost so far, those it has waited for and those that live (proc(5), stat: cminflt, cutime,
    cstime): grows with every process that it starts."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    living = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(living) + sum(int(fields[i]) for i in (8, 13, 14))


def clicks(report):
    """A real centre (FreeRADIUS, its module, two directories), and a router that decides alone."""
    with Town(routers=1, alone=True, people=100) as town:
        for router, what, most in ((town.alone, "excluded", 1), (town.router, "included", 5)):
            took, before = [], [children(d.pid) for d in router.daemons.values()]
            for _ in range(PHONES):
                phone = town.newcomer(router)
                r = phone.ns.run("/usr/bin/python3", SOURCE / "bench/click.py", "wifi.prato.example", router.ipv4,
                                 IPERF[0], town.internet.iperf_port(), TAPS)
                took += json.loads(r.stdout)
            value = statistics.median(took)
            report.add(f"click to first packet through, RADIUS {what}, p50 of {len(took)}", round(value, 2), "ms",
                       must=f"<= {most}", ok=value <= most)
            forking = sum(children(d.pid) != was for d, was in zip(router.daemons.values(), before))
            report.add("   daemons that started a process for it", forking, "of 2", must="0", ok=forking == 0)


@contextlib.contextmanager
def inside(space):
    """This process, in another's network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{space.full}") as there:
        if libc.setns(there.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), 0)


class Portal:
    """loggiad beside the bench's gate, without a centre; asked from a phone."""

    def __init__(self, gate, phone, binary):
        self.gate, self.binary, self.phone, self.process = gate, binary, phone, None
        state = gate.world.dir / "state"
        state.mkdir()
        gate.conf.write_text(gate.conf.read_text() + f'state_directory = "{state}"\nlog_level = "notice"\n'
                             f'notices_directory = "{SOURCE}/conf/notices"\n')
        phone.ip("addr", "add", "10.127.0.2/10", "dev", "wlan0")
        gate.router.ip("route", "add", "10.127.0.2", "dev", "lan0")  # the others are behind one neighbour

    def start(self):
        self.process = self.gate.router.start(self.binary, "-c", self.gate.conf)

    def stop(self):
        self.process.stop()

    def wait(self, text):
        while text not in self.process.output():
            if not self.process.alive():
                raise SystemExit(self.process.output()[-3000:])
            time.sleep(0.005)

    def connection(self):
        return http.client.HTTPConnection("10.64.0.1", 2080, timeout=5)

    def answers(self, connection=None):
        """Whether the splash page comes."""
        c = connection or self.connection()
        try:
            c.request("GET", "/", headers={"Host": NAME})
            return b"/join" in c.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            if not connection:
                c.close()


def counted_once(pids):
    """Kilobytes that both together hold: pages of a file that both have mapped are taken once, as much as the one
    that has more of it (proc(5), smaps)."""
    own, files = 0, {}
    for pid in pids:
        here, path = {}, ""
        for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
            key, *rest = line.split()
            if not key.endswith(":"):
                path = rest[4] if len(rest) > 4 else ""
            elif key == "Anonymous:":
                own += int(rest[0])
                here[path] = here.get(path, 0) - int(rest[0])
            elif key == "Rss:":
                here[path] = here.get(path, 0) + int(rest[0])
        for path, kb in here.items():
            files[path] = max(files.get(path, 0), kb)
    return own + sum(files.values())


def memory(report, gate, portal, clients, most_mb):
    pids = (gate.process.pid, portal.process.pid)
    def total(file, key):
        return sum(kilobytes(pid, file, key) for pid in pids) / 1024
    value = total("status", "VmRSS")
    report.add(f"resident memory of both daemons, {clients:,} clients", round(value, 1), "MB", must=f"<= {most_mb}",
               ok=value <= most_mb)
    report.add("   with what both have mapped (libc) counted once", round(counted_once(pids) / 1024, 1), "MB")
    report.add("   of it their own, not pages of programs and libraries", round(total("status", "RssAnon"), 1), "MB")


def restarts(report, gate, portal, clients, most_splash_s, most_adopted_s):
    """Both killed, both started: as after a power cut that the kernel survived."""
    splash, adopted = [], []
    for _ in range(3):
        gate.process.kill()
        portal.process.kill()
        began = time.monotonic()
        gate.begin()
        portal.start()
        with inside(portal.phone):
            while not portal.answers():
                if time.monotonic() - began > 60:
                    raise SystemExit(portal.process.output()[-3000:])
                time.sleep(0.002)
        splash.append(time.monotonic() - began)
        portal.wait(f"open={clients} adopted={clients} ")
        adopted.append(time.monotonic() - began)
    for name, values, most in (("the splash page answers", splash, most_splash_s),
                               ("all sessions are adopted", adopted, most_adopted_s)):
        value = statistics.median(values)
        report.add(f"restart of both with {clients:,} clients, until {name}", round(value, 3), "s", must=f"<= {most}",
                   ok=value <= most, spread=round((max(values) - min(values)) / value, 3))


def loops(portal):
    """Each daemon's word on its event loop: {daemon: {turns, slow, longest_us, waited_us}}."""
    ctl = portal.binary.with_name("loggiactl")
    r = portal.gate.router.run(ctl, "-c", portal.gate.conf, "-j", "status")
    return json.loads(r.stdout)["loops"]


def turns(report, portal, clients):
    """Of both daemons, since they were started with so many devices in the kernel: adoption is in it."""
    for daemon, t in loops(portal).items():
        took = t["longest_us"] / 1000
        report.add(f"{daemon}'s loop: longest turn, {clients:,} clients", round(took, 2), "ms", must="<= 5", ok=took <= 5)
        report.add("   of it no processor, page or lock", round(t["waited_us"] / 1000, 2), "ms")
        report.add("   turns longer than 5 ms", t["slow"], f"of {t['turns']:,}")


def queued_s(pids):
    """How long they have been ready to run, and others ran (schedstat's second field)."""
    return sum(int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in pids) / 1e9


def stall(report, portal, clients, seconds=4):
    """The loops' own word, and what somebody saw who asked all the time while everybody's counters were read; and how
    much of that it was the machine that let the two daemons, and who asks, wait."""
    longest, queued, end = 0.0, 0.0, time.monotonic() + seconds
    pids = (portal.gate.process.pid, portal.process.pid, os.getpid())
    with inside(portal.phone):
        connection = portal.connection()  # one: new ones are bounded for each device
        while time.monotonic() < end:
            before, began = queued_s(pids), time.monotonic()
            if not portal.answers(connection):
                raise SystemExit(portal.process.output()[-3000:])
            took = time.monotonic() - began
            if took > longest:
                longest, queued = took, queued_s(pids) - before
    turns(report, portal, clients)
    report.add(f"longest answer of the splash page in {seconds} s, {clients:,} clients", round(longest * 1000, 2), "ms")
    report.add("   of it ready to run, and no processor free", round(queued * 1000, 2), "ms")
