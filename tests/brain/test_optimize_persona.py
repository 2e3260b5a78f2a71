"""Teaching a persona against a scripted model: what sounds more like its creator is kept, what does not is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dspy
import pytest

from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.optimize import OptimizeError, Outcome
from brain.optimize_persona import Breaks, Scores, Standard, optimize_persona
from brain.persona_files import read_personas
from brain.persona_program import Learnt, load_learnt, save_learnt
from brain.voice_score import VoiceScore
from guards.types import Message

OWN = "heyyy you, boat is so blue, babe 🖤"
STRANGER = "Dear customer, your request has been received."
EXAMPLES = 2


@pytest.fixture
def folder(tmp_path: Path, card: dict[str, Any], write_card: Callable[..., Path]) -> Path:
    """Training data of Nora: 40 conversations of two turns."""
    conversations = [
        {
            "id": f"c{number}",
            "title": "boats",
            "turns": [
                {"role": "fan", "text": f"Good evening. What have you painted on day {number}?"},
                {"role": "persona", "text": f"heyyy you, boat number {number} is so blue 🖤"},
                {"role": "fan", "text": f"Did you sleep for {number} hours?"},
                {"role": "persona", "text": f"hmm {number} at most, babe 🖤"},
            ],
        }
        for number in range(40)
    ]
    (tmp_path / "data").mkdir()
    data = tmp_path / "data"
    (data / "conversations.json").write_text(json.dumps({"conversations": conversations}), encoding="utf-8")
    write_card(data, card)
    return data


@pytest.fixture
def optimized(scripted_server: Any, folder: Path, tmp_path: Path) -> Callable[..., Outcome[Scores]]:
    """optimized(answer) teaches Nora against a server where `answer(body)` is what the model says."""

    def run(answer: Callable[[dict[str, Any]], Any], breaks: Breaks = lambda *_: False, **options: Any) -> Any:
        def script(body: dict[str, Any]) -> Any:
            said = answer(body)
            return [said] if isinstance(said, str) else said

        async def whole() -> Outcome[Scores]:
            (persona,) = read_personas(folder)
            async with scripted_server(script).running() as server:
                engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
                given: dict[str, Any] = {"out": tmp_path / "persona-nora.json", "limit": 40, **options}
                try:
                    return await optimize_persona(
                        engine, label="x/m", persona=persona, others=[], breaks=breaks, demos=EXAMPLES, max_tokens=60,
                        now=datetime(2026, 11, 26, 21, tzinfo=UTC), **given,
                    )  # fmt: skip
                finally:
                    await engine.aclose()

        return asyncio.run(whole())

    return run


def shown(body: dict[str, Any]) -> int:
    """How many exchanges stand before the transcript: taught ones and the nearest."""
    return sum(message["role"] == "user" for message in body["messages"])


def learns(body: dict[str, Any]) -> str:
    """A model that sounds like Nora now and then, and always once it is shown that it did."""
    taught = OWN in str([message["content"] for message in body["messages"]])
    return OWN if taught or "sleep" in body["messages"][-1]["content"] else STRANGER


def test_a_program_that_sounds_more_like_its_creator_is_saved_with_its_scores(optimized: Any, tmp_path: Path) -> None:
    outcome = optimized(learns)
    assert outcome.saved
    assert outcome.before.score < 0.7 < 0.9 < outcome.after.score
    state = json.loads((tmp_path / "persona-nora.json").read_text())
    assert state["scores"]["held_out"]["score"] == outcome.after.score
    assert (state["model"], state["optimizer"]) == ("x/m", "bootstrap")
    learnt = load_learnt(tmp_path / "persona-nora.json")
    assert learnt.demos
    assert {demo["reply"] for demo in learnt.demos} == {OWN}
    assert all("sleep" in demo["fan"] for demo in learnt.demos)


def test_a_program_that_sounds_less_like_it_is_refused_and_the_file_is_as_it_was(
    optimized: Any, tmp_path: Path
) -> None:
    path = tmp_path / "persona-nora.json"
    save_learnt(Learnt("Mine."), path, {"mine": True})
    before = path.read_bytes()
    outcome = optimized(lambda body: STRANGER if OWN in str(body["messages"]) else OWN)
    assert not outcome.saved
    assert outcome.after.score < outcome.before.score
    assert path.read_bytes() == before


def test_the_program_in_force_is_the_one_at_the_place_to_write(optimized: Any, tmp_path: Path) -> None:
    save_learnt(Learnt("Mine."), tmp_path / "persona-nora.json", {})
    outcome = optimized(lambda body: OWN if body["messages"][0]["content"].startswith("Mine.") else STRANGER)
    assert outcome.before.score > 0.9


def test_a_reply_that_breaks_a_rule_counts_for_nothing_and_is_no_example(optimized: Any, tmp_path: Path) -> None:
    outcome = optimized(lambda _: OWN, breaks=lambda text, _: text == OWN)
    assert outcome.before.score == 0.0
    assert outcome.before.voice > 0.9
    assert outcome.before.violations == 1.0
    assert not load_learnt(tmp_path / "persona-nora.json").demos


def test_no_example_gives_away_what_the_creator_said_in_its_place(optimized: Any) -> None:
    asked: list[dict[str, Any]] = []
    optimized(lambda body: asked.append(body) or STRANGER)
    assert asked
    for body in asked:
        *before, last = [message["content"] for message in body["messages"] if message["role"] == "user"]
        assert last not in before


def test_gepa_writes_instructions_from_what_went_wrong(optimized: Any, tmp_path: Path) -> None:
    reflected: list[str] = []

    def answer(body: dict[str, Any]) -> str:
        if "new_instruction" in str(body["messages"]):
            reflected.append(str(body["messages"]))
            return '{"new_instruction": "Talk like Nora."}'
        return OWN if body["messages"][0]["content"].startswith("Talk like Nora.") else STRANGER

    outcome = optimized(answer, optimizer="gepa")
    assert outcome.saved
    assert outcome.after.score > 0.9 > outcome.before.score
    assert load_learnt(tmp_path / "persona-nora.json").instructions == "Talk like Nora."
    assert "The creator said" in reflected[0]


def test_a_model_that_cannot_be_asked_is_an_error_and_nothing_is_written(optimized: Any, tmp_path: Path) -> None:
    with pytest.raises(OptimizeError, match="language model failed"):
        optimized(lambda _: 401)
    assert not (tmp_path / "persona-nora.json").exists()


@pytest.mark.parametrize("optimizer", ["bootstrap", "gepa"])
def test_no_line_is_printed(optimized: Any, capfd: Any, optimizer: str) -> None:
    optimized(lambda _: STRANGER, optimizer=optimizer)
    assert capfd.readouterr() == ("", "")


def test_too_few_conversations_are_refused(optimized: Any, folder: Path) -> None:
    two = json.loads((folder / "conversations.json").read_text())["conversations"][:2]
    (folder / "conversations.json").write_text(json.dumps({"conversations": two}))
    with pytest.raises(OptimizeError, match="too few sample conversations"):
        optimized(lambda _: OWN)


def test_the_standard_says_in_words_what_it_says_as_a_number() -> None:
    voice = VoiceScore([f"heyyy {n} 🖤" for n in range(20)], [f"Dear Sir {n}." for n in range(20)])
    standard = Standard(voice, lambda text, before: "wombat" in text)
    example = dspy.Example(transcript=(Message("user", "hi"),), reply="heyyy you")
    fine, broken = {"reply": "heyyy 🖤"}, {"reply": "heyyy wombat 🖤"}
    assert standard.metric(example, fine) == voice("heyyy 🖤") > 0.5
    assert standard.metric(example, broken) == 0.0
    assert "breaks a rule" in standard.remark(example, broken)
    assert "breaks a rule" not in standard.remark(example, fine)
