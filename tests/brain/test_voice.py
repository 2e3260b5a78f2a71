"""Examples near the fan's line: one LM call per turn, nothing shared between turns."""

from __future__ import annotations

import asyncio
from typing import Any

import dspy
import numpy as np
import pytest

from brain.embedding import Vectors, unit
from brain.lms.upstream import UpstreamEngine
from brain.quiet import language_model, quiet
from brain.voice import Voice


class Answer(dspy.Signature):
    """Answer."""

    fan_said: str = dspy.InputField()
    reply: str = dspy.OutputField()


class Plain(dspy.Adapter):
    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        examples = [{"role": "assistant", "content": demo["reply"]} for demo in demos]
        return [*examples, {"role": "user", "content": inputs["fan_said"]}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        return {"reply": completion}


def asked(voice: Voice, *fans: str) -> list[list[str]]:
    """What the LM was sent, per call, for concurrent turns."""
    calls: list[list[str]] = []

    async def complete(messages: list[dict[str, Any]]) -> str:
        await asyncio.sleep(0)
        calls.append([message["content"] for message in messages])
        return "ok"

    async def turns() -> None:
        program = voice.compile(dspy.Predict(Answer))
        with quiet(language_model("test", UpstreamEngine(complete)), Plain()):
            await asyncio.gather(*(program.acall(turns=(fan,), fan_said=fan) for fan in fans))

    asyncio.run(turns())
    return calls


def test_a_turn_is_exactly_one_lm_call_with_k_examples(voice: Voice, capsys: pytest.CaptureFixture[str]) -> None:
    [sent] = asked(voice, "what's your insta")
    assert len(sent) == 3
    assert capsys.readouterr() == ("", "")


def test_the_nearest_example_stands_next_to_the_conversation(voice: Voice) -> None:
    [sent] = asked(voice, "what's your insta")
    assert sent[-2:] == ["all of me is right here", "what's your insta"]


def test_concurrent_turns_do_not_mix_their_examples(voice: Voice) -> None:
    nearest = {"what's your insta?": "all of me is right here", "come over tonight?": "only in your dreams tonight"}
    calls = asked(voice, *(list(nearest) * 10))
    assert len(calls) == 20
    assert all(sent[-2] == nearest[sent[-1]] for sent in calls)


def test_nearest_gives_exchanges_with_their_likeness_best_first(voice: Voice) -> None:
    near = voice.nearest(("what's your insta?", "hey you, paint on my nose again", "hey"), 3)
    assert near[0][1].reply == "all of me is right here"
    assert near[0][0] == pytest.approx(1.0)
    assert [likeness for likeness, _ in near] == sorted((likeness for likeness, _ in near), reverse=True)


def test_a_single_exchange_is_enough(voice: Voice) -> None:
    voice = Voice(voice.card, voice.exchanges[:1], 4)
    assert len(asked(voice, "hey")[0]) == 2
    assert len(voice.nearest(("hey",), 5)) == 1


def test_a_line_is_embedded_once_however_often_a_conversation_comes_back_to_it(voice: Voice) -> None:
    seen: list[str] = []

    def meaning(texts: list[str]) -> Vectors:
        seen.extend(texts)
        return unit(np.ones((len(texts), 4), dtype=np.float32))

    voice = Voice(voice.card, voice.exchanges, 2, meaning)
    voice.prepare()
    seen.clear()
    for turns in (("what's your insta",), ("come over", "nope", "what's your insta")):
        voice.facts(turns)
        voice.examples(turns)
    assert sorted(seen) == ["come over", "nope", "what's your insta"]


def test_a_ranking_that_was_asked_for_before_is_the_same_and_as_long_as_wanted(voice: Voice) -> None:
    first = voice.nearest(("what's your insta?",), 1)
    assert voice.nearest(("what's your insta?",), 3)[:1] == first
    assert len(voice.nearest(("what's your insta?",), 3)) == 3
    first.clear()
    assert voice.nearest(("what's your insta?",), 1)
