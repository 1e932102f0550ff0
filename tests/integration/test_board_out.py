# SPDX-License-Identifier: GPL-2.0-or-later
"""What the city says, for feed readers and warning systems: each document judged by a third party's reader and by its rules
(feedparser; feedsmith and the schema of jsonfeed-schema; xmllint and cap-ts), and a CAP alert of ours read again by a board of ours."""

import json
import subprocess
from xml.etree import ElementTree

import feedparser
import jsonschema
import pytest
from city.netns import wait_for
from conftest import SOURCE
from published_world import Board, notice

SCHEMAS = SOURCE / "tests" / "integration" / "schemas"
BROWSER = SOURCE / "tests" / "browser"
HARD = 'Città & <b>"x"</b> ]]> \u00ab€\u00bb \U0001f6b2'


@pytest.fixture
def board():
    b = Board()
    try:
        yield b
    finally:
        b.close()


def news(board, name):
    return (board.dir / "out" / "news" / name).read_bytes()


def written(board, name, words):
    """The feed once it says so (it is written after routers have theirs)."""
    path = board.dir / "out" / "news" / name
    return wait_for(f"{words!r} in {name}", lambda: path.exists() and (data := path.read_bytes()) and words.encode() in data and data)


def cap_valid(data, tmp_path):
    path = tmp_path / "alert.cap"
    path.write_bytes(data)
    r = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", SCHEMAS / "cap-1.2.xsd", path], capture_output=True,
                       text=True, check=False)
    assert r.returncode == 0, r.stderr + data.decode()
    fields = feed_of(data)
    read = read_by_others("cap.js", data)
    for name in ("identifier", "sender", "sent"):
        assert read[name] == fields[name]
    assert read.get("references") == fields.get("references")
    assert [i["headline"] for i in read["info_list"]][-1:] == [fields[n] for n in ("headline",) if n in fields]
    return fields


def read_by_others(reader, data):
    """As a library that was not written by us reads and checks it."""
    subprocess.run([BROWSER / "prepare"], check=True, capture_output=True)
    r = subprocess.run(["node", BROWSER / reader], input=data, capture_output=True, check=False)
    assert r.returncode == 0, r.stderr.decode()
    return json.loads(r.stdout)


def json_feed_valid(data):
    """By the rules of the format as others wrote them down, by ours for what this board says (stricter about moments and languages),
    and nothing of it may be lost on a reader: feedsmith leaves out what is not as the format has it (and spaces at an end)."""
    read = read_by_others("jsonfeed.js", data)
    document = json.loads(data)
    for schema in (BROWSER / "node_modules/jsonfeed-schema/schema-v1.1.json", SCHEMAS / "json-feed-1.1.json"):
        jsonschema.validate(document, json.loads(schema.read_text()), format_checker=jsonschema.FormatChecker())
    ids = [i["id"] for i in document["items"]]
    assert len(ids) == len(set(ids)) and document["version"] == "https://jsonfeed.org/version/1.1"
    said = {k: v for k, v in document.items() if k not in ("version", "items")}
    said["items"] = [{k: v.strip() if isinstance(v, str) else v for k, v in i.items() if not k.startswith("_")}
                     for i in document["items"]]
    assert read == said
    return document


def feed_of(data):
    root = ElementTree.fromstring(data)
    ns = "{urn:oasis:names:tc:emergency:cap:1.2}"
    return {e.tag.removeprefix(ns): (e.text or "").strip() for e in root.iter()}


