"""Stories in progress are kept within bounds, and a beat can be written or accepted only in its turn."""

from __future__ import annotations

import pytest

from brain.stories.shapes import Brief
from brain.stories.shelf import Shelf, Story, writing
from guards.errors import MalformedRequest


def story(beats: int = 3) -> Story:
    return Story("story-1", "nora", Brief(tuple(f"beat {at}" for at in range(beats)), (None,) * beats))


def states(told: Story) -> list[tuple[str, str]]:
    return [(beat["state"], beat["prose"]) for beat in told.json()["beats"]]


def test_a_story_says_how_far_each_beat_is() -> None:
    told = story()
    assert states(told) == [("waiting", ""), ("waiting", ""), ("waiting", "")]
    told.propose("one")
    told.accept("one")
    told.propose("two")
    assert states(told) == [("accepted", "one"), ("proposed", "two"), ("waiting", "")]
    assert told.json()["prose"] == "one\n\ntwo"
    told.accept("two")
    told.accept("three")
    assert states(told) == [("accepted", "one"), ("accepted", "two"), ("accepted", "three")]
    assert told.is_told


@pytest.mark.parametrize(
    ("index", "accepting", "status", "code"),
    [
        (0, False, 409, "beat_accepted"),
        (2, False, 409, "beat_not_reached"),
        (3, False, 404, "beat_not_found"),
        (1, True, 409, "beat_not_written"),
    ],
)
def test_a_beat_out_of_turn_is_refused_with_the_reason(index: int, accepting: bool, status: int, code: str) -> None:
    told = story()
    told.accept("one")
    with pytest.raises(MalformedRequest) as refused:
        told.require(index, accepting=accepting)
    assert (refused.value.status, refused.value.code) == (status, code)
    told.require(1)


def test_the_versions_that_were_not_wanted_are_those_of_the_beat_in_hand() -> None:
    told = story()
    for version in ("a", "b", "c", "d"):
        told.propose(version)
    assert (told.proposal, told.past) == ("d", ["b", "c", "d"])
    told.accept("d")
    assert (told.proposal, told.past) == ("", [])


def test_one_writer_at_a_time() -> None:
    told = story()
    with writing(told), pytest.raises(MalformedRequest) as refused, writing(told):
        pass
    assert (refused.value.status, refused.value.code) == (409, "story_busy")
    with writing(told):
        pass


def test_the_story_touched_longest_ago_makes_room_and_an_old_one_is_forgotten() -> None:
    now = [0.0]
    shelf = Shelf(lambda: now[0], kept=2, seconds=10)
    one, two, three = (shelf.begin("nora", Brief(("x",), (None,))) for _ in range(3))
    shelf.put(one)
    shelf.put(two)
    now[0] = 5
    shelf.get(one.id)
    shelf.put(three)
    with pytest.raises(MalformedRequest) as refused:
        shelf.get(two.id)
    assert (refused.value.status, refused.value.code) == (404, "story_not_found")
    now[0] = 14
    assert shelf.get(one.id) is one
    now[0] = 15
    with pytest.raises(MalformedRequest):
        shelf.get(three.id)
    shelf.remove(one.id)
    with pytest.raises(MalformedRequest):
        shelf.remove(one.id)


def test_the_repr_of_a_story_tells_none_of_it() -> None:
    told = story()
    told.propose("canary")
    assert "canary" not in repr(told)
    assert "beat 0" not in repr(told)
