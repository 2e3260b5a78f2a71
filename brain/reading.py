"""Reading the fan: what a message is for, how it feels, and how warm it is, by a small local model.

It stands apart as a function of one message, without language model, clock or store. What it looks at are words and
character n-grams, hashed, words of one meaning (`kin`) and, given an embedder, what the message is near to
(`nearness`); a linear layer scores all labels at once, and a second, small one makes probabilities of the scores. The
weights are taught by `chaperone train reading`, once with and once without the embedder.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from brain.embedding import Embed, features
from brain.kin import Kin
from brain.nearness import Near, Nearness
from guards.errors import DetectorError

logger = logging.getLogger(__name__)

Intent = Literal["small_talk", "question", "story_request", "purchase", "complaint", "distress", "boundary_push"]
Emotion = Literal["joy", "affection", "desire", "sadness", "anger", "fear", "surprise", "neutral"]
Floats = NDArray[np.float32]

INTENTS: tuple[Intent, ...] = get_args(Intent)
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
# The scores in their order: each intent, each emotion, the sentiment.
OUTPUTS = len(INTENTS) + len(EMOTIONS) + 1
MODELS = Path(__file__).parent / "models"
WEIGHTS_FILE = "reading.npz"
# The weights for a reader with an embedder.
NEAR_FILE = "reading_near.npz"
BUCKETS = 1 << 15
# A longer message is read at its beginning and its end, this many characters each.
LONGEST_END = 500

# In a longer message distress is looked for in stretches of about this many characters: one sentence of it among many
# others is distress all the same.
STRETCH = 160

_DISTRESS = INTENTS.index("distress")
# What the names of a Near's arrays begin with in the file.
NEAR = "near_"
_STRETCH = re.compile(rf"\S.{{0,{STRETCH}}}(?!\S)|\S+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a message of a fan is read.

    `sentiment` lies in -1 (hostile or miserable) .. 1 (delighted). `confidence` is the probability of the intent, 0..1;
    for distress it may be low, as that is taken for it before it is likelier than all else. `distress_possible` is for
    the operator's eye: it misses less than the intent does, and is a false alarm more often.
    """

    intent: Intent
    emotion: Emotion
    sentiment: float
    confidence: float
    distress_possible: bool = False


class Looker:
    """Texts as the features the model knows: hashed n-grams first, kin behind them."""

    def __init__(self) -> None:
        self._kin = Kin()
        self.size = BUCKETS + self._kin.size

    def look(self, text: str) -> tuple[list[int], list[int]]:
        """The numbers of the n-grams and of the kin in `text`, each once, below `size`."""
        text = _ends_of(text)
        # zlib.crc32, not hash(): the latter differs from process to process.
        hashed = {zlib.crc32(feature.encode("utf-8", "replace")) % BUCKETS for feature in features(text)}
        return sorted(hashed), [BUCKETS + number for number in self._kin.features(text)]


@dataclass(frozen=True, slots=True)
class Weights:
    """What is taught. `rarity` (features) weighs a feature, `scores` (features, OUTPUTS) and `bias` (OUTPUTS) make the
    scores; `intents` and `emotions` (labels + 1, labels; the last row added) make logits of them. A message is distress
    from the probability `distress_from` on, and may be from `possible_from` on."""

    rarity: Floats
    scores: Floats
    bias: Floats
    intents: Floats
    emotions: Floats
    distress_from: float
    possible_from: float


