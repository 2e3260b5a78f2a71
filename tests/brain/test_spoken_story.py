"""A story in a chat: begun when a fan asks for one, streamed beat by beat, remembered as one turn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from brain.chat import Asked
from brain.occasion import Occasion
from brain.spoken_story import wanted_story
from guards.types import Message

ASKS = "tell me a story about a fox who finds a hat, then it starts to rain on him"
TOLD = ["[1] a fox found a hat. ", "[2] it rained. "]
PROSE = "a fox found a hat.\n\nit rained."


def of_story(*said: str, guidance: str = "", kind: str = "TellStory") -> Asked:
    lines = tuple(Message(("user", "assistant")[at % 2], text) for at, text in enumerate(said))
    return Asked(lines, guidance=guidance, occasion=Occasion(kind=kind))


def test_a_message_that_asks_for_a_story_begins_one() -> None:
    assert wanted_story(of_story("hey", "hey you", ASKS)) == ASKS


@pytest.mark.parametrize(
    "asked",
    [
        of_story(ASKS, "a fox found a hat", "and what happened next?"),
        of_story(ASKS, guidance="Name no platform."),
        of_story(ASKS, kind="Reply"),
        of_story(ASKS, "a fox found a hat"),
        Asked((), occasion=Occasion(kind="TellStory")),
    ],
)
def test_a_story_that_goes_on_or_is_told_again_is_the_chat_s_own_affair(asked: Asked) -> None:
    assert wanted_story(asked) == ""


@pytest.mark.parametrize("is_streamed", [True, False])
def test_it_is_one_turn_and_remembered(play: Any, is_streamed: bool) -> None:
    async def scenario(room: Any) -> None:
        told = await (room.stream(ASKS) if is_streamed else room.say(ASKS))
        assert told == PROSE
        assert len(room.server.bodies) == 1
        assert (await room.known())["messages"] == 2
        room.server.script = lambda _: ["and they lived"]
        await room.say("please go on with the story")
        assert room.asked[-2]["content"] == PROSE

    play(scenario, lambda _: TOLD)


def test_a_theme_is_planned_first_and_a_limit_is_shared_by_the_beats(play: Any) -> None:
    async def scenario(room: Any) -> None:
        room.server.script = lambda body: TOLD if len(room.server.bodies) == 2 else ["1. a fox\n2. a hat"]
        assert await room.say("tell me a story about a fox", max_tokens=80) == PROSE
        assert len(room.server.bodies) == 2
        assert room.server.bodies[1]["max_completion_tokens"] == 80

    play(scenario)


def test_each_beat_goes_out_as_it_is_written(play: Any) -> None:
    more = asyncio.Event()

    async def scenario(room: Any) -> None:
        body = {"model": "nora", "messages": [{"role": "user", "content": ASKS}], "stream": True}
        async with room.client.stream("POST", "/chat/completions", json=body) as response:
            seen = ""
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    seen += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                if "a hat." in seen:
                    more.set()
        assert seen == PROSE

    play(scenario, lambda _: [TOLD[0], "[2] it ", more, "rained. "])


def test_a_model_that_fails_before_the_first_word_is_answered_for_by_the_chat(play: Any) -> None:
    async def scenario(room: Any) -> None:
        assert await room.stream(ASKS) == "let me begin"
        assert (await room.known())["messages"] == 2

    play(scenario, lambda body: 500 if "[1]" in str(body["messages"]) else ["let me begin"])


def test_a_story_that_breaks_off_trails_off_and_is_remembered_so(play: Any) -> None:
    async def scenario(room: Any) -> None:
        told = await room.stream(ASKS)
        assert told.startswith("a fox found a hat.")
        assert told.endswith("…")
        room.server.script = lambda _: ["again"]
        await room.say("please go on with the story")
        assert room.asked[-2]["content"] == told

    play(scenario, lambda _: [TOLD[0], "[2] it rained and ", "then the ", None])
