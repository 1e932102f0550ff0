# SPDX-License-Identifier: GPL-2.0-or-later
"""The two daemons die and come back, again and again: closed is closed at every instant, open stays open, sessions and
counters go on. Here some times; `make soak-restarts` does it a thousand times."""

import contextlib
import json
import os
import pathlib
import signal
import time

import pytest
from city.gateworld import TRAFFIC
from city.internet import ADDRESSES
from city.netns import wait_for
from portal_world import Square

TIMES = 1000 if os.environ.get("LOGGIA_SOAK") else 24
PROBER = [TRAFFIC[0], pathlib.Path(__file__).with_name("gate_prober.py")]
PORT = 7999
HOST = ADDRESSES["news.example"]


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.radius_conf = '    when_radius_down = "hold"\n'
        square.router.start()
        echo = square.internet.ns.start(*TRAFFIC, "echo")
        wait_for("the echo", lambda: "ready" in echo.output())
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@contextlib.contextmanager
def hammering(square, phone):
    """From a phone that has not joined, over both families, all the time."""
    counter = square.internet.ns.start(*PROBER, "count", PORT)
    floods = [phone.ns.start(*PROBER, "flood", host, PORT) for host in HOST]
    found = {}
    for process in (counter, *floods):
        wait_for("ready", lambda p=process: "ready" in p.output())
    try:
        yield found
    finally:
        for process in (*floods, counter):
            process.stop()
    found["sent"] = [json.loads(p.output().splitlines()[-1])["sent"] for p in floods]
    found["through"] = json.loads(counter.output().splitlines()[-1])["through"]


def counters(square, phone):
    row = square.row(phone)
    return row and (row["up_bytes"], row["down_bytes"])


def test_restarts_let_nobody_in_and_nobody_out(square, tmp_path):
    citizen, stranger = square.phone(ipv6=True), square.phone(ipv6=True)
    citizen.tap()
    square.centre.wait_account(citizen, "Start")
    before = square.row(citizen)
    streams = [citizen.ns.start(*TRAFFIC, "stream", host, 7777, log=tmp_path / f"stream{i}") for i, host in enumerate(HOST)]
    for stream in streams:
        wait_for("a stream", lambda s=stream: "started" in s.output())
    last, began = counters(square, citizen), time.monotonic()
    with hammering(square, stranger) as found:
        for i in range(TIMES):
            daemon = ("loggia-gate", "loggiad")[i % 2]
            square.router.kill(daemon, (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)[i // 2 % 4])
            square.router.restart(daemon)
            if i % 8 == 7:
                now = wait_for("the session is listed", lambda: counters(square, citizen))
                assert now[0] >= last[0] and now[1] >= last[1], "counters go on"
                last = now
    after = wait_for("the session", lambda: square.row(citizen))
    for stream in streams:
        assert stream.stop() == 0, stream.output()
    reports = [json.loads(s.output().splitlines()[-1]) for s in streams]
    end = counters(square, citizen)
    print(f"\n{TIMES} restarts in {time.monotonic() - began:.0f} s: {sum(found['sent'])} packets of a stranger, through {len(found['through'])}; "
          f"streams: {[r['messages'] for r in reports]} messages, longest wait {[r['longest_ms'] for r in reports]} ms; "
          f"counted {end}")
    assert min(found["sent"]) > 1000 and found["through"] == []
    assert (after["session"], after["mac"]) == (before["session"], before["mac"])
    passed = int(time.monotonic() - began) + 3
    assert before["ends_in_s"] - passed <= after["ends_in_s"] <= before["ends_in_s"], "the same end"
    least = sum(r["messages"] * 512 for r in reports)
    assert min(end) >= least, "and nothing fell out of the counters"
    kinds = [a["status"] for a in square.centre.accounts(citizen)]
    assert kinds.count("Start") == 1 and "Stop" not in kinds
