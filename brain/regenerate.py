"""Writes a rejected reply again with the turn's own upstream, under the rules' feedback: dspy.Suggest at work.

It stands apart as the one seam between a turn and its repair: transcript, rejected text and verdict go in, and what may
follow the released text comes out, or None. It never raises for what a model says and it never quotes what was
withheld; errors of the upstream count as failed attempts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dspy

from brain.continuation import follow
from brain.guidance import render
from brain.lms.upstream import Complete, UpstreamEngine
from brain.quiet import language_model, quiet
from brain.signatures import Rewrite
from brain.suggest import Failure, Suggest, Suggestion
from guards.errors import UpstreamError
from guards.types import Verdict

Check = Callable[[str], Awaitable[Verdict]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rewriting: the feedback it was given and what came of it.

    `text` is the whole reply as it was judged, released part included, so that offsets in `verdict` are offsets in it.
    Where there was nothing to judge, `verdict` is None and `error` says why: `empty`, `deadline` or the code of the
    UpstreamError. `seconds` covers the call and its judgement.
    """

    number: int
    feedback: str
    text: str = field(repr=False)
    verdict: Verdict | None
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Regeneration:
    """What may follow the released text, ready to be appended to it; `text` is None when no attempt was accepted."""

    text: str | None = field(repr=False)
    attempts: tuple[Attempt, ...]


class EmptyReply(Exception):
    """The model added nothing to what was already released."""


# What counts as a failed attempt; anything else is a defect and raised. DSPy calls an empty completion a parse error.
FORGIVEN = (EmptyReply, dspy.AdapterParseError, dspy.LMProviderError, UpstreamError)


class TailAdapter(dspy.Adapter):
    """Signature fields to the messages that follow the client's transcript, and a completion to the reply.

    The past reply becomes an assistant message, everything else one system message of guidance; the whole completion
    is the reply, so any chat model will do.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Two messages; the first has empty content when there is no past reply."""
        # What was delivered stands last, next to the place where the model goes on.
        guidance = render(signature, inputs, ("feedback", "released"))
        return [
            {"role": "assistant", "content": inputs.get("past_reply", "")},
            {"role": "system", "content": guidance},
        ]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The completion as it is."""
        return {"reply": completion}


class Rewriter(dspy.Predict):
    """Predicts the whole reply: the model's answer joined to what was released. Raises EmptyReply."""

    async def aforward(self, **inputs: Any) -> dspy.Prediction:
        """A prediction whose `reply` starts with `released`, character for character."""
        prediction = await super().aforward(**inputs)
        new = follow(inputs["released"], prediction.reply)
        if not new:
            raise EmptyReply
        return dspy.Prediction(reply=inputs["released"] + new)


class _Run:
    """What one regeneration remembers: its deadline and its verdicts."""

    def __init__(self, complete: Complete, check: Check, deadline: float, clock: Callable[[], float]) -> None:
        self.verdicts: list[Verdict] = []
        self._ask, self._check, self._clock = complete, check, clock
        self._end = clock() + deadline

    def may_go_on(self) -> bool:
        return self._clock() < self._end

    async def complete(self, messages: list[dict[str, Any]]) -> str:
        return await self._in_time(self._ask(messages))

    async def judge(self, prediction: dspy.Prediction) -> Failure | None:
        verdict = await self._in_time(self._check(prediction.reply))
        self.verdicts.append(verdict)
        return Failure(feedback_of(verdict), float(verdict.action)) if verdict.withholds else None

    async def _in_time(self, awaitable: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._end - self._clock()) as scope:
                return await awaitable
        except TimeoutError:
            if not scope.expired():
                raise
            self._end = -math.inf  # a timer may ring a little before the clock says so
            raise UpstreamError("the deadline for regeneration has passed", status=504, code="deadline") from None


class Regenerator:
    """Rewrites rejected replies; one instance serves all turns. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rewriter = Rewriter(Rewrite)
        self._adapter = TailAdapter()

    async def regenerate(
        self,
        *,
        transcript: Sequence[dict[str, Any]],
        released: str,
        rejected: str,
        verdict: Verdict,
        complete: Complete,
        check: Check,
        attempts: int,
        deadline: float,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> Regeneration:
        """Asks the upstream for another ending of the reply until `check` accepts one.

        `transcript` are the client's messages (OpenAI's shape, passed on untouched); `released` is what the fan has
        seen of the reply, `rejected` that and what was withheld, `verdict` why. `complete` asks the upstream; `check`
        judges released + new as one text. At most `attempts` calls within `deadline` seconds, which cancels a running
        call, and none once `may_go_on` says no. Every attempt is made against the one before it: its text, its
        feedback.
        """
        run = _Run(complete, check, deadline, self._clock)
        suggest = Suggest(
            self._rewriter, "reply", run.judge, attempts, may_go_on=lambda: run.may_go_on() and may_go_on(),
            forgive=FORGIVEN, clock=self._clock,
        )  # fmt: skip
        lm = language_model("upstream", UpstreamEngine(run.complete, transcript))
        past = encodable(rejected), feedback_of(verdict)
        with quiet(lm, self._adapter):
            suggestion = await suggest.acall(past=past, released=encodable(released))
        return _regeneration(suggestion, released, run.verdicts)


def _regeneration(suggestion: Suggestion, released: str, judged: list[Verdict]) -> Regeneration:
    verdicts = iter(judged)
    attempts = tuple(
        Attempt(
            each.number,
            each.feedback,
            each.text,
            None if each.error else next(verdicts),
            each.seconds,
            kind_of(each.error) if each.error else None,
        )
        for each in suggestion.attempts
    )
    text = suggestion.prediction.reply[len(released) :] if suggestion.held else None
    return Regeneration(text, attempts)


def feedback_of(verdict: Verdict) -> str:
    """What the rules that fired tell the model to do instead, as one text."""
    return " ".join(verdict.feedback)


def kind_of(error: Exception) -> str:
    """The name of an error that counts as a failed attempt."""
    if isinstance(error, UpstreamError):
        return error.code
    if isinstance(error, dspy.LMProviderError):
        return str(error.provider_code or error.code)
    return "empty"


def encodable(text: str) -> str:
    """`text` with lone surrogates replaced one for one: no provider can receive them, and DSPy refuses them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def steer(transcript: Sequence[dict[str, Any]], guidance: str) -> list[dict[str, Any]]:
    """The transcript, untouched, with `guidance` as one trailing system message."""
    return [*transcript, {"role": "system", "content": guidance}]
