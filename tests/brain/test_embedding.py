"""Texts as vectors: likeness where words and letters are shared, the same in every process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brain.embedding import DIMENSIONS, Combined, Embedding, features, unit

CORPUS = ["what's your insta?", "come over tonight?", "can i get your number?", "do you like coffee"]


def likeness(left: str, right: str) -> float:
    first, second = Embedding(CORPUS)([left, right])
    return float(first @ second)


def test_vectors_have_unit_length() -> None:
    vectors = Embedding(CORPUS)(CORPUS)
    assert vectors.shape == (len(CORPUS), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)


@pytest.mark.parametrize("variant", ["What's your INSTA?", "whats your instaaaa", "what's ur insta"])
def test_a_variant_is_nearest_to_its_original(variant: str) -> None:
    scores = [likeness(variant, text) for text in CORPUS]
    assert scores.index(max(scores)) == 0


def test_a_feature_that_all_texts_share_weighs_nothing() -> None:
    shared = Embedding(["same one", "same two", "same three"])
    assert not shared(["same"]).any()


def test_a_text_without_features_is_a_row_of_zeros() -> None:
    assert not Embedding(CORPUS)([""]).any()


def test_an_emoji_is_a_word() -> None:
    assert "w 🔥" in set(features("so 🔥"))


def test_vectors_are_the_same_in_another_process() -> None:
    program = f"from brain.embedding import Embedding; print(Embedding({CORPUS!r})(['hey insta']).sum())"
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": root, "PYTHONHASHSEED": "7"},
    )
    assert float(done.stdout) == pytest.approx(float(Embedding(CORPUS)(["hey insta"]).sum()))


def letters(texts: list[str]) -> Any:
    """A stand-in for a model of meaning: which letters a text has, at length 1."""
    rows = np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], dtype=np.float32)
    return unit(rows + 1)


def test_without_a_model_of_meaning_the_words_are_all() -> None:
    assert np.array_equal(Combined(CORPUS)(CORPUS), Embedding(CORPUS)(CORPUS))


def test_words_and_meaning_stand_side_by_side_with_equal_weight() -> None:
    vectors = Combined(CORPUS, letters)(CORPUS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors[:, :DIMENSIONS], axis=1), 0.5**0.5, atol=1e-5)


def test_what_all_texts_share_is_taken_out_of_their_meaning() -> None:
    vectors = Combined(CORPUS, letters)(CORPUS)[:, DIMENSIONS:]
    assert np.allclose(letters(CORPUS).min(axis=0) > 0, True)
    assert (vectors @ vectors.T).min() < 0


def test_a_single_text_and_an_empty_one_have_vectors_without_nan() -> None:
    assert np.isfinite(Combined(["one"], letters)(["one", ""])).all()


def test_rows_of_zeros_stay_when_rows_are_brought_to_length_one() -> None:
    assert unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]
