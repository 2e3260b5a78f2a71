"""dspy.Suggest on DSPy 3: a soft constraint on a module's output, with feedback and a bounded number of retries.

It stands apart because it is the contract that DSPy removed after 2.6, kept on today's DSPy: it knows nothing of
personas, guards or HTTP. `dspy.Refine` is no substitute: it forces the temperature, spends one more LM call on every
failure, may return nothing and keeps state on the instance.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import dspy


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an output does not hold: what the module is told, and (lower is better) how two failures compare."""

    feedback: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of the module: the feedback it was given, what came of it, and how long it took (with its judgement).

    `failure` is None when the constraint held; `error` is why the attempt ended before it was judged.
    """

    number: int
    feedback: str
    text: str = field(default="", repr=False)
    failure: Failure | None = None
    error: Exception | None = field(default=None, repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The outcome of a run: the best prediction (None when no attempt gave one), and whether it holds."""

    prediction: Any = field(repr=False)
    held: bool
    attempts: tuple[Attempt, ...]


Constraint = Callable[[Any], Awaitable[Failure | None]]


class Suggest(dspy.Module):
    """A soft constraint on one output of `module` (Singhvi et al., DSPy Assertions, arXiv 2312.13382).

    Where `constraint` returns a Failure, the module runs again with the inputs `past_<output>` and `feedback` appended
    to its signature, at most `max_backtracks` times; then the run goes on with the best prediction and says so. One LM
    call per attempt, every attempt judged anew, no state kept between or across runs: one instance serves any number
    of concurrent runs.

    `module` is a dspy.Predict or anything with its `signature` and `acall(signature=…, **inputs)`; `output` names its
    output field. Errors of the types in `forgive`, from the module or from the judgement, count as failed attempts; all
    others are raised. `clock` gives seconds and measures attempts.
    """

    def __init__(
        self,
        module: Any,
        output: str,
        constraint: Constraint,
        max_backtracks: int,
        *,
        may_go_on: Callable[[], bool] = lambda: True,
        forgive: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        if output not in module.signature.output_fields:
            raise ValueError(f"{output!r} is no output field of the module's signature")
        self.module = module
        self.output = output
        self.constraint = constraint
        self.max_backtracks = max_backtracks
        self.may_go_on = may_go_on
        self.forgive = forgive
        self.clock = clock

    async def aforward(self, *, past: tuple[str, str] | None = None, **inputs: Any) -> Suggestion:
        """Runs the module on `inputs` until the constraint holds or the retries are spent.

        `past` is `(output text, feedback)` of a first run that was made elsewhere and failed: then the run starts with
        the retry. `may_go_on` is asked before each attempt; where it says no, the run ends with what there is.
        """
        attempts: list[Attempt] = []
        best: tuple[float, Any] | None = None
        for number in range(1, self.max_backtracks + (1 if past else 2)):
            if not self.may_go_on():
                break
            attempt, prediction = await self._attempt(number, past, inputs)
            attempts.append(attempt)
            if attempt.error is not None:
                continue
            if attempt.failure is None:
                return Suggestion(prediction, True, tuple(attempts))
            past = attempt.text, attempt.failure.feedback
            if best is None or attempt.failure.weight <= best[0]:
                best = attempt.failure.weight, prediction
        return Suggestion(best[1] if best else None, False, tuple(attempts))

    async def _attempt(self, number: int, past: tuple[str, str] | None, inputs: dict[str, Any]) -> tuple[Attempt, Any]:
        began = self.clock()
        feedback = past[1] if past else ""
        text, failure, prediction = "", None, None
        error: Exception | None = None
        try:
            prediction = await self.module.acall(**inputs, **self._again(past))
            text = str(prediction[self.output])
            failure = await self.constraint(prediction)
        except self.forgive as forgiven:
            error = forgiven
        return Attempt(number, feedback, text, failure, error, self.clock() - began), prediction

    def _again(self, past: tuple[str, str] | None) -> dict[str, Any]:
        if past is None:
            return {}
        signature = with_past(self.module.signature, self.output)
        return {"signature": signature, f"past_{self.output}": past[0], "feedback": past[1]}


@functools.lru_cache(maxsize=64)
def with_past(signature: Any, output: str) -> Any:
    """`signature` with the inputs `past_<output>` and `feedback` appended. Kept: building a signature class is slow."""
    extended = signature.append(f"past_{output}", dspy.InputField(desc="The earlier answer, which failed:"), type_=str)
    return extended.append("feedback", dspy.InputField(desc="What to do instead:"), type_=str)
