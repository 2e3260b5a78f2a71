"""The embedder is asked for one message, known again by what it makes of a few texts, and missed without an error."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from brain.nearness import PROBES, Near, Nearness, centred, nearness
from guards.errors import DetectorError

DIMENSIONS = 8


def embedded(texts: list[str]) -> NDArray[np.float32]:
    """A text's direction is that of its first letters."""
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[[ord(char) % DIMENSIONS for char in text[:3]]] = 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).astype(np.float32)


def taught() -> Near:
    mean = np.zeros(DIMENSIONS, dtype=np.float32)
    landmarks = centred(embedded(["aaa", "bbb"]), mean)
    return Near(mean, landmarks, np.eye(2, dtype=np.float32), embedded(PROBES))


def test_a_message_scores_by_the_landmark_that_it_is_nearest_to() -> None:
    near = Nearness(taught(), embedded)
    assert near.scores("aaa!")[0] == pytest.approx(1)
    assert near.scores("aaa!")[1] < 0.5
    assert near.scores("bbb")[1] == pytest.approx(1)


def test_nearness_is_one_to_itself_and_falls_with_the_angle() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
    falling = nearness(vectors, vectors[:1])[:, 0]
    assert falling[0] == pytest.approx(1)
    assert list(falling) == sorted(falling, reverse=True)
    assert falling[-1] > 0


def test_the_embedder_of_the_training_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    def laid_out_differently(texts: list[str]) -> NDArray[np.float32]:
        return embedded(texts) + np.float32(0.005)

    with caplog.at_level(logging.WARNING):
        Nearness(taught(), laid_out_differently).scores("aaa")
    assert not caplog.records


def test_another_embedder_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    near = Nearness(taught(), lambda texts: np.roll(embedded(texts), 1, axis=1))
    with caplog.at_level(logging.WARNING):
        near.scores("aaa")
        near.scores("a secret")
    assert caplog.text.count("chaperone train reading") == 1
    assert "secret" not in caplog.text


def test_vectors_of_another_length_are_no_scores() -> None:
    with pytest.raises(DetectorError):
        Nearness(taught(), lambda texts: embedded(texts)[:, :4]).scores("aaa")
