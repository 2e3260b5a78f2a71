"""The glance: a small model that was taught what the transformer sees, and sees most of it in a tenth of the time.

It stands apart from the transformer because it finds nothing: it only tells what need not be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from guards.detectors.transformer import CONTEXT_MESSAGES, Pieces, session
from guards.errors import DetectorError
from guards.types import Message, Transcript

_TEXTS_KEPT = 4_096
_ANYBODY = "user"  # a text by itself is read alike whoever says it, and is remembered once


class Glance:
    """The trained model in `folder`."""

    def __init__(self, folder: Path, pieces: Pieces) -> None:
        self._model = session(folder / "glance.onnx")
        self._pieces = pieces
        self._known = lru_cache(maxsize=_TEXTS_KEPT)(self._seen)

    def scores(self, text: str, context: Sequence[Message] = (), speaker: str = "user") -> tuple[float, ...]:
        """How likely each label is for `text`, said by the role `speaker` after `context`; any numbers. What was asked
        before is remembered. Raises DetectorError."""
        return self._known(text, tuple(context[-CONTEXT_MESSAGES:]), speaker if context else _ANYBODY)

    def _seen(self, text: str, context: Transcript, speaker: str) -> tuple[float, ...]:
        try:
            ids = np.array([self._pieces.ids(text, context, speaker)], dtype=np.int64)
            return tuple(self._model.run(None, {"ids": ids})[0][0].tolist())
        except Exception as error:  # noqa: BLE001 - the border to two engines in other languages: textless, and ours
            raise DetectorError("classifier", type(error).__name__) from None
