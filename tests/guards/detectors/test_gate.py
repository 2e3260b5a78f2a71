"""The gate: a linear score that costs a few look-ups a word."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors.gate import Gate, grams_of, pairs_of, words_of

GATE = Gate(
    words={"come": 1.0, "over": 0.5, "hello": -2.0},
    pairs={("come", "over"): 2.0, ("^", "hello"): -1.0},
    grams={"<wo": 3.0, "bat": 1.0},
    bias=-0.25,
)


def test_words_and_their_pairs_add_up_over_the_root_of_their_number() -> None:
    assert GATE.score("Come over") == pytest.approx(-0.25 + (1.0 + 0.5 + 2.0) / math.sqrt(2))


def test_an_unknown_word_counts_by_its_parts() -> None:
    parts = grams_of("wombat")
    assert GATE.score("wombat") == pytest.approx(-0.25 + (3.0 + 1.0) / math.sqrt(len(parts)))


def test_a_text_without_words_has_the_score_of_nothing() -> None:
    assert GATE.score("") == -0.25


@given(st.lists(st.sampled_from(["come", "over", "hello", "wombat", "5pm", "?"]), max_size=8))
def test_word_by_word_it_comes_to_the_score_of_the_whole(words: list[str]) -> None:
    total, last = 0.0, "^"
    for word in words_of(" ".join(words)):
        total += GATE.added(word, last)
        last = word
    assert GATE.score_of_sum(total, len(words), last) == pytest.approx(GATE.score(" ".join(words)))


def test_case_digits_and_quotes_make_no_other_word() -> None:
    assert words_of("It’s 5pm, 7PM!") == words_of("it's 1PM, 2pm!") == ["it's", "0pm", ",", "0pm", "!"]


def test_the_ends_of_a_text_are_neighbours_too() -> None:
    assert list(pairs_of(["a", "b"])) == [("^", "a"), ("a", "b"), ("b", "$")]


def test_what_is_saved_scores_the_same_when_loaded(tmp_path: Path) -> None:
    GATE.save(tmp_path / "gate.npz")
    assert Gate.load(tmp_path / "gate.npz") == GATE


@given(st.text(max_size=300))
def test_any_text_has_a_finite_score(text: str) -> None:
    assert math.isfinite(GATE.score(text))


@given(st.text(max_size=40))
def test_no_word_is_read_as_two_keys(text: str) -> None:
    assert not any("\n" in word or " " in word for word in words_of(text))
