"""Scores: how well raw scores tell labels apart, and the scales that make probabilities of them. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_STEPS = 400
_RATE = 0.1
_PRIOR = 1.0  # of one imagined example a side, so that a perfectly parted set gets no infinite slope
_FALSE_POSITIVES = (0.01, 0.03, 0.05)


def scale(raw: Numbers, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """(slope, offset) that make `sigmoid(slope * raw + offset)` the probability of `truth` (Platt's scaling)."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (positives + _PRIOR) / (positives + 2 * _PRIOR), _PRIOR / (negatives + 2 * _PRIOR))
    spread = float(raw.std()) or 1.0
    x = (raw - raw.mean()) / spread
    slope, offset = 1.0, 0.0
    moments = np.zeros(2), np.zeros(2)
    for step in range(1, _STEPS + 1):
        error = _sigmoid(slope * x + offset) - target
        gradient = np.array([float((error * x).mean()), float(error.mean())])
        moments = 0.9 * moments[0] + 0.1 * gradient, 0.99 * moments[1] + 0.01 * gradient**2
        change = (moments[0] / (1 - 0.9**step)) / (np.sqrt(moments[1] / (1 - 0.99**step)) + 1e-9)
        slope, offset = slope - _RATE * float(change[0]), offset - _RATE * float(change[1])
    return slope / spread, offset - slope * float(raw.mean()) / spread


def _sigmoid(x: Numbers) -> Numbers:
    result: Numbers = 1 / (1 + np.exp(-np.clip(x, -60, 60)))
    return result


def recall_at(raw: Numbers, truth: NDArray[np.bool_]) -> dict[str, float]:
    """The share of true ones found where 1, 3 and 5 % of the others are found with them."""
    others = np.sort(raw[~truth])[::-1]
    found: dict[str, float] = {}
    for share in _FALSE_POSITIVES:
        bound = others[min(len(others) - 1, int(share * len(others)))] if len(others) else -np.inf
        found[f"recall_at_{share:.0%}"] = round(float((raw[truth] > bound).mean()), 4) if truth.any() else 0.0
    return found


def threshold_for(raw: Numbers, share: float, *, otherwise: float) -> float:
    """The score that `share` of `raw` reaches; `otherwise` where none does."""
    place = int((1 - share) * len(raw))
    return float(np.sort(raw)[place]) if place < len(raw) else otherwise


def truths(labels: Sequence[frozenset[str]], label: str) -> NDArray[np.bool_]:
    """Which of `labels` hold `label`."""
    return np.array([label in each for each in labels], dtype=bool)
