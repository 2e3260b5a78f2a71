"""Keys refuse what cannot be an id, and nothing that was said shows in a repr."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brain.memory.types import LONGEST_ID, Begun, ConversationKey, Fact, Feeling, Line, Recollection
from guards.errors import MalformedRequest
from guards.types import Message


@pytest.mark.parametrize("id", ["", "x" * 10_000, "x" * (LONGEST_ID + 1), "\ud800"])
def test_an_id_that_cannot_be_one_is_refused_without_being_quoted(id: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        ConversationKey("default", "mila", id)
    assert caught.value.code == "invalid_id"
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("id", ["a/b", "%", "..", "日本 🐕", "x" * LONGEST_ID, " "])
def test_any_other_id_is_one(id: str) -> None:
    assert ConversationKey("default", "mila", id).id == id


def test_no_repr_shows_what_was_said() -> None:
    key, at = ConversationKey("default", "mila", "c"), datetime(2026, 11, 26, tzinfo=UTC)
    line, fact = Line("user", "canary", at, "t"), Fact("canary", "t", "canary")
    known = Recollection(key, summary="canary", facts=(fact,), lines=(line,), messages=1)
    said = (Message("user", "canary"),)
    assert "canary" not in f"{line!r} {fact!r} {known!r} {Begun(key, 't', known, (fact,), said, said)!r}"


def test_emotion_is_the_sum_of_what_turns_added() -> None:
    key = ConversationKey("default", "mila", "c")
    assert Recollection(key, settled=1.0, feelings=(Feeling("a", -0.5), Feeling("b", 0.25))).emotion == 0.75
