"""The local classifier: what a message means. A gate looks at everything, a glance at
what it lets through, a transformer at what the glance lets through.

Meaning is judged at places in the text (`sentences`), and a finding spans the stretch that was judged. Where one of the
last turns was itself about a label that a stretch may be about behind them, the conversation is heated: then the gate
has no say, the stretch is read in the light of those turns, and less is asked of a score. Elsewhere the turns before
tell nothing and would cost much more.
The model is loaded once a process and shared by all snapshots.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from guards.clean import clean
from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import Opening, words
from guards.detectors.gate import Gate, words_of
from guards.detectors.glance import Glance
from guards.detectors.levels import Level, Levels
from guards.detectors.listener import GateListener, Looks
from guards.detectors.transformer import CONTEXT_MESSAGES, Transformer
from guards.errors import DetectorError
from guards.fold import Folded, View, fold, fold_term
from guards.policy import Classifier
from guards.sentences import LONGEST, alone, last_of, windows
from guards.types import Finding, Message, Transcript

MODELS = Path(__file__).parent.parent / "models"
_HOT = 0.15  # from this probability on, a turn was about a label
_WARM = 0.5  # the level by which a turn is looked at for that
_HEAT = 3.0  # by which the odds of the same label rise in the turns behind it
_TURNS_KEPT = 4_096
_MOST_DOUBTS = 2  # texts for which a turn may stay in doubt: what they take together is a close look's time
_NO_HEAT = frozenset[str]()
_READ = ("clean", "joined", "leet", "spelled")


@dataclass(frozen=True, slots=True)
class Model:
    """All steps, as trained together."""

    gate: Gate
    glance: Glance
    transformer: Transformer
    alone: Levels
    """For a text by itself."""
    behind: Levels
    """For one behind the turns of a heated conversation."""
    heat: tuple[float, ...]
    """From which score of the glance on a turn may have been about a label, for each."""


@lru_cache(maxsize=2)
def load(folder: Path = MODELS) -> Model:
    """The model in `folder`. Raises OSError, ValueError or KeyError when it cannot be read."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    scales = [(label["slope"], label["offset"]) for label in card["labels"].values()]
    labels = list(card["labels"])
    transformer = Transformer(folder, labels, scales)
    return Model(
        Gate.load(folder / "gate.npz"),
        Glance(folder, transformer.pieces),
        transformer,
        Levels(card["levels"]["alone"], labels),
        Levels(card["levels"]["behind"], labels),
        tuple(card["heat"][label] for label in labels),
    )


