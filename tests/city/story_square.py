"""The first evening: one square, one router. Joining by a tap and without, what dies, and leaving."""

import time
import urllib.parse

from city.netns import wait_for
from city.router import PORTAL_NAME
from city.steps import STALL_MS, at_the_cap, check, identity, known, milliseconds, online_unasked, same, step, unserved
from city.town import ZONES, titles

TRUE_WITHIN = (1.00, 1.06)  # bytes accounted for, of the payload that iperf3 saw (headers are bytes too)


@step()
def tap(s):
    """A visitor's new phone on the square: pop-up, notices, one tap, online."""
    town, figures = s.town, {}
    phone = s.phone("visitor")
    figures["dhcp_ms"] = phone.join(town.router)
    for platform in ("ios", "android"):
        same(phone.probe(platform), "portal", f"{platform} before the tap")
    visit = phone.tap("ios")
    figures |= {"splash_ms": round(visit.splash_ms), "tap_ms": round(visit.tap_ms)}
    same(visit.answers[0].status, 302, "the answer to the probe")
    same(urllib.parse.urlsplit(visit.answers[0].location).hostname, PORTAL_NAME, "where it leads")
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
    phone = s.phone("card-holder")
    profile = town.centre.add_comune_device(phone.mac)
    cap = profile["down_kbps"] * 1000
    figures["dhcp_ms"] = phone.join(town.router, ipv6=False)
    online_unasked(phone)
    same(town.router.clients()[phone.mac]["quota_bytes"], 0, "bytes that it may use, of a profile that names no limit")
    phone.wait_ipv6()
    figures["cap_mbps"] = cap / 1e6
    for family, burst in ((4, 3), (6, 2)):  # the second finds most of the burst used up
        rate = at_the_cap(cap, lambda f=family, b=burst: phone.iperf("down", seconds=b + 3, family=f), after_s=burst)
        figures[f"ipv{family}_mbps"] = round(rate / 1e6, 1)
    unserved(phone)
    return (f"no splash; {figures['ipv4_mbps']} and {figures['ipv6_mbps']} Mbit/s over IPv4 and IPv6 of the "
            f"Comune's {figures['cap_mbps']:g}"), figures


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
        figures[f"{key}_back_ms"] = milliseconds(killed)
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
