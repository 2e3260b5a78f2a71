"""Patterns: RE2 expressions of operators, linear in the text whatever they say.

Of plain ASCII the words are asked first which patterns can match at all (`required`). In anything else, patterns joined
by | answer "does any of you match?" in one pass; only then each is asked where. They are joined in groups, because one
automaton over hundreds of them outgrows its memory and is built anew at every text. (No RE2 set: that reports "no
match" and "out of memory" alike, and a guard must not be open by accident.) Python's `re` never sees an operator's
expression, because a match there cannot be interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import re2

from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import Opening
from guards.detectors.required import demands_of
from guards.detectors.word_facts import DemandGate, WordFacts
from guards.fold import Folded, View
from guards.letters import without_accents
from guards.types import Finding, Transcript

_MEMORY = 1 << 20  # bytes one compiled expression may take: RE2's own cost budget for counted repetitions
_GROUP = 16  # patterns joined into one automaton: 60 µs a text for 350 patterns, against 290 µs for all in one
_GROUP_MEMORY = 8 << 20
_PROBES = ("", "a", " ", "a a")


class PatternDetector:
    """Every `pattern` entry of a snapshot, grouped by what they read."""

    name = "pattern"
    finds_places = True

    def __init__(self, sources: Sequence[Source], facts: WordFacts | None = None) -> None:
        self.rules = frozenset(source.rule for source in sources)
        raw = [source for source in sources if source.fold == "none"]
        cased = [source for source in sources if source.fold == "case"]
        full = [source for source in sources if source.fold == "full"]
        self._raw = _grouped(raw, case_sensitive=True)
        self._cased = _grouped(cased, case_sensitive=False)
        self._full = _grouped(full, case_sensitive=False)
        ordered = [*raw, *cased, *full]
        self._ways = [(at, way) for at, source in enumerate(ordered) for way in demands_of(_expression(source))]
        self._gate = DemandGate(self._ways, facts or WordFacts())
        self._first_full = len(raw) + len(cased)
        self._each = [pattern for group in (*self._raw, *self._cased, *self._full) for pattern in group.patterns]

    def find(self, folded: Folded) -> Iterator[Finding]:
        """Every non-overlapping match of every pattern, in every view its fold reads."""
        if len(folded.views) == 1 and folded.text.isascii():
            for number in self._gate.open_for(folded.text):
                rule, pattern = self._each[number]
                yield from _found(rule, pattern, folded.views[0] if number >= self._first_full else folded.original)
            return
        for group in (*self._raw, *self._cased):
            yield from group.find(folded.original)
        for view in folded.views:
            for group in self._full:
                yield from group.find(view)

    def opening(self) -> Opening:
        """What each expression needs; one that tells nothing may match anywhere."""
        return Opening(tuple((self._each[at][0], way) for at, way in self._ways))

    def listener(self, context: Transcript, speaker: str) -> None:
        """None: it finds places."""


def _grouped(sources: Sequence[Source], *, case_sensitive: bool) -> tuple[_Group, ...]:
    starts = range(0, len(sources), _GROUP)
    return tuple(_Group(sources[at : at + _GROUP], case_sensitive=case_sensitive) for at in starts)


class _Group:
    def __init__(self, sources: Sequence[Source], *, case_sensitive: bool) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        options.case_sensitive = case_sensitive
        self.patterns = [(source.rule, _compiled(source, options)) for source in sources]
        options.max_mem = _GROUP_MEMORY
        options.never_capture = True
        self._any = _joined(sources, options)

    def find(self, view: View) -> Iterator[Finding]:
        if self._any.search(view.text) is None:
            return
        for rule, pattern in self.patterns:
            yield from _found(rule, pattern, view)


def _found(rule: str, pattern: re2._Regexp[str], view: View) -> Iterator[Finding]:
    for match in pattern.finditer(view.text):
        start, end = match.span()
        if start < end:
            yield Finding(rule, *view.span(start, end), 1.0, PatternDetector.name, view.name)


def _expression(source: Source) -> str:
    """The pattern in the letters that its fold leaves: a full one reads Latin letters without accents."""
    pattern: str = source.entry.pattern
    return without_accents(pattern) if source.fold == "full" else pattern


def _compiled(source: Source, options: re2.Options) -> re2._Regexp[str]:
    try:
        pattern = re2.compile(_expression(source), options)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BuildProblem(
            source, f"RE2 cannot compile this pattern: {said} (look-around and back-references do not exist here)"
        ) from None
    if any((match := pattern.search(probe)) and match.start() == match.end() for probe in _PROBES):
        raise BuildProblem(source, "this pattern matches the empty text, so it would fire on everything")
    return pattern


def _joined(sources: Sequence[Source], options: re2.Options) -> re2._Regexp[str]:
    """One expression that matches where any of `sources` does; each of them has compiled alone."""
    try:
        return re2.compile("|".join(f"(?:{_expression(source)})" for source in sources), options)
    except re2.error:
        for source in sources:
            if not _fits_beside_others(source, options):
                raise BuildProblem(
                    source, "RE2 cannot read this pattern beside others: close its \\Q with \\E"
                ) from None
        raise BuildProblem(sources[-1], "with this pattern, all patterns together are too large for RE2") from None


def _fits_beside_others(source: Source, options: re2.Options) -> bool:
    try:
        re2.compile(f"(?:{_expression(source)})|(?:a)", options)
    except re2.error:
        return False
    return True
