"""The judge on duty: a language model's opinion on a message that local detectors left open, within bounds.

It stands apart as the one seam for gray verdicts: a candidate, its context and the rules in question go in, and an
opinion comes out, in time, whatever the model does. It decides nothing: without an opinion the rule's own choice holds.
Nothing readable is kept: what was asked is remembered as a keyed hash, of which the key dies with the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dspy

from brain.judging import load_program
from brain.quiet import language_model, quiet
from guards.types import Message, Stage, Transcript

Why = Literal["judged", "timeout", "error", "budget", "unparsable"]

# Where an optimized program stands in the data folder.
PROGRAM_FILE = "judge.json"
# The context shown: how many messages before the candidate, and how much of each (its end), in characters.
CONTEXT_MESSAGES = 6
CONTEXT_LENGTH = 600
# Room for a line of JSON after some thinking aloud.
MAX_TOKENS = 300
# How many turns' counts of calls are remembered.
TURNS_REMEMBERED = 10_000

_SPEAKERS = {"user": "fan", "assistant": "persona"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says about one message.

    `labels` are the asked rules that the message breaks, empty for none, and None when there is no opinion; `why` says
    how that came: only with `judged` there are labels. `confidence` lies in 0..1. `seconds` is the time the asker
    waited. `cached` means that no call was made for this question: it was answered before, or is shared with an equal
    one under way.
    """

    labels: frozenset[str] | None
    confidence: float
    seconds: float
    cached: bool
    why: Why


@dataclass(frozen=True, slots=True)
class _Answer:
    labels: frozenset[str] | None
    confidence: float
    why: Why


_NO_TIME = _Answer(None, 0.0, "timeout")
_FAILED = _Answer(None, 0.0, "error")
_NO_BUDGET = _Answer(None, 0.0, "budget")
_UNPARSABLE = _Answer(None, 0.0, "unparsable")


@dataclass(slots=True, eq=False)
class _Call:
    task: asyncio.Task[_Answer]
    waiting: int = 0


