"""The story that ./demo tells: each step is something that a person of the city lives through, checked
for its truth and timed. A step is a function with its name; `needs` are the steps it goes on from.

    python3 -m city.story [--json] [--stay] [--step NAME]...
"""

import argparse
import contextlib
import json
import signal
import sys
import time
import traceback

from city.netns import wait_for
from city.town import ZONES, Town, titles
from city.window import Window

STEPS = {}
STALL_MS = 250  # longer is what a person could notice
TRUE_WITHIN = (1.00, 1.06)  # bytes accounted for, of the payload that iperf3 saw (headers are bytes too)


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

    def of(self, device):
        """The device's rows in the centre's accounting, oldest first."""
        return self.town.centre.sessions(device)


@step()
def tap(s):
    """A visitor's new phone on the square: pop-up, notices, one tap, online."""
    town, figures = s.town, {}
    phone = s.people["visitor"] = town.phone("visitor")
    figures["dhcp_ms"] = phone.join(town.router)
    for platform in ("ios", "android"):
        same(phone.probe(platform), "portal", f"{platform} before the tap")
    visit = phone.tap("ios")
    figures |= {"splash_ms": round(visit.splash_ms), "tap_ms": round(visit.tap_ms)}
    same(visit.answers[0].status, 302, "the answer to the probe")
    same(visit.answers[0].location.rstrip("/"), phone.portal("").rstrip("/"), "where it leads")
    shown, hidden = titles(town.notices, ZONES[0][0])
    read = set(visit.splash.headings)
    figures["notices"] = len(shown & read)
    check(shown and shown <= read, f"notices of this square that the splash lacks: {sorted(shown - read)}")
    check(not hidden & read, f"notices of other squares on the splash: {sorted(hidden & read)}")
    for platform in ("ios", "android"):
        same(phone.probe(platform), "online", f"{platform} after the tap")
    for family in (4, 6):
        for direction in ("down", "up"):
            got = phone.iperf(direction, seconds=1, family=family)
            figures[f"ipv{family}_{direction}_bytes"] = got.payload
            check(got.payload > 100_000, f"{got.payload} bytes {direction} over IPv{family}")
    return f"{figures['notices']} notices read, one tap, online over IPv4 and IPv6", figures


@step()
def comune(s):
    """A card-holder of the Comune: online before the phone has asked, at the Comune's rate."""
    town, figures = s.town, {}
    phone = s.people["card-holder"] = town.phone("card-holder")
    profile = town.centre.add_comune_device(phone.mac)
    cap = profile["down_kbps"] * 1000
    figures["dhcp_ms"] = phone.join(town.router, ipv6=False)
    for platform in ("ios", "android"):
        same(phone.probe(platform), "online", f"{platform}, with no tap")
    check(phone.never_saw_portal(), f"something of the portal was served: {[a.url for a in phone.seen]}")
    phone.wait_ipv6()
    for family in (4, 6):
        got = phone.iperf("down", seconds=7, family=family)
        rate = got.rate_bps(after_s=3)  # at first the cap lets its burst through
        figures[f"ipv{family}_mbps"], figures["cap_mbps"] = round(rate / 1e6, 1), cap / 1e6
        check(0.85 * cap <= rate <= 1.05 * cap, f"{rate / 1e6:.1f} Mbit/s over IPv{family}, cap {cap / 1e6:.1f}")
    check(phone.never_saw_portal(), f"something of the portal was served: {[a.url for a in phone.seen]}")
    return (f"no splash; {figures['ipv4_mbps']} and {figures['ipv6_mbps']} Mbit/s over IPv4 and IPv6 of the "
            f"Comune's {figures['cap_mbps']:g}"), figures


def identity(router):
    """What must outlive a restart: who is online, in which session."""
    return {mac: row["session"] for mac, row in router.clients().items()}


@step("tap")
def restart(s):
    """Both daemons are killed with -9, one after the other, during a download."""
    router, phone, figures = s.town.router, s.people["visitor"], {}
    before, rows = identity(router), len(s.of(phone))
    check(phone.mac in before, f"{phone.name} is not among the clients: {before}")
    # Slower than the cap, whose drops would make TCP pause by itself: any pause is a noticed restart.
    download = phone.start_iperf("down", seconds=8, interval=0.1, options=("--bitrate", "5M", "--length", "4K"))
    time.sleep(1.5)
    for daemon in ("loggiad", "loggia-gate"):
        router.kill(daemon)
        killed = time.monotonic()
        router.restart(daemon)
        key = daemon.replace("-", "_")
        wait_for(f"the same sessions after {daemon}'s restart", lambda: known(router) == before, timeout=5)
        figures[f"{key}_back_ms"] = round((time.monotonic() - killed) * 1000)
        check(download.running(), f"the download ended when {daemon} was killed")
        time.sleep(1.5)
    download.result()
    figures["download_mbps"] = round(download.rate_bps() / 1e6, 1)
    figures["longest_stall_ms"] = round(download.longest_stall_s() * 1000)
    check(figures["longest_stall_ms"] <= STALL_MS, f"the download stood still for {figures['longest_stall_ms']} ms")
    same(identity(router), before, "sessions")
    same(len(s.of(phone)), rows, "sessions of the phone in the centre's accounting")
    return (f"same sessions; back after {figures['loggiad_back_ms']} and {figures['loggia_gate_back_ms']} ms; "
            f"longest stall of the download {figures['longest_stall_ms']} ms"), figures


