"""Levels: with which scores the cheap steps hand a text on, by the probability from which it counts for a rule.

They stand apart because how much may be passed by is for the rules to say: where nothing below 0.9 counts, far more is
small talk than where a judge is asked from 0.5 on. A model comes with the scores for several such probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Level:
    """The least scores with which gate, glance (for each label) and the transformer's first layers hand a text on."""

    gate: float
    glance: tuple[float, ...]
    interest: float


class Levels:
    """Levels that a model's card tells of, for its `labels` in their order; without the gate's, it hands everything on.
    Raises KeyError for a card that lacks a number, ValueError for one with none."""

    def __init__(self, card: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._known = sorted(((float(each["from"]), _level(each, labels)) for each in card), key=lambda each: each[0])
        if not self._known:
            raise ValueError("no levels")

    def for_bounds(self, bounds: Mapping[str, float]) -> Level:
        """The level where each label counts from its probability in `bounds` on; one that is not there never counts."""
        lowest = self._at(min(bounds.values()))
        glance = tuple(
            self._at(bounds[label]).glance[at] if label in bounds else math.inf for at, label in enumerate(self._labels)
        )
        return Level(lowest.gate, glance, lowest.interest)

    def _at(self, probability: float) -> Level:
        """That of the highest known probability not above this one, or of the lowest."""
        return next((level for known, level in reversed(self._known) if known <= probability), self._known[0][1])


def _level(told: Mapping[str, Any], labels: Sequence[str]) -> Level:
    return Level(told.get("gate", -math.inf), tuple(told["glance"][label] for label in labels), told["interest"])
