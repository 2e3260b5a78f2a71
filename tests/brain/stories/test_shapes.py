"""A body becomes a brief with a temperature for each beat, and nothing readable shows in a repr."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brain.stories.shapes import BeatAction, StoryIn, joined, read, story_json
from guards.errors import MalformedRequest


def story(**body: Any) -> StoryIn:
    return read(StoryIn, json.dumps({"beats": ["canary a", "canary b"], **body}).encode())


def test_a_beat_s_own_temperature_is_stronger_than_the_story_s() -> None:
    beats = ["a", {"text": " b ", "temperature": 0}]
    brief = story(beats=beats, mode="sequential", temperature=1.5).brief()
    assert (brief.beats, brief.temperatures) == (("a", "b"), (1.5, 0))


def test_user_and_metadata_are_accepted() -> None:
    assert story(user="u", metadata={"conversation_id": "c"}).mode == "whole"


def test_no_repr_shows_text() -> None:
    told = story(so_far="canary", guidance="canary", characters=[{"name": "canary"}])
    assert "canary" not in repr(told) + repr(told.brief())
    assert "canary" not in repr(read(BeatAction, b'{"action": "accept", "prose": "canary"}'))


def test_an_error_quotes_nothing_of_the_body() -> None:
    with pytest.raises(MalformedRequest) as refused:
        story(beats=[{"text": "canary", "temperature": "canary"}])
    assert "canary" not in str(refused.value)


def test_a_story_is_its_beats_and_their_prose_as_paragraphs() -> None:
    assert joined(["a", "", "b"]) == "a\n\nb"
    assert story_json("i", "whole", ["x"], ["p"]) == {
        "id": "i", "mode": "whole", "beats": [{"beat": "x", "prose": "p"}], "prose": "p",
    }  # fmt: skip
