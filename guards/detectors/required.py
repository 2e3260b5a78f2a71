"""Required: the pieces of words without which a regular expression matches nowhere.

Read off its syntax tree, on the safe side: what is asked for here stands in every match, but not everything that stands
in every match is asked for. It stands apart because it is the one reader of Python's own regex parser, whose syntax is
nearly RE2's; where the two differ nothing is told.
"""

from __future__ import annotations

import re
import re._constants as kind  # the tree's own names, which `re` keeps to itself
import re._parser as parser
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guards.detectors.demands import NEVER, PLAIN_SIGNS, Demand, Demands, least_weight, rarest

_READ_OTHERWISE = re.compile(r"\[:\^?\w+:\]|\{,|\\[QEpPCz]")
_MOST_OF_A_RANGE = 300
_MOST_WAYS = 64
_MOST_RUNS = 24
_REPEATS = (kind.MAX_REPEAT, kind.MIN_REPEAT, kind.POSSESSIVE_REPEAT)
_NO_RUN = ("",)

Tree = Sequence[tuple[Any, Any]]


def demands_of(expression: str) -> tuple[Demands, ...]:
    """What the matches of `expression` (letters in any case) need: each match all of one of these. One that asks for
    nothing where that cannot be told."""
    if _READ_OTHERWISE.search(expression):
        return ((),)
    try:
        tree = parser.parse(expression, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError):
        return ((),)
    return tuple(tuple(dict.fromkeys(way)) for way in _Reader(at_edge=False).read(list(tree)).ways)


@dataclass(slots=True)
class _Reader:
    """Reads one sequence of the tree: runs of letters, and whether a word begins or ends beside them.

    `at_edge` is true where a word's edge lies before what comes next. `runs` are what the letters behind it may be.
    `ways` are the ways in which all so far is met.
    """

    at_edge: bool
    runs: tuple[str, ...] = _NO_RUN
    ways: list[list[Demand]] = field(default_factory=lambda: [[]])

    def read(self, tree: Tree) -> _Reader:
        """This reader, behind the whole sequence."""
        for operator, value in tree:
            texts = _texts_of(operator, value)
            if texts is None:
                self._take(operator, value)
            else:
                self._letters(texts)
        if self.runs != _NO_RUN:
            self._end_run(is_edge=False)
        return self

    def _letters(self, texts: Sequence[str]) -> None:
        if len(self.runs) * len(texts) > _MOST_RUNS:
            self._end_run(is_edge=False)
        self.runs = tuple(dict.fromkeys(run + text for run in self.runs for text in texts))

    def _take(self, operator: Any, value: Any) -> None:
        if operator is kind.LITERAL:
            self._sign(chr(value))
        elif operator is kind.AT:
            self._end_run(is_edge=value is not kind.AT_NON_BOUNDARY)
        elif operator in _REPEATS:
            self._repeat(value[0], list(value[2]))
        elif operator is kind.SUBPATTERN:
            self._either([list(value[-1])])
        elif operator is kind.BRANCH:
            self._either([list(branch) for branch in value[1]])
        else:
            self._one_of(operator, value)

    def _sign(self, char: str) -> None:
        self._end_run(is_edge=True)
        if char not in PLAIN_SIGNS:
            self._needs(NEVER)

    def _one_of(self, operator: Any, value: Any) -> None:
        """A set of characters, or any character."""
        chars = _chars(value) if operator is kind.IN else None
        self._end_run(is_edge=chars is not None and not any(char.isalnum() for char in chars))
        if chars is not None and not any(char.isalpha() or char in PLAIN_SIGNS for char in chars):
            self._needs(NEVER)

    def _repeat(self, least: int, tree: Tree) -> None:
        if least:
            self._either([tree])
        else:
            is_edge = self.at_edge and self.runs == _NO_RUN and _Reader(at_edge=False).read(tree).at_edge
            self._end_run(is_edge=False)
            self.at_edge = is_edge

    def _either(self, branches: Sequence[Tree]) -> None:
        readers = [_Reader(self.at_edge, self.runs).read(branch) for branch in branches]
        self.runs = _NO_RUN
        self.at_edge = all(reader.at_edge for reader in readers)
        each = [way for reader in readers for way in reader.ways]
        if all(len(way) == 1 for way in each):
            self._needs(frozenset(piece for way in each for piece in way[0]))
        else:
            self._all_of(each)

    def _all_of(self, each: Sequence[Sequence[Demand]]) -> None:
        """Every way so far with every way of `each`; with the best of each where these would be too many."""
        if len(self.ways) * len(each) <= _MOST_WAYS:
            self.ways = [[*way, *more] for way in self.ways for more in each]
        elif all(each):
            self._needs(frozenset(piece for way in each for piece in _best(way)))

    def _needs(self, demand: Demand) -> None:
        self.ways = [[*way, demand] for way in self.ways]

    def _end_run(self, *, is_edge: bool) -> None:
        """The letters so far are a piece of their own."""
        if "" not in self.runs:
            first, last = "<" if self.at_edge else "", ">" if is_edge else ""
            self._needs(frozenset(f"{first}{run}{last}" for run in self.runs))
        self.runs = _NO_RUN
        self.at_edge = is_edge


def _best(way: Sequence[Demand]) -> Demand:
    return rarest(way) or max(way, key=least_weight)


def _texts_of(operator: Any, value: Any) -> list[str] | None:
    """All that an item of the tree may match, where that is little and letters and digits alone; else None."""
    if operator is kind.LITERAL:
        return _if_letters([chr(value).lower()])
    if operator is kind.IN:
        return _if_letters([chr(each).lower() for sort, each in value if sort is kind.LITERAL], of=len(value))
    if operator is kind.SUBPATTERN:
        return _texts(list(value[-1]))
    if operator is kind.BRANCH:
        return _any_of([_texts(list(branch)) for branch in value[1]])
    if operator in _REPEATS and value[1] == 1:
        return _any_of([_texts(list(value[2])), *([] if value[0] else [[""]])])
    return None


def _texts(tree: Tree) -> list[str] | None:
    texts = [""]
    for operator, value in tree:
        more = _texts_of(operator, value)
        if more is None or len(texts) * len(more) > _MOST_RUNS:
            return None
        texts = [text + each for text in texts for each in more]
    return list(dict.fromkeys(texts))


def _any_of(each: Sequence[list[str] | None]) -> list[str] | None:
    texts = list(dict.fromkeys(text for texts in each for text in texts or ()))
    return None if None in each or len(texts) > _MOST_RUNS else texts


def _if_letters(chars: list[str], of: int = 1) -> list[str] | None:
    return chars if len(chars) == of <= _MOST_RUNS and all(map(str.isalnum, chars)) else None


def _chars(items: Sequence[tuple[Any, Any]]) -> list[str] | None:
    """The characters of a set, or some that stand for them; None where they are all but a few."""
    found: list[str] = []
    for operator, value in items:
        if operator is kind.LITERAL:
            found.append(chr(value))
        elif operator is kind.RANGE and value[1] - value[0] <= _MOST_OF_A_RANGE:
            found.extend(map(chr, range(value[0], value[1] + 1)))
        elif operator is kind.CATEGORY and value in _CATEGORIES:
            found.extend(_CATEGORIES[value])
        else:
            return None
    return found


_CATEGORIES = {
    kind.CATEGORY_DIGIT: "0",
    kind.CATEGORY_SPACE: " ",
    kind.CATEGORY_NOT_WORD: " @",
    kind.CATEGORY_WORD: "a0_",
}
