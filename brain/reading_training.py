"""Teaches the reading of fans from labelled rows: numpy alone, the same result for the same rows and seed.

It stands apart because nobody needs it to read. The linear layer is least squares on all labels at once (in its dual
form: one matrix of the rows' likenesses serves every fold); multinomial logistic regression on scores that no row had a
part in makes them probabilities. The scores of the card are of the same kind: each row is read by a model that was
taught without it, in layers that were fitted without it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brain.reading import (
    EMOTIONS,
    INTENTS,
    OUTPUTS,
    WEIGHTS_FILE,
    Floats,
    Looker,
    Weights,
    probabilities,
)
from brain.reading_rows import ReadingRow, digest_of

CARD_FILE = "card.json"
FOLDS = 5
# How strongly weights are held near zero; chosen among 0.1, 0.3, 1 and 3 by the card's scores.
RIDGE = 1.0
_DISTRESS = INTENTS.index("distress")


def train_reading(rows: Sequence[ReadingRow], out: Path, *, seed: int = 0, distress_recall: float = 0.955) -> Any:
    """Writes the weights and their card to the folder `out`; returns the card, as JSON values.

    Distress is taken for it from the highest probability that finds the share `distress_recall` of it among rows held
    out. Raises OSError.
    """
    looker = Looker()
    looks = [looker.look(row.text) for row in rows]
    rarity = _rarity(looks, looker.size)
    likeness = _likeness(looks, rarity)
    wanted = _wanted(rows)
    folds = _folds(rows, seed)
    held_out = np.zeros((len(rows), OUTPUTS), dtype=np.float32)
    for fold in range(FOLDS):
        kept, tested = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        held_out[tested] = likeness[np.ix_(tested, kept)] @ _solved(likeness[np.ix_(kept, kept)], wanted[kept])
    card, distress_from = _card(rows, held_out, wanted, folds, distress_recall)
    parts = _solved(likeness, wanted)
    weights = Weights(
        rarity=rarity,
        scores=_primal(looks, rarity, parts),
        bias=parts.sum(axis=0),
        intents=_layer(held_out[:, : len(INTENTS)], wanted[:, : len(INTENTS)]),
        emotions=_layer(held_out[:, len(INTENTS) : -1], wanted[:, len(INTENTS) : -1]),
        distress_from=distress_from,
    )
    _write(out, weights, card)
    return card


def _rarity(looks: Sequence[tuple[list[int], list[int]]], size: int) -> Floats:
    """The weight of each feature: the rarer, the more."""
    holders = np.zeros(size, dtype=np.float32)
    for look in looks:
        for numbers in look:
            holders[numbers] += 1
    return np.sqrt(np.log((1 + len(looks)) / (1 + holders))).astype(np.float32)


def _likeness(looks: Sequence[tuple[list[int], list[int]]], rarity: Floats) -> Floats:
    """What every two rows share, (rows, rows): of n-grams, of kin, and 1 for the bias."""
    total = np.ones((len(looks), len(looks)), dtype=np.float32)
    for block in range(2):
        used = sorted({number for look in looks for number in look[block]})
        column = {number: at for at, number in enumerate(used)}
        table = np.zeros((len(looks), len(used)), dtype=np.float32)
        for row, look in enumerate(looks):
            table[row, [column[number] for number in look[block]]] = _unit(rarity[look[block]])
        total += table @ table.T
    return total


def _unit(values: Floats) -> Floats:
    length = float(np.sqrt(values @ values))
    return values / np.float32(length) if length else values


def _wanted(rows: Sequence[ReadingRow]) -> Floats:
    """What the scores should be, (rows, OUTPUTS): 1 for the row's intent and emotion, and its sentiment."""
    wanted = np.zeros((len(rows), OUTPUTS), dtype=np.float32)
    for at, row in enumerate(rows):
        wanted[at, INTENTS.index(row.intent)] = 1
        wanted[at, len(INTENTS) + EMOTIONS.index(row.emotion)] = 1
        wanted[at, -1] = row.sentiment
    return wanted


