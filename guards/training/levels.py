"""Levels: which scores of the cheap steps stand for which probability of the transformer's, measured on texts that none
of them was taught with.

They stand apart from the card's other scores because they are promises about speed: a step hands on nearly all of what
the transformer would find, and as little as possible beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guards.training.scores import Numbers, threshold_for

FROM = (0.2, 0.35, 0.5, 0.7, 0.8, 0.85, 0.9, 0.94, 0.96, 0.975)
# Of what the transformer finds, the share that each step must hand on.
_GATE_LETS_THROUGH = 0.985
_GLANCE_LETS_THROUGH = 0.99
_INTEREST_LETS_THROUGH = 0.99
_FEWEST = 40  # texts found that a level is set by
_HOT = 0.05  # from this probability on, a turn may have been about a label


@dataclass(frozen=True, slots=True)
class Looked:
    """What all steps said of the same texts: `probabilities` and `glance` are (texts, labels), the others (texts,);
    `scales` are (slope, offset) that make probabilities of the transformer's raw scores, for each label."""

    labels: Sequence[str]
    scales: Sequence[tuple[float, float]]
    probabilities: Numbers
    glance: Numbers
    gate: Numbers
    interest: Numbers
    is_alone: NDArray[np.bool_]


def levels(looked: Looked) -> dict[str, list[dict[str, Any]]]:
    """The levels of a card: for texts `alone`, and for those `behind` turns, which the gate has no say in. None hands
    on more than one of a lower probability."""
    return {
        "alone": _rising([_level(looked, looked.is_alone, least) for least in FROM]),
        "behind": [
            {key: value for key, value in level.items() if key != "gate"}
            for level in _rising([_level(looked, ~looked.is_alone, least) for least in FROM])
        ],
    }


def heat(looked: Looked) -> dict[str, float]:
    """From which score of the glance on a turn may have been about each label: as many may as by the transformer."""
    return {
        label: threshold_for(
            looked.glance[:, at], float((looked.probabilities[:, at] >= _HOT).mean()), otherwise=math.inf
        )
        for at, label in enumerate(looked.labels)
    }


def _level(looked: Looked, among: NDArray[np.bool_], least: float) -> dict[str, Any]:
    found = among & _found(looked.probabilities.max(1), among, least)
    # What the glance would say of a text that is found just so, if it were as good as its teacher: it is not, and hands
    # on from a margin below, the same for all labels.
    needed = np.array([(math.log(least / (1 - least)) - offset) / slope for slope, offset in looked.scales])
    margin = threshold_for((looked.glance[found] - needed).max(1), _GLANCE_LETS_THROUGH, otherwise=-math.inf)
    return {
        "from": least,
        "gate": threshold_for(looked.gate[found], _GATE_LETS_THROUGH, otherwise=-math.inf),
        "glance": dict(zip(looked.labels, (needed + margin).tolist(), strict=True)),
        "interest": threshold_for(looked.interest[found], _INTEREST_LETS_THROUGH, otherwise=-math.inf),
    }


def _rising(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for level in reversed(found):
        above = kept[-1] if kept else level
        kept.append({
            "from": level["from"],
            "gate": min(level["gate"], above["gate"]),
            "glance": {label: min(each, above["glance"][label]) for label, each in level["glance"].items()},
            "interest": min(level["interest"], above["interest"]),
        })  # fmt: skip
    return kept[::-1]


def _found(probabilities: Numbers, among: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """The texts found with probability `least`; with a lower one where those are too few to tell from."""
    likeliest = np.sort(probabilities[among])[-_FEWEST:]
    return probabilities >= (min(least, float(likeliest[0])) if len(likeliest) else least)
