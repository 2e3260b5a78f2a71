"""A prompt shows the latest of a conversation, and of a long message its ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.shown import LONGEST_MESSAGE, MOST, shown
from guards.types import Message

MESSAGES = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(max_size=200)), max_size=8)


def test_an_ordinary_conversation_is_shown_as_it_is() -> None:
    said = tuple(Message(("user", "assistant")[at % 2], f"line {at}") for at in range(200))
    assert shown(said) == said
    assert shown(()) == ()


def test_of_a_long_message_both_ends_are_shown() -> None:
    [message] = shown((Message("user", "first words " + "x" * 50_000 + " last words"),))
    assert message.text.startswith("first words")
    assert message.text.endswith("last words")
    assert len(message.text) <= LONGEST_MESSAGE


@given(MESSAGES, st.integers(1, 4000))
def test_it_is_bounded_and_ends_with_what_was_said_last(said: list[Message], times: int) -> None:
    long = tuple(Message(message.role, message.text * times) for message in said)
    result = shown(long)
    assert sum(len(message.text) for message in result) <= MOST
    assert [message.role for message in result] == [message.role for message in long[len(long) - len(result) :]]
    assert bool(result) == bool(long)


@pytest.mark.parametrize("id", ["c", None])
def test_fifty_thousand_characters_are_a_bounded_prompt_and_kept_whole(
    play: Any, training_data: Path, id: str | None
) -> None:
    text = "i need to tell you everything. " + "and then and then " * 2_800 + "so what do you think?"

    async def scenario(room: Any) -> None:
        assert await room.say(text, id=id) == "a reply"
        assert len(json.dumps(room.asked)) < 20_000
        assert room.asked[-1]["content"].startswith("i need to tell you everything.")
        assert room.asked[-1]["content"].endswith("so what do you think?")

    play(scenario)
    stored = (training_data / "data" / "memory.sqlite3").read_bytes() if id else text.encode()
    assert stored.count(b"and then") >= 5_000
