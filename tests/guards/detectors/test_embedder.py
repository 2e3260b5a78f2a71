"""The embedder: unit vectors out of the classifier's first layers, like where the meaning is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from guards.detectors.embedder import DIMENSIONS, Embedder, shared
from guards.errors import DetectorError

TEXTS = ["do you have any animals at home?", "any pets?", "what's your phone number", "", "🐈‍⬛", "word " * 5_000]


def test_every_text_is_a_row_of_length_one() -> None:
    vectors = shared()(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), DIMENSIONS), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_is_no_row() -> None:
    assert shared()([]).shape == (0, DIMENSIONS)


def test_a_text_has_the_same_vector_in_any_company() -> None:
    alone = [Embedder()([text])[0] for text in TEXTS[:3]]
    assert np.array_equal(np.stack(alone), shared()(TEXTS[:3]))


def test_a_paraphrase_without_a_shared_word_is_nearer_than_another_topic() -> None:
    animals, pets, number = shared()(TEXTS[:3])
    assert animals @ pets > animals @ number


def test_any_thread_is_answered_alike() -> None:
    embedder = Embedder()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: embedder(TEXTS[:3]), range(16)))
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_a_model_that_cannot_be_read_is_an_error_without_text(tmp_path: Path) -> None:
    with pytest.raises(DetectorError) as caught:
        Embedder(tmp_path)(["canary"])
    assert "canary" not in str(caught.value)


def test_the_process_shares_one() -> None:
    assert shared() is shared()
