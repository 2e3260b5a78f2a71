"""The persona program: situation, examples, the real transcript and guidance as one chat."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from brain.lms.upstream import UpstreamEngine
from brain.persona import ChatShape, Persona, last_fan_line, length_of
from brain.quiet import language_model, quiet
from brain.voice import Voice
from guards.types import Message

NOW = datetime(2026, 11, 20, 21, 40, tzinfo=UTC)
TRANSCRIPT = (Message("user", "hi"), Message("assistant", "hello you"), Message("user", "come over tonight?"))


def sent(voice: Voice, **fields: Any) -> list[dict[str, Any]]:
    """The messages the LM gets; there must be exactly one call."""
    calls: list[list[dict[str, Any]]] = []

    async def complete(messages: list[dict[str, Any]]) -> str:
        calls.append(messages)
        return "a reply"

    async def turn() -> None:
        with quiet(language_model("test", UpstreamEngine(complete)), ChatShape()):
            prediction = await Persona(voice).acall(transcript=TRANSCRIPT, now=NOW, **fields)
        assert prediction.reply == "a reply"

    asyncio.run(turn())
    [messages] = calls
    return messages


def test_the_system_message_tells_who_where_when_and_how_long(voice: Voice) -> None:
    system = sent(voice)[0]
    assert system["role"] == "system"
    for told in ("Nora", "Short and warm.", "Nora paints boats.", "OnlyFans", "Friday 21:40", "3 messages, 6 words"):
        assert told in system["content"]


def test_examples_come_before_the_real_transcript(voice: Voice) -> None:
    messages = sent(voice)
    assert [message["role"] for message in messages] == [
        "system",
        *["user", "assistant"] * 2,
        *["user", "assistant"],
        "user",
    ]
    assert messages[4]["content"] == "only in your dreams tonight"
    assert [message["content"] for message in messages[-3:]] == ["hi", "hello you", "come over tonight?"]


def test_the_past_reply_and_guidance_come_last(voice: Voice) -> None:
    messages = sent(voice, past_reply="my number is", guidance="No numbers.")
    assert messages[-2:] == [
        {"role": "assistant", "content": "my number is"},
        {"role": "system", "content": "No numbers."},
    ]


def test_the_client_s_instructions_are_told_when_there_are_any(voice: Voice) -> None:
    assert "Speak French." in sent(voice, instructions="Speak French.")[0]["content"]
    assert "Also asked of you" not in sent(voice)[0]["content"]


def test_the_last_fan_line_is_the_latest_of_the_fan() -> None:
    assert last_fan_line(TRANSCRIPT) == "come over tonight?"
    assert last_fan_line(()) == ""


def test_the_length_counts_messages_and_words() -> None:
    assert length_of(TRANSCRIPT) == "3 messages, 6 words"
