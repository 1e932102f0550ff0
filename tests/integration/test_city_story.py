"""The steps of ./demo, each as a test, on one city. They go on from each other, in this order."""

import pytest
from city.story import CITY, STEPS, Story
from city.town import Town

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def story():
    with Town(people=300, **CITY) as town:
        yield Story(town)


@pytest.fixture(scope="module")
def untrue():
    """Names of steps that were not true: what goes on from them says so instead of failing again."""
    return set()


@pytest.mark.parametrize("name", list(STEPS))
def test_story(story, untrue, name):
    step, needs = STEPS[name]
    for need in needs:
        if need in untrue:
            pytest.skip(f"goes on from {need}, which was not true")
    try:
        print(*step(story))
    except BaseException:
        untrue.add(name)
        print(story.town.logs())
        raise


def test_visitor_who_walked_on_was_not_drawn_back(story, untrue):
    """Long after: one session on the second square, and it goes on."""
    if "roam" in untrue:
        pytest.skip("goes on from roam, which was not true")
    rows = story.of(story.people["visitor"])
    there = [row for row in rows if row["nas"] == "router1"]
    assert len(there) == 1 and not there[0]["stop"] and rows[-1] is there[0], rows
