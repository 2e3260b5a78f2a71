"""The persona program: situation, examples, the real transcript and guidance as one chat."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brain.lms.upstream import UpstreamEngine
from brain.persona import ChatShape, Persona, last_turns, length_of
from brain.persona_files import read_personas
from brain.quiet import language_model, quiet
from brain.voice import Voice
from guards.detectors.embedder import Embedder
from guards.types import Message, Transcript

NOW = datetime(2026, 11, 20, 21, 40, tzinfo=UTC)
TRANSCRIPT = (Message("user", "hi"), Message("assistant", "hello you"), Message("user", "come over tonight?"))


def sent(voice: Voice, transcript: Transcript = TRANSCRIPT, **fields: Any) -> list[dict[str, Any]]:
    """The messages the LM gets; there must be exactly one call."""
    calls: list[list[dict[str, Any]]] = []

    async def complete(messages: list[dict[str, Any]]) -> str:
        calls.append(messages)
        return "a reply"

    async def turn() -> None:
        with quiet(language_model("test", UpstreamEngine(complete)), ChatShape()):
            prediction = await Persona(voice).acall(transcript=transcript, now=NOW, **fields)
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


def test_the_last_turns_begin_with_the_latest_of_the_fan() -> None:
    assert last_turns(TRANSCRIPT) == ("come over tonight?", "hello you", "hi")
    assert last_turns((*TRANSCRIPT, Message("assistant", "no"))) == ("come over tonight?", "hello you", "hi")
    assert last_turns(()) == ()


def test_the_length_counts_messages_and_words() -> None:
    assert length_of(TRANSCRIPT) == "3 messages, 6 words"


ROOT = Path(__file__).parents[2]
SHIPPED = {persona.card.model_id: persona for persona in read_personas(ROOT / "training_data")}


@pytest.fixture(scope="module", params=["words", "meaning"])
def mila(request: pytest.FixtureRequest) -> Voice:
    data = SHIPPED["mila"]
    return Voice(data.card, data.conversations.exchanges(), 4, Embedder() if request.param == "meaning" else None)


def told(voice: Voice, *lines: str) -> tuple[str, list[str]]:
    """The system message and the examples that are sent for a conversation of these lines."""
    transcript = tuple(Message(("user", "assistant")[at % 2], line) for at, line in enumerate(lines))
    messages = sent(voice, transcript)
    return messages[0]["content"], [message["content"] for message in messages[1 : -len(lines)]]


def test_asked_about_the_cat_after_talk_of_pottery_the_examples_are_about_the_cat(mila: Voice) -> None:
    _, examples = told(mila, "how did you get into pottery?", "my gran had a wheel in a shed", "tell me about your cat")
    assert len(examples) == 8
    assert examples[-2] == "tell me about your cat"
    assert sum("cat" in line or "pickle" in line for line in examples[1::2]) >= 2
    assert not any("pottery" in line for line in examples[::2])


def test_a_short_question_is_read_in_the_light_of_what_was_said_before_it(mila: Voice) -> None:
    _, examples = told(mila, "do you have a cat?", "i do, pickle, a cat who is permanently disappointed", "why is he?")
    assert any("pickle" in line or "cat" in line for line in examples)


def test_asked_about_the_cat_the_facts_are_who_she_is_and_the_cat(mila: Voice) -> None:
    system, _ = told(mila, "how did you get into pottery?", "my gran had a wheel in a shed", "tell me about your cat")
    assert "Mila Voss is 27" in system
    assert "She lives with Pickle" in system
    assert "tattoos" not in system
    assert "Jolene" not in system


def test_the_boundaries_are_told_in_every_turn(mila: Voice) -> None:
    system, _ = told(mila, "hey")
    assert all(boundary in system for boundary in SHIPPED["mila"].card.boundaries)
