"""Best of N: several replies to one turn written at once, and the one that is sent.

It stands apart because how a reply is written and how it is chosen are given: a score of the voice costs no call, a
judge one more. At most N + 1 calls, none of which is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import dspy

from brain.chat import Asked
from brain.judging import LineAdapter, Unparsable
from brain.lms.choice import OFFLINE, ChosenLM
from brain.lms.errors import FAILURES, kind_of
from brain.quiet import language_model, quiet
from brain.signatures import BestReply

logger = logging.getLogger(__name__)

# The last messages say what a reply answers; a judge needs no more.
MESSAGES_SHOWN = 8
# Seconds for the choice: the replies are there, and the fan waits.
DEADLINE = 5.0

_NUMBER = re.compile(r"\b\d{1,3}\b")
_SEED = 1_000_003

Choose = Callable[[Asked, Sequence[str]], Awaitable[int]]
_T = TypeVar("_T")


async def written(count: int, write: Callable[[int], Awaitable[_T]]) -> list[_T]:
    """What `write` made for each number below `count`, all at once, without those that failed.

    Raises the first failure where all failed, and any error that is no language model's. Cancelling this cancels all.
    """
    tasks = [asyncio.ensure_future(write(number)) for number in range(count)]
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    defects = [error for error in errors if not isinstance(error, FAILURES)]
    if defects or len(errors) == count:
        raise (defects or errors)[0]
    return [result for result in results if not isinstance(result, BaseException)]


async def best(asked: Asked, texts: Sequence[str], choose: Choose) -> int:
    """The index of the text to send; nobody is asked when all are the same, and the first is sent where the choice
    fails."""
    if len(set(texts)) == 1:
        return 0
    try:
        return await choose(asked, texts)
    except FAILURES as error:
        logger.warning("the best of %d replies could not be judged: %s", len(texts), kind_of(error))
    except (Unparsable, TimeoutError) as error:
        logger.warning("the best of %d replies could not be judged: %s", len(texts), type(error).__name__)
    return 0


def varied(options: dict[str, Any], number: int) -> dict[str, Any]:
    """The generation options of one candidate: with the same seed all would be the same."""
    return {**options, "seed": options["seed"] + number * _SEED} if number and "seed" in options else options


def by_score(score: Callable[[str], float]) -> Choose:
    """Chooses the text with the highest score, of equals the first."""

    async def choose(asked: Asked, texts: Sequence[str]) -> int:
        scores = [score(text) for text in texts]
        return scores.index(max(scores))

    return choose


def chooser(choose_by: str, chosen: ChosenLM, score: Callable[[str], float] | None = None) -> Choose | None:
    """How to choose: by `voice` where there is a `score` of it, else by `judge`. None where nobody can choose: the
    offline engine gives no opinions."""
    if choose_by == "voice" and score is not None:
        return by_score(score)
    return None if chosen.label == OFFLINE else by_judge(chosen)


def by_judge(chosen: ChosenLM, *, deadline: float = DEADLINE) -> Choose:
    """Chooses what a language model thinks best, in one call of at most `deadline` seconds. Raises what the model fails
    with, TimeoutError and Unparsable."""
    program, adapter = Choosing(), NumberAdapter()
    lm: Any = language_model(chosen.label.partition("/")[0], chosen.engine, temperature=0.0, max_tokens=40)

    async def choose(asked: Asked, texts: Sequence[str]) -> int:
        with quiet(lm, adapter):
            async with asyncio.timeout(deadline):
                index: int = await program.acall(asked, texts)
        return index

    return choose


class NumberAdapter(LineAdapter):
    """The same short question, answered with one number."""

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The number in the completion, as the one output. Raises Unparsable where there is none or more than one."""
        (name,) = signature.output_fields
        numbers = set(_NUMBER.findall(completion))
        if len(numbers) != 1:
            raise Unparsable
        return {name: int(numbers.pop())}


class Choosing(dspy.Module):
    """Says which of several replies is the best. One LM call; keeps nothing between calls."""

    def __init__(self) -> None:
        super().__init__()
        self.choose = dspy.Predict(BestReply)

    async def aforward(self, asked: Asked, texts: Sequence[str]) -> Any:
        """The index of the best of `texts`. Raises dspy.LMError and Unparsable."""
        prediction = await self.choose.acall(
            transcript=[{each.role: each.text} for each in asked.transcript[-MESSAGES_SHOWN:]],
            candidates={str(number): text for number, text in enumerate(texts, 1)},
        )
        number: int = prediction["best"]
        if not 1 <= number <= len(texts):
            raise Unparsable
        return number - 1
