"""What a message is near to: its embedding against those of the taught messages, as scores.

It stands apart because the embedder is somebody else's: here it is asked, and known again. An embedding's nearness to
examples says more than its direction (a radial kernel over landmarks, Williams and Seeger, "Using the Nystroem Method
to Speed Up Kernel Machines", 2001), and a few texts whose vectors were kept tell whether the embedder still is the one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brain.embedding import Embed, Vectors, unit
from guards.errors import DetectorError

logger = logging.getLogger(__name__)

# How fast nearness falls: e to the minus REACH for a right angle.
REACH = 2.0
PROBES = ["good morning", "how much is the new video", "i want my money back", "my husband hits me"]
# Layouts of one model differ in the last digits; below this likeness to the kept vectors it is another model.
_SAME = 0.98


@dataclass(frozen=True, slots=True)
class Near:
    """What is taught: the `mean` (d) of embeddings, the `landmarks` (m, d) as unit vectors around it, what nearness to
    each adds to the `scores` (m, outputs), and what the embedder made of the PROBES, `probes` (p, d)."""

    mean: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    probes: NDArray[np.float32]


class Nearness:
    """Scores by `embed`; asks it for nothing before the first message."""

    def __init__(self, near: Near, embed: Embed) -> None:
        self._near = near
        self._embed = embed

    def scores(self, text: str) -> NDArray[np.float32]:
        """What the embedding adds to the scores, (outputs,). Raises DetectorError where there is no embedding."""
        if not self._fits:
            raise DetectorError("embedder", "vectors of another length")
        vector = centred(self._embed([text]), self._near.mean)[0]
        # vecdot and einsum, not @: that sets every core to work on this, and on busy cores waits for all of them.
        near = fallen(np.vecdot(self._near.landmarks, vector))
        scores: NDArray[np.float32] = np.einsum("m,mo->o", near, self._near.scores)
        return scores

    @cached_property
    def _fits(self) -> bool:
        """Whether the vectors can be compared at all; says once if they are not those of the training."""
        probes = self._embed(PROBES)
        if probes.shape != self._near.probes.shape:
            return False
        if float((unit(probes) * unit(self._near.probes)).sum(axis=1).min()) < _SAME:
            logger.warning("messages are read with another embedder than was taught: chaperone train reading renews it")
        return True


def centred(vectors: Vectors, mean: NDArray[np.float32]) -> Vectors:
    """Unit vectors around the mean, (n, d)."""
    return unit(vectors - mean)


def nearness(vectors: Vectors, landmarks: Vectors) -> NDArray[np.float32]:
    """How near each vector is to each landmark, (n, m), 0..1; all of them unit vectors."""
    return fallen(vectors @ landmarks.T)


def fallen(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearness of unit vectors with these cosines, 0..1."""
    near: NDArray[np.float32] = np.exp(np.float32(REACH) * (cosines - np.float32(1)))
    return near
