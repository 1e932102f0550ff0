# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench-federation: Loggia's centre beside FreeRADIUS as it comes, all in one run and in turn.

always (a server with no work: the limit), two rlm_ldap with their own timeouts, the same with every timeout at 1 s,
rlm_cache before two rlm_ldap, and conf/centre. Two slapd with 20,000 people each. The routers are bench/radius_load.
Prints a table and writes bench/federation.json in the build directory. Needs root."""

import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE))
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "bench")]

import json  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

from city.centre import Centre  # noqa: E402
from city.netns import World, wait_for  # noqa: E402
from city.radius import Nas  # noqa: E402
from city.wire import Wire  # noqa: E402
from stock import configuration  # noqa: E402

PEOPLE = 20_000
ROUNDS = 3
SECRET = "a-secret-of-the-bench"
STOCK = {"always": 11812, "stock": 11822, "tuned": 11832, "cached": 11842}


class Stock:
    """One of the others."""

    def __init__(self, world, space, centre, kind):
        self.space, self.port, self.dir = space, STOCK[kind], world.dir / kind
        self.dir.mkdir()
        (self.dir / "radiusd.conf").write_text(configuration(kind, centre, self.dir, self.port, SECRET))
        (self.dir / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        self.process = space.start("/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", self.dir, "-D", self.dir,
                                   "-n", "radiusd", log=self.dir / "log")
        wait_for(f"{kind} is ready", self.ready, timeout=20)

    def ready(self):
        assert self.process.alive(), self.process.output()
        return "Ready to process requests" in self.process.output()


class Bench:
    def __init__(self, world):
        self.space = world.namespace("centre")
        self.centre = Centre(world, self.space, "127.0.0.1", secret=SECRET, clients=["127.0.0.1"], people=PEOPLE, build=BUILD,
                             options=LONG_MEMORY)
        self.centre.start()
        self.ports = {"loggia": Centre.AUTH_PORT, **STOCK}
        self.stock = {kind: Stock(world, self.space, self.centre, kind) for kind in STOCK}

    def argv(self, who, devices, **options):
        return self.space.argv(BUILD / "bench/radius_load", f"server=127.0.0.1:{self.ports[who]}", f"secret={SECRET}",
                               *[f"{k}={v}" for k, v in options.items()], *[f"devices={d}" for d in devices])

    def load(self, who, devices, **options):
        r = subprocess.run(self.argv(who, devices, **options), capture_output=True, text=True, check=False, timeout=200)
        if r.returncode:
            raise SystemExit(f"radius_load: exit {r.returncode}\n{r.stderr}")
        return json.loads(r.stdout)


LONG_MEMORY = {"found = 30\n\t\tnot_found = 2": "found = 3600\n\t\tnot_found = 3600", "pass = 30\n": "pass = 3600\n",
               "devices = 100000": "devices = 1100000"}


def main():
    with World() as world:
        b = Bench(world)
        remembered = ["comune:2:60000:4:500", "provincia:6:60000:4:500"]
        print(b.load("loggia", remembered, kind="tap", requests=1000))
        for who in ("stock", "tuned", "cached"):
            print(who, b.load(who, remembered, requests=1000))
        for r in range(ROUNDS):
            for who in ("always", "cached", "loggia"):
                print(who, b.load(who, remembered, requests=60000)["per_s"])
            d = [f"comune:2:{r * 12000}:4:3000", f"provincia:6:{r * 12000}:4:3000"]
            for who in ("stock", "tuned", "loggia"):
                got = b.load(who, d, requests=6000)
                print(who, got["per_s"], got["groups"])


if __name__ == "__main__":
    main()
