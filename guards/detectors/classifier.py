"""The local classifier: what a message means. A gate looks at everything, a glance at
what it lets through, a transformer at what the glance lets through.

Meaning is judged at places in the text (`sentences`), and a finding spans the stretch that was judged. Where one of the
last turns was itself about a rule, the conversation is heated: then nothing is passed by, each stretch is read in the
light of those turns, and less is asked of a score. Elsewhere the turns before tell nothing and would cost much more.
The model is loaded once a process and shared by all snapshots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from guards.clean import clean
from guards.detectors.base import BuildProblem, Source
from guards.detectors.demands import Opening, words
from guards.detectors.gate import Gate, words_of
from guards.detectors.glance import Glance
from guards.detectors.listener import GateListener
from guards.detectors.transformer import CONTEXT_MESSAGES, Transformer
from guards.fold import Folded, View, fold_term
from guards.policy import Classifier
from guards.sentences import LONGEST, alone, last_of, windows
from guards.types import Finding, Message, Transcript

MODELS = Path(__file__).parent.parent / "models"
_HOT = 0.15  # from this probability on, a turn was about a label
_HEAT = 3.0  # by which the odds of the same label rise in the turns behind it
_TURNS_KEPT = 4_096
_NO_HEAT = frozenset[str]()
_READ = ("clean", "joined", "leet", "spelled")


@dataclass(frozen=True, slots=True)
class Model:
    """All steps, as trained together."""

    gate: Gate
    glance: Glance
    transformer: Transformer


@lru_cache(maxsize=2)
def load(folder: Path = MODELS) -> Model:
    """The model in `folder`. Raises OSError, ValueError or KeyError when it cannot be read."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    scales = [(label["slope"], label["offset"]) for label in card["labels"].values()]
    transformer = Transformer(folder, list(card["labels"]), scales, card["interest"]["threshold"])
    glance = Glance(folder, transformer.pieces, card["glance"]["threshold"])
    return Model(Gate.load(folder / "gate.npz"), glance, transformer)


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
        self._nothing = dict.fromkeys(known, 0.0)
        self._entries: list[tuple[str, Classifier]] = [(source.rule, source.entry) for source in sources]
        self.rules = frozenset(rule for rule, _ in self._entries)
        opening = [words_of(fold_term(term)) for _, entry in self._entries for term in entry.open]
        self._opening = frozenset(" ".join(words) for words in opening)
        self._longest = max(map(len, opening), default=0)
        self._always = any(entry.judge == "always" for _, entry in self._entries)
        self._is_open = lru_cache(maxsize=_TURNS_KEPT)(self._is_worth_a_look)
        self._about = lru_cache(maxsize=_TURNS_KEPT)(self._looked_into)

    def find(self, folded: Folded) -> Iterator[Finding]:
        """For each entry, the stretches of each reading whose probability reaches the entry's bounds."""
        turns = tuple(_end_of(turn) for turn in folded.context)
        heat = self._heat(turns)
        before = turns if heat else ()
        for view in folded.views:
            if view.name in _READ:
                place, is_worth_it = -1, False
                for start, end in windows(view.text):
                    text = view.text[start:end].rstrip()
                    is_alone, place = end != place, end
                    if is_alone:
                        is_worth_it = self._always or bool(heat) or self._is_open(text)
                    if not is_worth_it:
                        continue
                    scores = self._read(text, before, folded.speaker, heat)
                    yield from self._findings(view, start, start + len(text), scores)
                    # a sentence that says nothing by itself makes nothing new of those before it
                    is_worth_it = self._always or any(scores.values())

    def _read(
        self, text: str, before: Transcript, speaker: str, heat: frozenset[str] = _NO_HEAT
    ) -> Mapping[str, float]:
        """The probability of each label, by itself or behind the turns before: the higher one. What is plain to see in
        a text is not made less by what was said around it. Raises DetectorError."""
        behind = self._scores(text, before, speaker)
        if not before:
            return behind
        alone = self._scores(text, (), speaker) if self._is_open(text) else self._nothing
        return {label: max(alone[label], _heated(score) if label in heat else score) for label, score in behind.items()}

    def _scores(self, text: str, before: Transcript, speaker: str) -> Mapping[str, float]:
        """The probability of each label; all 0 where a glance is enough. Raises DetectorError."""
        if not self._always and self._model.glance.is_plain(text, before, speaker):
            return self._nothing
        return self._model.transformer.probabilities(text, before, speaker)

    def opening(self) -> Opening:
        """The words that an entry names to open the gate; everything else is for the listener to hear."""
        return Opening(
            tuple(
                (rule, tuple(words({word}) for word in words_of(fold_term(term))))
                for rule, entry in self._entries
                for term in entry.open
            )
        )

    def listener(self, context: Transcript) -> GateListener:
        """The gate over each sentence as it grows; it is wary where the detector would look at everything."""
        turns = tuple(_end_of(turn) for turn in context)
        model, is_wary = self._model, self._always or bool(self._heat(turns))
        return GateListener(model.gate, model.glance.is_plain, model.transformer.is_dull, is_wary=is_wary)

    def _heat(self, context: Transcript) -> frozenset[str]:
        """The labels that the end of one of the last turns was about.

        Each is read by itself, or behind the turn before it where that one was about something, so that what is once
        known of it stays known however the conversation goes on.
        """
        about = frozenset[str]()
        for at in range(max(0, len(context) - CONTEXT_MESSAGES), len(context)):
            turn, before = context[at], context[max(0, at - 1) : at]
            is_answer = any(self._about(each.text, each.role, ()) for each in before)
            about |= self._about(turn.text, turn.role, before if is_answer else ())
        return about

    def _looked_into(self, text: str, speaker: str, before: Transcript) -> frozenset[str]:
        """The labels that a turn is about. Raises DetectorError."""
        view = clean(text).text
        sentences = [view[start:end].rstrip() for start, end in alone(view)]
        looked_at = [each for each in sentences if before or self._is_open(each)]
        scores = [self._read(each, before, speaker) for each in looked_at]
        return frozenset(label for each in scores for label, score in each.items() if score >= _HOT)

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

    def _is_worth_a_look(self, text: str) -> bool:
        return self._model.gate.is_open(text) or self._has_opening(text)

    def _has_opening(self, text: str) -> bool:
        if not self._opening:
            return False
        words = words_of(text)
        return any(
            " ".join(words[at : at + size]) in self._opening
            for at in range(len(words))
            for size in range(1, self._longest + 1)
        )


def _end_of(turn: Message) -> Message:
    """What is read of a turn before: all that counts for the next, and no more than that is remembered."""
    return turn if len(turn.text) <= LONGEST else Message(turn.role, last_of(turn.text))


def _heated(score: float) -> float:
    """The probability `score` where the turns before make what it stands for likelier."""
    odds = _HEAT * score
    return odds / (odds + 1 - score)


def _unjudged(entry: Classifier, score: float) -> Literal["allow", "block"]:
    """What counts at `score` while no judge has spoken."""
    if score >= entry.block:
        return "block"
    return entry.on_timeout if score >= entry.clear else "allow"
