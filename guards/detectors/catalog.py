"""Which detector reads which kind of `find` entry: the one list to extend when a new kind is born."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guards.detectors.base import Detector, Source
from guards.detectors.classifier import ClassifierDetector
from guards.detectors.lexicon import LexiconDetector
from guards.detectors.pattern import PatternDetector
from guards.detectors.phrase import PhraseDetector
from guards.detectors.pii import PiiDetector
from guards.detectors.word_facts import WordFacts
from guards.policy import FIND_KINDS, Classifier, Lexicon, Policy, Rule

Lexicons = dict[str, Lexicon]
_MEANING = frozenset({"classifier"})
Builder = Callable[[Sequence[Source], Lexicons, WordFacts], Detector]

CATALOG: dict[str, Builder] = {
    "terms": LexiconDetector,
    "pattern": lambda sources, _, facts: PatternDetector(sources, facts),
    "phrase": lambda sources, _, facts: PhraseDetector(sources, facts),
    "pii": lambda sources, *_: PiiDetector(sources),
    "classifier": lambda sources, *_: ClassifierDetector(sources),
}


def sources_of(policy: Policy) -> dict[str, list[Source]]:
    """The `find` entries in force by kind, in rule order; rules that are off have none."""
    by_kind: dict[str, list[Source]] = {kind: [] for kind in FIND_KINDS}
    for rule in policy.rules:
        if rule.mode != "off":
            for number, entry in enumerate(rule.find):
                kind = type(entry).__name__.lower()
                by_kind[kind].append(_source(rule, number, kind, entry))
    return by_kind


def _source(rule: Rule, number: int, kind: str, entry: object) -> Source:
    fold = getattr(entry, "fold", None) or rule.fold
    place = ("find", number) if isinstance(entry, Classifier) else ("find", number, kind)
    return Source(rule.id, place, fold, entry)


def build(policy: Policy, *, meaning_alone: bool = False) -> tuple[Detector, ...]:
    """The detectors of `policy`, cheapest first, or those that judge meaning alone. Raises BuildProblem for an entry
    that cannot be compiled."""
    found = sources_of(policy)
    kinds = [kind for kind in found if found[kind] and (kind in _MEANING or not meaning_alone)]
    facts = WordFacts()
    return tuple(CATALOG[kind](found[kind], policy.lexicons, facts) for kind in kinds)
