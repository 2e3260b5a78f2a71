"""Presidio's recognizers, without a model and without the network, behind a cheap hint.

A call costs a thousand times what a lexicon costs, so an entity is looked for only where its hint (an @, enough digits)
is in the text, and long texts are read in windows, because Presidio's own expressions backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import re2
import tldextract
from presidio_analyzer import EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.predefined_recognizers import EmailRecognizer, UrlRecognizer

from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import NEVER, Opening
from guards.errors import DetectorError
from guards.fold import Folded
from guards.types import Finding, Transcript

_WINDOW = 500
_OVERLAP = 120
_WORD_START = re.compile(r"(?<=\s)\S")
_DIGIT = re.compile("[0-9]")
_NEEDS_MODEL = "SpacyRecognizer"
_NO_ARTIFACTS: Any = None  # these recognizers read text alone; Presidio's annotation knows only the model's case


def _has_digits(count: int) -> Callable[[str], bool]:
    def has(text: str) -> bool:
        return not (text.isascii() and _DIGIT.search(text) is None) and sum(map(str.isdigit, text)) >= count

    return has


_HINTS: dict[str, Callable[[str], bool]] = {
    "PHONE_NUMBER": _has_digits(7),
    "EMAIL_ADDRESS": lambda text: "@" in text,
    "URL": lambda text: "." in text,
    "IP_ADDRESS": lambda text: "." in text or ":" in text,
    "MAC_ADDRESS": lambda text: ":" in text or "-" in text or "." in text,
    "CRYPTO": lambda text: True,
}
_UNHINTED = frozenset({"CRYPTO"})
_DEFAULT_HINT = _has_digits(4)


class PiiDetector:
    """Every `pii` entry of a snapshot; one recognizer an entity, shared by all rules."""

    name = "pii"
    finds_places = True

    def __init__(self, sources: Sequence[Source]) -> None:
        self.rules = frozenset(source.rule for source in sources)
        offered = _offered()
        self._wanted: dict[str, list[tuple[str, float]]] = {}
        for source in sources:
            for entity in source.entry.pii:
                if entity not in offered:
                    raise BuildProblem(
                        source,
                        f"Presidio has no {entity} without a language model; it has {', '.join(sorted(offered))}",
                    )
                self._wanted.setdefault(entity, []).append((source.rule, source.entry.score))
        self._recognizers = {entity: offered[entity] for entity in self._wanted}

    def find(self, folded: Folded) -> Iterator[Finding]:
        """Findings in the original text at or above each entry's score. Raises DetectorError when Presidio fails."""
        text = folded.text
        for entity, recognizer in self._recognizers.items():
            if not _HINTS.get(entity, _DEFAULT_HINT)(text):
                continue
            for start, end, score in dict.fromkeys(_recognized(recognizer, entity, text)):
                for rule, least in self._wanted[entity]:
                    if score >= least:
                        yield Finding(rule, start, end, score, f"{self.name}:{entity}")

    def opening(self) -> Opening:
        """Digits and signs open a text, for an entity without a hint everything does."""
        return Opening(
            tuple(
                (rule, () if entity in _UNHINTED else (NEVER,))
                for entity, wanted in self._wanted.items()
                for rule, _ in wanted
            )
        )

    def listener(self, context: Transcript, speaker: str) -> None:
        """None: it finds places."""


def _recognized(recognizer: EntityRecognizer, entity: str, text: str) -> Iterator[tuple[int, int, float]]:
    for offset, end in _windows(text):
        try:
            results = recognizer.analyze(text[offset:end], [entity], _NO_ARTIFACTS)
        except Exception as error:  # noqa: BLE001 - the border to Presidio: whatever it raises becomes ours, textless
            raise DetectorError(f"pii:{entity}", type(error).__name__) from None
        for result in results or ():
            yield offset + result.start, offset + result.end, float(result.score)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Overlapping half-open windows that cover `text`, at the edges of words where there are any in reach."""
    start = 0
    while len(text) - start > _WINDOW:
        end = start + _WINDOW
        cut = _last_word_start(text, end - _OVERLAP, end)
        yield start, cut
        start = _last_word_start(text, cut - 2 * _OVERLAP, cut - _OVERLAP)
    yield start, len(text)


def _last_word_start(text: str, start: int, end: int) -> int:
    """The last position in the half-open range where a word begins; `end` when there is none."""
    return max((word.start() for word in _WORD_START.finditer(text, start, end)), default=end)


def _offered() -> dict[str, EntityRecognizer]:
    """Entity -> recognizer, for every English recognizer that needs no language model."""
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    offered: dict[str, EntityRecognizer] = {}
    for recognizer in registry.recognizers:
        if type(recognizer).__name__ == _NEEDS_MODEL:
            continue
        chosen = next((ours() for theirs, ours in _OURS.items() if isinstance(recognizer, theirs)), recognizer)
        for entity in recognizer.supported_entities:
            offered.setdefault(entity, chosen)
    return offered


class _OfflineEmail(EmailRecognizer):
    """Presidio's e-mail recognizer with the bundled suffix list: its own fetches a list over the network."""

    _extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        """True when the domain ends in a public suffix."""
        return self._extract(pattern_text).fqdn != ""


class _LinearUrl(UrlRecognizer):
    """Presidio's URL expressions on RE2: its own engine is quadratic in a run of letters and dots."""

    def __init__(self) -> None:
        super().__init__()
        options = re2.Options()
        options.case_sensitive = False
        self._expressions = [(re2.compile(pattern.regex, options), pattern.score) for pattern in self.PATTERNS]

    def analyze(self, text: str, entities: list[str], *_: object, **__: object) -> list[RecognizerResult]:
        """Every URL in `text`, with the score of its expression."""
        found = [
            RecognizerResult("URL", match.start(), match.end(), score)
            for expression, score in self._expressions
            for match in expression.finditer(text)
        ]
        return list(EntityRecognizer.remove_duplicates(found))


_OURS: dict[type[EntityRecognizer], Callable[[], EntityRecognizer]] = {
    EmailRecognizer: _OfflineEmail,
    UrlRecognizer: _LinearUrl,
}
