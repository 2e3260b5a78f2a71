"""A cheap gate before the Matcher: could any token pattern match here at all, judging by the words that are there?

A pattern is possible only when each of its mandatory tokens that names its words finds one of them in the text, in its
order and near the others. The words are read without spaCy: runs of letters and runs of digits, and what spaCy's
exceptions cut out of words (`gon` and `na` of gonna), so the gate sees at least every token the tokenizer would make of
them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from spacy.attrs import ORTH

from guards.detectors.demands import Demand, Demands
from guards.detectors.word_facts import DemandGate, WordFacts

_MANY = 1 << 30
Order = tuple[list[frozenset[str]], int]
"""What a pattern demands, in its order, and in how many words it must stand."""
_OPTIONAL = ("?", "*", "{0", "{,", "!")
_RUN = re.compile(r"[^\W\d_]+|\d+")
_CHUNK = re.compile(r"['’]?[^\W_]+(?:['’.][^\W_]+)*['’.]?")


class WordGate:
    """Closed until a pattern is added; `tokenizer` is the spaCy tokenizer whose tokens the patterns describe. What they
    ask of words is asked with the other `facts`, where there are any."""

    def __init__(self, tokenizer: Any, facts: WordFacts | None = None) -> None:
        self._facts = facts or WordFacts()
        self._demands: list[list[frozenset[str]]] = []
        self._asked: list[Demands] = []
        self._orders: list[Order] = []
        self._first: set[str] = set()
        self._odd: set[str] = set()
        self._always = False
        self._exceptions = {
            orth.lower(): [token[ORTH].lower() for token in tokens] for orth, tokens in tokenizer.rules.items()
        }

    def add(self, pattern: Sequence[Mapping[str, Any]]) -> None:
        """Opens the gate for texts in which `pattern` could match."""
        order = [words for token in pattern if (words := _words_of(token))]
        if not order:
            self._always = True
            return
        demands = sorted(order, key=_commonness)
        self._demands.append(demands)
        self._orders.append((order, _MANY if any(map(_is_unbounded, pattern)) else len(pattern)))
        self._asked.append(self.demands_of(pattern))
        self._facts.demand(self._asked[-1])
        self._first |= demands[0]
        self._odd |= {word for words in demands for word in words if not _RUN.fullmatch(word)}

    def demands_of(self, pattern: Sequence[Mapping[str, Any]]) -> Demands:
        """The words that `pattern` asks for, as they stand in a text: whole, or inside one that the tokenizer cuts. A
        token that may be a sign asks for none."""
        asked = (self._pieces(words) for token in pattern if (words := _words_of(token)))
        return [pieces for pieces in asked if pieces]

    def _pieces(self, words: frozenset[str]) -> Demand:
        cut = [orth for orth, tokens in self._exceptions.items() if not words.isdisjoint(tokens)]
        runs = [_RUN.findall(each) for each in (*words, *cut)]
        return frozenset(f"<{max(run, key=len)}>" for run in runs) if all(runs) else frozenset()

    def is_open(self, text: str) -> bool:
        """True when some pattern could match in `text`."""
        if self._always:
            return True
        possible = self._possible_by_words(text) if text.isascii() else self._possible(text.lower())
        return bool(possible) and self._stand_in_order(text.lower(), possible)

    @cached_property
    def _demand_gate(self) -> DemandGate:
        return DemandGate(enumerate(self._asked), self._facts)

    def _possible_by_words(self, text: str) -> list[Order]:
        return [self._orders[number] for number in self._demand_gate.open_for(text)]

    def _possible(self, low: str) -> list[Order]:
        """The patterns all of whose demands are met somewhere in lower-case `low`."""
        present = set(_RUN.findall(low))
        for chunk in _CHUNK.findall(low):
            present.update(self._exceptions.get(chunk, ()))
        present.update(word for word in self._odd if word in low)
        if self._first.isdisjoint(present):
            return []
        return [
            order
            for demands, order in zip(self._demands, self._orders, strict=True)
            if not any(words.isdisjoint(present) for words in demands)
        ]

    def _stand_in_order(self, low: str, possible: Sequence[Order]) -> bool:
        """True when the words of one of the patterns stand in its order, and near enough to each other."""
        places: dict[str, list[int]] = {}
        runs = list(_RUN.finditer(low))
        starts = [run.start() for run in runs]
        for number, run in enumerate(runs):
            places.setdefault(run[0], []).append(number)
        for chunk in _CHUNK.finditer(low):
            for word in self._exceptions.get(chunk[0], ()):
                places.setdefault(word, []).append(bisect_left(starts, chunk.start()))
        for word in self._odd:
            at = low.find(word)
            while at >= 0:
                places.setdefault(word, []).append(max(0, bisect_right(starts, at) - 1))
                at = low.find(word, at + 1)
        return any(_is_in_order(order, longest, places) for order, longest in possible)


def _is_in_order(order: Sequence[frozenset[str]], longest: int, places: Mapping[str, Sequence[int]]) -> bool:
    """True when each of `order` has a place no earlier than the one before it, and all of them within `longest` words.

    Words that a contraction holds share its place, so that places may repeat.
    """
    wanted = [sorted(at for word in words for at in places.get(word, ())) for words in order]
    for first in wanted[0]:
        at = first
        for later in wanted[1:]:
            found = bisect_left(later, at)
            if found == len(later) or later[found] > first + longest:
                break
            at = later[found]
        else:
            return True
    return False


def _is_unbounded(token: Mapping[str, Any]) -> bool:
    """True for a token that may stand for more than one."""
    return str(token.get("OP", "1")) not in ("1", "?", "!")


def _commonness(words: frozenset[str]) -> tuple[int, int]:
    """The rarest words first: long ones, and few."""
    return -min(map(len, words)), len(words)


def _words_of(token: Mapping[str, Any]) -> frozenset[str]:
    """The words of which a mandatory token must be one; empty when it is optional or names none."""
    if str(token.get("OP", "1")).startswith(_OPTIONAL):
        return frozenset()
    wanted = token.get("LOWER", token.get("TEXT", token.get("ORTH")))
    if isinstance(wanted, str):
        return frozenset({wanted.lower()})
    if isinstance(wanted, Mapping) and "IN" in wanted:
        return frozenset(str(word).lower() for word in wanted["IN"])
    return frozenset()
