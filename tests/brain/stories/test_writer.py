"""The DSPy program behind a story: fields to messages, one call each, nothing kept."""

from __future__ import annotations

import asyncio
from typing import Any

from dspy.clients.base_lm import GLOBAL_HISTORY

from brain.lms.choice import ChosenLM
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.stories.beats import Character
from brain.stories.samples import Samples
from brain.stories.shapes import Brief, Narrator
from brain.stories.writer import SO_FAR_SHOWN, ModelWriter

BRIEF = Brief(("Ole wakes up", "he sails"), (None, 1.2), characters=(Character("Ole", "a fisherman"),), temperature=0.4)


def asked(server: Any, samples: Samples, call: Any) -> tuple[list[str], dict[str, Any]]:
    """The pieces that `call` gives, and what the model's server was sent."""

    async def main() -> list[str]:
        async with server.running():
            engine = OpenAICompatibleEngine(provider="custom", model="m", base_url=server.url, api_key="k", timeout=5)
            narrator = Narrator("Nora", "Short and warm.", "OnlyFans")
            defaults = {"temperature": 0.9, "max_tokens": 7}
            writer = ModelWriter(narrator, ChosenLM("custom/m", engine), defaults, samples)
            try:
                return [piece async for piece in call(writer)]
            finally:
                await engine.aclose()

    pieces = asyncio.run(main())
    [body] = server.bodies
    return pieces, body


def test_an_edit_is_sent_the_draft_with_its_numbers(scripted_server: Any, samples: Samples) -> None:
    server = scripted_server(lambda _: ["[1] a", " [2] b"])
    pieces, body = asked(server, samples, lambda writer: writer.edited(BRIEF, ["x.", "y."]))
    assert pieces == ["[1] a", " [2] b"]
    assert "[1] x.\n\n[2] y." in body["messages"][-1]["content"]
    assert (body["temperature"], body["max_tokens"], body["stream"]) == (0.4, 500, True)


def test_a_plan_is_sent_the_theme(scripted_server: Any, samples: Samples) -> None:
    _, body = asked(scripted_server(lambda _: ["1. a"]), samples, lambda writer: writer.planned("a sad boat"))
    assert body["messages"][-1]["content"].endswith("a sad boat")
    assert body["temperature"] == 0.9


def test_a_beat_is_sent_examples_of_its_place_and_the_end_of_a_long_story(
    scripted_server: Any, samples: Samples
) -> None:
    so_far = "a" * SO_FAR_SHOWN + "the end"
    server = scripted_server(lambda _: ["b"])
    _, body = asked(server, samples, lambda writer: writer.beat(BRIEF, 1, so_far, ["was that"]))
    system, *examples, told = body["messages"]
    assert system["content"].endswith("stay on: OnlyFans")
    assert [each["content"] for each in examples[1::2]] == ["home they sail."]
    assert "the end" in told["content"]
    assert "was that" in told["content"]
    assert "Ole" not in told["content"]
    assert len(told["content"]) < SO_FAR_SHOWN + 600
    assert body["temperature"] == 1.2


def test_dspy_keeps_nothing_of_a_story(scripted_server: Any, samples: Samples) -> None:
    before = len(GLOBAL_HISTORY)
    asked(scripted_server(lambda _: ["b"]), samples, lambda writer: writer.whole(BRIEF))
    assert len(GLOBAL_HISTORY) == before