class ClassifierDetector:
    """Every `classifier` entry of a snapshot."""

    name = "classifier"
    finds_places = False

    def __init__(self, sources: Sequence[Source], folder: Path = MODELS) -> None:
        try:
            self._model = load(folder)
        except (OSError, ValueError, KeyError) as error:
            raise BuildProblem(
                sources[0], f"the classifier's model in {folder} cannot be loaded: {type(error).__name__}"
            ) from None
        known = self._model.transformer.labels
        for source in sources:
            if source.entry.classifier not in known:
                raise BuildProblem(source, f"no classifier {source.entry.classifier!r}: there are {', '.join(known)}")
        self._labels = frozenset(known)
        self._nothing = dict.fromkeys(known, 0.0)
        self._entries: list[tuple[str, Classifier]] = [(source.rule, source.entry) for source in sources]
        self.rules = frozenset(rule for rule, _ in self._entries)
        opening = [words_of(fold_term(term)) for _, entry in self._entries for term in entry.open]
        self._opening = frozenset(" ".join(words) for words in opening)
        self._longest = max(map(len, opening), default=0)
        self._always = any(entry.judge == "always" for _, entry in self._entries)
        bounds = _bounds(entry for _, entry in self._entries)
        self._alone = self._model.alone.for_bounds(bounds)
        self._behind = self._model.behind.for_bounds({label: _unheated(bound) for label, bound in bounds.items()})
        self._gate_score = lru_cache(maxsize=_TURNS_KEPT)(self._model.gate.score)
        self._warm = self._model.alone.for_bounds(dict.fromkeys(known, _WARM))
        self._known: dict[tuple[str, str, Transcript], frozenset[str]] = {}  # what turns were about, as far as asked
        self._doubted: dict[tuple[str, str, Transcript], int] = {}  # for how many texts a turn was in doubt
        self._glimpsed = lru_cache(maxsize=_TURNS_KEPT)(self._glimpsed_in)

    def find(self, folded: Folded) -> Iterator[Finding]:
        """For each entry, the stretches of each reading whose probability reaches the entry's bounds."""
        turns = _last_of(folded.context)
        may_be = _NO_HEAT.union(*map(self._may_be_about, turns)) if turns else _NO_HEAT
        for view in folded.views:
            if view.name in _READ:
                place = loudest = -1
                for start, end in windows(view.text):
                    is_alone, place = end != place, end
                    # sentences none of which says anything by itself make nothing new together
                    if not (is_alone or loudest >= start or self._always):
                        continue
                    text = view.text[start:end].rstrip()
                    heat = self._heat_behind(text, turns, folded.speaker, may_be)
                    if is_alone and not (heat or self._always or self.is_open(text)):
                        continue
                    scores = self._read(text, turns if heat else (), folded.speaker, heat)
                    yield from self._findings(view, start, start + len(text), scores)
                    if is_alone and any(scores.values()):
                        loudest = start

    def _read(
        self, text: str, before: Transcript, speaker: str, heat: frozenset[str] = _NO_HEAT
    ) -> Mapping[str, float]:
        """The probability of each label, by itself or behind the turns before: the higher one. What is plain to see in
        a text is not made less by what was said around it. Raises DetectorError."""
        if not before:
            return self._scores(text, (), speaker, self._alone)
        behind = self._scores(text, before, speaker, self._behind)
        alone = self._scores(text, (), speaker, self._alone) if self.is_open(text) else self._nothing
        return {label: max(alone[label], _heated(score) if label in heat else score) for label, score in behind.items()}

    def _scores(self, text: str, before: Transcript, speaker: str, least: Level) -> Mapping[str, float]:
        """The probability of each label; all 0 where a glance is enough. Raises DetectorError."""
        if self._always:
            return self._model.transformer.probabilities(text, before, speaker)
        seen = self._model.glance.scores(text, before, speaker)
        if not _reaches(seen, least.glance):
            return self._nothing
        return self._model.transformer.probabilities(text, before, speaker, least.interest)

    def is_open(self, text: str) -> bool:
        """True when the gate, or words that an entry names, have `text` looked at closely."""
        return self._gate_score(text) >= self._alone.gate or self._has_opening(text)

    def opening(self) -> Opening:
        """The words that an entry names to open the gate; everything else is for the listener to hear."""
        return Opening(
            tuple(
                (rule, tuple(words({word}) for word in words_of(fold_term(term))))
                for rule, entry in self._entries
                for term in entry.open
            )
        )

    def listener(self, context: Transcript, speaker: str) -> GateListener:
        """The gate over each sentence as it grows; it is wary where the detector would look at everything. In a heated
        conversation a look is dear, and is taken after ever more words only."""
        model, turns = self._model, _last_of(context)
        is_wary = self._always
        try:
            heat = self._heat(turns, self._labels)
        except DetectorError:
            heat, is_wary = _NO_HEAT, True  # what that asks for is decided where a sentence ends
        before = turns if heat else ()

        def says_something(written: str) -> bool:
            views = [view.text for view in fold(written).views if view.name in _READ]
            worth = [text for text in views if heat or self.is_open(text)]
            return any(any(self._read(text, before, speaker, heat).values()) for text in worth)

        if heat:
            looks = Looks(
                is_named=lambda _: True,
                is_plain=lambda _: False,
                is_dull=lambda text: not says_something(text),
                says_something=says_something,
            )
        else:
            looks = Looks(
                is_named=self._has_opening,
                is_plain=lambda text: not _reaches(model.glance.scores(text), self._alone.glance),
                is_dull=lambda text: model.transformer.is_dull(text, self._alone.interest),
                says_something=says_something,
            )
        return GateListener(model.gate, self._alone.gate, looks, is_wary=is_wary)

    def _heat_behind(self, text: str, turns: Transcript, speaker: str, may_be: frozenset[str]) -> frozenset[str]:
        """The labels that one of the `turns` was about, which `may_be` about those alone, of those that `text` may be
        about in their light: only these are looked for, which hardly any text of an ordinary conversation asks for.
        Raises DetectorError."""
        if self._always and turns:
            return self._heat(turns, self._labels)
        if not may_be:
            return _NO_HEAT
        possible = self._reached(self._model.glance.scores(text, turns, speaker), self._behind.glance)
        return _NO_HEAT if may_be.isdisjoint(possible) else self._heat(turns, possible)

    def _heat(self, context: Transcript, wanted: frozenset[str]) -> frozenset[str]:
        """Those of the labels `wanted` that the end of one of the last turns was about.

        Each is read by itself, or behind the turn before it where that one was about something wanted, so that what is
        once known of it stays known however the conversation goes on.
        """
        about = _NO_HEAT
        for at in range(max(0, len(context) - CONTEXT_MESSAGES), len(context)):
            turn, before = context[at], context[max(0, at - 1) : at]
            is_answer = any(self._was_about(each, (), wanted) for each in before)
            about |= self._was_about(turn, before if is_answer else (), wanted)
        return about

    def _may_be_about(self, turn: Message) -> frozenset[str]:
        """The labels that a turn by itself may be about: what is known of it, or else what a glance says. One that
        stays in doubt is looked into: every sentence behind it is glanced at once more for that."""
        key = (turn.text, turn.role, ())
        known = self._known.get(key)
        if known is not None:
            return known
        glimpsed = self._glimpsed(*key)
        if not glimpsed:
            return glimpsed
        if len(self._doubted) >= _TURNS_KEPT:
            self._doubted.clear()
        self._doubted[key] = doubts = self._doubted.get(key, 0) + 1
        return glimpsed if doubts <= _MOST_DOUBTS else self._was_about(turn, (), glimpsed)

    def _was_about(self, turn: Message, before: Transcript, wanted: frozenset[str]) -> frozenset[str]:
        if wanted.isdisjoint(self._glimpsed(turn.text, turn.role, before)):
            return _NO_HEAT
        key = (turn.text, turn.role, before)
        known = self._known.get(key)
        if known is None:
            known = self._looked_into(*key)
            if len(self._known) >= _TURNS_KEPT:
                self._known.clear()
            self._known[key] = known
        return known & wanted

    def _glimpsed_in(self, text: str, speaker: str, before: Transcript) -> frozenset[str]:
        """The labels that a turn may be about, at a glance. Raises DetectorError."""
        seen = [self._model.glance.scores(each, before, speaker) for each in self._looked_at(text, before)]
        return _NO_HEAT.union(*(self._reached(each, self._model.heat) for each in seen))

    def _looked_into(self, text: str, speaker: str, before: Transcript) -> frozenset[str]:
        """The labels that a turn is about. Raises DetectorError."""
        seen = [
            each
            for each in self._looked_at(text, before)
            if _reaches(self._model.glance.scores(each, before, speaker), self._model.heat)
        ]
        scores = [self._model.transformer.probabilities(each, before, speaker, self._warm.interest) for each in seen]
        return frozenset(label for each in scores for label, score in each.items() if score >= _HOT)

    def _looked_at(self, text: str, before: Transcript) -> list[str]:
        """The sentences of a turn that may be about something."""
        view = clean(text).text
        sentences = [view[start:end].rstrip() for start, end in alone(view)]
        return [each for each in sentences if before or self._gate_score(each) >= self._warm.gate]

    def _reached(self, scores: Sequence[float], least: Sequence[float]) -> frozenset[str]:
        pairs = zip(self._model.transformer.labels, scores, least, strict=True)
        return frozenset([label for label, score, bound in pairs if score >= bound])

    def _findings(self, view: View, start: int, end: int, scores: Mapping[str, float]) -> Iterator[Finding]:
        for rule, entry in self._entries:
            score = scores[entry.classifier]
            if entry.judge == "always" or (entry.judge == "gray" and entry.clear <= score < entry.block):
                gray = _unjudged(entry, score)
            elif score >= entry.block:
                gray = None
            else:
                continue
            yield Finding(rule, *view.span(start, end), score, self.name, view.name, gray)

    def _has_opening(self, text: str) -> bool:
        if not self._opening:
            return False
        words = words_of(text)
        return any(
            " ".join(words[at : at + size]) in self._opening
            for at in range(len(words))
            for size in range(1, self._longest + 1)
        )


