"""Backstory: which facts about the persona a turn is about, so that only these are told to the model.

It stands apart as a plain function of the last lines: no model call, nothing kept between turns.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brain.embedding import Embed
from brain.persona_files import PersonaCard

# The last lines that say what a turn is about, latest first, and what each of them weighs.
_TURN_WEIGHTS = (1.0, 0.7, 0.4)
# What a shared word counts for, for how rare it is among the facts, beside likeness.
_WORD_WEIGHT = 0.5
_HINT_WEIGHT = 0.65
# Below this a fact has nothing to do with the turn.
_RELEVANT = 0.3
_WORD = re.compile(r"[^\W\d_]{3,}")
_ENDINGS = re.compile(r"(?:ing|ed|es|s|ies|y)$")
_COMMON = frozenset((
    "the", "and", "for", "are", "was", "were", "you", "your", "yours", "she", "her", "hers", "his", "him", "they",
    "them", "their", "our", "but", "not", "with", "what", "when", "where", "who", "how", "why", "which", "that",
    "this", "these", "those", "there", "here", "have", "has", "had", "having", "does", "did", "doing", "done",
    "can", "could", "would", "should", "will", "just", "like", "really", "very", "too", "out", "about", "into",
    "from", "over", "than", "then", "all", "any", "some", "one", "two", "get", "got", "let", "say", "said", "tell",
    "told", "know", "think", "want", "need", "good", "nice", "yes", "yeah", "okay", "haha", "lol", "hey", "hello",
    "now", "today", "tonight", "ever", "never", "always", "only", "else", "much", "many", "more", "most", "day",
    "night", "time", "thing", "things", "something", "anything", "nothing", "make", "makes", "made", "see", "been",
    "being", "its",
))  # fmt: skip


class Backstory:
    """Chooses among a card's facts. `embed` gives unit vectors whose dot product is the likeness of two texts."""

    def __init__(self, card: PersonaCard, embed: Embed) -> None:
        self._facts = card.facts
        self._core = card.core_facts
        self._budget = card.facts_budget
        self._embed = embed
        self._words = [content_words(fact, but=card.name) for fact in card.facts]
        holders = Counter(word for words in self._words for word in words)
        count = len(card.facts)
        self._rare = {word: math.log((1 + count) / held) / math.log(1 + count) for word, held in holders.items()}
        self._vectors = embed(list(card.facts)) if card.facts else np.zeros((0, 1), dtype=np.float32)

    def relevant(self, turns: Sequence[str], hints: Sequence[str] = ()) -> tuple[str, ...]:
        """The core facts and those that the last `turns` (latest first) are about, in the card's order, within the
        card's budget of words: a core fact goes before others, a nearer one before one that is less near. `hints` are
        the persona's own answers in places like this one, which say what such a turn needs."""
        scores = self._scores(turns[: len(_TURN_WEIGHTS)], hints)
        ranked = sorted(range(len(self._facts)), key=lambda at: (at >= self._core, -scores[at], at))
        chosen: list[int] = []
        left = self._budget
        for at in ranked:
            words = len(self._facts[at].split())
            if words <= left and (at < self._core or scores[at] >= _RELEVANT):
                chosen.append(at)
                left -= words
        return tuple(self._facts[at] for at in sorted(chosen))

    def _scores(self, turns: Sequence[str], hints: Sequence[str]) -> list[float]:
        """How much each fact has to do with the fan's line; where none has, with the lines before it; where none has
        either, with the answers in like places, which say what is needed."""
        if not turns or not self._facts:
            return [0.0] * len(self._facts)
        likeness = self._vectors @ self._embed(list(turns)).T
        of_lines = np.stack([self._shared([line]) for line in turns], axis=1) + likeness
        scores: list[float] = of_lines[:, 0].tolist()
        if self._is_idle(scores):
            scores = (of_lines * _TURN_WEIGHTS[: len(turns)]).max(axis=1).tolist()
        if self._is_idle(scores):
            scores = (_HINT_WEIGHT * self._shared(hints)).tolist()
        return scores

    def _is_idle(self, scores: list[float]) -> bool:
        return max(scores[self._core :], default=1.0) < _RELEVANT

    def _shared(self, lines: Sequence[str]) -> NDArray[np.float64]:
        """What each fact shares with the lines in words, a word for how rare it is among the facts."""
        said = frozenset[str]().union(*map(content_words, lines))
        return np.array([_WORD_WEIGHT * sum(self._rare[word] for word in said & words) for words in self._words])


def content_words(text: str, but: str = "") -> frozenset[str]:
    """The words that say what a text is about, without their endings; those of `but` left out."""
    words = {word for word in _WORD.findall(text.casefold()) if word not in _COMMON}
    return frozenset(_stem(word) for word in words - set(but.casefold().split()))


def _stem(word: str) -> str:
    stem = _ENDINGS.sub("", word)
    return stem if len(stem) >= 3 else word
