"""A story comes apart into prose and the rest, and is put together again with other prose."""

from __future__ import annotations

from proxy.surfaces.story_body import beside, shown, story_of
from proxy.wire import PLACEHOLDER

STORY = {
    "id": "s", "mode": "interactive", "prose": "a\n\nb",
    "beats": [{"beat": "x", "prose": "a", "state": "accepted"}, {"beat": "y", "prose": "b", "state": "proposed"}],
}  # fmt: skip


def test_a_story_put_together_again_is_the_same() -> None:
    rest = beside(STORY)
    assert "prose" not in str(rest)
    assert story_of(rest, ["a", "b"]) == STORY


def test_beats_that_nobody_knows_are_placeholders() -> None:
    assert story_of({"id": "s"}, ["a", ""])["beats"] == [
        {"beat": PLACEHOLDER, "prose": "a"}, {"beat": PLACEHOLDER, "prose": ""},
    ]  # fmt: skip


def test_what_is_no_list_of_beats_has_none() -> None:
    assert beside({"beats": 5})["beats"] == []
    assert beside({"beats": [5]})["beats"] == [{}]


def test_of_a_beat_that_had_to_be_masked_nothing_is_shown() -> None:
    rest = beside(STORY)
    judged = {**rest, "beats": [{**rest["beats"][0], "beat": "*** x"}, rest["beats"][1]]}
    assert [beat["beat"] for beat in shown(rest, judged)["beats"]] == [PLACEHOLDER, "y"]
    assert shown(rest, {"id": "s"}) == {"id": "s"}
