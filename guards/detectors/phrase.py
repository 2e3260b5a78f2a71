"""Phrases: spaCy token patterns over a blank tokenizer, opened by trigger words.

The Matcher is the dearest of the cheap detectors, so a text is not even cut into tokens unless its words make some
pattern possible (`word_gate`). `REGEX` in a token is refused: it would run `re` on an operator's expression. So is what
only a trained model fills in, because it would never match.

spaCy keeps every word it has seen in its vocabulary. Texts are therefore read inside a memory zone, which forgets them;
zones cannot nest, hence the lock. Its tokenizer makes tokens of spare spaces and is quadratic in a run without any, so
it is given the words with one space between them, very long ones in pieces.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Any

import spacy
from spacy.matcher import Matcher
from spacy.tokens import Doc

from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import Opening
from guards.detectors.word_facts import WordFacts
from guards.detectors.word_gate import WordGate
from guards.fold import Folded, View
from guards.letters import without_accents
from guards.types import Finding, Transcript

_NEED_MODEL = frozenset({"POS", "TAG", "DEP", "LEMMA", "MORPH", "ENT_TYPE", "ENT_IOB", "ENT_ID", "ENT_KB_ID"})
_PIECE = re.compile(r"\S{60,100}(?<=[^\w\s])(?=\S)|\S{1,100}")
_LONGEST_PATTERN = 24


class PhraseDetector:
    """Every `phrase` entry of a snapshot in one Matcher."""

    name = "phrase"
    finds_places = True

    def __init__(self, sources: Sequence[Source], facts: WordFacts | None = None) -> None:
        self.rules = frozenset(source.rule for source in sources)
        self._nlp = spacy.blank("en")
        self._matcher = Matcher(self._nlp.vocab, validate=True)
        self._lock = Lock()
        self._rule_of: dict[int, str] = {}
        self._raw_keys: set[int] = set()
        self._patterns: list[tuple[str, list[dict[str, Any]]]] = []
        self._gate = WordGate(self._nlp.tokenizer, facts)
        for number, source in enumerate(sources):
            self._add(f"{source.rule}/{number}", source)

    def opening(self) -> Opening:
        """Every pattern asks for the words that its tokens name."""
        return Opening(tuple((rule, self._gate.demands_of(pattern)) for rule, pattern in self._patterns))

    def listener(self, context: Transcript, speaker: str) -> None:
        """None: it finds places."""

    def find(self, folded: Folded) -> Iterator[Finding]:
        """Every match of every phrase. Entries with fold full read every view, the others the original."""
        if self._raw_keys:
            yield from self._in_view(folded.original, raw=True)
        for view in folded.views:
            yield from self._in_view(view, raw=False)

    def _in_view(self, view: View, *, raw: bool) -> Iterator[Finding]:
        if not self._gate.is_open(view.text):
            return
        spaced = _Spaced(view.text)
        for key, start, end in self._matches(spaced.text):
            if (key in self._raw_keys) is raw:
                span = view.span(spaced.original(start), spaced.original(end - 1) + 1)
                yield Finding(self._rule_of[key], *span, 1.0, self.name, view.name)

    def _matches(self, text: str) -> list[tuple[int, int, int]]:
        """(key, start, end) of every match, in characters of `text`."""
        with self._lock, self._nlp.memory_zone():
            doc = self._nlp.make_doc(text)
            return [(key, *_chars(doc, start, end)) for key, start, end in self._matcher(doc)]

    def _add(self, name: str, source: Source) -> None:
        patterns = [[_checked_token(token, source) for token in pattern] for pattern in source.entry.phrase]
        for pattern in patterns:
            if len(pattern) > _LONGEST_PATTERN:
                raise BuildProblem(source, f"a token pattern holds at most {_LONGEST_PATTERN} tokens")
            self._gate.add(pattern)
            self._patterns.append((source.rule, pattern))
        try:
            self._matcher.add(name, patterns)
        except ValueError as error:
            said = " ".join(str(error).split())[:300]
            raise BuildProblem(source, f"spaCy cannot read this token pattern: {said}") from None
        key = self._nlp.vocab.strings[name]
        self._rule_of[key] = source.rule
        if source.fold != "full":
            self._raw_keys.add(key)


def _chars(doc: Doc, start: int, end: int) -> tuple[int, int]:
    last = doc[end - 1]
    return doc[start].idx, last.idx + len(last.text)


class _Spaced:
    """A text with exactly one space between its words, and the way back."""

    def __init__(self, text: str) -> None:
        pieces = [(piece.start(), piece[0]) for piece in _PIECE.finditer(text)]
        self.text = " ".join(piece for _, piece in pieces)
        self._theirs = [start for start, _ in pieces]
        self._ours = list(accumulate((len(piece) + 1 for _, piece in pieces), initial=0))[:-1]

    def original(self, at: int) -> int:
        """The offset in the original text of the non-space character at `at`."""
        number = bisect_right(self._ours, at) - 1
        return self._theirs[number] + at - self._ours[number]


def _checked_token(token: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """`token` with its keys in capitals, which spaCy would read in any case."""
    token = {key.upper(): value for key, value in token.items()}
    if "REGEX" in set(_keys(token)):
        raise BuildProblem(source, "REGEX is not allowed in a token pattern: use LOWER with IN, or a pattern entry")
    if needy := _NEED_MODEL.intersection(token):
        raise BuildProblem(source, f"{', '.join(sorted(needy))} needs a trained model, and none is installed")
    return _in_letters_read(token) if source.fold == "full" else token


def _in_letters_read(value: Any) -> Any:
    """`value` with every text in it without accents, as the views of a full fold are."""
    if isinstance(value, str):
        return without_accents(value)
    if isinstance(value, Mapping):
        return {key: _in_letters_read(inner) for key, inner in value.items()}
    return [_in_letters_read(inner) for inner in value] if isinstance(value, list) else value


def _keys(value: object) -> Iterator[str]:
    """Every key of nested mappings, in capitals."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key).upper()
            yield from _keys(inner)