def known(router):
    with contextlib.suppress(AssertionError, KeyError):  # loggiad is not up yet
        return identity(router)
    return None


@step("tap")
def disconnect(s):
    """The visitor presses "disconnect" mid-download: silence at once, and a true bill."""
    town, phone, figures = s.town, s.people["visitor"], {}
    download = phone.start_iperf("down", seconds=30, interval=0.1)
    time.sleep(2.5)
    pressed = time.monotonic()
    page, answers = phone.press("/leave")
    left = time.monotonic()
    figures["leave_ms"] = round((left - pressed) * 1000)
    check(answers[-1].url.split("?")[0].endswith("/left"), f"after leaving: {answers[-1].url}: {page.text}")
    check(download.running(), "the download had ended before")
    time.sleep(1.5)  # during which nothing may come any more
    download.interrupt()
    # The transfer's own clock began a little after the process did; the last byte tells where.
    last = max(end for _, end, got in download.intervals if got)
    silent = download.intervals[-1][1] - last
    figures["silent_ms"] = round(silent * 1000)
    check(silent >= 1.2, f"bytes still came {1.5 - silent:.1f} s after the page said that the phone had left")
    row = wait_for("the Stop in the centre's accounting", lambda: [r for r in s.of(phone) if r["cause"]], timeout=10)[-1]
    same(row["cause"], "User-Request", "why it stopped")
    for direction in ("down", "up"):
        ratio = row[f"{direction}_bytes"] / phone.payload[direction]
        figures[f"{direction}_accounted_of_payload"] = round(ratio, 3)
    ratio = row["down_bytes"] / phone.payload["down"]
    check(TRUE_WITHIN[0] <= ratio <= TRUE_WITHIN[1],
          f"accounted for {row['down_bytes']} bytes down of {phone.payload['down']} that arrived: {ratio:.3f}")
    same(phone.probe("ios"), "portal", "right after leaving")
    phone.move_to(town.router)
    same(phone.probe("ios"), "portal", "come back to the square")
    check(phone.mac not in town.router.clients(), "it was silently let back in")
    return f"silent at once; {ratio:.3f} of the payload accounted for; not let back in", figures


# --- telling it ------------------------------------------------------------------------------------
def chosen(names):
    """The steps of these names and what they go on from, in the story's order."""
    wanted = set()

    def add(name):
        wanted.add(name)
        for need in STEPS[name][1]:
            add(need)
    for name in names or STEPS:
        add(name)
    return [name for name in STEPS if name in wanted]


def tell(story, names, say):
    results = []
    for name in names:
        began, row = time.monotonic(), {"name": name}
        try:
            words, figures = STEPS[name][0](story)
            row |= {"ok": True, **figures}
        except Exception as e:  # a step that is not true, or that broke
            words, row["ok"], row["error"] = f"NOT TRUE: {e}", False, str(e)
            if not isinstance(e, AssertionError):
                words = traceback.format_exc()
        row["ms"] = round((time.monotonic() - began) * 1000)
        results.append(row)
        say(f"  {'ok  ' if row['ok'] else 'FAIL'} {name:<11}{row['ms']:>6} ms  {words}")
        if not row["ok"]:
            break
    return results


def stay(town, say):
    phone = town.newcomer(name="yours")
    window = Window(phone)
    say(f"\n  The splash page, as a new phone on {ZONES[0][1]} sees it:  {window.url}\n"
        f"  (what it says and does there is real; Ctrl-C ends the city)")
    try:
        while True:
            signal.pause()
    finally:
        window.close()


def main():
    parser = argparse.ArgumentParser(prog="./demo", description="A city's Wi-Fi in network namespaces, and its story.")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout; progress to stderr")
    parser.add_argument("--stay", action="store_true", help="leave the city running and show where to look at it")
    parser.add_argument("--step", action="append", choices=list(STEPS), metavar="NAME",
                        help=f"only this step and what it goes on from: {', '.join(STEPS)}")
    args = parser.parse_args()
    out = sys.stderr if args.json else sys.stdout

    def say(words):
        print(words, file=out, flush=True)

    def interrupted(*_):
        raise KeyboardInterrupt
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT may come in ignored
        signal.signal(sig, interrupted)

    results, began = [], time.monotonic()
    try:
        say("building the city: internet, centre, access router")
        with Town() as town:
            built = round((time.monotonic() - began) * 1000)
            say(f"  ok   city       {built:>6} ms")
            results = tell(Story(town), chosen(args.step), say)
            good = all(r["ok"] for r in results)
            if not good:
                say(town.logs())
            if args.json:
                print(json.dumps({"ok": good, "city_ms": built, "steps": results}), flush=True)
            if args.stay and good:
                stay(town, say)
    except KeyboardInterrupt:
        say("")
        return 0 if args.stay and results and all(r["ok"] for r in results) else 130
    except AssertionError as e:
        say(f"  FAIL city: {e}")
        if args.json:
            print(json.dumps({"ok": False, "error": str(e), "steps": results}), flush=True)
        return 1
    return 0 if results and all(r["ok"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
