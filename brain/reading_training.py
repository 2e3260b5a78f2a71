"""Teaches the reading of fans from labelled rows: numpy alone, the same result for the same rows and seed.

It stands apart because nobody needs it to read. The linear layer is least squares on all labels at once (in its dual
form: one matrix of the rows' likenesses serves every fold); multinomial logistic regression on scores that no row had a
part in makes them probabilities. The scores of the card are of the same kind: each row is read by a model that was
taught without it, in layers and with bounds that were fitted without it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brain.embedding import Embed
from brain.nearness import PROBES, Near, centred, nearness
from brain.reading import EMOTIONS, INTENTS, OUTPUTS, Floats, Looker, Weights, probabilities
from brain.reading_card import Held, bounds_of, card_of
from brain.reading_files import write
from brain.reading_rows import ReadingRow, digest_of, digest_of_texts

FOLDS = 5
# How strongly weights are held near zero; chosen among 0.1, 0.3, 1 and 3 by the card's scores.
RIDGE = 1.0
# Added to a landmark's nearness to itself, as some say almost the same.
_ALIKE = 1e-3
# How much nearness counts beside n-grams and kin, which count 1 each.
_NEARNESS = 4.0
# A feature in at least this many texts is multiplied densely.
_OFTEN = 60
_DENSE_AT_ONCE = 2048
# The share of what was wanted that the solution may leave open.
_CLOSE = 1e-3
_DISTRESS = INTENTS.index("distress")

Looks = Sequence[tuple[list[int], list[int]]]


@dataclass(frozen=True, slots=True)
class _Spread:
    """How `near` every text is to each landmark, (texts, m), and what makes likenesses of it, `weighed` (m, texts)."""

    near: Floats
    weighed: Floats


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught: labelled rows first, then texts of which only that they are no distress is known."""

    rows: Sequence[ReadingRow]
    others: Sequence[str]
    folds: Any
    looks: Looks
    rarity: Floats
    likeness: Floats

    @property
    def wanted(self) -> Floats:
        """What the rows' scores should be, (rows, OUTPUTS)."""
        return _wanted(self.rows)


def train_reading(
    rows: Sequence[ReadingRow],
    out: Path,
    *,
    others: Sequence[str] = (),
    embed: Embed | None = None,
    embedder: str = "",
    seed: int = 0,
) -> Any:
    """Writes the weights and their card to the folder `out`; returns the card, as JSON values.

    `others` are messages that are no distress, of whatever intent. With `embed` a second set of weights is written, for
    a reader that has it; `embedder` says in the card which one that was. Raises OSError and what `embed` raises.
    """
    known = {row.text for row in rows}
    others = [text for text in others if text not in known]
    looker = Looker()
    looks = [looker.look(text) for text in (*(row.text for row in rows), *others)]
    rarity = _rarity(looks, looker.size)
    folds = np.concatenate([_folds(rows, seed), np.arange(len(others)) % FOLDS])
    lesson = Lesson(rows, others, folds, looks, rarity, _likeness(looks, rarity))
    card: dict[str, Any] = {"rows": len(rows), "digest": digest_of(rows)}
    card |= {"others": len(others), "others_digest": digest_of_texts(others)}
    weights, _, card["without_embedder"] = _taught(lesson, None)
    if embed is None:
        write(out, weights, None, None, card)
        return card
    near, spread = _near(lesson, embed)
    card["embedder"] = embedder
    richer, near_scores, card["with_embedder"] = _taught(lesson, spread)
    write(out, weights, richer, near(near_scores), card)
    return card


def _near(lesson: Lesson, embed: Embed) -> tuple[Callable[[Floats], Near], _Spread]:
    """The landmarks, which are the rows, as a Near that lacks its scores; and where every text is beside them."""
    vectors = embed([*(row.text for row in lesson.rows), *lesson.others])
    mean: Floats = vectors.mean(axis=0)
    vectors = centred(vectors, mean)
    landmarks = vectors[: len(lesson.rows)]
    probes = embed(PROBES)
    near = nearness(vectors, landmarks)
    among = near[: len(landmarks)] + np.float32(_ALIKE) * np.eye(len(landmarks), dtype=np.float32)
    spread: Floats = np.float32(_NEARNESS) * np.linalg.solve(among, near.T)
    return lambda scores: Near(mean, landmarks, scores, probes), _Spread(near, spread)


