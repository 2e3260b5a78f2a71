"""The voice score: how much a line sounds like the creator, one number from 0 (anybody) to 1 (nobody else).

It stands apart as a measure: fitted from the creator's own lines beside other people's, it chooses among replies,
grades an evaluation and is a metric for DSPy's optimizers. It reads style (length, casing, punctuation, emoji,
favourite words, letters in a row) and closeness to what the creator has said, and judges nothing of what a line says.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brain.conversations import Exchange
from brain.embedding import Embed, Embedding, Vectors
from guards.errors import TrainingError

Numbers = NDArray[np.float64]

# Lines on either side below which nothing can be said of a voice.
FEWEST_LINES = 20

_BUCKETS = 1 << 15
_SMOOTHING = 0.1
_FOLDS = 5
_NEAREST = 3
_RIDGE = 1.0
_STEPS = 30
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}", re.IGNORECASE)
_CONTRACTION = re.compile(r"\w['’](?:s|t|re|ll|ve|d|m)\b", re.IGNORECASE)


def style(text: str) -> list[float]:
    """What a line looks like, as numbers: lengths, casing, punctuation, emoji, drawn-out words."""
    words = _WORD.findall(text) or [""]
    sentences = [sentence for sentence in _SENTENCE.split(text.strip()) if sentence] or [""]
    count, length = len(words), max(1, len(text))
    starts = [sentence.lstrip("\"'“‘(…")[:1] for sentence in sentences]
    letters = [letter for letter in text if letter.isalpha()] or ["a"]
    last = text.rstrip()[-1:]
    return [
        math.log(length),
        math.log(count / len(sentences) + 1),
        float(len(sentences)),
        sum(map(len, words)) / count,
        sum(start.isupper() for start in starts) / len(starts),
        sum(letter.isupper() for letter in letters) / len(letters),
        sum(word == "i" or word.startswith(("i'", "i’")) for word in words) / count,
        sum(word == "I" or word.startswith(("I'", "I’")) for word in words) / count,
        min(3, sum(map(is_emoji, text))),
        float(bool(last) and is_emoji(last)),
        *(float(last == end) for end in ".!?"),
        *(min(4, text.count(mark)) for mark in ",!?"),
        text.count(",") / count,
        float("…" in text or "..." in text),
        min(3, len(_DRAWN_OUT.findall(text))),
        len(_CONTRACTION.findall(text)) / count,
        float(any(letter.isdigit() for letter in text)),
        float(any(mark in text for mark in ";:—()/")),
    ]


def is_emoji(letter: str) -> bool:
    """True for a pictograph, and for no joiner or selector beside one."""
    return ord(letter) >= 0x1F000 or 0x2600 <= ord(letter) <= 0x27BF


class VoiceScore:
    """Scores texts from 0 to 1: the odds, as a probability, that the creator wrote it and not somebody else.

    Fitted on the creator's `own` lines and `others`': the fans' in the same conversations, and lines of other people,
    without whom it knows the creator from fans but not from another creator. `embed` gives unit vectors by meaning;
    without it closeness is shared words. Logistic regression over style, closeness and a naive Bayes ratio of what
    stands in a row, the last two read off lines that were left out of their making. Raises TrainingError for fewer than
    FEWEST_LINES on either side.
    """

    def __init__(self, own: Sequence[str], others: Sequence[str], embed: Embed | None = None) -> None:
        if min(len(own), len(others)) < FEWEST_LINES:
            raise TrainingError(f"a voice score needs {FEWEST_LINES} lines of the creator and as many of others")
        embed = embed or Embedding([*own, *others])
        rows, mine = [], []
        for fold in range(_FOLDS):
            measure = _Measure(_without(own, fold), _without(others, fold), embed)
            for side, lines in ((1.0, own[fold::_FOLDS]), (0.0, others[fold::_FOLDS])):
                rows.append(measure(lines))
                mine += [side] * len(lines)
        self._measure = _Measure(own, others, embed)
        self._weigh = _Regression(np.vstack(rows), np.array(mine))

    @classmethod
    def of(cls, exchanges: Sequence[Exchange], generic: Sequence[str] = (), embed: Embed | None = None) -> VoiceScore:
        """The score of who replies in `exchanges`, beside the fans there and `generic` lines of anybody."""
        return cls([each.reply for each in exchanges], [*(each.fan for each in exchanges), *generic], embed)

    def __call__(self, text: str) -> float:
        """The score of one text; 0 for an empty one. About 1 ms."""
        return self.scores([text])[0]

    def scores(self, texts: Sequence[str]) -> list[float]:
        """The score of each text."""
        if not texts:
            return []
        found: list[float] = self._weigh(self._measure(texts)).tolist()
        return [score if text.strip() else 0.0 for text, score in zip(texts, found, strict=True)]

    def metric(self, example: Any, prediction: Any, trace: Any = None) -> float:
        """A metric as DSPy's optimizers and evaluators call it: the score of the prediction's `reply`, whatever the
        example's is."""
        return self(str(prediction["reply"]))


