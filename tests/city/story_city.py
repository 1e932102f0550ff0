"""The whole city: two routers, two administrations, what may fail, and a small comune with a router of its own."""

import re
import threading
import time
import urllib.parse

from city.internet import IPERF
from city.netns import wait_for
from city.platforms import PLATFORMS
from city.steps import (STALL_MS, at_the_cap, check, events, identity, known, milliseconds, online_unasked, same, served,
                        step, unserved)
from city.town import ZONES, titles
from city.webpage import Page

DEADLINE_MS = 200  # conf/centre/mods-available/loggia
ON_THE_WAY_MS = 100  # what router, network and a busy machine may add to it
FORGOTTEN_AFTER_S = 2.5  # the same file's remember.not_found, and a little
REBUILT_WITHIN_MS = 50


@step("tap")
def roam(s):
    """The visitor walks on to the next square: online there, without a splash, and no longer here."""
    phone, (home, other), figures = s.people["visitor"], s.town.routers, {}
    if phone.mac not in home.clients():  # had left, in the step before
        phone.tap()
    session, before = home.clients()[phone.mac]["session"], served(other)
    phone.seen.clear()
    began = time.monotonic()
    figures["dhcp_ms"] = phone.move_to(other, ipv6=False)
    online_unasked(phone)
    figures["online_ms"] = milliseconds(began)
    same(served(other), before, "redirects and pages served by the second router")
    check(phone.mac in other.clients(), "the second router does not list it")
    row = wait_for("the end of the old session in the centre's accounting",
                   lambda: [r for r in s.of(phone) if r["session"] == session and r["stop"]], timeout=10)[0]
    figures["closed_ms"], figures["cause"] = milliseconds(began), row["cause"]
    check(phone.mac not in home.clients(), "the first router still has it open")
    now = [r for r in s.of(phone) if not r["stop"]]
    same([r["nas"] for r in now], [other.name], "where the centre's accounting has it open")
    here, elsewhere = titles(s.town.notices, ZONES[1][0])
    read = set(Page(phone.browse(phone.portal("/"), []).text).headings)
    check(here <= read and not elsewhere & read,
          f"notices of {ZONES[1][1]}: lacks {sorted(here - read)}, shows {sorted(elsewhere & read)}")
    return (f"no splash; the old session closed after {figures['closed_ms']} ms ({row['cause']}); "
            f"{len(here)} notices of {ZONES[1][1]}"), figures