def _taught(lesson: Lesson, spread: _Spread | None) -> tuple[Weights, Floats, dict[str, Any]]:
    """The weights, those of the landmarks (none without `spread`), and the scores of all of it on rows held out."""
    likeness = lesson.likeness if spread is None else lesson.likeness + spread.near @ spread.weighed
    count, wanted = len(lesson.rows), lesson.wanted
    held_out = np.zeros((len(lesson.looks), OUTPUTS), dtype=np.float32)
    for fold in range(FOLDS):
        kept, tested = np.flatnonzero(lesson.folds != fold), np.flatnonzero(lesson.folds == fold)
        held_out[tested] = likeness[np.ix_(tested, kept)] @ _parts(
            likeness[np.ix_(kept, kept)], wanted[kept[kept < count]]
        )
    bounds = bounds_of(_held(lesson, held_out))
    parts = _parts(likeness, wanted)
    weights = Weights(
        rarity=lesson.rarity,
        scores=_primal(lesson.looks, lesson.rarity, parts),
        bias=parts.sum(axis=0),
        intents=_layer(held_out[:count, : len(INTENTS)], wanted[:, : len(INTENTS)]),
        emotions=_layer(held_out[:count, len(INTENTS) : -1], wanted[:, len(INTENTS) : -1]),
        distress_from=bounds.distress_from,
        possible_from=bounds.possible_from,
    )
    near_scores = np.zeros((0, OUTPUTS), dtype=np.float32) if spread is None else spread.weighed @ parts
    return weights, near_scores, card_of(_held(lesson, held_out), bounds)


def _held(lesson: Lesson, held_out: Floats) -> Held:
    """Rows and others as they are read by models and layers taught without them."""
    count, wanted = len(lesson.rows), lesson.wanted
    intents = np.zeros((len(held_out), len(INTENTS)), dtype=np.float32)
    emotions = np.zeros((count, len(EMOTIONS)), dtype=np.float32)
    for fold in range(FOLDS):
        kept, tested = lesson.folds[:count] != fold, lesson.folds == fold
        rows_tested = np.flatnonzero(tested[:count])
        for found, at, columns in (
            (intents, np.flatnonzero(tested), slice(0, len(INTENTS))),
            (emotions, rows_tested, slice(len(INTENTS), -1)),
        ):
            layer = _layer(held_out[:count][kept][:, columns], wanted[kept][:, columns])
            found[at] = probabilities(held_out[at][:, columns], layer)
    return Held(
        intents[:count], emotions, held_out[:count, -1], intents[count:, _DISTRESS], wanted, lesson.folds[:count]
    )


def _rarity(looks: Looks, size: int) -> Floats:
    """The weight of each feature: the rarer, the more."""
    holders = np.zeros(size, dtype=np.float32)
    for look in looks:
        for numbers in look:
            holders[numbers] += 1
    return np.sqrt(np.log((1 + len(looks)) / (1 + holders))).astype(np.float32)


def _likeness(looks: Looks, rarity: Floats) -> Floats:
    """What every two texts share, (texts, texts): of n-grams, of kin, and 1 for the bias."""
    holders: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for at, look in enumerate(looks):
        for numbers in look:
            for number, value in zip(numbers, _unit(rarity[numbers]), strict=True):
                holders[number].append((at, float(value)))
    total = np.ones((len(looks), len(looks)), dtype=np.float32)
    often = [held for held in holders.values() if len(held) >= _OFTEN]
    for held in holders.values():
        if len(held) < _OFTEN:
            at, values = _columns(held)
            total[np.ix_(at, at)] += np.outer(values, values)
    for start in range(0, len(often), _DENSE_AT_ONCE):
        table = np.zeros((len(looks), _DENSE_AT_ONCE), dtype=np.float32)
        for column, held in enumerate(often[start : start + _DENSE_AT_ONCE]):
            at, table[at, column] = _columns(held)
        total += table @ table.T
    return total


def _columns(held: list[tuple[int, float]]) -> tuple[Any, Floats]:
    return np.array([at for at, _ in held]), np.array([value for _, value in held], dtype=np.float32)


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


def _parts(likeness: Floats, wanted: Floats) -> Floats:
    """Each text's part in each score, (texts, OUTPUTS): that of a row in all, that of the others in distress."""
    count = len(wanted)
    parts = np.zeros((len(likeness), OUTPUTS), dtype=np.float32)
    parts[:count] = _solved(likeness[:count, :count], wanted)
    if count < len(likeness):
        distress = np.zeros((len(likeness), 1), dtype=np.float32)
        distress[:count, 0] = wanted[:, _DISTRESS]
        parts[:, _DISTRESS] = _solved(likeness, distress)[:, 0]
    return parts


def _solved(likeness: Floats, wanted: Floats) -> Floats:
    """Ridge regression in its dual form, by conjugate gradients: (texts, columns of `wanted`)."""
    solved, rest = np.zeros_like(wanted), wanted.copy()
    way, size = rest.copy(), (rest * rest).sum(axis=0)
    enough = np.maximum(_CLOSE**2 * size, 1e-12)
    while (size > enough).any():
        onward = likeness @ way + np.float32(RIDGE) * way
        step = size / np.maximum((way * onward).sum(axis=0), 1e-20)
        solved, rest = solved + step * way, rest - step * onward
        before, size = size, (rest * rest).sum(axis=0)
        way = rest + (size / np.maximum(before, 1e-20)) * way
    return solved.astype(np.float32)


def _primal(looks: Looks, rarity: Floats, parts: Floats) -> Floats:
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
