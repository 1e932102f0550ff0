"""The story that ./demo tells: each step is something that a person of the city lives through, checked
for its truth and timed. A step is a function with its name; its `needs` are the steps it goes on from.

    python3 -m city.story [--json] [--stay] [--no-report] [--step NAME]...
"""

import argparse
import json
import signal
import sys
import time
import traceback

from city import story_square  # noqa: I001, F401  (registers its steps, the first ones)
from city import story_city  # noqa: F401  (and these the rest)
from city import story_board  # noqa: F401
from city.report import FILE, Shelf, write
from city.steps import STEPS, Story, milliseconds
from city.town import ZONES, Town
from city.window import Window

CITY = {"routers": 2, "tls": True, "alone": True, "board": True}


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
    results, first = [], time.monotonic()
    for name in names:
        began, row = time.monotonic(), {"name": name, "at_ms": milliseconds(first)}
        try:
            words, figures = STEPS[name][0](story)
            row |= {"ok": True, **figures}
        except Exception as e:  # a step that is not true, or that broke
            words, row["ok"], row["error"] = f"NOT TRUE: {e}", False, str(e)
            if not isinstance(e, AssertionError):
                words = traceback.format_exc()
        row |= {"ms": milliseconds(began), "says": words}
        results.append(row)
        say(f"  {'ok  ' if row['ok'] else 'FAIL'} {name:<11}{row['ms']:>6} ms  {words}")
        if not row["ok"]:
            break
    return results


def report(story, results, built_ms, say):
    began = time.monotonic()
    try:
        file = write(story, results, built_ms)
        say(f"  ok   report     {milliseconds(began):>6} ms  {file}")
    except Exception:  # the story is as true without it
        say(f"  FAIL report: {traceback.format_exc()}")


def stay(town, say):
    phone = town.newcomer(name="yours")
    windows = [Window(phone), Shelf()]
    say(f"\n  The splash page, as a new phone on {ZONES[0][1]} sees it:  {windows[0].url}\n"
        f"  (what it says and does there is real; Ctrl-C ends the city)\n"
        f"  The report of this run:  {windows[1].url}")
    try:
        while True:
            signal.pause()
    finally:
        for window in windows:
            window.close()


def main():
    parser = argparse.ArgumentParser(prog="./demo", description="A city's Wi-Fi in network namespaces, and its story.")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout; progress to stderr")
    parser.add_argument("--stay", action="store_true", help="leave the city running and show where to look at it")
    parser.add_argument("--no-report", action="store_true", help=f"do not write {FILE}")
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
        say("building the city: internet, centre, noticeboard, two access routers, and a small comune's own")
        with Town(**CITY) as town:
            built = milliseconds(began)
            say(f"  ok   city       {built:>6} ms")
            story = Story(town)
            results = tell(story, chosen(args.step), say)
            good = all(r["ok"] for r in results)
            if not good:
                say(town.logs())
            if not args.no_report:
                report(story, results, built, say)
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
