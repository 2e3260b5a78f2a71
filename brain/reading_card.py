"""How well messages are read, in numbers, and from which probability on distress is taken for it.

It stands apart from the training as what is asked of it: pure arithmetic on what held-out rows were read as.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brain.reading import EMOTIONS, INTENTS, Floats

# Distress is answered as such from the bound on at which this share of the other rows is taken for it, and shown to
# operators as possible from one on that finds this share of it.
FALSE_ALARMS = 0.03
POSSIBLE_RECALL = 0.905
# What is less likely than this is no distress, however few false alarms there are.
_LEAST = 0.25
_CURVE = (0.01, 0.03, 0.05, 0.1)
_DISTRESS = INTENTS.index("distress")


@dataclass(frozen=True, slots=True)
class Held:
    """What held-out rows were read as: probabilities of `intents` and `emotions` (rows, labels), `sentiment` (rows),
    and those of distress of the `others`, which are none; with what was `wanted` (rows, OUTPUTS) and the `folds`."""

    intents: Floats
    emotions: Floats
    sentiment: Floats
    others: Floats
    wanted: Floats
    folds: Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """From which probability on a message is distress, and from which on it may be."""

    distress_from: float
    possible_from: float


def bounds_of(held: Held, among: Any = slice(None)) -> Bounds:
    """The bounds that the rows `among` ask for."""
    distress, is_distress = held.intents[among, _DISTRESS], held.wanted[among, _DISTRESS] == 1
    quiet, sure = np.sort(distress[~is_distress]), np.sort(distress[is_distress])
    if not len(quiet) or not len(sure):
        return Bounds(0.5, 0.5)
    alarm = max(_LEAST, float(np.nextafter(quiet[-1 - int(FALSE_ALARMS * len(quiet))], np.float32(1))))
    possible = float(sure[int((1 - POSSIBLE_RECALL) * len(sure))])
    return Bounds(alarm, min(alarm, possible))


def card_of(held: Held, bounds: Bounds) -> dict[str, Any]:
    """The scores, as JSON values. Each row is judged by bounds that the other folds asked for."""
    right = held.wanted[:, : len(INTENTS)].argmax(axis=1)
    taken, possible = held.intents.argmax(axis=1), np.zeros(len(right), dtype=bool)
    for fold in np.unique(held.folds):
        tested = held.folds == fold
        chosen = bounds_of(held, ~tested)
        distress = held.intents[tested, _DISTRESS]
        without = held.intents[tested].copy()
        without[:, _DISTRESS] = 0
        taken[tested] = np.where(distress >= chosen.distress_from, _DISTRESS, without.argmax(axis=1))
        possible[tested] = distress >= chosen.possible_from
    sentiment = np.clip(held.sentiment, -1, 1)
    return {
        "distress_from": round(bounds.distress_from, 4),
        "possible_from": round(bounds.possible_from, 4),
        "intent": _by_label(INTENTS, taken, right),
        "distress": {
            "routed": _alarms(taken == _DISTRESS, right, held.others >= bounds.distress_from),
            "possible": _alarms(possible, right, held.others >= bounds.possible_from),
            "recall_at_false_alarms": _curve(held, right),
        },
        "emotion": _by_label(EMOTIONS, held.emotions.argmax(axis=1), held.wanted[:, len(INTENTS) : -1].argmax(axis=1)),
        "sentiment": {
            "error": round(float(np.abs(sentiment - held.wanted[:, -1]).mean()), 4),
            "correlation": _correlation(sentiment, held.wanted[:, -1]),
        },
        "calibration": {
            "intent": _calibration(held.intents, held.wanted),
            "emotion": _calibration(held.emotions, held.wanted[:, len(INTENTS) :]),
        },
    }


def _alarms(taken: Any, right: Any, others: Any) -> dict[str, float]:
    """Precision and recall, and which share of the rows that are no distress, and of the others, was taken for it."""
    is_distress = right == _DISTRESS
    return {
        "precision": _share(is_distress[taken]),
        "recall": _share(taken[is_distress]),
        "false_alarms": _share(taken[~is_distress]),
        "false_alarms_others": _share(others),
    }


def _share(flags: Any) -> float:
    return round(float(flags.mean()), 4) if len(flags) else 0.0


def _curve(held: Held, right: Any) -> dict[str, float]:
    distress, is_distress = held.intents[:, _DISTRESS], right == _DISTRESS
    quiet = np.sort(distress[~is_distress])[::-1]
    if not len(quiet):
        return {}
    return {str(share): _share(distress[is_distress] > quiet[int(share * len(quiet))]) for share in _CURVE}


def _correlation(guessed: Floats, right: Floats) -> float:
    both = float(guessed.std() * right.std())
    return round(float(((guessed - guessed.mean()) * (right - right.mean())).mean()) / both, 4) if both else 0.0


def _by_label(labels: Sequence[str], taken: Any, right: Any) -> dict[str, Any]:
    scores: dict[str, Any] = {"accuracy": round(float((taken == right).mean()), 4)}
    for at, label in enumerate(labels):
        both = int(((taken == at) & (right == at)).sum())
        precision, recall = both / max(1, int((taken == at).sum())), both / max(1, int((right == at).sum()))
        scores[label] = {"rows": int((right == at).sum()), "precision": round(precision, 4), "recall": round(recall, 4)}
    return scores


def _calibration(guessed: Floats, wanted: Floats) -> float:
    """The expected calibration error: how far the highest probability is from how often it is right, over ten bins."""
    sure, right = guessed.max(axis=1), guessed.argmax(axis=1) == wanted[:, : guessed.shape[1]].argmax(axis=1)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(float(sure[bins == at].sum() - right[bins == at].sum())) for at in range(10)]
    return round(sum(gaps) / len(sure), 4)
