"""Terms: Aho-Corasick over the folded views, nearly flat in the number of terms.

A term counts only as a word of its own: the characters beside it in the original must not continue a Latin word
(a plural or possessive s may). A term with a sense counts only with its evidence (`senses`). Terms of seven letters and
more are also seen through gaps (`snap chat`, `in sta gr am`), shorter ones through gaps that no sentence would have
(`tik_tok`); words that are misspelt, reversed or rotated are looked up one by one (`word_table`). A phrase is also
looked for in shorthand (`where r u`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ahocorasick_rs import AhoCorasick

from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import Opening, tokens_of
from guards.detectors.senses import Evidence, stands_out
from guards.detectors.word_facts import WordFacts
from guards.detectors.word_table import WordTable
from guards.fold import Folded, View, fold_term, lowered
from guards.policy import Fold, Lexicon, Sense
from guards.types import Finding, Transcript

_SHORTEST_DISGUISED = 4
_SHORTEST_DISGUISED_WITH_EVIDENCE = 3
_SHORTEST_GLUED = 7
_SHORTEST_TIGHTLY_GLUED = 5
_WIDEST_GAP = 3
_SPACES = re.compile(r"\s+")
_YOU = {"you": "u", "your": "ur", "you're": "ur"}
_ARE = {"are": "r"}
_SIGNS = {at: None for at in range(128) if not chr(at).isalnum()}
_BY_LOOKS = frozenset({"joined", "leet", "leet_l", "squeezed"})
_READINGS: dict[Fold, Callable[[str], str]] = {"none": str, "case": lowered, "full": fold_term}


@dataclass(frozen=True, slots=True)
class Term:
    """One literal of one rule, as its automaton reads it; `evidence` is None where it needs none."""

    rule: str
    text: str
    evidence: Evidence | None = None


class _Automaton:
    """One automaton over the terms of one fold; several rules may own the same literal."""

    def __init__(self, terms: Sequence[Term]) -> None:
        owners: dict[str, dict[tuple[str, Evidence | None], None]] = {}
        for term in terms:
            owners.setdefault(term.text, {})[(term.rule, term.evidence)] = None
        self.literals = list(owners)
        self._owners = [tuple(owners[literal]) for literal in self.literals]
        self._engine = AhoCorasick(self.literals) if owners else None

    def matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(number of the literal, start, end) of every occurrence, overlapping ones too."""
        if self._engine is not None:
            yield from self._engine.find_matches_as_indexes(text, overlapping=True)

    def rules(
        self, number: int, text: str, start: int, end: int, *, bare: bool = True, is_odd: bool = False
    ) -> Iterator[str]:
        """The rules for which the literal counts at `text[start:end]`; `bare` takes in those without evidence. One that
        `is_odd` among what stands around it is its own evidence."""
        counted: set[str] = set()
        for rule, evidence in self._owners[number]:
            if rule in counted or (evidence is None and not bare):
                continue
            if evidence is None or evidence.speaks_for(text, start, end, is_odd=is_odd):
                counted.add(rule)
                yield rule


class _Ends:
    """Does a text end with one of some literals, a plural s and the signs behind a word aside?"""

    def __init__(self, literals: Iterable[str]) -> None:
        kept = sorted(set(literals))
        self._engine = AhoCorasick(kept) if kept else None
        self._shortest = min(map(len, kept), default=1)
        self._tails = {literal[-self._shortest :] for literal in kept}

    def of(self, text: str) -> bool:
        """True when one that is a word of its own ends where the last word of `text` does."""
        return any(_begins_word(text, start) for start in self._starts(text))

    def of_letters(self, text: str) -> bool:
        """True when one ends where `text`, letters without spaces, does."""
        size = self._shortest
        if text[-size:] not in self._tails and text[-size - 1 : -1] not in self._tails:
            return False
        return any(True for _ in self._starts(text))

    def _starts(self, text: str) -> Iterator[int]:
        if self._engine is not None:
            last = len(text)
            while last and not text[last - 1].isalnum():
                last -= 1
            for _, start, end in self._engine.find_matches_as_indexes(text, overlapping=True):
                is_plural = end == last - 1 and text[end] == "s" and end - start >= _SHORTEST_DISGUISED
                if end >= last or is_plural:
                    yield start