def _bounds(entries: Iterable[Classifier]) -> dict[str, float]:
    """From which probability on each label counts, for a rule or for its judge."""
    bounds: dict[str, float] = {}
    for entry in entries:
        lowest = entry.clear if entry.judge == "gray" else entry.block
        bounds[entry.classifier] = min(lowest, bounds.get(entry.classifier, 1.0))
    return bounds


def _reaches(scores: Sequence[float], least: Sequence[float]) -> bool:
    return any(score >= bound for score, bound in zip(scores, least, strict=True))


def _last_of(context: Transcript) -> Transcript:
    """What counts of the turns before a text, and the one before these: however many there are."""
    return tuple(map(_end_of, context[-CONTEXT_MESSAGES - 1 :]))


def _end_of(turn: Message) -> Message:
    """What is read of a turn before: all that counts for the next, and no more than that is remembered."""
    return turn if len(turn.text) <= LONGEST else Message(turn.role, last_of(turn.text))


def _heated(score: float) -> float:
    """The probability `score` where the turns before make what it stands for likelier."""
    odds = _HEAT * score
    return odds / (odds + 1 - score)


def _unheated(score: float) -> float:
    """The probability that heat makes `score` of."""
    return score / (score + _HEAT * (1 - score))


def _unjudged(entry: Classifier, score: float) -> Literal["allow", "block"]:
    """What counts at `score` while no judge has spoken."""
    if score >= entry.block:
        return "block"
    return entry.on_timeout if score >= entry.clear else "allow"
