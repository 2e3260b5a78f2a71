"""Noise leaves most examples alone and never more than a careless hand's or a masking tool's change on the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.training.examples import Example
from guards.training.noise import drop_marks, mask_numbers, noisy, slip

seeds = st.integers(0, 2**32 - 1)


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.text(), seeds)
def test_an_example_keeps_its_label_and_speaker_and_is_never_emptied(text: str, seed: int) -> None:
    example = Example(text, frozenset({"meetup"}), "assistant")
    changed = noisy(example, random(seed))
    assert (changed.labels, changed.speaker, changed.context) == (example.labels, example.speaker, example.context)
    assert bool(changed.text) == bool(text)


def test_the_same_seed_makes_the_same_noise_and_most_examples_are_left_alone() -> None:
    examples = [Example(f"we'll be there at {hour}, wait for us", frozenset()) for hour in range(1000)]
    first, second = ([noisy(example, one) for example in examples] for one in (random(1), random(1)))
    assert first == second
    changed = sum(one != other for one, other in zip(first, examples, strict=True))
    assert 0 < changed < len(examples) / 3


@given(seeds)
def test_numbers_are_masked_whole_and_all_alike(seed: int) -> None:
    masked = mask_numbers("at 7:30 or 8, call 555-0101", random(seed))
    before, mask, *_ = masked.split(" ")
    assert before == "at"
    assert masked == f"at {mask} or {mask}, call {mask}-{mask}"


def test_marks_behind_words_go_and_inner_ones_stay() -> None:
    assert drop_marks("don't go, it's 7.30! ok?", random(0)) == "dont go its 7.30 ok"


@given(st.from_regex(r"[a-z]{4,12}( [a-z]{1,8}){0,4}", fullmatch=True), seeds)
def test_a_slip_touches_the_inside_of_one_word(text: str, seed: int) -> None:
    slipped = slip(text, random(seed))
    assert abs(len(slipped) - len(text)) <= 1
    pairs = list(zip(text.split(" "), slipped.split(" "), strict=True))
    assert sum(one != other for one, other in pairs) <= 1
    assert all(one[0] == other[0] for one, other in pairs)


@pytest.mark.parametrize("text", ["", "ok", "🙈", "12345"])
def test_what_holds_no_longer_word_cannot_slip(text: str) -> None:
    assert slip(text, random(0)) == text
