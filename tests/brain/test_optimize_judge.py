"""Teaching the judge against a scripted model: better programs are kept, worse ones refused."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest

from brain.judging import load_program, save_program
from brain.labelled import Row
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.optimize import OptimizeError, Outcome
from brain.optimize_judge import agreement, optimize_judge

RULES = {"meetup": "Meeting in person", "social_platform": "Other platforms"}
YES, NO = '{"labels": ["meetup"], "confidence": 0.9}', '{"labels": [], "confidence": 0.9}'
ROWS = [
    Row(text=f"{'canary swing by' if number % 2 else 'canary hello'} {number}", stage="input", labels=labels)
    for number in range(60)
    for labels in [("meetup",) if number % 2 else ()]
]


def right(body: dict[str, Any]) -> str:
    return YES if "swing" in body["messages"][-1]["content"] else NO


def shows_examples(body: dict[str, Any]) -> bool:
    return len(body["messages"]) > 2


@pytest.fixture
def optimized(scripted_server: Any, tmp_path: Path) -> Callable[..., Outcome[Any]]:
    """optimized(answer) optimizes against a server where `answer(body)` is what the model says."""

    def run(answer: Callable[[dict[str, Any]], Any], **options: Any) -> Outcome[Any]:
        def script(body: dict[str, Any]) -> Any:
            said = answer(body)
            return [said] if isinstance(said, str) else said

        async def whole() -> Outcome[Any]:
            async with scripted_server(script).running() as server:
                engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
                given = {"rows": ROWS, "rules": RULES, "out": tmp_path / "judge.json", **options}
                try:
                    return await optimize_judge(engine, label="x/m", **given)
                finally:
                    await engine.aclose()

        return asyncio.run(whole())

    return run


def test_a_program_that_judges_better_is_saved_with_its_scores(optimized: Any, tmp_path: Path) -> None:
    outcome = optimized(lambda body: right(body) if shows_examples(body) else NO)
    assert outcome.saved
    assert outcome.before.exact < outcome.after.exact == outcome.after.score == 1.0
    state = json.loads((tmp_path / "judge.json").read_text())
    assert state["scores"]["held_out"]["score"] == 1.0
    assert state["scores"]["held_out_before"]["score"] == outcome.before.score
    assert (state["model"], state["optimizer"]) == ("x/m", "bootstrap")
    demos = load_program(tmp_path / "judge.json").judge.demos
    assert {tuple(demo["labels"]) for demo in demos} == {(), ("meetup",)}


def test_a_program_that_judges_worse_is_refused_and_the_file_is_as_it_was(optimized: Any, tmp_path: Path) -> None:
    path = tmp_path / "judge.json"
    save_program(load_program(), path, {"mine": True})
    before = path.read_bytes()
    outcome = optimized(lambda body: NO if shows_examples(body) else right(body))
    assert not outcome.saved
    assert outcome.after.score < outcome.before.score == 1.0
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_refused_program_leaves_no_file_where_there_was_none(optimized: Any, tmp_path: Path) -> None:
    assert not optimized(lambda body: "junk" if shows_examples(body) else right(body)).saved
    assert not list(tmp_path.iterdir())


def test_the_program_in_force_is_the_one_at_the_place_to_write(optimized: Any, tmp_path: Path) -> None:
    program = load_program()
    program.judge.signature = program.judge.signature.with_instructions("Mine.")
    save_program(program, tmp_path / "judge.json", {})
    outcome = optimized(lambda body: right(body) if body["messages"][0]["content"] == "Mine." else "junk")
    assert outcome.before.score == 1.0


def test_answers_that_cannot_be_read_are_counted_as_undecided(optimized: Any) -> None:
    outcome = optimized(lambda body: "junk")
    assert outcome.before.undecided == outcome.before.rows
    assert outcome.before.score == 0.0


@pytest.mark.parametrize("optimizer", ["bootstrap", "gepa"])
def test_no_row_is_printed_or_logged(
    optimized: Any, capfd: Any, caplog: pytest.LogCaptureFixture, optimizer: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        optimized(lambda body: "junk " + str(body), optimizer=optimizer)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert "canary" not in caplog.text


def test_a_busy_server_is_asked_again(optimized: Any) -> None:
    busy = iter([429])
    assert optimized(lambda body: next(busy, None) or right(body)).before.score == 1.0


def test_a_model_that_cannot_be_asked_is_an_error_and_not_a_score(optimized: Any, tmp_path: Path) -> None:
    with pytest.raises(OptimizeError, match="language model failed"):
        optimized(lambda body: 401)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("optimizer", ["bootstrap", "gepa"])
def test_a_model_that_fails_on_the_way_ends_it_and_nothing_is_saved(
    optimized: Any, tmp_path: Path, capfd: Any, optimizer: str
) -> None:
    answers = iter([NO] * 25)
    with pytest.raises(OptimizeError, match="language model failed"):
        optimized(lambda body: next(answers, 401), optimizer=optimizer)
    assert not list(tmp_path.iterdir())
    assert "canary" not in capfd.readouterr().err


def test_too_few_rows_are_refused(optimized: Any) -> None:
    with pytest.raises(OptimizeError, match="too few rows"):
        optimized(right, limit=8)


def test_gepa_writes_instructions_from_what_went_wrong(optimized: Any, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        if "Judge well." in body["messages"][0]["content"]:
            return right(body)
        if "new_instruction" in str(body["messages"]):
            return '{"new_instruction": "Judge well."}'
        return NO

    outcome = optimized(answer, optimizer="gepa", rows=ROWS[:40])
    assert outcome.saved
    assert outcome.after.score == 1.0
    assert load_program(tmp_path / "judge.json").judge.signature.instructions == "Judge well."


@pytest.mark.skipif(importlib.util.find_spec("optuna") is not None, reason="optuna is installed")
def test_an_optimizer_whose_package_is_missing_says_so(optimized: Any) -> None:
    with pytest.raises(OptimizeError, match="optuna"):
        optimized(right, optimizer="mipro")


@pytest.mark.parametrize(
    ("given", "said", "score"),
    [
        ([], [], 1.0),
        (["a"], ["a"], 1.0),
        (["a", "b"], ["b", "a"], 1.0),
        (["a", "b"], ["a"], 0.25),
        (["a"], [], 0.0),
        ([], ["a"], 0.0),
        ([], None, 0.0),
    ],
)
def test_the_metric_wants_the_exact_labels_and_credits_an_overlap(given: Any, said: Any, score: float) -> None:
    assert agreement(dspy.Example(labels=given), dspy.Prediction(labels=said)) == score
