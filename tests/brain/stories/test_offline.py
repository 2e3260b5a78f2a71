"""Without a model a beat is still told: its own words, remarks from the samples, another way each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from brain.stories.beats import Character
from brain.stories.offline import OfflineWriter, who_is_in
from brain.stories.samples import Samples
from brain.stories.shapes import Brief

BEATS = ("Theo misses the tram", "a fox who knows him stops", "they walk home")


def text_of(pieces: AsyncGenerator[str, None]) -> str:
    async def all_of() -> str:
        return "".join([piece async for piece in pieces])

    return asyncio.run(all_of())


def brief(*beats: str, guidance: str = "") -> Brief:
    return Brief(beats or BEATS, (None,) * 3, guidance=guidance)


def test_a_beat_is_its_own_words_with_remarks_about_whom_it_names(samples: Samples) -> None:
    writer = OfflineWriter(samples, 0)
    told = [text_of(writer.beat(brief(), at, "", ())) for at in range(3)]
    assert told[0] == "so, theo misses the tram. theo blinked. it was a tuesday."
    assert told[1].startswith("and then a fox who knows him stops. nobody asked it to.")
    assert told[2].startswith("finally they walk home. and that was that.")


def test_every_version_that_was_not_wanted_is_told_in_another_way(samples: Samples) -> None:
    writer = OfflineWriter(samples, 0)
    past: list[str] = []
    for _ in range(3):
        past.append(text_of(writer.beat(brief(), 0, "", tuple(past))))
    assert len(set(past)) == 3


def test_a_version_that_guidance_finds_fault_with_loses_the_beat_s_own_words(samples: Samples) -> None:
    writer = OfflineWriter(samples, 0)
    assert text_of(writer.beat(brief(guidance="softly"), 0, "", ())).startswith("so, theo misses the tram.")
    told = text_of(writer.beat(brief(guidance="name no such place"), 0, "", ("x",)))
    assert told == "theo blinked. it was a tuesday."


def test_without_samples_a_beat_is_a_plain_sentence() -> None:
    assert text_of(OfflineWriter(Samples(), 0).beat(brief(), 0, "", ())) == "So, Theo misses the tram."


def test_a_whole_story_numbers_its_beats_and_an_edit_keeps_them(samples: Samples) -> None:
    writer = OfflineWriter(samples, 0)
    whole = text_of(writer.whole(brief()))
    assert [f"[{at}]" in whole for at in (1, 2, 3)] == [True] * 3
    assert text_of(writer.edited(brief(), ["a.", "b."])) == "[1] a.\n\n[2] b."


def test_a_theme_is_planned_along_the_arc_of_a_story_like_it(samples: Samples) -> None:
    assert (
        text_of(OfflineWriter(samples, 0).planned("a sad boat"))
        == "1. a sad boat\n2. it rains paint\n3. everyone is blue"
    )
    assert text_of(OfflineWriter(Samples(), 0).planned("a sad boat")) == "1. a sad boat"


@pytest.mark.parametrize(
    ("beat", "who"),
    [
        ("Theo misses the tram", "Theo"),
        ("late at night Ana knocks", "Ana"),
        ("a fox who knows him stops", "the fox"),
        ("the old man sleeps", "the old man"),
        ("it rains", ""),
        ("Rain all day", ""),
    ],
)
def test_whom_a_beat_is_about_is_read_from_its_words(beat: str, who: str) -> None:
    assert who_is_in(beat, ()) == who


def test_a_character_is_called_by_name() -> None:
    assert who_is_in("the porter sleeps", [Character("Theo", "a night porter")]) == "Theo"
