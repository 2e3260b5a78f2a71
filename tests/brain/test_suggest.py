"""Suggest's contract: retry with the failed output and its feedback, bounded, judged anew, honest about the end."""

from __future__ import annotations

import asyncio
from typing import Any

import dspy
import pytest

from brain.suggest import Failure, Suggest, with_past


class Draft(dspy.Signature):
    """Say something."""

    topic: str = dspy.InputField()
    line: str = dspy.OutputField()


class Scripted:
    """A module that says its lines in order and keeps what it was called with."""

    signature = Draft

    def __init__(self, *lines: str | Exception) -> None:
        self.lines = list(lines)
        self.calls: list[dict[str, Any]] = []

    async def acall(self, **inputs: Any) -> dspy.Prediction:
        self.calls.append(inputs)
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return dspy.Prediction(line=line)


async def no_digits(prediction: Any) -> Failure | None:
    digits = sum(character.isdigit() for character in prediction.line)
    return Failure(f"{digits} digits are too many", weight=digits) if digits else None


def run(module: Scripted, max_backtracks: int = 2, past: tuple[str, str] | None = None, **options: Any) -> Any:
    return asyncio.run(Suggest(module, "line", no_digits, max_backtracks, **options).acall(past=past, topic="t"))


def test_an_output_that_holds_is_returned_after_one_call_without_retry_fields() -> None:
    module = Scripted("fine")
    outcome = run(module)
    assert outcome.held
    assert outcome.prediction.line == "fine"
    assert module.calls == [{"topic": "t"}]


def test_a_retry_gets_the_failed_output_and_its_feedback_in_appended_fields() -> None:
    module = Scripted("a1", "b")
    outcome = run(module)
    assert outcome.held
    again = module.calls[1]
    assert (again["past_line"], again["feedback"]) == ("a1", "1 digits are too many")
    assert list(again["signature"].input_fields) == ["topic", "past_line", "feedback"]


def test_each_retry_is_made_against_the_attempt_before_it_never_the_first_again() -> None:
    module = Scripted("a1", "b22", "c")
    run(module)
    assert [call.get("past_line") for call in module.calls] == [None, "a1", "b22"]
    assert module.calls[2]["feedback"] == "2 digits are too many"


def test_after_the_last_retry_the_run_goes_on_with_the_best_and_says_it_does_not_hold() -> None:
    outcome = run(Scripted("a333", "b1", "c22"))
    assert not outcome.held
    assert outcome.prediction.line == "b1"
    assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3]


def test_of_equally_bad_outputs_the_latest_is_the_best() -> None:
    assert run(Scripted("a1", "b1"), max_backtracks=1).prediction.line == "b1"


def test_a_first_run_made_elsewhere_starts_with_the_retry() -> None:
    module = Scripted("b")
    outcome = run(module, max_backtracks=1, past=("elsewhere 1", "no digits"))
    assert outcome.held
    assert module.calls[0]["past_line"] == "elsewhere 1"
    assert outcome.attempts[0].feedback == "no digits"


def test_no_backtracks_after_a_run_made_elsewhere_means_no_call() -> None:
    module = Scripted()
    outcome = run(module, max_backtracks=0, past=("1", "f"))
    assert (outcome.prediction, outcome.held, outcome.attempts) == (None, False, ())


def test_a_forgiven_error_is_a_failed_attempt_and_the_next_one_keeps_the_last_feedback() -> None:
    module = Scripted("a1", OSError("down"), "c")
    outcome = run(module, forgive=(OSError,))
    assert outcome.held
    assert isinstance(outcome.attempts[1].error, OSError)
    assert module.calls[2]["past_line"] == "a1"


def test_any_other_error_is_raised() -> None:
    with pytest.raises(OSError, match="down"):
        run(Scripted(OSError("down")))


def test_it_stops_where_it_may_not_go_on() -> None:
    answers = iter([True, False])
    outcome = run(Scripted("a1", "b"), may_go_on=lambda: next(answers))
    assert (outcome.held, len(outcome.attempts), outcome.prediction.line) == (False, 1, "a1")


def test_attempts_measure_time_with_the_injected_clock() -> None:
    ticks = iter([0.0, 1.5])
    assert run(Scripted("a"), clock=lambda: next(ticks)).attempts[0].seconds == 1.5


def test_an_output_the_signature_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no output field"):
        Suggest(Scripted(), "reply", no_digits, 1)


def test_no_repr_shows_an_output() -> None:
    outcome = run(Scripted("canary 1", "canary"))
    assert "canary" not in repr(outcome)


def test_one_instance_serves_concurrent_runs_without_mixing_them() -> None:
    class Echo:
        signature = Draft

        async def acall(self, topic: str, **inputs: Any) -> dspy.Prediction:
            await asyncio.sleep(0)
            return dspy.Prediction(line=inputs.get("past_line", topic + "1").replace("1", "") or topic)

    async def both() -> list[Any]:
        suggest = Suggest(Echo(), "line", no_digits, 1)
        return await asyncio.gather(*(suggest.acall(topic=f"topic-{name}") for name in "abc"))

    assert [outcome.prediction.line for outcome in asyncio.run(both())] == ["topic-a", "topic-b", "topic-c"]


def test_the_extended_signature_is_built_once() -> None:
    assert with_past(Draft, "line") is with_past(Draft, "line")
