"""Demands: what must stand in a text of plain words before an entry of a rule can find something in it.

They stand apart because they are what lets a stream go on word by word: where no entry's demands are met there is no
finding, whatever the detectors would say, and nothing need be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from importlib.util import module_from_spec, spec_from_file_location
from operator import or_
from pathlib import Path

import spacy
from ahocorasick_rs import AhoCorasick

from guards.chunks import chunks_of

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
_WORDS_KEPT = 32_768
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
        self.number = {demand: at for at, demand in enumerate(dict.fromkeys(demands))}
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


class DemandGate:
    """Tells which entries may find something in a text: those all of whose demands it meets.

    `ways` are what the entries demand, each with the number of its entry, of which one way must be met. It reads ASCII,
    where every word stands as it is. What a word meets is remembered.
    """

    def __init__(self, ways: Iterable[tuple[int, Demands]]) -> None:
        kept = [(entry, tuple(dict.fromkeys(way))) for entry, way in ways]
        self._always = {entry for entry, way in kept if not way}
        self._numbered = Numbered(demand for _, way in kept for demand in way)
        asked: dict[tuple[int, int], dict[int, list[int]]] = {}
        for entry, way in kept:
            if way:
                pivot = rarest(way) or max(way, key=least_weight)
                others = [demand for demand in way if demand != pivot]
                needed = sum(self._bit(demand) for demand in way)
                second = self._bit(rarest(others) or max(others, key=least_weight)) if others else 0
                asked.setdefault((self._numbered.number[pivot], second), {}).setdefault(entry, []).append(needed)
        self._ways: dict[int, list[tuple[int, list[tuple[int, int]]]]] = {}
        for (number, second), by_entry in asked.items():
            self._ways.setdefault(number, []).append((second, list(_least(by_entry))))
        self._pivots = sum(1 << pivot for pivot in self._ways)
        self._met_by = lru_cache(maxsize=_WORDS_KEPT)(self._met)

    def _bit(self, demand: Demand) -> int:
        return 1 << self._numbered.number[demand]

    def open_for(self, text: str) -> list[int]:
        """The entries that may find something in `text`, which is ASCII, in order."""
        chunks, are_short = chunks_of(text.lower())
        met = reduce(or_, map(self._met_by if are_short else self._met, chunks), 0)
        found = set(self._always)
        for pivot in ones(met & self._pivots):
            for second, ways in self._ways[pivot]:
                if second & met == second:
                    found.update([entry for needed, entry in ways if needed & met == needed])
        return sorted(found)

    def _met(self, word: str) -> int:
        is_plain = word.isalpha() or all(char.isalpha() or char in PLAIN_SIGNS for char in word)
        return self._numbered.bits_of(tokens_of(word), is_plain=is_plain)


def _least(by_entry: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """(needed, entry) for each entry without what only asks for more than another of its own does."""
    for entry, asked in by_entry.items():
        yield from ((needed, entry) for needed in set(asked) if not any(n != needed and n & needed == n for n in asked))


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
