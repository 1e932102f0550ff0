"""The editors' road through loggia-board, as they walk it: sign in, write, look, agree, publish, undo; and what
they must not be able to do."""

import os
import re
import signal
import socket
import sqlite3
import time
import urllib.parse

import pytest

from board_world import PEOPLE, Board, Editor, in_days
from city.netns import wait_for
from conftest import SOURCE


@pytest.fixture(scope="module")
def board():
    b = Board()
    try:
        yield b
    finally:
        b.close()


@pytest.fixture(scope="module")
def careful():
    """An administration where a second person has to agree."""
    b = Board(approval=True)
    try:
        yield b
    finally:
        b.close()


def bundle(board):
    """What routers get now."""
    out = board.dir / "out"
    current = (out / "current").read_text()
    return (out / (re.search(r"sha256: (\w+)", current).group(1) + ".bundle")).read_text(errors="replace")


# --- sign-in -------------------------------------------------------------------------------------------------
def test_an_editor_signs_in_with_the_directorys_password_and_sees_the_notices(board):
    e = board.editor()
    assert "Sign in" in e.get("/").words
    page = e.sign_in("anna")
    assert page.status == 200 and "Write a notice" in page.words and "Anna Rossi" in page.words


@pytest.mark.parametrize("name, password, status, words", [
    ("anna", "sbagliata", 403, "not right"), ("nessuno", "x", 403, "not right"), ("*", "anna-segreta-1", 403, "not right"),
    ("anna)(uid=*", "anna-segreta-1", 403, "not right"), ("elsa", None, 403, "not an editor")])
def test_who_is_not_an_editor_is_told_so_and_stays_out(board, name, password, status, words):
    e = board.editor()
    page = e.sign_in(name, password or PEOPLE[name][0])
    assert page.status == status and words in page.words
    assert "Sign in" in e.get("/new").words


def test_an_empty_password_never_reaches_the_directory(board):
    e = board.editor()
    e.get("/sign-in")
    assert e.submit("/sign-in", name="anna", password="", administration="comune").status == 403


def test_a_directory_that_does_not_answer_is_said_and_stops_nobody_else(board):
    board.slapd.stop()
    try:
        e = board.editor()
        page = e.sign_in("franco")
        assert page.status == 503 and "does not answer" in page.words
        assert e.get("/style.css").status == 200
    finally:
        board.slapd.start()
    assert "Write a notice" in board.editor("franco").page.words


@pytest.mark.parametrize("rights, step", [("access to * by * disclose", "search: Insufficient access"),
                                          ("access to * by * none", "search: No such object")])
def test_a_directory_that_lets_the_board_see_nothing_is_the_admins_to_mend(board, rights, step):
    open_to_all = board.slapd.rights
    board.slapd.restart(rights)
    try:
        page = board.editor().sign_in("franco")
        assert page.status == 503 and "does not let this board look accounts up" in page.words
        assert f'event=directory_refuses administration=comune why="{step}; bind_dn has no right' in board.log()
    finally:
        board.slapd.restart(open_to_all)
    assert "Write a notice" in board.editor("franco").page.words


def test_guesses_under_other_spellings_of_a_name_count_as_one():
    b = Board()
    try:
        for name in ("Carla", "CARLA", "carlA", " carla", "cArLa"):
            assert b.editor().sign_in(name, "indovina").status == 403
        assert b.editor().sign_in("carla").status == 429
        assert b.editor().sign_in("CaRLa", PEOPLE["carla"][0]).status == 429
    finally:
        b.close()


def test_addresses_are_the_proxys_word_and_not_the_clients():
    b = Board(conf='trusted_proxy = "127.0.0.1"')
    try:
        e = b.editor()
        e.get("/sign-in")
        form = {**e.page.form("/sign-in")["fields"], "administration": "comune", "password": "x"}
        for headers in (["198.51.100.7", "203.0.113.9"], ["198.51.100.7, 203.0.113.9"], ["203.0.113.9"]):
            connection = b.connect()
            connection.putrequest("POST", "/sign-in")
            for h in headers:
                connection.putheader("X-Forwarded-For", h)
            body = urllib.parse.urlencode({**form, "name": "chi-e"}).encode()
            for k, v in (("Cookie", f"loggia-signin={e.cookies['loggia-signin']}"), ("Content-Length", str(len(body))),
                         ("Content-Type", "application/x-www-form-urlencoded")):
                connection.putheader(k, v)
            connection.endheaders(body)
            assert connection.getresponse().status == 403
        assert b.log().count("name=chi-e address=203.0.113.9\n") == 3
        for i in range(30):  # one network of IPv6 is one address
            e.post("/sign-in", {**form, "name": f"nessuno{i}"}, headers={"X-Forwarded-For": f"2001:db8:1:2::{i + 1:x}"})
        assert e.post("/sign-in", {**form, "name": "uno"}, headers={"X-Forwarded-For": "2001:db8:1:2::ffff"}).status == 429
        assert e.post("/sign-in", {**form, "name": "due"}, headers={"X-Forwarded-For": "2001:db8:1:3::1"}).status == 403
    finally:
        b.close()


def test_guessing_a_password_is_slowed_down_and_the_board_says_so():
    b = Board()
    try:
        e = b.editor()
        for _ in range(5):
            assert e.sign_in("carla", "indovina").status == 403
        page = e.sign_in("carla")
        assert page.status == 429 and "Too many tries" in page.words
        assert "Write a notice" in b.editor("anna").page.words
        assert "indovina" not in b.log() and PEOPLE["carla"][0] not in b.log()
    finally:
        b.close()


