"""Texts as vectors by their meaning: what the classifier's first layers make of a text, averaged over its word pieces.

It stands apart from the transformer because it judges nothing: who looks for likeness shares the classifier's weights
and pays for no second model. Mean pooling after Reimers and Gurevych, arXiv 1908.10084.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guards.detectors.transformer import Pieces, session
from guards.errors import DetectorError

MODELS = Path(__file__).parent.parent / "models"
FILE = "first.onnx"
DIMENSIONS = 384
_TEXTS_KEPT = 4_096  # a conversation's lines come again with every turn


class Embedder:
    """Embeds texts as unit vectors; a dot product is their likeness, -1 to 1. The model is read at the first call."""

    def __init__(self, folder: Path = MODELS) -> None:
        self._folder = folder
        self._known = lru_cache(maxsize=_TEXTS_KEPT)(self._vector)

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """One row of DIMENSIONS float32 per text; of a long one its first 96 word pieces count. About 0.4 ms for a
        short text that is new. Each is embedded by itself: it has the same vector in any company. Raises
        DetectorError."""
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self._known(text)
        return rows

    def _vector(self, text: str) -> NDArray[np.float32]:
        try:
            first, pieces = self._model
            ids = np.array([pieces.ids(text)], dtype=np.int64)
            mean: NDArray[np.float32] = first.run(["states"], {"ids": ids})[0][0].mean(axis=0)
        except Exception as error:  # noqa: BLE001 - the border to two engines in other languages: textless, and ours
            raise DetectorError("embedder", type(error).__name__) from None
        return mean / max(float(np.linalg.norm(mean)), 1e-9)

    @cached_property
    def _model(self) -> tuple[Any, Pieces]:
        return session(self._folder / FILE), Pieces(self._folder / "tokenizer.json")


@lru_cache(maxsize=1)
def shared() -> Embedder:
    """The embedder over the model that comes with the project, one a process."""
    return Embedder()
