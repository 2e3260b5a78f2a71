"""Terms: Aho-Corasick over the folded views, nearly flat in the number of terms.

A term counts only as a word of its own: the characters beside it in the original must not continue a Latin word
(a plural or possessive s may). Terms of seven letters and more are also seen through spaces (`snap chat`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from guards.detectors.base import BuildProblem, Source
from guards.fold import Folded, View, fold_term, lowered
from guards.policy import Fold
from guards.types import Finding

_SHORTEST_DISGUISED = 4
_SHORTEST_GLUED = 7
_WIDEST_GAP = 3
_READINGS: dict[Fold, Callable[[str], str]] = {"none": str, "case": lowered, "full": fold_term}


@dataclass(frozen=True, slots=True)
class Term:
    """One literal of one rule, as its automaton reads it."""

    rule: str
    text: str


class _Automaton:
    """One automaton over the terms of one fold; several rules may own the same literal."""

    def __init__(self, terms: Sequence[Term]) -> None:
        owners: dict[str, list[str]] = {}
        for term in terms:
            rules = owners.setdefault(term.text, [])
            if term.rule not in rules:
                rules.append(term.rule)
        self._literals = list(owners)
        self._rules = [tuple(owners[literal]) for literal in self._literals]
        self._engine = AhoCorasick(self._literals) if owners else None

    def matches(self, text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
        """(rules, start, end) of every occurrence, overlapping ones too."""
        if self._engine is None:
            return
        for index, start, end in self._engine.find_matches_as_indexes(text, overlapping=True):
            yield self._rules[index], start, end


class LexiconDetector:
    """Every `terms` entry of a snapshot."""

    name = "lexicon"

    def __init__(self, sources: Sequence[Source], lexicons: dict[str, tuple[str, ...]]) -> None:
        by_fold: dict[Fold, list[Term]] = {"none": [], "case": [], "full": []}
        for source in sources:
            for literal in _literals(source, lexicons):
                by_fold[source.fold].append(Term(source.rule, _as_read(literal, source)))
        self.rules = frozenset(source.rule for source in sources)
        self._exact = _Automaton(by_fold["none"])
        self._cased = _Automaton(by_fold["case"])
        self._full = _Automaton(by_fold["full"])
        self._glued = _Automaton(
            [
                Term(term.rule, glued)
                for term in by_fold["full"]
                if len(glued := "".join(filter(str.isalnum, term.text))) >= _SHORTEST_GLUED
            ]
        )

    def find(self, folded: Folded) -> Iterator[Finding]:
        """Findings of all terms; each span ends at word edges of the original."""
        yield from self._in_view(self._exact, folded, View("text", folded.text), folded.text)
        yield from self._in_view(self._cased, folded, View("text", folded.text), lowered(folded.text))
        for view in self._full_views(folded):
            yield from self._in_view(self._full, folded, view, lowered(view.text))
        yield from self._in_glued(folded)

    def _full_views(self, folded: Folded) -> Iterator[View]:
        yield from folded.views
        if not folded.text.isascii():  # a term of another script that looks Latin is not in the clean view
            yield View("text", folded.text)

    def _in_view(self, automaton: _Automaton, folded: Folded, view: View, text: str) -> Iterator[Finding]:
        disguised = view.name not in ("text", "clean")
        for rules, start, end in automaton.matches(text):
            if disguised and end - start < _SHORTEST_DISGUISED:
                continue
            span = view.span(start, end)
            if _is_whole_word(folded, *span):
                yield from (Finding(rule, *span, 1.0, self.name, view.name) for rule in rules)

    def _in_glued(self, folded: Folded) -> Iterator[Finding]:
        clean = folded.views[0]
        text = lowered(clean.text)
        glued = "".join(filter(str.isalnum, text))
        if len(glued) == len(text):
            return
        kept: list[int] = []
        for rules, start, end in self._glued.matches(glued):
            kept = kept or [at for at, char in enumerate(text) if char.isalnum()]
            first, last = kept[start], kept[end - 1] + 1
            if last - first == end - start or last - first > end - start + _WIDEST_GAP:
                continue
            span = clean.span(first, last)
            if _is_whole_word(folded, *span):
                yield from (Finding(rule, *span, 1.0, self.name, "glued") for rule in rules)


def _is_whole_word(folded: Folded, start: int, end: int) -> bool:
    if folded.is_word(folded.before(start)) and folded.is_word(start):
        return False
    after = folded.after(end)
    if not folded.is_word(folded.before(end)) or not folded.is_word(after):
        return True
    plural = folded.text[after] in "sS" and not folded.is_word(folded.after(after + 1))
    return plural and end - start >= _SHORTEST_DISGUISED


def _literals(source: Source, lexicons: dict[str, tuple[str, ...]]) -> Sequence[str]:
    named = source.entry.terms
    if not isinstance(named, str):
        return [str(term) for term in named]
    if named not in lexicons:
        raise BuildProblem(source, f"no lexicon {named!r} below the rules folder")
    return lexicons[named]


def _as_read(literal: str, source: Source) -> str:
    text = _READINGS[source.fold](literal)
    if not any(char.isalnum() for char in text):
        raise BuildProblem(source, f"the term {literal!r} has no letter or digit")
    return text