def test_rss_and_json_feed_say_what_is_shown_now_and_hold_what_is_hard(board):
    board.drop("uno", notice(HARD, 'Testo **forte** <script>alert(1)</script> & <b>', zones="duomo", link="https://x.example/?a=1&b=2"))
    board.drop("due", notice("Due", zones="stazione", publisher="acqua"))
    board.drop("dopo", notice("Dopo", from_="2037-01-01"))
    board.start()
    for name, titles in (("it.rss", {HARD, "Due"}), ("zone-duomo.rss", {HARD}), ("zone-stazione.rss", {"Due"}), ("en.rss", {HARD, "Due"}),
                         ("zone-duomo.en.rss", {HARD}), ("zone-stazione.en.rss", {"Due"})):
        d = feedparser.parse(written(board, name, "Due" if "Due" in titles else "Città"))
        assert not d.bozo and d.version == "rss20", (name, d.get("bozo_exception"))
        assert {e.title for e in d.entries} == titles
    d = feedparser.parse(news(board, "it.rss"))
    entry = next(e for e in d.entries if e.title == HARD)
    assert entry.link == "https://x.example/?a=1&b=2" and entry.author == "Comune di Prato" and entry.published_parsed
    assert "<strong>forte</strong>" in entry.summary and "<script" not in news(board, "it.rss").decode()
    assert d.feed.title == "Prato Wi-Fi" and d.feed.links[-1]["href"].endswith("/out/news/it.rss")
    feeds = {name: json_feed_valid(news(board, name))
             for name in ("it.json", "en.json", "zone-duomo.json", "zone-stazione.json", "zone-duomo.en.json")}
    assert {i["title"] for i in feeds["it.json"]["items"]} == {HARD, "Due"}
    assert feeds["zone-duomo.en.json"]["language"] == "en"
    assert board.ask("/out/news/zone-duomo.en.rss").status == 200 and not (board.dir / "out/news/zone-duomo.it.rss").exists()
    served = board.ask("/out/news/it.rss")
    assert served.getheader("Content-Type") == "application/rss+xml; charset=utf-8" and served.body == news(board, "it.rss")
    assert board.ask("/out/news/it.json", If_None_Match=board.ask("/out/news/it.json").getheader("ETag")).status == 304


def test_a_warning_is_cap_and_its_change_and_its_end_are_too(board, tmp_path):
    board.drop("neve", notice("Neve " + HARD, "Catene.", priority="warning", zones="duomo, stazione", link="tel:112"))
    board.drop("orari", notice("Orari"))
    board.start()
    written(board, "alerts.rss", "Neve")
    d = feedparser.parse(news(board, "alerts.rss"))
    assert len(d.entries) == 1 and d.entries[0].enclosures[0]["type"] == "application/cap+xml"
    name = d.entries[0].enclosures[0]["href"].rsplit("/", 1)[1]
    first = cap_valid(news(board, name), tmp_path)
    assert first["msgType"] == "Alert" and first["severity"] == "Moderate" and first["status"] == "Actual"
    assert first["areaDesc"] == "Piazza del Duomo, Stazione centrale" and first["contact"] == "tel:112"
    board.drop("neve", notice("Neve forte", "Catene.", priority="emergency"))
    second = cap_valid(written(board, name, "Neve forte"), tmp_path)
    assert second["msgType"] == "Update" and second["severity"] == "Severe" and second["urgency"] == "Immediate"
    assert second["references"] == f"{first['sender']},{first['identifier']},{first['sent']}"
    board.remove("neve")
    last = cap_valid(written(board, name, "Cancel"), tmp_path)
    assert second["identifier"] in last["references"] and first["identifier"] in last["references"]
    assert not feedparser.parse(news(board, "alerts.rss")).entries


def test_another_board_takes_the_alert_as_it_was_meant(board):
    board.drop("neve", notice("Neve forte", "Restate *in casa*.", priority="emergency"))
    board.start()
    written(board, "alerts.rss", "Neve")
    other = Board(feeds=f'feed vicini {{ url = "http://127.0.0.1:{board.port}/out/news/alerts.rss" publisher = comune '
                        'zones = { "*" } poll = 1 approval = no }')
    try:
        other.start()
        other.says("Neve forte")
        text = next(iter(other.bundle()["notice"].values()))
        assert "priority: emergency" in text and "source: Comune di Prato" in text
        board.remove("neve")
        other.says()
    finally:
        other.close()