def _begins_word(text: str, start: int) -> bool:
    return start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())


class LexiconDetector:
    """Every `terms` entry of a snapshot."""

    name = "lexicon"
    finds_places = True

    def __init__(self, sources: Sequence[Source], lexicons: dict[str, Lexicon], facts: WordFacts | None = None) -> None:
        by_fold: dict[Fold, list[Term]] = {"none": [], "case": [], "full": []}
        unlike: set[str] = set()
        for source in sources:
            for entry in _entries(source, lexicons):
                by_fold[source.fold].extend(_terms(entry, source))
                unlike.update(map(fold_term, entry.unlike if isinstance(entry, Sense) else ()))
        self.rules = frozenset(source.rule for source in sources)
        self._exact = _Automaton(by_fold["none"])
        self._cased = _Automaton(by_fold["case"])
        self._full = _Automaton(by_fold["full"])
        self._glued = _Automaton([*_glued(by_fold["full"])])
        self._words = WordTable(enumerate(self._full.literals), unlike)
        self._facts = facts or WordFacts()
        self._hides = self._facts.ask(self._words.hides_in)
        self._apart = frozenset(word for word in unlike if not word.isalnum())

    def find(self, folded: Folded) -> Iterator[Finding]:
        """Findings of all terms; each span ends at word edges of the original."""
        if self._exact.literals:
            yield from self._in_view(self._exact, folded, folded.original, folded.text)
        if self._cased.literals:
            yield from self._in_view(self._cased, folded, folded.original, lowered(folded.text))
        for view in self._full_views(folded):
            text = lowered(view.text)
            yield from self._in_view(self._full, folded, view, text)
            if view.name not in ("text", "squeezed"):
                yield from self._in_words(view, text)
        yield from self._in_glued(folded)

    def opening(self) -> Opening:
        """A term may end with a word, hide in one, or lie over several; one of several words is told as it begins."""
        automata = (self._exact, self._cased, self._full)
        terms = frozenset(lowered(literal) for automaton in automata for literal in automaton.literals)
        tokens = [tuple(tokens_of(term)) for term in terms]
        return Opening(
            signs=frozenset(char for term in terms for char in term if not char.isalnum()),
            hides=self._words.hides,
            ends=_Ends(terms).of,
            ends_together=_Ends(self._glued.literals).of_letters,
            closes=_Ends(end for term in terms for end in _last_words(term)).of,
            beginnings=frozenset(words[:size] for words in tokens for size in range(1, len(words))),
        )

    def listener(self, context: Transcript, speaker: str) -> None:
        """None: it finds places."""

    def _full_views(self, folded: Folded) -> Iterator[View]:
        yield from folded.views
        if not folded.text.isascii():  # a term of another script that looks Latin is not in the clean view
            yield folded.original

    def _in_view(self, automaton: _Automaton, folded: Folded, view: View, text: str) -> Iterator[Finding]:
        by_looks = view.name in _BY_LOOKS
        for number, start, end in automaton.matches(text):
            if by_looks and end - start < _SHORTEST_DISGUISED_WITH_EVIDENCE:
                continue
            span = view.span(start, end)
            if _is_whole_word(folded, *span):
                bare = not by_looks or end - start >= _SHORTEST_DISGUISED
                is_odd = not folded.text.isascii() and stands_out(folded.text, *span)
                for rule in automaton.rules(number, view.text, start, end, bare=bare, is_odd=is_odd):
                    yield Finding(rule, *span, 1.0, self.name, view.name)

    def _in_words(self, view: View, text: str) -> Iterator[Finding]:
        if not self._facts.of(view.text) & self._hides:
            return
        for number, disguise, start, end in self._words.find(text):
            for rule in self._full.rules(number, view.text, start, end):
                yield Finding(rule, *view.span(start, end), 1.0, self.name, disguise)

    def _in_glued(self, folded: Folded) -> Iterator[Finding]:
        clean = folded.views[0]
        text = lowered(clean.text)
        glued = text.translate(_SIGNS) if text.isascii() else "".join(filter(str.isalnum, text))
        if len(glued) == len(text):
            return
        kept: list[int] = []
        for number, start, end in self._glued.matches(glued):
            kept = kept or [at for at, char in enumerate(text) if char.isalnum()]
            first, last = kept[start], kept[end - 1] + 1
            if not self._is_held_together(text, kept[start:end]):
                continue
            span = clean.span(first, last)
            if _is_whole_word(folded, *span):
                for rule in self._glued.rules(number, clean.text, first, last):
                    yield Finding(rule, *span, 1.0, self.name, "glued")

    def _is_held_together(self, text: str, places: Sequence[int]) -> bool:
        """True for letters in pieces whose gaps are narrow; those of a short term must be odd ones."""
        gaps = [(a + 1, b) for a, b in pairwise(places) if b > a + 1]
        if not gaps or any(end - start > _WIDEST_GAP for start, end in gaps):
            return False
        if text[places[0] : places[-1] + 1] in self._apart:
            return False
        if len(places) >= _SHORTEST_GLUED:
            return True
        if len(gaps) > 1:
            return len(gaps) < len(places) - 1  # letters one by one are the joined view's
        return not any(text[start:end].isspace() or text[start:end][-1] in " \n" for start, end in gaps)


