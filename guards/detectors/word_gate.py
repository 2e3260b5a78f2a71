"""A cheap gate before the Matcher: could any token pattern match here at all, judging by the words that are there?

A pattern is possible only when each of its mandatory tokens that names its words finds one of them in the text. The
words are read without spaCy: runs of letters and runs of digits, and what spaCy's exceptions cut out of words (`gon`
and `na` of gonna), so the gate sees at least every token the tokenizer would make of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from spacy.attrs import ORTH

from guards.detectors.demands import Demand, Demands

_OPTIONAL = ("?", "*", "{0", "{,", "!")
_RUN = re.compile(r"[^\W\d_]+|\d+")
_CHUNK = re.compile(r"['’]?[^\W_]+(?:['’.][^\W_]+)*['’.]?")


class WordGate:
    """Closed until a pattern is added; `tokenizer` is the spaCy tokenizer whose tokens the patterns describe."""

    def __init__(self, tokenizer: Any) -> None:
        self._demands: list[list[frozenset[str]]] = []
        self._first: set[str] = set()
        self._odd: set[str] = set()
        self._always = False
        self._exceptions = {
            orth.lower(): [token[ORTH].lower() for token in tokens] for orth, tokens in tokenizer.rules.items()
        }

    def add(self, pattern: Sequence[Mapping[str, Any]]) -> None:
        """Opens the gate for texts in which `pattern` could match."""
        demands = sorted((words for token in pattern if (words := _words_of(token))), key=_commonness)
        if not demands:
            self._always = True
            return
        self._demands.append(demands)
        self._first |= demands[0]
        self._odd |= {word for words in demands for word in words if not _RUN.fullmatch(word)}

    def demands_of(self, pattern: Sequence[Mapping[str, Any]]) -> Demands:
        """The words that `pattern` asks for, as they stand in a text: whole, or inside one that the tokenizer cuts."""
        return [self._pieces(words) for token in pattern if (words := _words_of(token))]

    def _pieces(self, words: frozenset[str]) -> Demand:
        cut = (orth for orth, tokens in self._exceptions.items() if not words.isdisjoint(tokens))
        runs = [_RUN.findall(each) for each in (*words, *cut)]
        return frozenset(f"<{max(run, key=len)}>" for run in runs if run)

    def is_open(self, text: str) -> bool:
        """True when some pattern could match in `text`."""
        if self._always:
            return True
        low = text.lower()
        present = set(_RUN.findall(low))
        for chunk in _CHUNK.findall(low):
            present.update(self._exceptions.get(chunk, ()))
        present.update(word for word in self._odd if word in low)
        if self._first.isdisjoint(present):
            return False
        return any(not any(words.isdisjoint(present) for words in demands) for demands in self._demands)


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
