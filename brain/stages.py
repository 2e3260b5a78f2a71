"""How close persona and fan have grown: a stage by the number of messages, hastened or held back by how it felt.

It stands apart as arithmetic over two numbers, so that the turns at which stages change can be said beforehand.

The emotion score E lies in -1 (conflict) .. 1 (warm) and begins at 0. After each message of the fan

    E' = E + g (s - E)      g = 0.08 where s >= 0, else 0.2

where s is how warm the message is towards the persona: its sentiment, or 0 for sadness, fear and distress (who confides
a sorrow is not cold), or at most -0.3 for anger, a complaint or a push at a boundary. So kindness counts up slowly,
hurt counts down faster, and what is neither lets both fade. A reading is never exact, so the first tenth of E on either
side counts as nothing: with F = (|E| - 0.1) / 0.9 where that is positive, else 0, a stage that asks for N messages
begins at

    N - floor(N F / 3)      where E >= 0: at most a third earlier
    N + ceil(N F)           where E < 0: at most as long again

with two bounds by the farthest stage reached so far: never more than one stage behind it, and, while E is at -0.3 or
below (in conflict), never beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

from brain.reading import Reading

WARMING = 0.08
COOLING = 0.2
CONFLICT = -0.3
NEUTRAL = 0.1
# How warm anger, a complaint or a push can be at most.
_AT_ODDS = -0.3


class Stage(Protocol):
    """What a stage needs to have: persona files bring their own."""

    @property
    def name(self) -> str:
        """Unique among the stages of a persona."""

    @property
    def messages(self) -> int:
        """From how many messages it begins where nothing was felt; the first stage begins at 0."""

    @property
    def guidance(self) -> str:
        """What the persona is told about it."""


S = TypeVar("S", bound=Stage)


def begins_at(stage: Stage, emotion: float) -> int:
    """The number of messages at which `stage` begins with that emotion score, by the formula above."""
    felt = max(0.0, (min(abs(emotion), 1.0) - NEUTRAL) / (1 - NEUTRAL))
    if emotion >= 0:
        return stage.messages - math.floor(stage.messages * felt / 3)
    return stage.messages + math.ceil(stage.messages * felt)


def stage_at(stages: Sequence[S], messages: int, emotion: float, reached: str | None = None) -> S:
    """The stage of a conversation of `messages` messages with the score `emotion`.

    `stages` are in the order of their `messages`, at least one. `reached` names the farthest stage the conversation has
    had (see `farthest`), None at its beginning; a name that is none of `stages` any more counts as None.
    """
    names = [stage.name for stage in stages]
    known = names.index(reached) if reached in names else None
    at = max((index for index, stage in enumerate(stages) if messages >= begins_at(stage, emotion)), default=0)
    if emotion <= CONFLICT:
        at = min(at, known or 0)
    return stages[at if known is None else max(at, known - 1)]


def farthest(stages: Sequence[Stage], reached: str | None, stage: Stage) -> str:
    """The name of the farther of `reached` and `stage`: what `stage_at` is told at the next message."""
    names = [each.name for each in stages]
    return reached if reached in names and names.index(reached) > names.index(stage.name) else stage.name


def emotion_after(emotion: float, reading: Reading) -> float:
    """The emotion score after a message of the fan was read, -1..1, by the formula above."""
    felt = _warmth(reading)
    after = emotion + (WARMING if felt >= 0 else COOLING) * (felt - emotion)
    return min(1.0, max(-1.0, after))


def _warmth(reading: Reading) -> float:
    if reading.intent == "distress" or reading.emotion in ("sadness", "fear"):
        return 0.0
    if reading.emotion == "anger" or reading.intent in ("complaint", "boundary_push"):
        return min(reading.sentiment, _AT_ODDS)
    return reading.sentiment