def _is_whole_word(folded: Folded, start: int, end: int) -> bool:
    if folded.is_word(folded.before(start)) and folded.is_word(start):
        return False
    after = folded.after(end)
    if not folded.is_word(folded.before(end)) or not folded.is_word(after):
        return True
    plural = folded.text[after] in "sS" and not folded.is_word(folded.after(after + 1))
    return plural and end - start >= _SHORTEST_DISGUISED


def _entries(source: Source, lexicons: dict[str, Lexicon]) -> Iterable[str | Sense]:
    named: str | list[str | Sense] = source.entry.terms
    if not isinstance(named, str):
        return named
    if named not in lexicons:
        raise BuildProblem(source, f"no lexicon {named!r} below the rules folder")
    return lexicons[named]


def _terms(entry: str | Sense, source: Source) -> Iterator[Term]:
    read = _READINGS[source.fold]
    if isinstance(entry, str):
        text = read(entry)
        if not any(char.isalnum() for char in text):
            raise BuildProblem(source, f"the term {entry!r} has no letter or digit")
        yield Term(source.rule, text)
        if source.fold == "full":
            yield from (Term(source.rule, short) for short in _in_shorthand(text))
        return
    asked = bool(entry.before or entry.after or entry.near)
    evidence = Evidence(entry)
    for form in entry.forms:
        text = read(form)
        if not text.strip() or not (asked or any(char.isalnum() for char in text)):
            raise BuildProblem(source, f"the term {form!r} has no letter or digit, and no evidence is asked of it")
        yield Term(source.rule, text, evidence)


def _last_words(term: str) -> Iterator[str]:
    """`term` without spaces at its end, and what it ends with from each of its words on."""
    written = term.rstrip()
    yield written
    yield from (written[space.end() :] for space in _SPACES.finditer(written))


def _in_shorthand(text: str) -> set[str]:
    """The other ways fast thumbs write `text`: u for you, r for are, or both."""
    words = text.split(" ")
    ways = (_YOU, _ARE, _YOU | _ARE)
    return {" ".join(way.get(word, word) for word in words) for way in ways} - {text}


def _glued(terms: Iterable[Term]) -> Iterator[Term]:
    for term in terms:
        glued = "".join(filter(str.isalnum, term.text))
        tight = term.text.isascii() and term.text.isalpha() and len(glued) >= _SHORTEST_TIGHTLY_GLUED
        if tight or len(glued) >= _SHORTEST_GLUED:
            yield Term(term.rule, glued, term.evidence)
