"""The local classifier: what a message means. A gate looks at everything, a transformer at what it lets through.

Meaning is judged at places in the text (`sentences`), each stretch in the light of the turns before it. A finding spans
the stretch. The model is loaded once a process and shared by all snapshots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from guards.detectors.base import BuildProblem, Source
from guards.detectors.gate import Gate, words_of
from guards.detectors.transformer import Transformer
from guards.fold import Folded, View, fold_term
from guards.policy import Classifier
from guards.sentences import windows
from guards.types import Finding

MODELS = Path(__file__).parent.parent / "models"
_GATED_TURNS = 4  # a message is worth a closer look when one of the last turns was
_READ = ("clean", "joined", "leet", "spelled")


@dataclass(frozen=True, slots=True)
class Model:
    """Both steps, as trained together."""

    gate: Gate
    transformer: Transformer


@lru_cache(maxsize=2)
def load(folder: Path = MODELS) -> Model:
    """The model in `folder`. Raises OSError, ValueError or KeyError when it cannot be read."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    scales = [(label["slope"], label["offset"]) for label in card["labels"].values()]
    transformer = Transformer(folder, list(card["labels"]), scales, card["interest"]["threshold"])
    return Model(Gate.load(folder / "gate.npz"), transformer)


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
        self._entries: list[tuple[str, Classifier]] = [(source.rule, source.entry) for source in sources]
        self.rules = frozenset(rule for rule, _ in self._entries)
        opening = [words_of(fold_term(term)) for _, entry in self._entries for term in entry.open]
        self._opening = frozenset(" ".join(words) for words in opening)
        self._longest = max(map(len, opening), default=0)
        self._always = any(entry.judge == "always" for _, entry in self._entries)

    def find(self, folded: Folded) -> Iterator[Finding]:
        """For each entry, the stretches of each reading whose probability reaches the entry's bounds."""
        heated = self._always or any(self._is_open(message.text) for message in folded.context[-_GATED_TURNS:])
        for view in folded.views:
            if view.name in _READ:
                place, is_worth_it = -1, False
                for start, end in windows(view.text):
                    if end != place:  # a sentence that is dull by itself makes nothing new of those before it
                        place, is_worth_it = end, heated or self._is_open(view.text[start:end])
                    if is_worth_it:
                        yield from self._judged(folded, view, start, end)

    def _judged(self, folded: Folded, view: View, start: int, end: int) -> Iterator[Finding]:
        text = view.text[start:end].rstrip()
        scores = self._model.transformer.probabilities(text, folded.context, folded.speaker)
        for rule, entry in self._entries:
            score = scores[entry.classifier]
            if entry.judge == "always" or (entry.judge == "gray" and entry.clear <= score < entry.block):
                gray = _unjudged(entry, score)
            elif score >= entry.block:
                gray = None
            else:
                continue
            yield Finding(rule, *view.span(start, start + len(text)), score, self.name, view.name, gray)

    def _is_open(self, text: str) -> bool:
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


def _unjudged(entry: Classifier, score: float) -> Literal["allow", "block"]:
    """What counts at `score` while no judge has spoken."""
    if score >= entry.block:
        return "block"
    return entry.on_timeout if score >= entry.clear else "allow"
