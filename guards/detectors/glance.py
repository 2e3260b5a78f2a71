"""The glance: a small model that was taught what the transformer sees, and sees most of it in a small part of the time.

It stands apart from the transformer because it finds nothing: it only tells what need not be looked at. Its filters run
over neighbouring word pieces, and what each of them finds at most, in the text and in the turns behind it, goes through
one small layer to the labels (Kim, arXiv 1408.5882). What a piece adds to every filter never changes and is remembered,
as whole numbers: added up they are the same in every order, and no product of matrices wakes a second thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guards.detectors.transformer import CONTEXT_MESSAGES, Pieces
from guards.errors import DetectorError
from guards.types import Message, Transcript

FILE = "glance.npz"
REACH = 3  # word pieces that a filter looks at: one, that before it and that behind it
_TEXTS_KEPT = 4_096
_FINDS_KEPT = 1_024
_PIECES_KEPT = 4_096
_LEAST = np.float32(0)
_ANYBODY = "user"  # a text by itself is read alike whoever says it, and is remembered once


class Glance:
    """The trained model in `folder`. Raises OSError, ValueError or KeyError when it cannot be read."""

    def __init__(self, folder: Path, pieces: Pieces) -> None:
        with np.load(folder / FILE) as model:
            self._words = model["words"]  # (word pieces, width), int8
            self._filters = model["filters"]  # (width, REACH * filters): before, at and behind a piece
            self._bias = model["bias"]  # (filters,)
            # (filters, inner) both: of what is found in the text, and in the turns behind it
            self._of_text, self._of_turns = np.split(model["inner"], 2)
            self._inner_bias = model["inner_bias"]  # (inner,)
            self._head = model["head"]  # (inner, labels)
            self._head_bias = model["head_bias"]  # (labels,)
        self._nothing = np.zeros(self._filters.shape[1], np.int16)
        self._pieces = pieces
        self._adds = lru_cache(maxsize=_PIECES_KEPT)(self._added)
        self._read_text = lru_cache(maxsize=_FINDS_KEPT)(self._found_in_text)
        self._read_turns = lru_cache(maxsize=_FINDS_KEPT)(self._inner_of_turns)
        self._known = lru_cache(maxsize=_TEXTS_KEPT)(self._seen)

    def scores(self, text: str, context: Sequence[Message] = (), speaker: str = "user") -> tuple[float, ...]:
        """How likely each label is for `text`, said by the role `speaker` after `context`; any numbers. What was asked
        before is remembered. Raises DetectorError."""
        return self._known(text, tuple(context[-CONTEXT_MESSAGES:]), speaker if context else _ANYBODY)

    def _seen(self, text: str, context: Transcript, speaker: str) -> tuple[float, ...]:
        try:
            return self._scored(text, context, speaker)
        except Exception as error:  # noqa: BLE001 - the border to two engines in other languages: textless, and ours
            raise DetectorError("classifier", type(error).__name__) from None

    def _scored(self, text: str, context: Transcript, speaker: str) -> tuple[float, ...]:
        inside, last = self._read_text(text)
        turns = self._read_turns(context, speaker) if context else None
        if turns:
            last = last + self._adds(turns[0])[-len(last) :]
        inner = self._shown(np.maximum(inside, last)).dot(self._of_text)
        inner += self._inner_bias
        if turns:
            inner += turns[1]
        scores: list[float] = (np.maximum(inner, _LEAST).dot(self._head) + self._head_bias).tolist()
        return tuple(scores)

    def _found_in_text(self, text: str) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """(filters,) both: what each finds at most in `text` before its last word piece, and what it finds at that one
        with nothing behind it."""
        found = self._found(self._pieces.of_text(text), None)
        return np.maximum.reduce(found[:-1]), found[-1].copy()  # a part would keep the whole

    def _inner_of_turns(self, context: Transcript, speaker: str) -> tuple[int, NDArray[np.float32]] | None:
        """The first word piece of the turns, and (inner,), what they add; None where they hold nothing."""
        ids = self._pieces.of_turns(context, speaker)
        if not ids:
            return None
        most = np.maximum.reduce(self._found(ids, self._pieces.between))
        return ids[0], self._shown(most).dot(self._of_turns)

    def _found(self, ids: Sequence[int], before: int | None) -> NDArray[np.int16]:
        """(pieces, filters): what each finds at each of the word pieces `ids`, before which another may stand."""
        first = self._nothing if before is None else self._adds(before)
        adds = np.concatenate([first, *map(self._adds, ids), self._nothing]).reshape(len(ids) + 2, REACH, -1)
        found: NDArray[np.int16] = adds[:-2, 0] + adds[1:-1, 1]
        found += adds[2:, 2]
        return found

    def _shown(self, most: NDArray[np.int16]) -> NDArray[np.float32]:
        """(filters,): what the inner layer reads of what each finds at most."""
        shown: NDArray[np.float32] = np.maximum(most + self._bias, _LEAST)
        return shown

    def _added(self, piece: int) -> NDArray[np.int16]:
        """(REACH * filters,): what one word piece adds to each filter, behind, at and before it, in whole steps."""
        added: NDArray[np.int16] = np.rint(self._words[piece].astype(np.float32) @ self._filters).astype(np.int16)
        return added