def _folds(rows: Sequence[ReadingRow], seed: int) -> Any:
    """The fold of each row: every intent is spread over all of them."""
    chance = np.random.default_rng(seed).random(len(rows))
    folds = np.zeros(len(rows), dtype=np.int64)
    for intent in INTENTS:
        members = [at for at, row in enumerate(rows) if row.intent == intent]
        for place, at in enumerate(sorted(members, key=lambda at: chance[at])):
            folds[at] = place % FOLDS
    return folds


def _solved(likeness: Floats, wanted: Floats) -> Floats:
    """Each row's part in each score, (rows, OUTPUTS)."""
    held = likeness + np.float32(RIDGE) * np.eye(len(likeness), dtype=np.float32)
    return np.linalg.solve(held, wanted).astype(np.float32)


def _primal(looks: Sequence[tuple[list[int], list[int]]], rarity: Floats, parts: Floats) -> Floats:
    """The weight of each feature in each score, of the rows' parts."""
    scores = np.zeros((len(rarity), OUTPUTS), dtype=np.float32)
    for look, part in zip(looks, parts, strict=True):
        for numbers in look:
            scores[numbers] += np.outer(_unit(rarity[numbers]), part)
    return scores


def _layer(scores: Floats, wanted: Floats) -> Floats:
    """Multinomial logistic regression from scores to labels: (labels + 1, labels), the last row added."""
    told = np.hstack([scores, np.ones((len(scores), 1), dtype=np.float32)]).astype(np.float64)
    layer = np.zeros((told.shape[1], wanted.shape[1]))
    layer[:-1] = 4 * np.eye(wanted.shape[1])
    step = 1.0
    for _ in range(600):
        guessed = probabilities(scores, layer.astype(np.float32)).astype(np.float64)
        layer -= step * (told.T @ (guessed - wanted) / len(told) + 1e-4 * layer)
    return layer.astype(np.float32)


def _card(
    rows: Sequence[ReadingRow], held_out: Floats, wanted: Floats, folds: Any, distress_recall: float
) -> tuple[dict[str, Any], float]:
    """The scores on held-out rows, and the probability from which distress is taken for it."""
    intents, emotions = np.zeros_like(wanted[:, : len(INTENTS)]), np.zeros_like(wanted[:, len(INTENTS) : -1])
    for fold in range(FOLDS):
        kept, tested = folds != fold, folds == fold
        for found, columns in ((intents, slice(0, len(INTENTS))), (emotions, slice(len(INTENTS), -1))):
            layer = _layer(held_out[kept][:, columns], wanted[kept][:, columns])
            found[tested] = probabilities(held_out[tested][:, columns], layer)
    is_distress = wanted[:, _DISTRESS] == 1
    sure = np.sort(intents[is_distress, _DISTRESS])
    distress_from = float(sure[int((1 - distress_recall) * len(sure))])
    taken = np.where(intents[:, _DISTRESS] >= distress_from, _DISTRESS, intents.argmax(axis=1))
    sentiment = np.clip(held_out[:, -1], -1, 1)
    card = {
        "rows": len(rows),
        "digest": digest_of(rows),
        "distress_from": round(distress_from, 4),
        "intent": _by_label(INTENTS, taken, wanted[:, : len(INTENTS)].argmax(axis=1)),
        "emotion": _by_label(EMOTIONS, emotions.argmax(axis=1), wanted[:, len(INTENTS) : -1].argmax(axis=1)),
        "sentiment": {
            "error": round(float(np.abs(sentiment - wanted[:, -1]).mean()), 4),
            "correlation": _correlation(sentiment, wanted[:, -1]),
        },
        "calibration": {"intent": _calibration(intents, wanted), "emotion": _calibration(emotions, wanted[:, 7:])},
    }
    return card, distress_from


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


def _write(out: Path, weights: Weights, card: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    small = {name: getattr(weights, name).astype(np.float16) for name in ("rarity", "scores")}
    exact = {name: getattr(weights, name) for name in ("bias", "intents", "emotions")}
    np.savez_compressed(out / WEIGHTS_FILE, **small, **exact, distress_from=np.float32(weights.distress_from))
    (out / CARD_FILE).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
