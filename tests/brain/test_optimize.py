"""What holds for every program that is taught: who is asked, when it is refused, and that nothing is shown."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from dataclasses import dataclass
from typing import Any

import dspy
import pytest

from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.optimize import FEWEST, Lesson, OptimizeError, Taught, answers, teach


class Line(dspy.Adapter):
    """The word as it is, there and back."""

    def format(self, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
        shown = [{"role": "user", "content": f"{demo['word']} {demo['reply']}"} for demo in demos]
        return [*shown, {"role": "user", "content": inputs["word"]}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        if completion.startswith("junk"):
            raise dspy.AdapterParseError(adapter_name="Line", signature=signature, lm_response=completion)
        return {"reply": completion}


class Echo(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.say = dspy.Predict("word -> reply")
        self.adapter = Line()

    def forward(self, **inputs: Any) -> Any:
        with dspy.context(adapter=self.adapter):
            return self.say(**inputs)

    async def aforward(self, **inputs: Any) -> Any:
        return await self.say.acall(**inputs)


@dataclass
class Score:
    score: float


EXAMPLES = [dspy.Example(word=f"canary {n}", reply="yes").with_inputs("word") for n in range(8)]


def lesson(**given: Any) -> Lesson:
    return Lesson(Echo(), EXAMPLES, lambda _, said: float(said.reply == "yes"), lambda _, said: "hm", **given)


@pytest.fixture
def taught(scripted_server: Any) -> Any:
    """taught(answer, **options) teaches Echo against a server where `answer(body)` is what the model says."""

    def run(answer: Any, optimizer: Any = "bootstrap", held: int = FEWEST, **given: Any) -> Taught[Score]:
        async def whole() -> Taught[Score]:
            async def evaluate(program: Any, lm: Any) -> Score:
                said = await answers(program, lm, EXAMPLES[:held])
                return Score(sum(each.reply == "yes" for each in said) / held)

            async with scripted_server(lambda body: [answer(body)]).running() as server:
                engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
                try:
                    return await teach(
                        engine, lesson(**given), evaluate, name="echo", held=held, optimizer=optimizer, seed=0
                    )
                finally:
                    await engine.aclose()

        return asyncio.run(whole())

    return run


def shows(body: dict[str, Any]) -> bool:
    return len(body["messages"]) > 1


def test_what_is_as_good_or_better_may_take_the_other_s_place(taught: Any) -> None:
    better = taught(lambda body: "yes" if shows(body) or "canary 7" in str(body) else "no")
    assert (better.before.score, better.after.score, better.is_as_good) == (0.0, 1.0, True)
    assert taught(lambda body: "no").is_as_good
    assert not taught(lambda body: "no" if shows(body) else "yes").is_as_good


def test_only_answers_that_are_good_enough_are_examples(taught: Any) -> None:
    demos = taught(lambda body: "yes" if "canary 3" in str(body["messages"][-1]) else "no", labelled=False)
    assert [demo["word"] for demo in demos.program.say.demos] == ["canary 3"]


def test_the_program_in_force_stays_as_it_was(taught: Any) -> None:
    assert taught(lambda body: "yes").program.say.demos
    assert not lesson().program.say.demos


def test_too_few_held_out_examples_are_refused(taught: Any) -> None:
    with pytest.raises(OptimizeError, match="too few rows: 8 to teach with and 2"):
        taught(lambda body: "yes", held=2)


@pytest.mark.skipif(importlib.util.find_spec("optuna") is not None, reason="optuna is installed")
def test_an_optimizer_whose_package_is_missing_says_so(taught: Any) -> None:
    with pytest.raises(OptimizeError, match="optuna"):
        taught(lambda body: "yes", optimizer="mipro")


@pytest.mark.parametrize("readable", [0, FEWEST])
def test_answers_that_cannot_be_read_end_it_and_are_not_quoted(taught: Any, readable: int) -> None:
    answers = iter(["no"] * readable)
    with pytest.raises(OptimizeError, match="language model failed") as failed:
        taught(lambda body: next(answers, "junk canary"))
    assert "canary" not in str(failed.value)
    assert failed.value.__suppress_context__


@pytest.mark.parametrize("optimizer", ["bootstrap", "gepa"])
def test_nothing_is_printed_or_logged(
    taught: Any, capfd: Any, caplog: pytest.LogCaptureFixture, optimizer: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        taught(lambda body: "yes", optimizer=optimizer)
    assert capfd.readouterr() == ("", "")
    assert "canary" not in caplog.text