class Judge:
    """Asks a language model about gray messages; one instance serves all turns of one event loop.

    `lm_engine` is an AsyncEngine as in `brain/lms` and stays the caller's to close; `clock` gives monotonic seconds.
    An opinion takes at most `deadline` seconds, and a turn at most `per_turn` calls (0: none). The last `cache_size`
    opinions are kept. `program_state` is a program saved by the optimizer. Raises ProgramError when it cannot be used.
    """

    def __init__(
        self,
        lm_engine: Any,
        *,
        clock: Callable[[], float],
        deadline: float,
        cache_size: int,
        per_turn: int,
        program_state: Path | None = None,
    ) -> None:
        self._lm = language_model("judge", lm_engine, temperature=0.0, max_tokens=MAX_TOKENS)
        self._program = load_program(program_state)
        self._clock = clock
        self._deadline = deadline
        self._secret = secrets.token_bytes(32)
        self._kept = _Kept(cache_size)
        self._budget = _Budget(per_turn, TURNS_REMEMBERED)
        self._calls: dict[bytes, _Call] = {}

    async def ask(
        self,
        *,
        candidate: str,
        stage: Stage,
        transcript: Transcript,
        rules: Mapping[str, str],
        key: str,
        turn: str,
        deadline: float | None = None,
        per_turn: int | None = None,
    ) -> Opinion:
        """Which of `rules` (id -> title) `candidate` breaks, said at `stage` after `transcript`.

        `key` is the candidate's folded text: disguises of one text share one opinion. `turn` is the id whose budget
        pays. `deadline` and `per_turn` stand in for the judge's own. Never raises for what a model or its server does,
        and makes no second attempt. Cancelling it ends the call unless another asker waits for it too.
        """
        if not rules:
            raise ValueError("a judge needs at least one rule to ask about")
        began = self._clock()
        context = tuple(message for message in transcript if message.role in _SPEAKERS)[-CONTEXT_MESSAGES:]
        question = self._digest(key, stage, str(len(rules)), *_flat(sorted(rules.items())), *_said(context))
        answer = self._kept.get(question)
        cached = answer is not None
        if answer is None:
            call = self._calls.get(question)
            cached = call is not None
            if call is None and self._budget.spend(self._digest(turn), per_turn):
                call = self._start(question, candidate, stage, context, rules)
            answer = await self._wait(question, call, deadline or self._deadline) if call else _NO_BUDGET
        return Opinion(answer.labels, answer.confidence, self._clock() - began, cached, answer.why)

    async def aclose(self) -> None:
        """Ends the calls under way; whoever waits for one gets `error`."""
        tasks = [call.task for call in self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(
        self, question: bytes, candidate: str, stage: Stage, context: Transcript, rules: Mapping[str, str]
    ) -> _Call:
        inputs = {
            "rule_titles": dict(sorted(rules.items())),
            "transcript": [{_SPEAKERS[message.role]: _end_of(message)} for message in context],
            "stage": stage,
            "candidate": candidate,
        }
        call = self._calls[question] = _Call(asyncio.ensure_future(self._answer(question, inputs)))
        call.task.add_done_callback(lambda task: self._finished(question, call, task))
        return call

    async def _answer(self, question: bytes, inputs: dict[str, Any]) -> _Answer:
        try:
            with quiet(self._lm, self._program.adapter):
                prediction = await self._program.acall(**inputs)
        except dspy.LMTimeoutError:
            return _NO_TIME
        except dspy.LMError:
            return _FAILED
        if prediction["labels"] is None:
            return _UNPARSABLE
        answer = _Answer(frozenset(prediction["labels"]), prediction["confidence"], "judged")
        self._kept.put(question, answer)
        return answer

    async def _wait(self, question: bytes, call: _Call, deadline: float) -> _Answer:
        """The call's answer. Each asker has a deadline of its own; with the last of them the call ends."""
        call.waiting += 1
        try:
            async with asyncio.timeout(deadline) as scope:
                # Unlike awaiting the task, this neither cancels it with us nor takes its end for ours.
                await asyncio.wait({call.task})
        except TimeoutError:
            if not scope.expired():
                raise
            return _NO_TIME
        finally:
            call.waiting -= 1
            if not call.waiting and not call.task.done():
                call.task.cancel()
                self._forget(question, call)
        return _FAILED if call.task.cancelled() else call.task.result()

    def _finished(self, question: bytes, call: _Call, task: asyncio.Task[_Answer]) -> None:
        self._forget(question, call)
        if not task.cancelled():
            task.exception()  # A defect is raised to whoever waits; asyncio's own report would quote it in a log.

    def _forget(self, question: bytes, call: _Call) -> None:
        """The next equal question makes a call of its own."""
        if self._calls.get(question) is call:
            del self._calls[question]

    def _digest(self, *parts: str) -> bytes:
        digest = hashlib.blake2b(key=self._secret, digest_size=16)
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()


class _Kept:
    """The last `size` opinions by the digest of their question."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()

    def get(self, question: bytes) -> _Answer | None:
        answer = self._answers.get(question)
        if answer is not None:
            self._answers.move_to_end(question)
        return answer

    def put(self, question: bytes, answer: _Answer) -> None:
        self._answers[question] = answer
        self._answers.move_to_end(question)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)


class _Budget:
    """How many calls each of the last `remembered` turns has made, of `per_turn` it may make."""

    def __init__(self, per_turn: int, remembered: int) -> None:
        self._per_turn = per_turn
        self._remembered = remembered
        self._spent: OrderedDict[bytes, int] = OrderedDict()

    def spend(self, turn: bytes, per_turn: int | None) -> bool:
        spent = self._spent.get(turn, 0)
        if spent >= (self._per_turn if per_turn is None else per_turn):
            return False
        self._spent[turn] = spent + 1
        self._spent.move_to_end(turn)
        while len(self._spent) > self._remembered:
            self._spent.popitem(last=False)
        return True


def _end_of(message: Message) -> str:
    return message.text[-CONTEXT_LENGTH:]


def _flat(pairs: list[tuple[str, str]]) -> list[str]:
    return [part for pair in pairs for part in pair]


def _said(context: Transcript) -> list[str]:
    return [part for message in context for part in (message.role, _end_of(message))]
