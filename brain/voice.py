"""The persona's voice: for the last turns of a conversation, the persona's own answers in places like it.

It stands apart as the one index over the sample conversations: the few-shot examples of a prompt and the replies of the
offline engine come from the same neighbours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dspy
import numpy as np

from brain.backstory import Backstory
from brain.conversations import Exchange
from brain.embedding import Combined, Embed, Vectors, unit
from brain.persona_files import PersonaCard

# What each of the last lines weighs, the latest first. They are added up, so that what a short answer is about counts
# as well, and nothing before the last line outweighs it.
TURN_WEIGHTS = (1.0, 0.35, 0.25)
# How many answers in like places say which facts a turn needs, and how like they must be.
_HINTS = 3
_HINTS_AT = 0.3
# Vectors that are kept, 10 KB each: a line comes again with the next turns of its conversation.
_LINES_KEPT = 1_024
# Rankings that are kept: examples and facts of one turn ask for the same one.
_RANKINGS_KEPT = 64
# Keeps the lines of one query apart in the one string that dspy.KNN embeds.
_BETWEEN = "\x1e"


class Neighboured(dspy.Module):
    """A predictor whose demos are the neighbours of each call's last `turns`, behind those that it was taught; keeps
    nothing between calls.

    What dspy.KNNFewShot compiles is synchronous and runs BootstrapFewShot on every call, which prints and, unless
    `max_bootstrapped_demos` is 0, asks the LM once more per example. Here its neighbours are an argument of the one
    call.
    """

    def __init__(self, predict: Any, voice: Voice) -> None:
        super().__init__()
        self.predict = predict
        self._voice = voice

    async def aforward(self, *, turns: Sequence[str], **inputs: Any) -> dspy.Prediction:
        """The prediction for `inputs`, with examples near `turns`, the latest line first. One LM call."""
        # Reversed, so that the nearest example stands next to the conversation.
        demos = [*map(as_pair, self.predict.demos), *self._voice.examples(turns)[::-1]]
        return await self.predict.acall(demos=demos, **inputs)


@dataclass(frozen=True, slots=True)
class _Index:
    """What is built once for a voice."""

    embedding: Embed
    few_shot: dspy.KNNFewShot
    backstory: Backstory
    ranked: Callable[[str], Sequence[tuple[float, int]]]


class Voice:
    """The persona's card and an index over its exchanges, which is built at its first use and never changes.

    `meaning` embeds texts by what they mean; without it likeness is shared words and letters. May be used by any
    thread.
    """

    def __init__(
        self, card: PersonaCard, exchanges: Sequence[Exchange], neighbours: int, meaning: Embed | None = None
    ) -> None:
        self.card = card
        self.exchanges = tuple(exchanges)
        self.neighbours = neighbours
        self._meaning = meaning
        self._lock = threading.Lock()
        self._index: _Index | None = None

    def prepare(self) -> None:
        """Builds the index, unless it is there: about 0.7 s of computing for 700 exchanges with a model of meaning,
        0.2 s without. A service does so in a thread, before its first turn."""
        with self._lock:
            self._index = self._index or self._built()

    def __deepcopy__(self, memo: Any) -> Voice:
        """Itself: it never changes, and every copy of a program speaks with the same one."""
        return self

    @property
    def is_ready(self) -> bool:
        """True once the index is built."""
        return self._index is not None

    def examples(self, turns: Sequence[str]) -> list[Any]:
        """The dspy.Examples nearest to the last `turns`, as many as there are to be shown, best first."""
        trainset = self._built_index().few_shot.KNN.trainset
        return [trainset[at] for _, at in self._ranked(turns, self.neighbours)]

    def compile(self, student: Any) -> Neighboured:
        """`student` (a dspy.Predict) with the nearest examples as its demos. There is nothing to teach or to build."""
        return Neighboured(student, self)

    def facts(self, turns: Sequence[str]) -> tuple[str, ...]:
        """The facts about the persona that the last `turns`, latest first, are about or need."""
        hints = [each.reply for likeness, each in self.nearest(turns, _HINTS) if likeness >= _HINTS_AT]
        return self._built_index().backstory.relevant(turns, hints)

    def embed(self, texts: list[str]) -> Vectors:
        """Texts as unit vectors, the way the index likens them."""
        return self._built_index().embedding(texts)

    def nearest(self, turns: Sequence[str], count: int) -> list[tuple[float, Exchange]]:
        """The `count` exchanges most like the last `turns` (the fan's line first, then what was said before it, latest
        first), best first, each with its likeness, at most 1."""
        return [(likeness, self.exchanges[at]) for likeness, at in self._ranked(turns, count)]

    def _ranked(self, turns: Sequence[str], count: int) -> list[tuple[float, int]]:
        return list(self._built_index().ranked(joined(turns))[:count])

    def _built_index(self) -> _Index:
        if self._index is None:
            self.prepare()
        assert self._index is not None
        return self._index

    def _built(self) -> _Index:
        corpus = sorted({line for each in self.exchanges for line in (each.fan, *each.before[: len(TURN_WEIGHTS) - 1])})
        embedding = Combined(corpus, self._meaning)
        examples = [
            dspy.Example(turns=joined((each.fan, *each.before)), fan=each.fan, reply=each.reply).with_inputs("turns")
            for each in self.exchanges
        ]
        few_shot = dspy.KNNFewShot(
            self.neighbours,
            examples,
            vectorizer=lambda queries: _embed_turns(embedding, queries),
            max_bootstrapped_demos=0,
            max_labeled_demos=self.neighbours,
        )
        lines = _kept(embedding)
        ranked = lru_cache(_RANKINGS_KEPT)(lambda query: _ranking(few_shot.KNN.trainset_vectors, lines, query))
        return _Index(lines, few_shot, Backstory(self.card, lines), ranked)


def _kept(embed: Embed) -> Embed:
    """`embed` with what it said of the last lines at hand."""
    line = lru_cache(_LINES_KEPT)(lambda text: embed([text])[0])
    return lambda texts: np.stack([line(text) for text in texts]) if texts else embed([])


def _ranking(vectors: Vectors, embedding: Embed, query: str) -> list[tuple[float, int]]:
    """Each of `vectors` by its likeness to the joined lines `query`, the most like first."""
    wanted = _embed_turns(embedding, [query])[0]
    # Not by numpy's product, as dspy.KNN does it: its threads wait for each other, 16 ms on busy cores.
    likeness = np.einsum("ij,j->i", vectors, wanted)
    order = (-likeness).argsort(kind="stable")
    return list(zip(likeness[order].tolist(), order.tolist(), strict=True))


def as_pair(demo: Any) -> dict[str, str]:
    """A demo as a fan's line and the reply to it; one that an optimizer made holds all fields of its turn, of which
    `fan` is what was known of them."""
    if "transcript" not in demo:
        return {"fan": demo["fan"], "reply": demo["reply"]}
    fan = next((message.text for message in reversed(demo["transcript"]) if message.role == "user"), "")
    return {"fan": fan, "reply": demo["reply"]}


def joined(turns: Sequence[str]) -> str:
    """The last turns as the one value that dspy.KNN embeds."""
    return _BETWEEN.join(line.replace(_BETWEEN, " ") for line in turns[: len(TURN_WEIGHTS)])


def _embed_turns(embedding: Embed, queries: list[str]) -> Vectors:
    """A vector for each query as dspy.KNN spells it: `turns: <the joined lines>`."""
    split = [query.removeprefix("turns: ").split(_BETWEEN) for query in queries]
    lines = sorted({line for turns in split for line in turns})
    vectors = dict(zip(lines, embedding(lines), strict=True))
    return unit(
        np.stack(
            [sum(weight * vectors[line] for weight, line in zip(TURN_WEIGHTS, turns, strict=False)) for turns in split]
        )
    )
