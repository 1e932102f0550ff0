"""What the steps of the story are made of: their register, their checks, and what several of them measure."""

import contextlib
import re
import time

STEPS = {}  # name -> (function, names of the steps it goes on from), in the order of the story
STALL_MS = 250  # longer is what a person could notice
CAP_MET = 0.85  # of the cap is what TCP reaches that hunts for it
BUCKET_S = 1.2  # of the rate is what the kernel lets through at once: a second, a tenth, and a packet


def step(*needs):
    def register(function):
        STEPS[function.__name__] = (function, needs)
        return function
    return register


def check(true, words):
    if not true:
        raise AssertionError(words)


def same(found, expected, words):
    check(found == expected, f"{words}: found {found!r}, expected {expected!r}")


class Story:
    def __init__(self, town):
        self.town = town
        self.people = {}  # phones, by the name of who carries them

    def phone(self, who, **kw):
        self.people[who] = self.town.phone(who, **kw)
        return self.people[who]

    def of(self, device):
        """The device's rows in the centre's accounting, oldest first."""
        return self.town.centre.sessions(device)


def milliseconds(since):
    return round((time.monotonic() - since) * 1000)


def identity(router):
    """What must outlive whatever happens: who is online, in which session."""
    return {mac: row["session"] for mac, row in router.clients().items()}


def known(router):
    """The same of a router that may not be up yet."""
    with contextlib.suppress(AssertionError, KeyError):
        return identity(router)
    return None


def online_unasked(phone):
    """Its platforms are content, and nothing of the portal was ever served to it."""
    for platform in ("ios", "android"):
        same(phone.probe(platform), "online", f"{platform} of {phone.name}, with no tap")
    unserved(phone)


def unserved(phone):
    check(phone.never_saw_portal(), f"something of the portal was served to {phone.name}: {[a.url for a in phone.seen]}")


def served(router):
    """Redirects and pages that this router has served so far."""
    web = router.ctl("status", "--json")["web"]
    return web["redirects"] + web["pages"]


def at_the_cap(cap_bps, measure, after_s, tries=3):
    """The rate that measure() reaches without its first seconds, in which the cap lets its burst through. More than
    a bucket that began full can have let through is wrong at once; less may be the busy machine's doing, and is
    measured again."""
    for _ in range(tries):
        got = measure()
        end = got.intervals[-1][1]
        most = cap_bps * (end + BUCKET_S) / 8
        check(got.payload <= most, f"{got.payload} bytes in {end:.1f} s, above a cap of {cap_bps / 1e6:g} Mbit/s")
        rate = got.rate_bps(after_s)
        if rate >= CAP_MET * cap_bps:
            return rate
    raise AssertionError(f"{rate / 1e6:.1f} of {cap_bps / 1e6:g} Mbit/s, and no more in {tries} tries")


def events(router, daemon, event, **fields):
    """The lines of this event in the daemon's log, as dicts, oldest first."""
    rows = []
    for line in router.log(daemon).splitlines():
        row = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', line)}
        if row.get("event") == event and all(row.get(k) == v for k, v in fields.items()):
            rows.append(row)
    return rows
