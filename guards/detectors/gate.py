"""The gate: is a stretch of text worth a closer look? One linear head, a few dictionary look-ups a word.

It stands apart from the transformer behind it because it runs on everything: ordinary chat must cost microseconds. The
head was trained over words, pairs of neighbouring words, character n-grams and static word embeddings; all of what a
known word adds is one number here, and only an unknown word is taken apart into its n-grams.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guards.remembered import Remembered

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[?!@$€£:#+]|[^\w\s]{1,3}")
_DIGIT = re.compile(r"\d")
_SHORTEST_GRAM, _LONGEST_GRAM = 3, 5
_LONGEST_WORD = 24
_UNKNOWN_KEPT = 8_192
_NONE = 0.0


Pair = tuple[str, str]


def words_of(text: str) -> list[str]:
    """The words of `text` as the gate reads them: lower case, curly quotes straight, every digit a 0."""
    return _WORD.findall(_DIGIT.sub("0", text.lower().replace("’", "'")))


def pairs_of(words: Sequence[str]) -> Iterator[Pair]:
    """Each word with its neighbour, the ends of the text included."""
    return pairwise(["^", *words, "$"])


def grams_of(word: str) -> list[str]:
    """The character n-grams of one word with its edges."""
    edged = f"<{word[:_LONGEST_WORD]}>"
    return [
        edged[at : at + size]
        for size in range(_SHORTEST_GRAM, _LONGEST_GRAM + 1)
        for at in range(len(edged) - size + 1)
    ]


@dataclass(frozen=True, slots=True)
class Gate:
    """The trained head."""

    words: dict[str, float]
    pairs: dict[Pair, float]
    grams: dict[str, float]
    bias: float
    _unknown: Callable[[str], float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remembers what the words that are not known were last found to add."""
        object.__setattr__(self, "_unknown", Remembered(self._taken_apart, _UNKNOWN_KEPT).__getitem__)

    def score(self, text: str) -> float:
        """How much `text` looks like something the rules are about; any number. Linear."""
        words = words_of(text)
        known = map(self.words.get, words)
        total = sum(
            [self._added_unknown(word) if value is None else value for word, value in zip(words, known, strict=True)]
        )
        total += sum(map(self.pairs.get, pairs_of(words), repeat(_NONE)))
        return self.bias + total / math.sqrt(len(words) or 1)

    def added(self, word: str, before: str) -> float:
        """What one more of the `words_of` a text adds behind the word `before` (`^` at its beginning)."""
        value = self.words.get(word)
        return (self._added_unknown(word) if value is None else value) + self.pairs.get((before, word), _NONE)

    def score_of_sum(self, total: float, count: int, last: str) -> float:
        """The score of a text whose `count` words, the last of them `last`, added up to `total`."""
        closed = total + self.pairs.get((last, "$"), _NONE)
        return self.bias + closed / math.sqrt(count or 1)

    def _added_unknown(self, word: str) -> float:
        return self._unknown(word) if len(word) <= _LONGEST_WORD else self._taken_apart(word)

    def _taken_apart(self, word: str) -> float:
        grams = grams_of(word)
        return sum(map(self.grams.get, grams, repeat(_NONE))) / math.sqrt(len(grams))

    def save(self, path: Path) -> None:
        """Writes the head to `path`, an .npz without pickled objects."""
        arrays = {"numbers": np.array([self.bias])}
        pairs = {" ".join(pair): value for pair, value in self.pairs.items()}
        for name, table in (("words", self.words), ("pairs", pairs), ("grams", self.grams)):
            keys = sorted(table)
            arrays[f"{name}_keys"] = np.frombuffer("\n".join(keys).encode("utf-8"), dtype=np.uint8)
            arrays[f"{name}_values"] = np.array([table[key] for key in keys], dtype=np.float16)
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Gate:
        """The head saved at `path`. Raises OSError, ValueError or KeyError for a file that is none."""
        with np.load(path, allow_pickle=False) as arrays:
            tables: list[dict[str, float]] = [
                dict(zip(_keys(arrays[f"{name}_keys"]), arrays[f"{name}_values"].astype(float).tolist(), strict=True))
                for name in ("words", "pairs", "grams")
            ]
            (bias,) = arrays["numbers"].tolist()
        words, pairs, grams = tables
        own = {word: word for word in words}  # so that a word is kept once
        split = (pair.split(" ") for pair in pairs)
        apart = [(own.get(before, before), own.get(word, word)) for before, word in split]
        return cls(words, dict(zip(apart, pairs.values(), strict=True)), grams, bias)


def _keys(packed: NDArray[np.uint8]) -> list[str]:
    return packed.tobytes().decode("utf-8").split("\n")
