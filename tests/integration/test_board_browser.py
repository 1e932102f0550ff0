"""The editors' pages in Debian's Chromium, with and without scripts, judged by axe-core and html-validate at 320 px,
with text twice as large and in the dark."""

import json
import os
import subprocess
import tempfile

import pytest

from board_world import PEOPLE, Board
from conftest import SOURCE

BROWSER = SOURCE / "tests" / "browser"


@pytest.fixture(scope="module")
def board():
    r = subprocess.run([BROWSER / "prepare"], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr
    b = Board()
    try:
        carla = b.editor("carla")
        carla.get("/templates/new")
        carla.submit("/templates/new", title__it="Allerta meteo", text__it="Restate in casa.", everywhere="1", hours="3")
        carla.get("/services/new")
        carla.submit("/services/new", title__it="Biblioteca", text__it="Orari", link="https://biblioteca.prato.example/")
        yield b
    finally:
        b.close()


def walk(board, *how):
    # Not pytest's own directory: Chromium's socket in it would have a longer name than a socket may.
    with tempfile.TemporaryDirectory(prefix="loggia-") as home:
        r = subprocess.run(["node", BROWSER / "editors.js", board.url, "carla", PEOPLE["carla"][0], *how], capture_output=True,
                           text=True, check=False, timeout=300, env={**os.environ, "HOME": home, "TMPDIR": home})
    assert r.returncode == 0, r.stderr[-4000:]
    return json.loads(r.stdout)


@pytest.mark.parametrize("how", [[], ["noscript"]], ids=["script", "noscript"])
def test_an_editor_walks_the_whole_road_and_no_page_shuts_anybody_out(board, how):
    seen = walk(board, *how)
    assert not seen["wrong"], "\n".join(seen["wrong"])
    assert seen["sentence"].startswith("Appare subito in Piazza del Duomo, e finisce")
    assert "Strada chiusa per i lavori" in seen["phones"][0] and "Road closed" in seen["phones"][1]
    assert seen["logos"] and all(logo == ["Stemma di Prato", 64] for logo in seen["logos"])
    assert "sulle pagine" in seen["published"] and "ritirato" in seen["withdrawn"] and "sulle pagine" in seen["undone"]
    assert ("26 di 120" in seen["counter"]) == (not how)
    assert seen["twice"] == [False, not how], "where there are scripts a double click is one click"
    assert not [u for u in seen["requests"] if not u.startswith((board.url, "data:"))]
    assert not [e for e in seen["errors"] if "404" not in e]
