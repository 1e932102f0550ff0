"""The federation alone (tests/unit/federation_drive) against two real slapd that freeze, die and come back."""

import time

import pytest

from city.directories import Comune, Provincia, mac_of
from city.netns import World, wait_for
from federation_world import CITIZEN, DEADLINE, EMPLOYEE, FAST, MARGIN, OPTIONS, PROVINCIAL, STRANGER, SUSPENDED, Drive

@pytest.fixture(scope="module")
def city():
    with World() as world:
        space = world.namespace("centre")
        comune = Comune(world, space, "comune", "127.0.0.1", 3891)
        provincia = Provincia(world, space, "provincia", "127.0.0.1", 3892)
        for d in (comune, provincia):
            d.fill(500)
            d.start()
        yield world, space, comune, provincia


@pytest.fixture
def drive(city):
    world, space, comune, provincia = city
    d = Drive(world, space, OPTIONS)
    wait_for("both directories answer", lambda: d.states(STRANGER) == ["not_found", "not_found"])
    yield d
    try:
        d.close()
    finally:
        for directory in (comune, provincia):
            directory.thaw()


def says(drive, mac, *states):
    """A machine that stalls for a deadline may give an "unknown"; what is not unknown has to be right."""
    got = wait_for(f"an answer about {mac}", lambda: (s := drive.ask(mac)["answers"]) and
                   all(a["state"] != "unknown" for a in s) and s, timeout=5)
    assert [a["state"] for a in got] == list(states), got
    return got


def within_deadline(answer):
    assert answer["ms"] - answer["late_ms"] < DEADLINE + MARGIN, answer


def test_people_of_both_administrations_are_known(drive):
    staff = 1
    assert says(drive, CITIZEN, "found", "not_found")[0]["profile"] == -1, "the default is not the directory's word"
    assert says(drive, EMPLOYEE, "found", "not_found")[0]["profile"] == staff
    assert says(drive, PROVINCIAL, "not_found", "found")[1]["profile"] == -1
    assert says(drive, FAST, "not_found", "found")[1]["profile"] == staff, "the group was not read"
    assert says(drive, SUSPENDED, "not_found", "found")[1]["denied"]
    says(drive, STRANGER, "not_found", "not_found")


@pytest.mark.alone
def test_a_frozen_directory_costs_the_deadline_and_no_more_then_nothing_and_comes_back(city, drive):
    provincia = city[3]
    says(drive, PROVINCIAL, "not_found", "found")
    says(drive, SUSPENDED, "not_found", "found")
    provincia.freeze()
    worst, asked = 0, 0
    while drive.stats(1)["breaker"] == "closed":
        answer = drive.ask(mac_of("comune", asked % 400 * 4))
        assert answer["answers"][0]["state"] == "found", "the healthy directory's people lost their entitlements"
        worst, asked = max(worst, answer["ms"]), asked + 1
        within_deadline(answer)
        assert asked < 50, "the breaker never opened"
    quick = drive.ask(CITIZEN)
    assert quick["ms"] < 50, f"an open breaker was waited for: {quick}"
    known = drive.ask(PROVINCIAL)["answers"][1]
    assert known["state"] == "found" and known["stale"], "who was known is a stranger now"
    denied = drive.ask(SUSPENDED)["answers"][1]
    assert denied["denied"] and denied["stale"], "who was shut out is let in"
    assert drive.states(STRANGER)[1] in ("unknown", "not_found")
    provincia.thaw()
    began = time.monotonic()
    wait_for("the thawed directory is asked again",
             lambda: not drive.ask(PROVINCIAL)["answers"][1]["stale"], timeout=5)
    recovery = time.monotonic() - began
    assert recovery < 2, f"full entitlements took {recovery:.1f} s to come back"
    print(f"frozen: worst {worst:.0f} ms over {asked} questions until open; recovered in {recovery:.2f} s")


def test_a_directory_that_dies_is_unknown_at_once_and_back_when_it_is(city, drive):
    comune = city[2]
    comune.stop()
    wait_for("it is noticed", lambda: drive.stats(0)["breaker"] != "closed")
    answer = drive.ask(PROVINCIAL)
    assert answer["ms"] < 50 and answer["answers"][1]["state"] == "found", answer
    comune.start()
    wait_for("its people are known again", lambda: drive.states(CITIZEN)[0] == "found", timeout=5)
    assert "event=authority_back authority=comune breaker=closed" in drive.output()


def test_it_starts_and_answers_with_every_directory_down(city):
    world, space, comune, provincia = city
    comune.stop()
    provincia.stop()
    d = Drive(world, space, OPTIONS)
    within_deadline(d.ask(CITIZEN))
    wait_for("both are given up for now", lambda: d.ask(CITIZEN)["ms"] < 20)
    assert d.states(CITIZEN) == ["unknown", "unknown"]
    comune.start()
    provincia.start()
    wait_for("both answer", lambda: d.states(CITIZEN) == ["found", "not_found"], timeout=5)
    d.close()