class LazyScore:
    """A voice score that is built at its first use, or by `prepare`, which a service calls in a thread."""

    def __init__(self, build: Callable[[], VoiceScore]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._score: VoiceScore | None = None

    def prepare(self) -> VoiceScore:
        """The score, built unless it is there: some seconds for 700 lines and 1,000 of others."""
        with self._lock:
            self._score = self._score or self._build()
            return self._score

    def __call__(self, text: str) -> float:
        """The score of one text."""
        return (self._score or self.prepare())(text)


def grams(text: str) -> Iterator[int]:
    """Words, pairs of words, and two to five characters in a row, as buckets; casing and punctuation stay."""
    tokens = text.split()
    padded = f" {' '.join(tokens)} "
    yield from (_bucket(f"w{token}") for token in tokens)
    yield from (_bucket(f"p{left} {right}") for left, right in itertools.pairwise(tokens))
    for size in range(2, 6):
        yield from (_bucket(padded[at : at + size]) for at in range(len(padded) - size + 1))


def _bucket(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace")) % _BUCKETS


class _Measure:
    """Lines as rows of numbers, measured against the creator's own lines and others'."""

    def __init__(self, own: Sequence[str], others: Sequence[str], embed: Embed) -> None:
        self._ratios: Numbers = np.log(_shares(own) / _shares(others))
        self._own: Vectors = embed(list(own))
        self._embed = embed

    def __call__(self, lines: Sequence[str]) -> Numbers:
        likeness = np.sort(self._embed(list(lines)) @ self._own.T, axis=1)
        nearest = likeness[:, -_NEAREST:].mean(axis=1)
        ratios = [float(self._ratios[list(grams(line))].mean()) if line.strip() else 0.0 for line in lines]
        looks = np.array([style(line) for line in lines])
        return np.column_stack([looks, np.array(ratios), nearest, likeness.mean(axis=1)])


def _shares(lines: Sequence[str]) -> Numbers:
    counts = np.full(_BUCKETS, _SMOOTHING)
    for line in lines:
        np.add.at(counts, list(grams(line)), 1.0)
    shares: Numbers = counts / counts.sum()
    return shares


class _Regression:
    """Logistic regression by Newton's method; either side weighs the same, however many lines it has."""

    def __init__(self, rows: Numbers, mine: Numbers) -> None:
        self._mean, self._spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        table = self._table(rows)
        each = np.where(mine > 0, 0.5 / mine.sum(), 0.5 / (1 - mine).sum()) * len(mine)
        ridge = np.full(table.shape[1], _RIDGE)
        ridge[-1] = 1e-3
        self._weights = np.zeros(table.shape[1])
        for _ in range(_STEPS):
            found = _logistic(table @ self._weights)
            slope = table.T @ (each * (found - mine)) + ridge * self._weights
            bend = (table * (each * found * (1 - found))[:, None]).T @ table + np.diag(ridge)
            self._weights -= np.linalg.solve(bend, slope)

    def __call__(self, rows: Numbers) -> Numbers:
        return _logistic(self._table(rows) @ self._weights)

    def _table(self, rows: Numbers) -> Numbers:
        return np.column_stack([(rows - self._mean) / self._spread, np.ones(len(rows))])


def _logistic(values: Numbers) -> Numbers:
    return 1 / (1 + np.exp(-np.clip(values, -60, 60)))


def _without(lines: Sequence[str], fold: int) -> list[str]:
    return [line for at, line in enumerate(lines) if at % _FOLDS != fold]
