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

    `at_edge` is true where a word's edge lies before what comes next. `ways` are the ways in which all so far is met.
    """

    at_edge: bool
    run: str = ""
    ways: list[list[Demand]] = field(default_factory=lambda: [[]])

    def read(self, tree: Tree) -> _Reader:
        """This reader, behind the whole sequence."""
        for operator, value in tree:
            self._take(operator, value)
        if self.run:
            self._end_run(is_edge=False)
        return self

    def _take(self, operator: Any, value: Any) -> None:
        if operator is kind.LITERAL:
            self._letter(chr(value).lower())
        elif operator is kind.AT:
            self._end_run(is_edge=value is not kind.AT_NON_BOUNDARY)
        elif operator in (kind.MAX_REPEAT, kind.MIN_REPEAT, kind.POSSESSIVE_REPEAT):
            self._repeat(value[0], list(value[2]))
        elif operator is kind.SUBPATTERN:
            self._either([list(value[-1])])
        elif operator is kind.BRANCH:
            self._either([list(branch) for branch in value[1]])
        else:
            self._one_of(operator, value)

    def _letter(self, char: str) -> None:
        if char.isalnum():
            self.run += char
            return
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
            self._end_run(is_edge=False)

    def _either(self, branches: Sequence[Tree]) -> None:
        if self.run:
            self._end_run(is_edge=False)
        readers = [_Reader(self.at_edge).read(branch) for branch in branches]
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
        if self.run:
            first, last = "<" if self.at_edge else "", ">" if is_edge else ""
            self._needs(frozenset({f"{first}{self.run}{last}"}))
            self.run = ""
        self.at_edge = is_edge


def _best(way: Sequence[Demand]) -> Demand:
    return rarest(way) or max(way, key=least_weight)


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
