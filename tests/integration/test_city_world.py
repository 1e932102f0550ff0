"""The test city leaves nothing behind on a person's machine, however its run ends."""

import pathlib
import signal
import subprocess
import sys

import pytest
from city.netns import World, wait_for

TESTS = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = """
import signal, sys, time
from city.netns import World, wait_for
def interrupted(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, interrupted)
with World() as world:
    space = world.namespace("square")
    stubborn = space.start("sh", "-c", "trap '' TERM; echo up; while :; do sleep 1000; done")
    wait_for("the daemon", lambda: "up" in stubborn.output())
    print(space.full, world.dir, flush=True)
    time.sleep(1000)
"""


def namespaces():
    return {p.name for p in pathlib.Path("/run/netns").glob("lg*")}


@pytest.fixture
def run():
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=TESTS, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    full, directory = process.stdout.readline().split()
    yield process, full, pathlib.Path(directory)
    process.kill()
    process.wait()


def test_ctrl_c_cleans_up_even_with_a_daemon_that_will_not_end(run):
    process, full, directory = run
    assert full in namespaces() and directory.exists()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert full not in namespaces() and not directory.exists()


def test_next_run_sweeps_what_a_killed_one_left_and_spares_a_living_one(run):
    process, full, directory = run
    with World():
        assert full in namespaces() and directory.exists(), "a living run was swept away"
    pids = subprocess.run(["ip", "netns", "pids", full], capture_output=True, text=True, check=True).stdout.split()
    assert pids
    process.kill()
    process.wait()
    with World():
        assert full not in namespaces() and not directory.exists()
    wait_for("its daemons to be gone", lambda: not [p for p in pids if pathlib.Path(f"/proc/{p}").exists()])


def test_two_worlds_of_one_run_do_not_meet():
    with World() as one, World() as other:
        assert one.namespace("a").full != other.namespace("a").full