def test_an_authority_with_several_servers_is_asked_at_the_next_one_when_one_is_gone(city):
    world, space, comune, provincia = city
    gone, here = "authority.server ldap://127.0.0.1:3890", "authority.server ldap://127.0.0.1:3891"
    one = "authority.server 127.0.0.1\nauthority.port 3891"
    assert one in OPTIONS
    for first, second in ((gone, here), (here, gone)):
        d = Drive(world, space, OPTIONS.replace(one, f"{first}\n{second}"))
        wait_for("both directories answer", lambda: d.states(CITIZEN) == ["found", "not_found"])
        comune.stop()
        wait_for("it is noticed", lambda: d.stats(0)["breaker"] != "closed")
        comune.start()
        wait_for("it is found again behind the one that is gone", lambda: d.ask(CITIZEN)["answers"][0]["state"] == "found"
                 and d.stats(0)["breaker"] == "closed")
        d.close()


def test_many_workers_get_right_answers(city):
    """Nothing is lost or mixed up; how long a busy build machine takes is not the question here."""
    d = Drive(city[0], city[1], OPTIONS.replace("deadline {deadline}", "deadline 5000").replace("bulkhead 4", "bulkhead 64"))
    got = d.say("load 32 100 0")
    stats = d.stats(0), d.stats(1)
    d.close()
    assert got["unknown"] == 0, (got, stats)
    # 500 people of the Comune have 1, 2 or 3 devices of their four numbers each.
    assert got["found"] == 999, got
    print(f"32 workers, every question missed: {got['per_s']} questions/s, worst {got['worst_ms']} ms")


@pytest.mark.alone
def test_a_frozen_directory_does_not_hold_all_workers(city, drive):
    provincia = city[3]
    provincia.freeze()
    got = drive.say("load 32 10 1200")
    assert got["found"] > 0 and got["worst_ms"] < DEADLINE + 2 * MARGIN, got
    fed = drive.say("fed")
    assert fed["bulkhead"] > fed["deadline"], f"more workers sat out the deadline than were let go: {fed}"
    print(f"32 workers beside a frozen directory: {got['per_s']} questions/s, worst {got['worst_ms']} ms")


def test_identical_questions_are_asked_once(city, drive):
    provincia = city[3]
    provincia.freeze()
    before = drive.stats(1)["asked"]
    drive.say(f"together 16 {PROVINCIAL}")
    assert drive.say("fed")["coalesced"] == 15
    assert drive.stats(1)["asked"] == before + 1, drive.stats(1)


def test_a_denial_outlives_the_age_at_which_other_answers_are_too_old(city):
    world, space, _, provincia = city
    d = Drive(world, space, OPTIONS + "authority.stale 0\n")
    says(d, PROVINCIAL, "not_found", "found")
    says(d, SUSPENDED, "not_found", "found")
    provincia.freeze()
    try:
        assert d.ask(PROVINCIAL)["answers"][1]["state"] == "unknown", "an answer that is too old was served"
        denied = d.ask(SUSPENDED)["answers"][1]
        assert denied["denied"] and denied["stale"], "a suspended device is let back in by an outage"
    finally:
        provincia.thaw()
        d.close()


def test_passwords_are_checked_beside_the_searches_not_among_them(city, drive):
    """32 searching workers and 8 that check passwords: both get their answers, and each password its own."""
    world, space, comune, provincia = city
    comune.add_login("maria", "segreta", profile="dipendente")
    provincia.add_login("maria", "altra")
    assert drive.say("login 06:00:00:00:00:01 maria altra")["authority"] == 1
    assert drive.ask("06:00:00:00:00:01")["answers"][1]["state"] == "found", "the device is not bound"
    before = [drive.stats(i)["connections"] for i in (0, 1)]
    got = drive.say("logins 4 50 maria segreta")
    assert got["right"] == 200, got
    assert [drive.stats(i)["connections"] for i in (0, 1)] == before
    print(f"4 workers: {200 / got['ms'] * 1000:.0f} logins/s")


@pytest.mark.alone
def test_a_crowd_of_logins_at_a_frozen_directory_ends_in_time(city, drive):
    world, space, comune, provincia = city
    provincia.freeze()
    got = drive.say("logins 16 2 nobody x")
    assert got["right"] == 0 and got["ms"] < 2 * (1500 + 3 * MARGIN), got
    assert drive.say("login 06:00:00:00:00:02 nobody2 x")["result"] in ("unknown", "wrong")


def test_it_ends_in_the_middle_of_everything_and_loses_nothing(city):
    """Under the sanitizers this is where a leak or a late answer would show."""
    world, space, comune, provincia = city
    d = Drive(world, space, OPTIONS)
    says(d, CITIZEN, "found", "not_found")
    provincia.freeze()
    d.process.stdin.write(f"logins 4 1 nobody x\nask {PROVINCIAL}\n")
    d.process.stdin.close()
    assert d.process.wait(20) == 0, d.output()
    provincia.thaw()