class ReadingModel:
    """Reads messages; holds no state between them. May be used by any thread.

    `near` are the weights beside `nearness`; without them, and wherever the embedder fails, `plain` read alone.
    """

    def __init__(self, plain: Weights, near: Weights | None = None, nearness: Nearness | None = None) -> None:
        self._looker = Looker()
        self._plain = plain
        self._near = near
        self._nearness = nearness

    def read(self, text: str) -> Reading:
        """The reading of one message of a fan, of any length."""
        weights, scores = self._scored(text)
        intents = _intents(weights, scores)
        worst = float(intents[_DISTRESS])
        if len(text) > STRETCH:
            stretches = (_intents(*self._scored(each)) for each in _STRETCH.findall(_ends_of(text)))
            found = max(stretches, key=lambda found: float(found[_DISTRESS]), default=intents)
            worst = max(worst, float(found[_DISTRESS]))
            if found[_DISTRESS] >= weights.distress_from:
                intents = found
        emotions = probabilities(scores[len(INTENTS) : -1], weights.emotions)
        at = decided(intents, weights.distress_from)
        return Reading(
            INTENTS[at],
            EMOTIONS[int(emotions.argmax())],
            sentiment=float(min(1.0, max(-1.0, scores[-1]))),
            confidence=float(intents[at]),
            distress_possible=at == _DISTRESS or worst >= weights.possible_from,
        )

    def scores(self, text: str) -> Floats:
        """The raw scores, (OUTPUTS,)."""
        return self._scored(text)[1]

    def _scored(self, text: str) -> tuple[Weights, Floats]:
        """The scores, and the weights that made them."""
        weights, near = self._plain, None
        if self._near and self._nearness:
            try:
                near = self._nearness.scores(_ends_of(text))
                weights = self._near
            except DetectorError as error:
                logger.warning("a message is read without its embedding: %s", error)
        scores = weights.bias.copy() if near is None else weights.bias + near
        for numbers in self._looker.look(text):
            if numbers:
                rarity = weights.rarity[numbers]
                length = float(np.sqrt(rarity @ rarity))
                if length:
                    scores += (rarity / length) @ weights.scores[numbers]
        return weights, scores


def _intents(weights: Weights, scores: Floats) -> Floats:
    return probabilities(scores[: len(INTENTS)], weights.intents)


def _ends_of(text: str) -> str:
    return text if len(text) <= 2 * LONGEST_END else f"{text[:LONGEST_END]} {text[-LONGEST_END:]}"


def probabilities(scores: Floats, layer: Floats) -> Floats:
    """Probabilities, (..., labels), of raw scores of the same shape."""
    logits = scores @ layer[:-1] + layer[-1]
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return cast(Floats, odds / odds.sum(axis=-1, keepdims=True))


def decided(intents: Floats, distress_from: float) -> int:
    """The number of the intent that is taken, given the probabilities of all, (labels,)."""
    if intents[_DISTRESS] >= distress_from:
        return _DISTRESS
    return max((at for at in range(len(INTENTS)) if at != _DISTRESS), key=lambda at: float(intents[at]))


def load(folder: Path = MODELS, embed: Embed | None = None) -> ReadingModel:
    """The taught model in `folder`, which reads better with `embed`: texts to unit vectors, as it was taught with, not
    called before the first message is read. Raises OSError or ValueError where there is none that can be read."""
    plain = _weights(_arrays(folder / WEIGHTS_FILE), folder)
    if embed is None:
        return ReadingModel(plain)
    arrays = _arrays(folder / NEAR_FILE)
    near = Near(**{name.removeprefix(NEAR): arrays.pop(name) for name in list(arrays) if name.startswith(NEAR)})
    return ReadingModel(plain, _weights(arrays, folder), Nearness(near, embed))


def _arrays(path: Path) -> dict[str, Floats]:
    with np.load(path, allow_pickle=False) as kept:
        return {name: kept[name].astype(np.float32) for name in kept.files}


def _weights(arrays: Mapping[str, Floats], folder: Path) -> Weights:
    weights = Weights(
        rarity=arrays["rarity"],
        scores=arrays["scores"],
        bias=arrays["bias"],
        intents=arrays["intents"],
        emotions=arrays["emotions"],
        distress_from=float(arrays["distress_from"]),
        possible_from=float(arrays["possible_from"]),
    )
    if weights.scores.shape != (Looker().size, OUTPUTS):
        raise ValueError(f"{folder} was taught with another table of kin: chaperone train reading")
    return weights
