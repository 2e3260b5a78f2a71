"""Demands: what must stand in a text of plain words before an entry of a rule can find something in it.

They stand apart because they are what lets a stream go on word by word: where no entry's demands are met there is no
finding, whatever the detectors would say, and nothing need be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import spacy
from ahocorasick_rs import AhoCorasick

ODD = "\0"
Demand = frozenset[str]
"""Pieces of words, one of which must be there. `<` and `>` are the edges of a word: `<add>`, `<insta`, `gram>`. ODD
stands for what no plain word is: a digit, a sign, an emoji."""
NEVER: Demand = frozenset({ODD})
Demands = Sequence[Demand]
"""All of them must be met. None at all: there may be a finding in any text."""


def no(_: str) -> bool:
    """False: for a detector that has nothing to say of it."""
    return False


@dataclass(frozen=True, slots=True)
class Opening:
    """What a detector says about the texts in which it may find something.

    `demands` of its entries, each with its rule. `signs` are characters, other than letters and digits, that it looks
    for. `hides` tells of a token of plain letters, `ends` of the text so far in lower case, `ends_together` of its
    letters drawn together, whether a finding may lie, or end, there. `closes` tells of a word in lower case, or of what
    stands in it before a sign, whether one that `ends` may tell of can end in it at all.
    `beginnings` are what terms of several words begin with, token by token.
    """

    demands: tuple[tuple[str, Demands], ...] = ()
    signs: frozenset[str] = frozenset()
    hides: Callable[[str], bool] = no
    ends: Callable[[str], bool] = no
    ends_together: Callable[[str], bool] = no
    closes: Callable[[str], bool] = no
    beginnings: frozenset[tuple[str, ...]] = frozenset()


_LANGUAGES = ("en", "es", "pt", "fr", "de", "it", "ru")
_EVERYDAY = frozenset({
    "got", "get", "want", "wanna", "gonna", "going", "need", "know", "like", "love", "good", "time", "day", "days",
    "night", "today", "tell", "told", "home", "work", "think", "said", "says", "right", "people", "thing", "things",
    "way", "look", "looks", "let", "lets", "come", "came", "went", "new", "old", "yes", "yeah", "long", "bit", "little",
    "sorry", "ask", "wait", "nice", "best", "better", "really", "feel", "baby", "babe", "year", "week", "morning",
})  # fmt: skip
_TOKEN = re.compile(r"[^\W_]+")
_SHORTEST_RARE = 3
_MUCH = 99
PLAIN_SIGNS = frozenset("'’‘\"“”,;:()*…—–-.!? \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0")
"""What may stand beside the letters of plain words, and between them."""


def tokens_of(text: str) -> list[str]:
    """The runs of letters and digits in lower-case `text`."""
    return _TOKEN.findall(text)


def words(wanted: Iterable[str]) -> Demand:
    """The demand for one of these whole words."""
    return frozenset(f"<{word}>" for word in wanted)


class Numbered:
    """Demands by number, and which of them a word meets."""

    def __init__(self, demands: Iterable[Demand]) -> None:
        # What most words meet comes first, so that the numbers of most words are small.
        self.number = {demand: at for at, demand in enumerate(sorted(dict.fromkeys(demands), key=_rareness))}
        self._asking: dict[str, list[int]] = {}
        for demand, at in self.number.items():
            for piece in demand:
                self._asking.setdefault(piece, []).append(at)
        pieces = list(self._asking)
        self._bits = [sum(1 << at for at in self._asking[piece]) for piece in pieces]
        self._engine = AhoCorasick(pieces) if pieces else None

    def bits_of(self, tokens: Iterable[str], *, is_plain: bool) -> int:
        """The demands that a word of these tokens meets, with a bit for each number."""
        met = 0 if is_plain else sum(1 << at for at in self._asking.get(ODD, ()))
        if self._engine is not None:
            for token in tokens:
                for piece, _, _ in self._engine.find_matches_as_indexes(f"<{token}>", overlapping=True):
                    met |= self._bits[piece]
        return met


def ones(bits: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def rarest(demands: Demands) -> Demand | None:
    """The demand that tells most: without a word that every sentence has. None where there is no such."""
    rare = [demand for demand in demands if not any(_is_common(piece) for piece in demand)]
    return max(rare, key=least_weight) if rare else None


def least_weight(demand: Demand) -> int:
    """How much the least of its pieces tells, in letters."""
    return min(_MUCH if piece == ODD else len(piece) for piece in demand)


def _rareness(demand: Demand) -> tuple[bool, int]:
    return not any(_is_common(piece) for piece in demand), least_weight(demand)


def _is_common(piece: str) -> bool:
    if piece == ODD:
        return False
    return is_common(piece.strip("<>"))


def is_common(word: str) -> bool:
    """True for a lower-case word that every other sentence has, in one of the languages."""
    return len(word) < _SHORTEST_RARE or word in _common_words()


@lru_cache(maxsize=1)
def _common_words() -> frozenset[str]:
    return _EVERYDAY | {word for language in _LANGUAGES for word in _stop_words(language)}


def _stop_words(language: str) -> Iterator[str]:
    """spaCy's list for one language, read by itself: the package around it takes seconds to load."""
    file = Path(spacy.__file__).parent / "lang" / language / "stop_words.py"
    spec = spec_from_file_location(f"stop_words_{language}", file)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for word in module.STOP_WORDS:
        yield from tokens_of(word)
