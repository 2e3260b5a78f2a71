"""How well rules did on labelled rows: counts, rates with their intervals, and speed.

Pure arithmetic, apart from the command that reads files and judges: it sees labels, never a message's text, so that a
report can hold none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GROUPS = ("source", "kind", "lang", "stage")
NO_GROUP = "(none)"
_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share of 0..1 with its 95 % interval."""

    value: float
    low: float
    high: float


def rate(hits: int, of: int) -> Estimate | None:
    """The share of `hits` in `of` with its Wilson interval; None of nothing."""
    if not of:
        return None
    share, z2 = hits / of, _Z * _Z
    centre = share + z2 / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = (centre - half) / (1 + z2 / of), (centre + half) / (1 + z2 / of)
    return Estimate(share, max(0.0, min(share, low)), min(1.0, max(share, high)))


def f1_score(tp: int, fp: int, fn: int) -> Estimate | None:
    """F1 with its interval; None when the rule was neither asked for nor fired.

    F1 is no share of rows, but it rises with one: J, the true positives among all rows where the rule was asked for or
    fired. F1 = 2J / (1 + J), so J's Wilson interval carries over.
    """
    if (j := rate(tp, tp + fp + fn)) is None:
        return None
    value, low, high = (2 * share / (1 + share) for share in (j.value, j.low, j.high))
    return Estimate(value, min(value, low), max(value, high))


@dataclass(frozen=True, slots=True)
class Judged:
    """One row as labelled and as judged: `labels` must fire, `optional` may, `fired` did.

    `groups` are those of GROUPS that the row names; `seconds` is what judging it took.
    """

    labels: frozenset[str]
    fired: frozenset[str]
    optional: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def violating(self) -> bool:
        """True when some rule must fire."""
        return bool(self.labels)

    @property
    def missed(self) -> frozenset[str]:
        """The rules that should have fired."""
        return self.labels - self.fired

    @property
    def wrong(self) -> frozenset[str]:
        """The rules that should not have fired."""
        return self.fired - self.labels - self.optional


@dataclass(slots=True)
class RuleScore:
    """One rule's rows: rightly fired, wrongly fired, wrongly silent. Rows where it is optional are in none."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> Estimate | None:
        """The share of its firings that were right."""
        return rate(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> Estimate | None:
        """The share of the rows that ask for it where it fired."""
        return rate(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> Estimate | None:
        """Their harmonic mean."""
        return f1_score(self.tp, self.fp, self.fn)


@dataclass(slots=True)
class Blocking:
    """Rows by what should have become of them and did, whichever rule it was.

    A benign row on which nothing but its optional rules fired is not wrongly blocked.
    """

    caught: int = 0
    let_through: int = 0
    wrongly_blocked: int = 0
    rightly_allowed: int = 0

    @property
    def violating(self) -> int:
        """Rows that should be blocked."""
        return self.caught + self.let_through

    @property
    def benign(self) -> int:
        """Rows that should be allowed."""
        return self.wrongly_blocked + self.rightly_allowed

    @property
    def recall(self) -> Estimate | None:
        """The share of violating rows that were blocked."""
        return rate(self.caught, self.violating)

    @property
    def false_positives(self) -> Estimate | None:
        """The share of benign rows that were blocked."""
        return rate(self.wrongly_blocked, self.benign)

    def count(self, row: Judged) -> None:
        """Puts one more row where it belongs."""
        if row.violating:
            self.caught += bool(row.fired)
            self.let_through += not row.fired
        else:
            self.wrongly_blocked += bool(row.wrong)
            self.rightly_allowed += not row.wrong


@dataclass(frozen=True, slots=True)
class Speed:
    """Microseconds a message; the percentiles are times that were measured (nearest rank)."""

    p50: float
    mean: float
    p99: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything known of one set of rows.

    `elsewhere` counts the caught rows on which only rules fired that they neither ask for nor allow. `by` holds, for
    each of GROUPS that some row names, the blocking in each group.
    """

    rows: int
    blocking: Blocking
    elsewhere: int
    rules: dict[str, RuleScore]
    by: dict[str, dict[str, Blocking]]
    speed: Speed

    @property
    def macro_f1(self) -> float | None:
        """The mean F1 of the rules that some row asks for; None when no row asks for any."""
        values = [each.f1.value for each in self.rules.values() if each.recall and each.f1]
        return sum(values) / len(values) if values else None

    def as_json(self) -> dict[str, Any]:
        """All numbers; shares are 0..1, None where there was nothing to share."""
        return {
            "rows": self.rows,
            "blocking": _blocking_json(self.blocking),
            "elsewhere": self.elsewhere,
            "macro_f1": None if self.macro_f1 is None else round(self.macro_f1, 6),
            "rules": {rule: _rule_json(each) for rule, each in self.rules.items()},
            "by": {
                key: {name: _blocking_json(each) for name, each in groups.items()} for key, groups in self.by.items()
            },
            "microseconds": {
                "p50": round(self.speed.p50, 1), "mean": round(self.speed.mean, 1), "p99": round(self.speed.p99, 1),
            },
        }  # fmt: skip


def score(judged: Sequence[Judged], rules: Iterable[str] = ()) -> Report:
    """The report on `judged` (one row or more): on `rules`, and on every other rule that some row names."""
    scores = {rule: RuleScore() for rule in rules}
    blocking, by, elsewhere = Blocking(), _groups(judged), 0
    for row in judged:
        blocking.count(row)
        elsewhere += bool(row.violating and row.fired and row.wrong == row.fired)
        for rule in sorted(row.labels | row.wrong):
            each = scores.setdefault(rule, RuleScore())
            each.tp += rule not in row.missed and rule not in row.wrong
            each.fp += rule in row.wrong
            each.fn += rule in row.missed
        for key, groups in by.items():
            groups[row.groups.get(key, NO_GROUP)].count(row)
    return Report(len(judged), blocking, elsewhere, scores, by, _speed([row.seconds for row in judged]))


def _groups(judged: Sequence[Judged]) -> dict[str, dict[str, Blocking]]:
    """An empty count for every group of every key that some row names, in the order of the rows."""
    return {
        key: {name: Blocking() for name in dict.fromkeys(row.groups.get(key, NO_GROUP) for row in judged)}
        for key in GROUPS
        if any(key in row.groups for row in judged)
    }


def _speed(seconds: Sequence[float]) -> Speed:
    ordered = sorted(seconds)
    p50, p99 = (ordered[math.ceil(share * len(ordered) / 100) - 1] for share in (50, 99))
    return Speed(p50 * 1e6, math.fsum(ordered) / len(ordered) * 1e6, p99 * 1e6)


def _estimate_json(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": round(estimate.value, 6), "low": round(estimate.low, 6), "high": round(estimate.high, 6)}


def _rule_json(each: RuleScore) -> dict[str, Any]:
    return {
        "tp": each.tp, "fp": each.fp, "fn": each.fn, "precision": _estimate_json(each.precision),
        "recall": _estimate_json(each.recall), "f1": _estimate_json(each.f1),
    }  # fmt: skip


def _blocking_json(each: Blocking) -> dict[str, Any]:
    return {
        "caught": each.caught, "let_through": each.let_through, "wrongly_blocked": each.wrongly_blocked,
        "rightly_allowed": each.rightly_allowed, "recall": _estimate_json(each.recall),
        "false_positives": _estimate_json(each.false_positives),
    }  # fmt: skip