@step()
def provincia(s):
    """Somebody whom only the Provincia knows, and somebody whom both know, on the Comune's square."""
    town, figures = s.town, {}
    one, both = s.phone("provincial"), s.phone("of-both")
    grants = {one: town.centre.add_provincia_device(one.mac), both: town.centre.add_person_in_both(both.mac)}
    alone = town.centre.profile("resident")
    check(grants[both]["down_kbps"] > alone["down_kbps"] and grants[both]["session_s"] > grants[one]["session_s"],
          f"the sample's profiles show nothing: {grants[both]}")
    for phone, grant in grants.items():
        phone.join(town.router, ipv6=False)
        online_unasked(phone)
        row = town.router.clients()[phone.mac]
        same((row["down_Bps"] * 8 // 1000, row["up_Bps"] * 8 // 1000), (grant["down_kbps"], grant["up_kbps"]),
             f"kbit/s down and up of {phone.name}")
        same(row["since_s"] + row["ends_in_s"] - grant["session_s"] in (-1, 0, 1), True,
             f"a session of {grant['session_s']} s for {phone.name} ({row})")
    trouble = []

    def measure(phone, cap):
        try:
            figures[f"{phone.name.replace('-', '_')}_mbps"] = round(
                at_the_cap(cap, lambda: phone.iperf("down", seconds=6), after_s=3) / 1e6, 1)
        except AssertionError as e:
            trouble.append(f"{phone.name}: {e}")
    together = [threading.Thread(target=measure, args=(p, g["down_kbps"] * 1000)) for p, g in grants.items()]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    check(not trouble, "; ".join(trouble))
    for phone in grants:
        unserved(phone)
    figures |= {"both_session_s": grants[both]["session_s"]}
    return (f"no splash; {figures['provincial_mbps']} of the Provincia's {grants[one]['down_kbps'] / 1000:g} Mbit/s; known "
            f"to both: {figures['of_both_mbps']} of the Provincia's {grants[both]['down_kbps'] / 1000:g}, and the Comune's "
            f"{grants[both]['session_s'] // 3600} h"), figures


def refused(phone, page, when):
    check("sospeso" in page.text, f"{phone.name} is given no reason in words {when}: {page.text[:400]}")
    check(not [t for t, _ in page.tags if t in ("form", "button", "input")], f"{phone.name} has something to press {when}")
    check(phone.mac not in phone.router.clients(), f"{phone.name} is let in {when}")
    check(not phone.reaches(IPERF[0], 443), f"the world is reached by {phone.name} {when}")
    for platform in ("ios", "android"):
        same(phone.probe(platform), "portal", f"{platform} of {phone.name} {when}")


@step()
def denied(s):
    """Two devices that the Provincia has suspended, on the Comune's square: refused, and told why. One of them had
    seen the splash page before, and sends its form by hand."""
    town, figures = s.town, {}
    phone, crafty = s.phone("suspended"), s.phone("suspended-crafty")
    crafty.join(town.router)
    before, answers = crafty.splash()
    seen = time.monotonic()
    form = before.form("/join")  # good for this device, on this router, today
    for device in (phone, crafty):
        town.centre.add_provincia_device(device.mac, suspended=True)
    phone.join(town.router)
    began = time.monotonic()
    page = Page(phone.browse(PLATFORMS["ios"].urls[0], []).text)
    figures["told_ms"] = milliseconds(began)
    refused(phone, page, "on its pop-up")
    wait_for("the centre to forget that it was a stranger", lambda: time.monotonic() - seen > FORGOTTEN_AFTER_S)
    target = urllib.parse.urljoin(answers[-1].url, form.action)
    for attempt in ("by hand", "by hand again"):
        refused(crafty, Page(crafty.browse(target, [], "--data-raw", form.encoded()).text), f"after a tap {attempt}")
    for device in (phone, crafty):
        same(s.of(device), [], f"sessions of {device.name} in the centre's accounting")
    return f"told why in {figures['told_ms']} ms, no button; a tap made by hand changes nothing", figures


def took_ms(router, device, how):
    """How long the router waited for the centre's yes about this device."""
    rows = wait_for("the answer in the router's log",
                    lambda: events(router, "loggiad", "answer", device=device, how=how, result="accept"))
    return int(rows[-1]["took_us"]) / 1000


@step()
def frozen(s):
    """The Provincia's directory hangs: the next phones join all the same, and the Comune's with all they have."""
    town, router, centre, figures = s.town, s.town.router, s.town.centre, {}
    crowd = [s.phone(f"frozen-{n}") for n in range(6)]
    holders, late = crowd[1::2], s.phone("thawed")
    profile = [centre.add_comune_device(phone.mac) for phone in holders][0]
    fast = centre.add_provincia_device(late.mac, "banda-larga")
    centre.freeze("provincia")
    try:
        figures["answer_ms"], figures["online_ms"] = [], []
        for phone in crowd:
            began, how = time.monotonic(), "silent" if phone in holders else "tap"
            phone.join(router, ipv6=False)
            if how == "tap":
                phone.tap()
            else:  # asked while the centre waits out its deadline: held, and sent back to where it asked
                phone.browse(PLATFORMS["ios"].urls[0], [])
            same(phone.probe("ios"), "online", f"{phone.name}, {how}")
            figures["online_ms"].append(milliseconds(began))
            row = router.clients()[phone.mac]
            if phone in holders:
                unserved(phone)
                same(row["down_Bps"] * 8 // 1000, profile["down_kbps"], f"kbit/s of {phone.name}, a card-holder")
                same(row["up_Bps"] * 8 // 1000, profile["up_kbps"], f"kbit/s up of {phone.name}, a card-holder")
            figures["answer_ms"].append(round(took_ms(router, row["device"], how)))
    finally:
        centre.thaw("provincia")
    worst = max(figures["answer_ms"])
    check(worst <= DEADLINE_MS + ON_THE_WAY_MS, f"the centre's answers took {figures['answer_ms']} ms, deadline {DEADLINE_MS}")
    thawed = time.monotonic()
    wait_for("the thawed directory to be asked again", lambda: recovered(centre), timeout=10)
    figures["recovered_ms"] = milliseconds(thawed)
    late.join(router, ipv6=False)
    online_unasked(late)
    same(router.clients()[late.mac]["down_Bps"] * 8 // 1000, fast["down_kbps"], "kbit/s of a device of the Provincia's")
    return (f"six joined; the centre said yes after {', '.join(map(str, figures['answer_ms']))} ms; "
            f"recovered {figures['recovered_ms']} ms after the thaw"), figures


def recovered(centre):
    """Whether the last that FreeRADIUS said of the Provincia's directory is that it is back."""
    said = re.findall(r"event=authority_(\w+) authority=provincia", centre.radius.output())
    return said and said[-1] == "back"


class Prober:
    """A phone that asks the world every 2 ms, and so notices every gap."""

    def __init__(self, phone):
        self.process = phone.ns.start("ping", "-n", "-D", "-i", "0.002", IPERF[0])
        wait_for("the prober's first answers", lambda: self.process.output().count("bytes from") > 5)

    def longest_gap_ms(self):
        self.process.kill(2)
        times = [float(t) for t in re.findall(r"^\[(\d+\.\d+)\] \d+ bytes from", self.process.output(), re.M)]
        return round(max(b - a for a, b in zip(times, times[1:])) * 1000, 1)


@step("comune")
def flush(s):
    """An admin's script runs "nft flush ruleset" on the busy router."""
    router, phone, figures = s.town.router, s.people["card-holder"], {}
    before, rebuilt = identity(router), len(events(router, "loggiad", "table_rebuilt"))
    check(phone.mac in before, f"{phone.name} is not among the clients: {before}")
    download = phone.start_iperf("down", seconds=4, interval=0.1, options=("--bitrate", "5M", "--length", "4K"))
    prober = Prober(phone)
    time.sleep(1)
    router.load_ruleset_with_flush()
    flushed = time.monotonic()
    told = wait_for("the rebuilt table", lambda: events(router, "loggiad", "table_rebuilt")[rebuilt:], timeout=5)
    wait_for("the same sessions after the flush", lambda: known(router) == before, timeout=5)
    figures["same_sessions_ms"] = milliseconds(flushed)
    figures["gap_ms"] = round(int(told[-1]["gap_us"]) / 1000, 1)
    check("flush ruleset" in told[-1].get("why", ""), f"the log does not name the cause: {told[-1]}")
    check(download.running(), "the download ended with the flush")
    download.result()
    figures["prober_gap_ms"] = prober.longest_gap_ms()
    figures["longest_stall_ms"] = round(download.longest_stall_s() * 1000)
    figures["sessions"] = len(before)
    check(figures["gap_ms"] <= REBUILT_WITHIN_MS, f"rebuilt after {figures['gap_ms']} ms")
    for key in ("prober_gap_ms", "longest_stall_ms"):
        check(figures[key] <= STALL_MS, f"{key}: {figures[key]}")
    same(identity(router), before, "sessions")
    return (f"rebuilt in {figures['gap_ms']} ms, a gap of {figures['prober_gap_ms']} ms for a phone that asks every 2 ms; "
            f"the same {len(before)} sessions; the download went on"), figures


@step()
def embedded(s):
    """A small comune with one router and no centre: a tap, a crash, a power cut, and no second splash."""
    router, figures = s.town.alone, {}
    check("radius {" not in router.conf.read_text(), "the router has a radius section")
    phone = s.phone("of-a-small-comune")
    phone.join(router, ipv6=False)
    visit = phone.tap()
    figures["tap_ms"] = round(visit.tap_ms)
    same(phone.probe("ios"), "online", "after the tap")
    before = identity(router)
    check(phone.mac in before, "it is not among the clients")
    router.kill("loggiad")
    same(phone.probe("ios"), "online", "while loggiad is dead")
    router.restart("loggiad")
    wait_for("the same sessions after the crash", lambda: known(router) == before, timeout=5)
    phone.leave()  # its link goes with the router's power
    figures["back_ms"] = router.reboot()
    same(router.clients(), {}, "online right after a power cut")
    phone.seen.clear()
    began = time.monotonic()
    phone.join(router, ipv6=False)
    online_unasked(phone)
    figures["rejoin_ms"] = milliseconds(began)
    same(served(router), 0, "redirects and pages served since the power cut")
    kept = b"".join(p.read_bytes() for p in (router.dir / "state").rglob("*") if p.is_file()).lower()
    plain = phone.mac.replace(":", "")
    check(not any(form in kept for form in (phone.mac.encode(), plain.encode(), bytes.fromhex(plain))),
          "its MAC address is on the disk")
    return f"tap, kill -9, power cut: online again {figures['rejoin_ms']} ms after it came back, no splash", figures
