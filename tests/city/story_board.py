# SPDX-License-Identifier: GPL-2.0-or-later
"""The city speaks: what an editor publishes, and an emergency, on the splash pages of two squares."""

import re
import time

from city.netns import wait_for
from city.steps import check, milliseconds, same, step
from city.town import ZONES

LOOK_S = 0.2  # a device that is not online may not ask for names more often
EMERGENCY_S = 5


def page(phone):
    answer = phone.fetch(phone.portal("/"))
    same(answer and answer.status, 200, f"the portal's answer to {phone.name}")
    return answer.text


def shows(phone, words, gone=False):
    wait_for(f"{words!r} {'gone from' if gone else 'on'} {phone.name}'s page",
             lambda: (words in page(phone)) != gone, timeout=30, every=LOOK_S)


def waiting(router):
    """It has what there is, and its next question is held by the noticeboard until there is news."""
    wait_for(f"{router.name} at the noticeboard", lambda: router.ctl("status", "--json")["board"]["asked"] >= 2, timeout=30)


@step()
def notice(s):
    """A clerk signs in with the Comune's account, writes for one square in two languages, looks, publishes; and
    takes it back."""
    board, figures = s.town.board, {}
    readers = {zone: s.phone(f"reader-{zone}") for zone, _ in ZONES}
    for phone, router in zip(readers.values(), s.town.routers):
        phone.join(router, ipv6=False)
        waiting(router)
    here, there = readers.values()
    began = time.monotonic()
    clerk = board.editor("anna")
    look = clerk.write(title__it="Biblioteca aperta fino alle 23", text__it="Anche **stasera**.",
                       title__en="Library open until 11 pm", zone__duomo=None, **{f"zone__{ZONES[0][0]}": "1"})
    number = re.search(r"/notice/(\d+)/", look.text)[1]
    check("Biblioteca aperta" not in page(here), "it is on the page before it is published")
    published = time.monotonic()
    clerk.submit("/publish")
    shows(here, "Biblioteca aperta")
    figures["published_ms"], figures["road_ms"] = milliseconds(published), milliseconds(began)
    check("Biblioteca aperta" not in page(there), f"{ZONES[1][1]} shows what is for {ZONES[0][1]}")
    check("<strong>stasera</strong>" in page(here), "it is not as it was written")
    clerk.get(f"/notice/{number}")
    clerk.submit("/withdraw")
    shows(here, "Biblioteca aperta", gone=True)
    return (f"on {ZONES[0][1]}'s page {figures['published_ms']} ms after the click, not on the other square's; "
            "withdrawn"), figures


@step("notice")
def emergency(s):
    """Two clicks: a prepared warning stands above the button on every square, and nobody's way is barred."""
    chief, figures = s.town.board.editor("bruno"), {}
    chief.get("/templates/new")
    chief.submit("/templates/new", title__it="Allerta meteo rossa", text__it="Restate in casa.", everywhere="1", hours="3",
                 publisher="comune")
    readers = [s.people[f"reader-{zone}"] for zone, _ in ZONES]
    for router in s.town.routers:
        waiting(router)
    chief.get("/emergency")
    action = next(f["action"] for f in chief.page.forms if f["action"].startswith("/emergency/"))
    clicked = time.monotonic()
    chief.submit(action)
    for phone in readers:
        shows(phone, "Allerta meteo rossa")
    figures["everywhere_ms"] = milliseconds(clicked)
    check(figures["everywhere_ms"] <= EMERGENCY_S * 1000, f"on all squares after {figures['everywhere_ms']} ms")
    text = page(readers[0])
    check(text.index('role="alert"') < text.index("Allerta meteo rossa") < text.index('action="/join"'),
          "it is not above the button")
    readers[0].tap()
    same(readers[0].probe("ios"), "online", "after a tap in an emergency")
    return f"on both squares' pages {figures['everywhere_ms']} ms after the click, above the button; the tap works", figures
