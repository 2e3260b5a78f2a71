"""What an evaluation says of a persona: how much it sounds like its creator, and how often it breaks rules, alone and
behind the proxy.

Arithmetic over texts that others wrote and scored: it asks nobody, and a report holds numbers and no text.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brain.overlap import Overlap, distinct, overlap
from proxy.evaluation import Estimate, rate

Scores = Callable[[Sequence[str]], list[float]]

_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines' voice score (mean, 0 to 1) and shares of different words and pairs of words."""

    lines: int
    voice: Estimate | None
    distinct_1: float
    distinct_2: float


@dataclass(frozen=True, slots=True)
class Side:
    """Replies that came one way: their lines, what they share with what was really said, and rule violations.

    `violations` is the share of the replies in which an enforced rule finds something, `rules` how many for each;
    `failed` counts turns without a reply, `blocked` those that the proxy refused.
    """

    lines: Lines
    overlap: Overlap | None
    violations: Estimate | None
    rules: Mapping[str, int]
    failed: int = 0
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class Grades:
    """A language model's grades: their mean, how often which was given, and how many replies got none."""

    mean: Estimate | None
    counts: Mapping[int, int]
    ungraded: int


@dataclass(frozen=True, slots=True)
class PersonaReport:
    """Everything measured of one persona on `turns` of the conversations `held_out`, with others `shown` to it.

    `actions` is what the proxy did, by turns; `grades` is None without a language model.
    """

    persona: str
    lm: str
    policy: str
    held_out: int
    shown: int
    turns: int
    alone: Side
    guarded: Side
    creator: Lines
    actions: Mapping[str, int]
    grades: Grades | None

    def as_json(self) -> dict[str, Any]:
        """All numbers; None where there was nothing to measure."""
        found = dataclasses.asdict(self)
        for side in ("alone", "guarded"):
            found[side]["violations_per_1000"] = _per_1000(found[side].pop("violations"))
        return found


def mean(values: Sequence[float]) -> Estimate | None:
    """The mean with its interval by the normal approximation; None of nothing, without width for one value."""
    if not values:
        return None
    middle = sum(values) / len(values)
    spread = math.sqrt(sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1))
    half = _Z * spread / math.sqrt(len(values))
    return Estimate(middle, middle - half, middle + half)


def lines_of(texts: Sequence[str], scores: Scores | None) -> Lines:
    """`texts` as lines; `scores` gives each one's voice score."""
    voice = _within(mean(scores(texts)) if scores else None, 0.0, 1.0)
    return Lines(len(texts), voice, distinct(texts, 1), distinct(texts, 2))


def side_of(
    texts: Sequence[str | None], said: Sequence[str], rules: Sequence[Sequence[str]], scores: Scores | None,
    blocked: int = 0,
) -> Side:  # fmt: skip
    """One side: `texts` (None for no reply) to turns where the creator `said` so, and the `rules` broken by each."""
    pairs = [(text, real) for text, real in zip(texts, said, strict=True) if text is not None]
    replies = [text for text, _ in pairs]
    return Side(
        lines=lines_of(replies, scores),
        overlap=overlap(replies, [real for _, real in pairs]) if pairs else None,
        violations=rate(sum(map(bool, rules)), len(replies)),
        rules=dict(Counter(rule for each in rules for rule in each).most_common()),
        failed=len(texts) - len(replies) - blocked,
        blocked=blocked,
    )


def grades_of(grades: Sequence[int | None], lowest: int, highest: int) -> Grades:
    """Grades between `lowest` and `highest`; None is none."""
    given = [grade for grade in grades if grade is not None]
    average = _within(mean([float(grade) for grade in given]), lowest, highest)
    return Grades(average, dict(sorted(Counter(given).items())), len(grades) - len(given))


def _within(estimate: Estimate | None, low: float, high: float) -> Estimate | None:
    return estimate and Estimate(estimate.value, max(low, estimate.low), min(high, estimate.high))


def _per_1000(share: dict[str, float] | None) -> dict[str, float] | None:
    return share and {name: 1000 * value for name, value in share.items()}