def test_the_first_admin_is_made_on_the_command_line_and_there_is_no_default_password(board):
    e = board.editor()
    assert e.sign_in("admin", "admin", administration="provincia").status == 403
    short = board.run("admin", "add", "rita", "--administration", "provincia", "--local", input="corta\n")
    assert short.returncode == 1 and "at least 12" in short.stderr
    r = board.run("admin", "add", "rita", "--administration", "provincia", "--local", input="una frase lunga e mia\n")
    assert r.returncode == 0, r.stderr
    assert "Provincia di Prato" in e.sign_in("rita", "una frase lunga e mia", administration="provincia").words
    assert board.run("admin", "remove", "rita", "--administration", "provincia").returncode == 0
    assert "Sign in" in e.get("/").words  # and is out at once


def test_a_session_is_new_at_each_sign_in_and_nobody_can_bring_one(board):
    e = board.editor()
    e.cookies["loggia-board"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    e.sign_in("anna")
    first = e.cookies["loggia-board"]
    assert not first.startswith("AAAA")
    e.sign_in("anna")
    second = e.cookies["loggia-board"]
    assert second != first
    thief = Editor(board)
    thief.cookies["loggia-board"] = first
    assert "Sign in" in thief.get("/").words
    e.submit("/sign-out")
    thief.cookies["loggia-board"] = second
    assert "Sign in" in thief.get("/").words


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(board):
    e = board.editor()
    e.get("/sign-in")
    page = e.submit("/sign-in", follow=False, name="anna", password=PEOPLE["anna"][0], administration="comune")
    assert page.status == 303
    assert "HttpOnly; SameSite=Lax" in page.headers["Set-Cookie"]


def test_a_form_of_another_site_does_nothing(board):
    e = board.editor("anna")
    page = e.write(title__it="CSRF")
    action = page.form("/publish")["action"]
    fields = page.form("/publish")["fields"]
    assert e.post(action, {**fields, "token": "x" * 22}).status == 403
    assert e.post(action, {k: v for k, v in fields.items() if k != "token"}).status == 403
    assert e.post(action, fields, headers={"Origin": "https://evil.example"}).status == 403
    assert e.post(action, fields, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    other = board.editor("anna")
    other.get("/new")
    stolen = other.page.form("/new")["fields"]["token"]
    assert e.post(action, {**fields, "token": stolen}).status == 403
    assert "draft" in e.get(action.removesuffix("/publish")).words


def test_what_was_typed_is_still_there_after_a_sign_in_that_had_expired(board):
    e = board.editor("anna")
    e.get("/new")
    with sqlite3.connect(board.dir / "state/board.db", timeout=10) as db:
        db.execute("UPDATE session SET seen = seen - 86400")
    page = e.submit("/new", title__it="Scritto a lungo", text__it="Molte parole.", zone__duomo="1")
    assert page.status == 401 and "signed out meanwhile" in page.words
    page = e.submit("/sign-in", name="anna", password=PEOPLE["anna"][0])
    assert "here is what you typed" in page.words
    fields = page.form("/new")["fields"]
    assert fields["title.it"] == "Scritto a lungo" and fields["text.it"] == "Molte parole." and fields["zone.duomo"] == "1"
    assert "password" not in fields
    assert "All checks" in e.submit("/new", title__en="Written").words


def test_what_was_typed_before_a_sign_in_does_not_write_over_what_somebody_did_meanwhile(board):
    a, b = board.editor("anna"), board.editor("franco")
    number = re.search(r"/notice/(\d+)/", a.write(title__it="Visto da due").text).group(1)
    a.get(f"/notice/{number}/edit")
    with sqlite3.connect(board.dir / "state/board.db", timeout=10) as db:
        db.execute("UPDATE session SET seen = seen - 86400")
    assert a.submit("/edit", title__it="Di Anna").status == 401
    b.sign_in("franco")
    b.get(f"/notice/{number}/edit")
    b.submit("/edit", title__it="Di Franco")
    page = a.submit("/sign-in", name="anna", password=PEOPLE["anna"][0])
    assert "Somebody else has changed" in page.words and page.form("/edit")["fields"]["title.it"] == "Di Anna"
    # and if it is done while the page is open
    b.get(f"/notice/{number}/edit")
    b.submit("/edit", title__it="Ancora di Franco")
    assert "Somebody else has changed" in a.submit("/edit").words
    assert "Ancora di Franco" in b.get(f"/notice/{number}").words
    a.submit("/edit")  # the page said so: now it is meant
    assert "Di Anna" in b.get(f"/notice/{number}").words
    # a form that does not say what it was made from is no way around
    fields = a.get(f"/notice/{number}/edit").form("/edit")["fields"]
    page = b.post(f"/notice/{number}/edit", {**b.get(f"/notice/{number}/edit").form("/edit")["fields"], "version": ""})
    assert "Somebody else has changed" in page.words and fields["title.it"] == "Di Anna"


# --- writing, publishing ---------------------------------------------------------------------------------------
def test_a_notice_in_two_languages_goes_from_the_form_to_the_routers_and_back(board):
    e = board.editor("anna")
    page = e.write(title__it="Strada chiusa", text__it="Via **Roma** è chiusa.", title__en="Road closed",
                   text__en="Via Roma is closed.", until_day=in_days(3), until_hour="18:30", priority="service")
    assert "It appears at once in Piazza del Duomo, and ends on" in page.words and "at 18:30" in page.words
    assert "All checks are fine" in page.words
    page = e.submit("/publish")
    assert "on the pages" in page.words
    wait_for("the routers have it", lambda: "# Strada chiusa" in bundle(board))
    assert "zones: duomo\n" in bundle(board) and "priority: service" in bundle(board)
    page = e.submit("/withdraw")
    assert "withdrawn" in page.words
    wait_for("the routers have it no more", lambda: "# Strada chiusa" not in bundle(board))
    page = e.submit("/restore", number="2")
    wait_for("undone", lambda: "# Strada chiusa" in bundle(board))
    assert "published it" in page.words and "withdrew it" in page.words


def test_what_begins_later_says_when_and_where_in_words(board):
    e = board.editor("anna")
    page = e.write(from_day=in_days(2), from_hour="08:00", zone__san_marco=None, **{"zone.san-marco": "1"})
    assert re.search(r"It appears on \w+day \d+ \w+ 20\d\d at 08:00 in Piazza del Duomo and Piazza San Marco, and ends on", page.words)
    italian = e.get("/notice/" + re.search(r"/notice/(\d+)/", page.text).group(1) + "?lang=it")
    assert re.search(r"Appare \w+", italian.words), italian.words


def test_a_missing_language_is_in_plain_sight_and_does_not_block(board):
    page = board.editor("anna").write()
    assert "English is missing" in page.words and any(f["action"].endswith("/publish") for f in page.forms)


@pytest.mark.parametrize("fields, words", [
    ({"title__it": ""}, "no title"), ({"until_day": ""}, "every notice has an end"), ({"until_day": "2020-01-01"}, "has passed"),
    ({"until_day": "2030-02-31"}, "no day that a calendar has"), ({"zone__duomo": None}, "at least one place"),
    ({"link": "javascript:alert(1)"}, "is no address"), ({"link": "data:text/html,x"}, "is no address"),
    ({"title__it": "x" * 121}, "120 are the most"), ({"text__en": "no title here"}, "without a title")])
def test_a_real_error_blocks_and_what_was_typed_is_kept(board, fields, words):
    e = board.editor("anna")
    page = e.write(**fields)
    assert words in page.words
    assert not any(f["action"].endswith("/publish") for f in page.forms)
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    # Whoever sends the button's POST all the same is refused, too.
    token = page.form("/withdraw")["fields"]
    assert e.post(f"/notice/{number}/publish", token).status == 409
    kept = e.get(f"/notice/{number}/edit").form("/edit")["fields"]
    for name, value in fields.items():
        assert kept.get(name.replace("__", "."), "") == (value or ""), kept


@pytest.mark.parametrize("fields, words", [
    ({"text__it": "[clicca qui](https://www.comune.prato.it/)"}, "do not say where it leads"),
    ({"link": "http://example.com/"}, "not secure"), ({"link": "https://nobody.invalid/"}, "does not answer"),
    ({"link": "https://nobody.invalid/", "text__it": "[Orari](https://nobody.invalid/orari), [moduli](https://nobody.invalid/moduli)"},
     "does not answer: https://nobody.invalid/moduli"),
    ({"priority": "emergency", "until_day": in_days(20)}, "An emergency that stays until"),
    ({"text__it": "parola " * 120}, "more than a phone shows"),
    ({"until_day": in_days(500)}, "more than a year")])
def test_a_warning_explains_and_does_not_block(board, fields, words):
    page = board.editor("anna").write(**fields)
    assert words in page.words and any(f["action"].endswith("/publish") for f in page.forms)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"])
def test_a_link_into_the_boards_own_network_is_not_asked_for(board, host):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as inside:
        inside.setblocking(False)
        page = board.editor("anna").write(link=f"https://{host}:{inside.getsockname()[1]}/secret")
        assert "not public" in page.words and "does not answer" not in page.words
        assert any(f["action"].endswith("/publish") for f in page.forms)
        with pytest.raises(BlockingIOError):  # not even a connection
            inside.accept()


def test_the_preview_is_the_page_that_routers_show(board):
    e = board.editor("anna")
    page = e.write(title__it="Anteprima vera", text__it="Testo **forte**.", link="https://www.comune.prato.it/x")
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    shown = e.get(f"/notice/{number}/preview?show=it&zone=duomo")
    assert "Anteprima vera" in shown.text and "<strong>forte</strong>" in shown.text and "comune.prato.it" in shown.text
    assert "Anteprima vera" not in e.get(f"/notice/{number}/preview?show=it&zone=san-marco").text
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    # In the publisher's colours, with its logo, as the bundle has both.
    logo = re.search(r'src="(/logo/[0-9a-f]{32}\.png)" alt="Stemma di Prato" width="21" height="28"', shown.text).group(1)
    assert 'class="pub c004d40">Comune di Prato' in shown.text and ".c004d40{background:#004d40;color:#ffffff}" in shown.text
    picture = board.editor().get(logo)
    assert picture.status == 200 and picture.headers["Content-Type"] == "image/png"
    assert picture.body == (SOURCE / "tests/fuzz/seeds/logo/crest.png").read_bytes()
    assert board.editor().get("/logo/../board.key").status in (200, 404) and board.editor().get(logo.replace("png", "jpg")).status == 404


def test_two_editors_do_not_write_over_each_other(board):
    a, b = board.editor("anna"), board.editor("franco")
    page = a.write(title__it="Insieme")
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    b.get(f"/notice/{number}/edit")
    a.get(f"/notice/{number}/edit")
    a.submit("/edit", title__it="Insieme, di Anna")
    page = b.submit("/edit", title__it="Insieme, di Franco")
    assert "Somebody else has changed" in page.words
    assert page.form("/edit")["fields"]["title.it"] == "Insieme, di Franco"
    assert "Insieme, di Anna" in a.get(f"/notice/{number}").words


def test_an_imported_notice_keeps_its_source_through_changes_and_undo(board):
    (board.dir / "drop/allerta.half").write_text("publisher: comune\nzones: duomo\nuntil: 2038-01-01\nsource: Protezione civile\n"
                                                 "--- it\n# Temporali\nForti.\n")
    (board.dir / "drop/allerta.half").rename(board.dir / "drop/allerta.md")
    wait_for("it is in", lambda: "# Temporali" in bundle(board), timeout=30)
    e = board.editor("franco")
    number = re.search(r"/notice/(\d+)", e.get("/?q=temporali").text).group(1)
    page = e.get(f"/notice/{number}/edit")
    assert re.search(r'readonly[^>]* value="Protezione civile"', page.text)
    e.submit("/edit", title__it="Temporali, dalle 18", source="Il sindaco")
    e.submit("/publish")
    wait_for("changed", lambda: "# Temporali, dalle 18" in bundle(board))
    assert "source: Protezione civile\n" in bundle(board) and "Il sindaco" not in bundle(board)
    e.submit("/restore", number="1")
    wait_for("undone", lambda: "# Temporali\n" in bundle(board))
    assert "source: Protezione civile\n" in bundle(board)
    e.get(f"/notice/{number}/edit")
    e.submit("/edit", title__it="Finiti i temporali")
    assert "Source: Protezione civile" in e.get(f"/notice/{number}/preview?show=en&zone=duomo").text
    # who writes a new one has none to give
    page = e.write(title__it="Finto", source="Protezione civile")
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    assert "Protezione civile" not in e.get(f"/notice/{number}/edit").text
    (board.dir / "drop/allerta.md").unlink()


def test_what_has_grown_old_is_asked_about_until_somebody_says_that_it_is_true(board):
    anna = board.editor("anna")
    number = number_of(anna.write(title__it="Orari estivi"))
    anna.submit("/publish")
    assert "Still true?" not in anna.get("/").words
    with sqlite3.connect(board.dir / "state/board.db", timeout=10) as db:
        db.execute("UPDATE notice SET changed = changed - 31 * 86400 WHERE id = ?", (number,))
    page = anna.get("/")
    assert "Still true?" in page.words and "Still true?" not in board.editor("dino").get("/").words
    page = anna.submit(f"/notice/{number}/confirm")
    assert re.search(r"anna has looked at it again, \w+day .*: still true", page.words)
    assert "Still true?" not in anna.get("/").words
    anna.get(f"/notice/{number}")
    anna.submit("/withdraw")


def test_search_and_pages_find_old_notices(board):
    e = board.editor("anna")
    for i in range(27):
        e.write(title__it=f"Biblioteca numero {i}")
    page = e.get("/?q=biblio+num")
    assert "Biblioteca numero 26" in page.words and "Biblioteca numero 0 " not in page.words
    older = re.search(r'href="(/\?[^"]*before=[^"]*)"', page.text).group(1).replace("&amp;", "&")
    assert "Biblioteca numero 0 " in e.get(older).words


# --- approval ------------------------------------------------------------------------------------------------
def test_a_second_person_agrees_before_it_appears(careful):
    anna, bruno = careful.editor("anna"), careful.editor("bruno")
    page = anna.write(title__it="Da approvare")
    assert not any(f["action"].endswith("/publish") for f in page.forms)
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    fields = page.form("/send")["fields"]
    assert anna.post(f"/notice/{number}/publish", fields).status == 403
    anna.get(f"/notice/{number}")
    assert "waits for approval" in anna.submit("/send").words
    assert "Somebody waits for you" in bruno.get("/").words
    bruno.get(f"/notice/{number}")
    page = bruno.submit("/return", note="Manca l'orario")
    assert "sent back" in page.words and "Manca l'orario" in anna.get(f"/notice/{number}").words
    anna.get(f"/notice/{number}/edit")
    anna.submit("/edit", text__it="Alle 9.")
    anna.submit("/send")
    bruno.get(f"/notice/{number}")
    assert "on the pages" in bruno.submit("/publish").words
    wait_for("published", lambda: "# Da approvare" in bundle(careful))


def test_why_something_goes_back_is_kept_when_the_sign_in_has_expired(careful):
    anna, bruno = careful.editor("anna"), careful.editor("bruno")
    number = number_of(anna.write(title__it="Senza orario"))
    anna.submit("/send")
    bruno.get(f"/notice/{number}")
    bruno.cookies.clear()
    why = 'Manca <l\'orario> & "il luogo", perché…'
    assert bruno.submit("/return", note=why).status == 401
    page = bruno.submit("/sign-in", name="bruno", password=PEOPLE["bruno"][0], administration="comune")
    assert "here is what you typed" in page.words and page.form("/return")["fields"]["note"] == why
    assert "sent back" in bruno.submit("/return").words and why in anna.get(f"/notice/{number}").words
    assert bruno.get(f"/notice/{number}").status == 200 and "here is what you typed" not in bruno.page.words


def test_nobody_agrees_to_what_they_wrote_themselves(careful):
    bruno = careful.editor("BRUNO", password=PEOPLE["bruno"][0])
    page = bruno.write(title__it="Da solo")
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    page = bruno.submit("/send")
    assert not any(f["action"].endswith("/publish") for f in page.forms)
    again = careful.editor("bruno")
    page = again.get(f"/notice/{number}")
    assert again.post(f"/notice/{number}/publish", page.form("/withdraw")["fields"]).status == 403
    franco = careful.editor("franco")
    franco.get(f"/notice/{number}")
    assert "on the pages" in franco.submit("/publish").words


def number_of(page):
    return re.search(r"/notice/(\d+)/", page.text).group(1)


def test_who_wrote_it_cannot_agree_to_it_by_way_of_anothers_button(careful):
    """An approver's own words, sent back, withdrawn or sent on by somebody else, are still the approver's own."""
    bruno, franco, anna = careful.editor("bruno"), careful.editor("franco"), careful.editor("anna")
    number = number_of(bruno.write(title__it="Contro il parere"))
    bruno.submit("/send")
    franco.get(f"/notice/{number}")
    franco.submit("/return", note="No")
    page = bruno.get(f"/notice/{number}")
    token = page.form("/withdraw")["fields"]
    assert not any(f["action"].endswith("/publish") for f in page.forms)
    assert bruno.post(f"/notice/{number}/publish", token).status == 403
    franco.get(f"/notice/{number}")
    franco.submit("/withdraw")
    latest = int(bruno.get(f"/notice/{number}").form("/restore")["fields"]["version"])
    for old in range(1, latest + 1):
        fields = bruno.get(f"/notice/{number}").form("/restore")["fields"]
        bruno.post(f"/notice/{number}/restore", {**fields, "number": str(old)})
        assert "on the pages" not in bruno.get(f"/notice/{number}").words, old
    sent_on = number_of(bruno.write(title__it="Spinto da un altro"))
    anna.get(f"/notice/{sent_on}")
    anna.submit("/send")
    fields = bruno.get(f"/notice/{sent_on}").form("/withdraw")["fields"]
    assert bruno.post(f"/notice/{sent_on}/publish", fields).status == 403
    franco.get(f"/notice/{sent_on}")
    assert "on the pages" in franco.submit("/publish").words
    bruno.get(f"/notice/{sent_on}/edit")
    bruno.submit("/edit", text__it="Sbagliato")
    page = bruno.get(f"/notice/{sent_on}")
    agreed = next(f for f in page.forms if f["action"].endswith("/restore") and f["fields"]["number"] == "3")
    bruno.post(agreed["action"], agreed["fields"])
    assert "a change is a draft" not in bruno.get(f"/notice/{sent_on}").words, "what was agreed to once may come back"
    wait_for("the routers have it", lambda: "# Spinto da un altro\nDa lunedì in piazza." in bundle(careful))


# --- emergency -----------------------------------------------------------------------------------------------
def prepare(editor, title, **fields):
    """A template as its admin saves it; its number."""
    editor.get("/templates/new")
    page = editor.submit("/templates/new", title__it=title, everywhere="1", publisher="comune",
                         **{"text__it": "Restate in casa.", "hours": "3", **fields})
    assert title in page.words
    return re.search(r"/templates/(\d+)/", page.text).group(1)


def alarm(page, title):
    """The emergency page's button for a template; None where it is not offered."""
    offered = re.search(rf'action="(/emergency/\d+)"(?:(?!</form>).)*{title}', page.text, re.S)
    return offered and offered.group(1)


def test_an_emergency_takes_two_clicks_and_ends_by_itself(careful):
    number = prepare(careful.editor("carla"), "Allerta meteo")
    franco = careful.editor("franco")
    assert "Allerta meteo" in franco.get("/").words, "it waits for whoever has to agree"
    franco.get(f"/templates/{number}")
    assert "ready" in franco.submit("/publish").words
    bruno = careful.editor("bruno")
    began = time.monotonic()
    action = alarm(bruno.get("/emergency"), "Allerta meteo")
    page = bruno.submit(action)
    assert "on the pages" in page.words and "Emergency" in page.words
    wait_for("the routers have it", lambda: "# Allerta meteo" in bundle(careful))
    assert time.monotonic() - began < 5  # the issue's own promise, click to page
    assert "priority: emergency" in bundle(careful)
    assert careful.editor("anna").post(action, {"token": "x"}).status == 403


def test_an_emergency_that_is_clicked_twice_stands_there_once(board):
    prepare(board.editor("carla"), "Ponte chiuso")
    anna, franco = board.editor("anna"), board.editor("franco")
    action = alarm(anna.get("/emergency"), "Ponte chiuso")
    fields = anna.page.form(action)["fields"]
    franco.get("/emergency")
    first = anna.submit(action, follow=False)
    assert first.status == 303
    for again in (anna.post(action, fields), franco.submit(action, follow=False)):
        assert again.status == 303 and again.location == first.location
    wait_for("the routers have it", lambda: "# Ponte chiuso" in bundle(board))
    assert bundle(board).count("# Ponte chiuso") == 1
    # other words under the same title are another emergency
    other = prepare(board.editor("carla"), "Ponte chiuso", text__it="Anche la passerella.")
    anna.get("/emergency")
    assert anna.submit(f"/emergency/{other}", follow=False).location != first.location
    wait_for("the routers have both", lambda: bundle(board).count("# Ponte chiuso") == 2)
    # once it was withdrawn it is meant anew
    anna.get(first.location)
    anna.submit("/withdraw")
    franco.get("/emergency")
    assert franco.submit(action, follow=False).location != first.location


def test_a_template_is_no_way_around_the_second_person(careful):
    """Its writer cannot use it alone; what was agreed to stays usable while a change of it waits, and only that."""
    carla, bruno = careful.editor("carla"), careful.editor("bruno")
    number = prepare(carla, "Frana", text__it="Via Bologna è chiusa.")
    assert "Frana" not in carla.get("/").words and "Frana" in bruno.get("/").words, "it waits for others than its writer"
    page = carla.get("/emergency")
    assert not alarm(page, "Frana") and "a second person has not agreed" in page.words
    token = carla.get("/new").form("/new")["fields"]["token"]
    page = carla.post(f"/emergency/{number}", {"token": token})
    assert page.status in (403, 409)
    page = carla.get(f"/templates/{number}")
    assert "waits for approval" in page.words and "asks nobody any more" in page.words
    assert not any(f["action"].endswith("/publish") for f in page.forms)
    version = page.form("/withdraw")["fields"]["version"]
    assert carla.post(f"/templates/{number}/publish", {"token": token, "version": version}).status == 403
    bruno.get(f"/templates/{number}")
    bruno.submit("/return", note="Quale tratto?")
    carla.get(f"/templates/{number}/edit")
    carla.submit("/edit", text__it="Via Bologna è chiusa a Vaiano.")
    bruno.get(f"/templates/{number}")
    assert "made it ready" in bruno.submit("/publish").words
    carla.get(f"/templates/{number}/edit")
    page = carla.submit("/edit", text__it="Parole di una sola persona.")
    assert "ready; a change waits for approval" in page.words
    page = carla.get("/emergency")
    carla.submit(alarm(page, "Frana"))
    wait_for("the routers have it", lambda: "Via Bologna è chiusa a Vaiano." in bundle(careful))
    assert "Parole di una sola persona" not in bundle(careful)
    carla.submit("/withdraw")
    carla.get(f"/templates/{number}")
    carla.submit("/withdraw")
    assert not alarm(carla.get("/emergency"), "Frana")


def test_a_template_of_when_one_person_was_enough_waits_for_a_second_one():
    b = Board()
    try:
        number = prepare(b.editor("carla"), "Allerta neve")
        assert alarm(b.editor("anna").get("/emergency"), "Allerta neve"), "one person is enough here: ready at once"
        b.approval = True
        b.write_conf()
        b.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "event=reloaded" in b.log())
        carla, bruno = b.editor("carla"), b.editor("bruno")
        assert not alarm(carla.get("/emergency"), "Allerta neve")
        page = carla.get(f"/templates/{number}")
        assert "nobody but its writer has agreed" in page.words and not any(f["action"].endswith("/publish") for f in page.forms)
        bruno.get(f"/templates/{number}")
        bruno.submit("/publish")
        assert alarm(carla.get("/emergency"), "Allerta neve")
    finally:
        b.close()


# --- what must not be possible --------------------------------------------------------------------------------
def test_one_publisher_cannot_speak_as_another_or_in_anothers_places(board):
    dino = board.editor("dino")
    dino.get("/new")
    assert "Piazza del Duomo" not in dino.page.words
    assert dino.submit("/new", title__it="Falso", publisher="comune", zone__duomo="1").status == 403
    dino.get("/new")
    page = dino.submit("/new", title__it="Fontana", publisher="acqua", zone__duomo="1", everywhere="1")
    assert "may not use the place" in page.words
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    assert dino.post(f"/notice/{number}/publish", page.form("/withdraw")["fields"]).status == 409
    mine = board.editor("anna").write(title__it="Del comune").text
    theirs = re.search(r"/notice/(\d+)/", mine).group(1)
    for path in (f"/notice/{theirs}", f"/notice/{theirs}/edit"):
        assert dino.get(path).status == 404
    token = dino.get("/new").form("/new")["fields"]["token"]
    for deed in ("withdraw", "publish", "restore", "send"):
        assert dino.post(f"/notice/{theirs}/{deed}", {"token": token, "number": "1"}).status == 404
    assert dino.post(f"/notice/{theirs}/edit", {"token": token, "publisher": "acqua", "title.it": "rubato"}).status == 403
    for path in ("/templates/new", "/services/new", "/templates", f"/notice/{theirs}/preview?show=it&zone=duomo"):
        assert dino.get(path).status == 404, path
    assert "Del comune" not in dino.get("/?show=all").words + dino.get("/?q=comune&show=all").words
    assert "Fontana" in dino.get("/?show=all").words


def test_an_administration_does_not_see_anothers_notices(board):
    board.run("admin", "add", "vera", "--administration", "provincia", "--local", input="una frase lunga e sua\n")
    mine = board.editor("anna").write(title__it="Solo del comune").text
    number = re.search(r"/notice/(\d+)/", mine).group(1)
    vera = board.editor("vera", password="una frase lunga e sua", administration="provincia")
    assert "Solo del comune" not in vera.get("/?q=solo&show=all").words
    token = vera.get("/new").form("/new")["fields"]["token"]
    for path in (f"/notice/{number}", f"/notice/{number}/edit", f"/notice/{number}/preview?show=it&zone=duomo"):
        assert vera.get(path).status == 404
    assert vera.post(f"/notice/{number}/withdraw", {"token": token}).status == 404


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def test_script_in_every_field_is_only_text(board):
    e = board.editor("anna")
    page = e.write(title__it=HOSTILE, text__it=HOSTILE, title__en=HOSTILE, text__en=HOSTILE + "\n--- it\n# altro\n",
                   link=HOSTILE, from_day=HOSTILE, until_hour=HOSTILE, until_day=HOSTILE, priority=HOSTILE)
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    e.get(f"/notice/{number}/edit")
    e.submit("/edit", link="", from_day="", until_hour="", until_day=in_days(2), priority="info")
    for path in (f"/notice/{number}", f"/notice/{number}/edit", "/?show=all", "/?q=" + "%3Cscript%3E", "/?show=all&q=alert",
                 f"/notice/{number}/preview?show=it&zone=duomo", f"/notice/{number}/preview?show=en&zone=%3Cscript%3E"):
        text = e.get(path).text
        assert "<script>alert" not in text and "<img src=x" not in text, path
        assert "unsafe-inline" not in e.page.headers["Content-Security-Policy"].split("script-src")[-1].split(";")[0]
    e.get(f"/notice/{number}")
    e.submit("/publish")
    wait_for("published", lambda: "alert(1)" in bundle(board))
    assert bundle(board).count("\n--- it\n# altro") == 0
    e.submit("/withdraw")


def test_script_in_every_field_of_a_card_or_a_template_is_only_text(board):
    carla = board.editor("carla")
    carla.get("/services/new")
    page = carla.submit("/services/new", title__it=HOSTILE, text__it=HOSTILE, title__en=HOSTILE, link="javascript:alert(1)",
                        icon=HOSTILE, order=HOSTILE, publisher="comune")
    assert "is no address" in page.words, "a link that is a script is an error"
    card = re.search(r"(/services/\d+)/edit", page.text).group(1)
    carla.get(f"{card}/edit")
    assert "is no address" in carla.submit("/edit", link="https://a.example/?<script>").words
    carla.get(f"{card}/edit")
    carla.submit("/edit", link="https://a.example/?q=%22%3E")
    wait_for("published", lambda: "# " + HOSTILE in bundle(board))
    carla.get("/templates/new")
    carla.submit("/templates/new", title__it=HOSTILE, text__it=HOSTILE, hours="2", everywhere="1", publisher="comune")
    template = re.search(r"(/templates/\d+)/edit", carla.page.text).group(1)
    for path in (card, f"{card}/edit", f"{card}/preview?show=it&zone=duomo", "/services", template, f"{template}/edit", "/templates",
                 f"{template}/preview?show=it&zone=duomo", "/emergency", "/", "/counts"):
        page = carla.get(path)
        assert page.status == 200 and "<script>alert" not in page.text and "<img src=x" not in page.text, path
        assert "javascript:alert" not in page.text, path
    for path in (card, template):
        carla.get(path)
        carla.submit("/withdraw")


def test_an_admin_of_one_publisher_does_not_manage_anothers_cards_and_templates(board):
    board.run("admin", "add", "sara", "--administration", "comune", "--publisher", "acqua", "--local",
              input="una frase lunga e sua\n")
    carla, sara = board.editor("carla"), board.editor("sara", password="una frase lunga e sua")
    template = prepare(carla, "Del comune")
    carla.get("/services/new")
    page = carla.submit("/services/new", title__it="Del comune", text__it="x", link="https://c.example/", publisher="comune")
    card = re.search(r"/services/(\d+)/", page.text).group(1)
    notice = number_of(carla.write(title__it="Del comune", publisher="comune"))
    token = sara.get("/services/new").form("/services/new")["fields"]["token"]
    fields = {"token": token, "publisher": "acqua", "title.it": "rubato", "version": "1", "number": "1", "hours": "1", "zone.fontana": "1"}
    for path in (f"/services/{card}", f"/templates/{template}"):
        assert sara.get(path).status == 404 and sara.get(f"{path}/edit").status == 404
        for deed in ("withdraw", "publish", "restore", "send", "return"):
            assert sara.post(f"{path}/{deed}", fields).status == 404, (path, deed)
        assert sara.post(f"{path}/edit", fields).status == 403
        assert sara.post(re.sub(r"\d+", "new", path), {**fields, "publisher": "comune"}).status == 403
    assert "Del comune" not in sara.get("/services").words + sara.get("/templates").words + sara.get("/emergency").words
    assert sara.post(f"/emergency/{template}", {"token": token}).status == 403
    # and nothing is another kind than it is, for whoever may touch it
    token = carla.get("/new").form("/new")["fields"]["token"]
    numbers = {"notice": notice, "templates": template, "services": card}
    for kind, own in numbers.items():
        for other in set(numbers) - {kind}:
            for deed in ("publish", "withdraw", "send", "restore"):
                path = f"/{other}/{own}/{deed}"
                assert carla.post(path, {"token": token, "version": "1", "number": "1"}).status == 404, path
            assert carla.get(f"/{other}/{own}").status == 404 and carla.get(f"/{other}/{own}/preview?show=it&zone=duomo").status == 404
    for own in (notice, card):
        assert carla.post(f"/emergency/{own}", {"token": token}).status == 403
    for path in (f"/services/{card}", f"/templates/{template}"):
        carla.get(path)
        carla.submit("/withdraw")


def test_characters_that_turn_the_text_around_are_left_out(board):
    e = board.editor("anna")
    page = e.write(title__it="Orario \u202e00:81\u202c e \u2066x\u2069", text__it="a\u0000b\u0007c")
    assert "\u202e" not in page.text and "\u2066" not in page.text
    number = re.search(r"/notice/(\d+)/", page.text).group(1)
    fields = e.get(f"/notice/{number}/edit").form("/edit")["fields"]
    assert fields["title.it"] == "Orario 00:81 e x"


def test_what_is_too_large_is_refused_and_the_board_goes_on(board):
    e = board.editor("anna")
    e.get("/new")
    token = e.page.form("/new")["fields"]["token"]
    assert e.post("/new", {"token": token, "publisher": "comune", "text.it": "x" * 100_000}).status == 413
    assert e.post("/new", "&".join(f"f{i}=1" for i in range(20000)) + f"&token={token}").status == 403
    assert e.request("POST", "/new", b"\xff\xfe", headers={"Content-Type": "text/plain"}).status == 415
    assert e.get("/notice/99999999999999999999").status == 404
    assert e.get("/").status == 200


def test_a_restart_keeps_notices_and_sign_ins(board):
    e = board.editor("anna")
    e.write(title__it="Prima del riavvio")
    board.stop()
    board.start()
    assert "Prima del riavvio" in e.get("/?show=drafts").words


def test_each_administration_has_its_own_colour(board):
    assert board.editor().get("/colour/comune.css").text == ".band{background:#004d40}"
    assert board.editor().get("/colour/}x{.css").text == ".band{background:#17324d}"


def test_a_card_and_a_button_survive_a_sign_in_that_had_expired(board):
    carla = board.editor("carla")
    number = number_of(carla.write(title__it="Da premere"))
    for path, fields in ((f"/notice/{number}/publish", {}),
                         ("/services/new", {"title.it": "Anagrafe", "text.it": "Sportello", "order": "900", "icon": "office",
                                            "zone.duomo": "1", "publisher": "comune", "link": "https://anagrafe.example/"})):
        carla.cookies.clear()
        assert carla.post(path, {"token": "x", **fields}).status == 401
        page = carla.submit("/sign-in", name="carla", password=PEOPLE["carla"][0], administration="comune")
        if fields:
            again = page.form("/services/new")["fields"]
            assert {k: v for k, v in again.items() if v and k not in ("token", "version")} == fields and "not saved yet" in page.words
            assert "Anagrafe" in carla.submit("/services/new").words
        else:
            assert "Da premere" in page.words and page.form("/publish")


# --- services, counts ------------------------------------------------------------------------------------------
def test_a_service_is_a_card_on_every_page_once_it_is_saved(board):
    carla = board.editor("carla")
    carla.get("/services/new")
    page = carla.submit("/services/new", title__it="Biblioteca", text__it="Orari e sale studio",
                        link="https://biblioteca.prato.example/", publisher="comune")
    assert "Biblioteca" in page.words
    wait_for("the routers have it", lambda: "# Biblioteca\n" in bundle(board))
    number = re.search(r"/notice/(\d+)/", board.editor("anna").write().text).group(1)
    assert "Orari e sale studio" in carla.get(f"/notice/{number}/preview?show=it&zone=duomo").text
    card = re.search(r'href="(/services/\d+)">Biblioteca', carla.get("/services").text).group(1)
    assert "Orari e sale studio" in carla.get(f"{card}/preview?show=it&zone=duomo").text
    page = carla.get(card)
    assert re.search(r"1 \w+day \d+ .*? carla published it on the pages", page.words), page.words
    carla.submit("/withdraw")
    wait_for("the routers have it no more", lambda: "# Biblioteca\n" not in bundle(board))


def test_a_card_has_versions_and_a_way_back(board):
    carla = board.editor("carla")
    carla.get("/services/new")
    page = carla.submit("/services/new", title__it="Stato civile", text__it="Sportello", link="", publisher="comune")
    assert "A card leads somewhere" in page.words, "what is wrong is said, in words"
    card = re.search(r"(/services/\d+)/edit", page.text).group(1)
    assert "A card leads somewhere" in carla.get(f"{card}/edit").words, "and where it is mended"
    for line in ("Sportello in Comune", "Sportello di quartiere"):
        carla.get(f"{card}/edit")
        carla.submit("/edit", text__it=line, link="https://civile.example/")
        wait_for("the routers have it", lambda line=line: f"# Stato civile\n{line}" in bundle(board))
    stale = carla.get(f"{card}/edit").form("/edit")["fields"]
    carla.get(card)
    assert "withdrawn" in carla.submit("/withdraw").words
    wait_for("it is gone", lambda: "# Stato civile" not in bundle(board))
    back = next(f for f in carla.page.forms if f["action"].endswith("/restore") and f["fields"]["number"] == "2")
    page = carla.post(back["action"], back["fields"])
    wait_for("the older one is back", lambda: "# Stato civile\nSportello in Comune" in bundle(board))
    page = carla.post(f"{card}/edit", {**stale, "text.it": "Di chi guardava un'altra versione"})
    assert "Somebody else has changed this meanwhile" in page.words
    assert "Sportello in Comune" in bundle(board) and "un'altra versione" not in bundle(board)
    anna = board.editor("anna")
    page = anna.get(card)
    assert page.status == 200 and "carla" in page.words and not any("/services" in f["action"] for f in page.forms)
    token = anna.get("/new").form("/new")["fields"]["token"]
    for deed in ("withdraw", "publish", "restore", "send", "edit"):
        assert anna.post(f"{card}/{deed}", {"token": token, "number": "1", "version": "5", "publisher": "comune"}).status == 403, deed
    carla.get(card)
    carla.submit("/withdraw")


def test_a_second_person_agrees_to_a_card(careful):
    carla, bruno = careful.editor("carla"), careful.editor("bruno")
    carla.get("/services/new")
    page = carla.submit("/services/new", title__it="Tributi", text__it="Pagare online", link="https://tributi.example/",
                        publisher="comune")
    assert "waits for approval" in page.words and "A second person finds it" in page.words
    card = re.search(r"(/services/\d+)/", page.text).group(1)
    assert "Tributi" in bruno.get("/").words
    bruno.get(card)
    bruno.submit("/publish")
    wait_for("the routers have it", lambda: "# Tributi\nPagare online" in bundle(careful))


def test_admins_see_how_their_feeds_do(board):
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # takes connections, until it is gone
        port = nobody.getsockname()[1]
    board.feeds = (f'feed "stampa" {{ url = "http://127.0.0.1:{port}/rss?key=s3cret" publisher = comune zones = {{"*"}} poll = 3600 }}')
    board.write_conf()
    os.kill(board.process.pid, signal.SIGHUP)
    wait_for("the look", lambda: "event=feed_failed feed=comune/stampa" in board.log(), timeout=30)
    carla = board.editor("carla")
    page = carla.get("/feeds")
    assert "stampa" in page.words and f"127.0.0.1:{port}" in page.words and "failures in a row: 1" in page.words
    assert "s3cret" not in page.text and "never" in page.words and "Files in the directory" in page.words
    assert re.search(r"stampa.*?Comune di Prato.*?(Couldn't|Failed to) connect", page.words)
    assert 'href="/feeds"' in carla.get("/").text
    anna = board.editor("anna")
    assert anna.get("/feeds").status == 404 and 'href="/feeds"' not in anna.get("/").text
    board.feeds = ""
    board.write_conf()
    os.kill(board.process.pid, signal.SIGHUP)


def test_counts_are_shown_only_from_the_minimum_on(board):
    carla = board.editor("carla")
    carla.get("/services/new")
    carla.submit("/services/new", title__it="Contata", link="https://contata.example/")
    with sqlite3.connect(board.dir / "state/board.db", timeout=10) as db:
        hour = int(time.time()) // 3600 * 3600
        (number,) = db.execute("SELECT id FROM notice WHERE title = 'Contata'").fetchone()
        db.execute("INSERT INTO counted VALUES ('comune-9001', ?, 'duomo', 'it', 412, 17, 0), ('comune-9002', ?, 'fontana', 'sq', 3, 1, 0),"
                   f"('comune-{number}', ?, 'duomo', 'it', 5000, 61, 2)", (hour, hour, hour))
    page = board.editor("anna").get("/counts")
    today = time.strftime("%-d %B %Y", time.gmtime(hour))
    assert "By hour of the day" in page.words and f"Day Shown Tapped {today} 415 18" in page.words
    assert "the others together 415 18" in page.words and "at least two of them" in page.words
    # alone they would say, beside the day's 415, how many there were in the other
    for told in ("412", "17", "Piazza del Duomo", "Fontana di via Roma"):
        assert told not in page.words, told
    with sqlite3.connect(board.dir / "state/board.db", timeout=10) as db:
        db.execute("INSERT INTO counted VALUES ('comune-9001', ?, 'san-marco', 'it', 700, 90, 0)", (hour,))
    page = board.editor("anna").get("/counts")
    assert "Piazza San Marco 700 90 the others together 415 18" in page.words
    assert "Service Shown Tapped Contata 5000 61" in page.words  # and not among the notices' sums
