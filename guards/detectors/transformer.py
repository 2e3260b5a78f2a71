"""The transformer: which rules a stretch of text is about, by its meaning. int8 ONNX on one core, no torch.

It stands apart as the one home of onnxruntime and tokenizers. What it reads is the text and, behind it, the last turns
with who said them, so that "the ghost one" can be read in the light of "which app?".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from guards.errors import DetectorError
from guards.remembered import Remembered
from guards.types import Message, Transcript

LONGEST_TEXT = 96  # word pieces
LONGEST_CONTEXT = 48
CONTEXT_MESSAGES = 4
_CONTEXT_CHARS = 160
_SPEAKERS = {True: "me : ", False: "you : "}
_WORDS_KEPT = 16_384
_TEXTS_KEPT = 4_096
_ANYBODY = "user"  # a text by itself is read alike whoever says it, and is remembered once
_PLAIN_WORD = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Pieces:
    """Texts as the word pieces the model reads; those of plain words, which come again and again, are remembered."""

    def __init__(self, tokenizer: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True  # who writes [SEP] has written a word, not ended a turn
        self._first, self.between, self.unknown = map(self._special, ("[CLS]", "[SEP]", "[UNK]"))
        self._of_word = Remembered(self._encoded, _WORDS_KEPT).__getitem__

    def ids(self, text: str, context: Sequence[Message] = (), speaker: str = "user") -> list[int]:
        """[CLS] text [SEP], and behind it the last turns, latest first, each with a [SEP]."""
        return [*self.of_text(text), *self.of_turns(context, speaker)]

    def of_text(self, text: str) -> list[int]:
        """The part of `ids` that is the text's."""
        return [self._first, *self._of(text)[:LONGEST_TEXT], self.between]

    def of_turns(self, context: Sequence[Message], speaker: str) -> list[int]:
        """The part of `ids` that is the turns'."""
        ids: list[int] = []
        room = LONGEST_CONTEXT
        for message in context[: -CONTEXT_MESSAGES - 1 : -1]:
            said = self._of(_SPEAKERS[message.role == speaker] + message.text[-_CONTEXT_CHARS:])[: room - 1]
            room -= len(said) + 1
            if room < 0 or not said:
                break
            ids += [*said, self.between]
        return ids

    def _special(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer knows no {token}")
        return found

    def _of(self, text: str) -> list[int]:
        if text.isascii() and _CONTROL.search(text) is None:
            return [piece for word in _PLAIN_WORD.findall(text.lower()) for piece in self._of_word(word)]
        return self._encoded(text)

    def _encoded(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found


class Transformer:
    """The trained model in its two steps: the first layers see whether anything is likely, the rest see what.

    `scales` are (slope, offset) that make a probability of each label's raw score.
    """

    def __init__(self, folder: Path, labels: Sequence[str], scales: Sequence[tuple[float, float]]) -> None:
        self._first, self._rest = (session(folder / name) for name in ("first.onnx", "rest.onnx"))
        self.pieces = Pieces(folder / "tokenizer.json")
        self.labels = tuple(labels)
        self._scales = tuple(scales)
        self._dull = lru_cache(maxsize=_TEXTS_KEPT)(self._interest)
        self._known = lru_cache(maxsize=_TEXTS_KEPT)(self._probabilities)

    def probabilities(
        self, text: str, context: Sequence[Message] = (), speaker: str = "user", least: float = -math.inf
    ) -> Mapping[str, float]:
        """The probability of each label for `text`, said by the role `speaker` after `context`; all 0 where the first
        step finds less than `least`. What was asked before is remembered: a reply that streams in is looked at many
        times. Raises DetectorError."""
        return self._known(text, tuple(context[-CONTEXT_MESSAGES:]), speaker if context else _ANYBODY, least)

    def is_dull(self, text: str, least: float) -> bool:
        """True when the first step finds less than `least` in `text` by itself. Raises DetectorError."""
        return self._dull(text) < least

    def _interest(self, text: str) -> float:
        return self._looked_at(text, (), "user")[0]

    def _probabilities(self, text: str, context: Transcript, speaker: str, least: float) -> Mapping[str, float]:
        interest, raw = self.raw(text, context, speaker, least)
        if interest < least:
            return dict.fromkeys(self.labels, 0.0)
        return dict(zip(self.labels, probabilities_of(raw, self._scales), strict=True))

    def raw(
        self, text: str, context: Sequence[Message] = (), speaker: str = "user", least: float = -math.inf
    ) -> tuple[float, list[float]]:
        """The interest of the first step, and each label's score before it is scaled (none where the interest is below
        `least`). Raises DetectorError."""
        interest, states = self._looked_at(text, context, speaker)
        if interest < least:
            return interest, []
        try:
            scores: list[float] = self._rest.run(None, {"states": states})[0][0].tolist()
        except Exception as error:  # noqa: BLE001 - the border to an engine in another language: textless, and ours
            raise DetectorError("classifier", type(error).__name__) from None
        return interest, scores

    def _looked_at(self, text: str, context: Sequence[Message], speaker: str) -> tuple[float, Any]:
        """The first step's interest, and what it makes of the word pieces, for the second."""
        try:
            ids = np.array([self.pieces.ids(text, context, speaker)], dtype=np.int64)
            states, interests = self._first.run(None, {"ids": ids})
        except Exception as error:  # noqa: BLE001 - the border to two engines in other languages: textless, and ours
            raise DetectorError("classifier", type(error).__name__) from None
        return float(interests[0]), states


def probabilities_of(raw: Sequence[float], scales: Sequence[tuple[float, float]]) -> list[float]:
    """The probabilities that (slope, offset) make of raw scores, one for each."""
    return [
        1 / (1 + math.exp(-max(-60.0, min(60.0, slope * score + offset))))
        for score, (slope, offset) in zip(raw, scales, strict=True)
    ]


def session(path: Path) -> onnxruntime.InferenceSession:
    """The model in `path`, on one core. Raises what onnxruntime raises for a file it cannot read."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
