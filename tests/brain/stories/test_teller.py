"""What a mode becomes: which calls, in which order, and a story in beats whatever they give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from brain.stories.shapes import Brief
from brain.stories.teller import Delta, Done, Teller, Told
from guards.errors import MalformedRequest


class Script:
    """A writer that gives the `answers` in order, letter by letter, and notes what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.closed = 0
        self._answers = list(answers)

    def whole(self, brief: Brief) -> AsyncGenerator[str, None]:
        return self._next("whole", *brief.beats)

    def beat(self, brief: Brief, index: int, so_far: str, past: Sequence[str]) -> AsyncGenerator[str, None]:
        return self._next("beat", index, so_far, list(past))

    def edited(self, brief: Brief, proses: Sequence[str]) -> AsyncGenerator[str, None]:
        return self._next("edited", *proses)

    def planned(self, theme: str) -> AsyncGenerator[str, None]:
        return self._next("planned", theme)

    async def _next(self, *asked: Any) -> AsyncGenerator[str, None]:
        self.asked.append(asked)
        try:
            for letter in self._answers.pop(0):
                yield letter
        finally:
            self.closed += 1


def listed(told: AsyncGenerator[Any, None]) -> list[Any]:
    async def all_of() -> list[Any]:
        return [each async for each in told]

    return asyncio.run(all_of())


def proses(told: Sequence[Told]) -> list[str]:
    """The proses, which the deltas before each must add up to."""
    said = [each.prose for each in told if isinstance(each, Done)]
    for at, prose in enumerate(said):
        assert "".join(each.text for each in told if isinstance(each, Delta) and each.beat == at) == prose
    return said


def brief(*beats: str, **more: Any) -> Brief:
    return Brief(beats, (None,) * len(beats), **more)


def test_a_whole_story_of_one_beat_is_that_beat() -> None:
    script = Script("one.")
    assert proses(listed(Teller(script).tell(brief("a", past_prose="won."), "whole"))) == ["one."]
    assert script.asked == [("beat", 0, "", ["won."])]


def test_a_story_goes_on_from_what_was_told_before_it() -> None:
    script = Script("one.", "two.")
    assert proses(listed(Teller(script).tell(brief("a", "b", so_far="zero."), "sequential"))) == ["one.", "two."]
    assert script.asked == [("beat", 0, "zero.", []), ("beat", 1, "zero.\n\none.", [])]


def test_a_second_pass_reads_the_draft() -> None:
    script = Script("one.", "two.", "[1] One. [2] Two.")
    told = listed(Teller(script).tell(brief("a", "b", passes=2), "sequential"))
    assert proses(told) == ["One.", "Two."]
    assert script.asked[-1] == ("edited", "one.", "two.")


def test_a_number_before_a_single_beat_is_no_part_of_it() -> None:
    told = listed(Teller(Script("[2] two.")).one(brief("a", "b"), 1, "", []))
    assert told[-1] == Done(1, "two.")


def test_a_beat_that_comes_out_as_before_is_written_once_more_and_nothing_of_it_shows() -> None:
    told = listed(Teller(Script("one two.", "one three.")).one(brief("a"), 0, "", ["One two."]))
    assert proses(told) == ["one three."]
    with pytest.raises(MalformedRequest):
        listed(Teller(Script("one", "one")).one(brief("a"), 0, "", ["one two."]))


def test_a_listener_that_leaves_ends_the_writer() -> None:
    script = Script("[1] one. [2] two.")

    async def leave() -> None:
        told = Teller(script).tell(brief("a", "b", passes=1), "whole")
        await anext(told)
        await told.aclose()

    asyncio.run(leave())
    assert script.closed == 1


def test_a_fan_who_spells_out_beats_is_told_them_in_one_call() -> None:
    script = Script("[1] one. [2] two.")
    assert (
        "".join(listed(Teller(script).asked_for("tell me a story about a fox here, then it rains"))) == "one.\n\ntwo."
    )
    assert script.asked == [("whole", "a fox here", "it rains")]


def test_a_fan_who_names_a_theme_has_it_planned_first() -> None:
    script = Script("1. a fox\n2. a hat", "[1] one. [2] two.")
    assert "".join(listed(Teller(script).asked_for("tell me a story about a fox"))) == "one.\n\ntwo."
    assert script.asked == [("planned", "a fox"), ("whole", "a fox", "a hat")]
