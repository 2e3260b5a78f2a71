"""Reading the fan: what a message is for, how it feels, and how warm it is, by a small local model.

It stands apart as a function of one message, without language model, clock or store. What it looks at are words and
character n-grams, hashed, and words of one meaning (`kin`); a linear layer scores all labels at once, and a second,
small one makes probabilities of the scores. The weights are taught by `chaperone train reading`.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from brain.embedding import features
from brain.kin import Kin

Intent = Literal["small_talk", "question", "story_request", "purchase", "complaint", "distress", "boundary_push"]
Emotion = Literal["joy", "affection", "desire", "sadness", "anger", "fear", "surprise", "neutral"]
Floats = NDArray[np.float32]

INTENTS: tuple[Intent, ...] = get_args(Intent)
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
# The scores in their order: each intent, each emotion, the sentiment.
OUTPUTS = len(INTENTS) + len(EMOTIONS) + 1
MODELS = Path(__file__).parent / "models"
WEIGHTS_FILE = "reading.npz"
BUCKETS = 1 << 15
# A longer message is read at its beginning and its end, this many characters each.
LONGEST_END = 500

# In a longer message distress is looked for in stretches of about this many characters: one sentence of it among many
# others is distress all the same.
STRETCH = 160

_DISTRESS = INTENTS.index("distress")
_STRETCH = re.compile(rf"\S.{{0,{STRETCH}}}(?!\S)|\S+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a message of a fan is read.

    `sentiment` lies in -1 (hostile or miserable) .. 1 (delighted). `confidence` is the probability of the intent, 0..1;
    for distress it may be low, as that is taken for it from a low probability on.
    """

    intent: Intent
    emotion: Emotion
    sentiment: float
    confidence: float


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
    from the probability `distress_from` on."""

    rarity: Floats
    scores: Floats
    bias: Floats
    intents: Floats
    emotions: Floats
    distress_from: float


class ReadingModel:
    """Reads messages; holds no state between them."""

    def __init__(self, weights: Weights) -> None:
        self._looker = Looker()
        self._weights = weights

    def read(self, text: str) -> Reading:
        """The reading of one message of a fan, of any length."""
        scores = self.scores(text)
        intents = self._intents(scores)
        if len(text) > STRETCH:
            stretches = (self._intents(self.scores(each)) for each in _STRETCH.findall(_ends_of(text)))
            worst = max(stretches, key=lambda found: float(found[_DISTRESS]), default=intents)
            if worst[_DISTRESS] >= self._weights.distress_from:
                intents = worst
        emotions = probabilities(scores[len(INTENTS) : -1], self._weights.emotions)
        at = decided(intents, self._weights.distress_from)
        sentiment = float(min(1.0, max(-1.0, scores[-1])))
        return Reading(INTENTS[at], EMOTIONS[int(emotions.argmax())], sentiment, float(intents[at]))

    def _intents(self, scores: Floats) -> Floats:
        return probabilities(scores[: len(INTENTS)], self._weights.intents)

    def scores(self, text: str) -> Floats:
        """The raw scores, (OUTPUTS,)."""
        scores = self._weights.bias.copy()
        for numbers in self._looker.look(text):
            if numbers:
                rarity = self._weights.rarity[numbers]
                length = float(np.sqrt(rarity @ rarity))
                if length:
                    scores += (rarity / length) @ self._weights.scores[numbers]
        return scores


def _ends_of(text: str) -> str:
    return text if len(text) <= 2 * LONGEST_END else f"{text[:LONGEST_END]} {text[-LONGEST_END:]}"


def probabilities(scores: Floats, layer: Floats) -> Floats:
    """Probabilities, (..., labels), of raw scores of the same shape."""
    logits = scores @ layer[:-1] + layer[-1]
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return cast(Floats, odds / odds.sum(axis=-1, keepdims=True))


def decided(intents: Floats, distress_from: float) -> int:
    """The number of the intent that is taken, given the probabilities of all, (labels,)."""
    return _DISTRESS if intents[_DISTRESS] >= distress_from else int(intents.argmax())


def load(folder: Path = MODELS) -> ReadingModel:
    """The taught model in `folder`. Raises OSError or ValueError where there is none that can be read."""
    with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as kept:
        arrays = {name: kept[name].astype(np.float32) for name in kept.files}
    distress_from = float(arrays.pop("distress_from"))
    weights = Weights(**arrays, distress_from=distress_from)
    if weights.scores.shape != (Looker().size, OUTPUTS):
        raise ValueError(f"{folder / WEIGHTS_FILE} was taught with another table of kin: chaperone train reading")
    return ReadingModel(weights)
