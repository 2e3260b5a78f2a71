"""Names of letters in a row read as the letters; words that only sound like letters stay words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.letter_names import letter_names

NAMES = ["eff", "bee", "ess", "see", "eye", "gee", "tee", "oh", "you", "why", "double u", "x", "dear", " ", "-", ", "]


def read(text: str) -> str:
    for start, end, letters in reversed(list(letter_names(text))):
        text = text[:start] + letters + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("eff bee?", "fb?"),
        ("my ess see: milaxo", "my sc: milaxo"),
        ("eye-gee or tee gee", "ig or tg"),
        ("double you aitch ay tee", "what"),
        ("kay i kay", "kik"),
        ("got vee kay", "got vk"),
    ],
)
def test_names_in_a_row_read_as_their_letters(text: str, reads: str) -> None:
    assert read(text) == reads


@pytest.mark.parametrize(
    "text", ["oh dear", "you see", "gee, thanks", "why are you", "a bee in my tea", "the tee time", "i see", "eff that"]
)
def test_words_stay_words(text: str) -> None:
    assert read(text) == text


@given(st.lists(st.sampled_from(NAMES)).map("".join))
def test_what_is_read_lies_apart_and_in_order(text: str) -> None:
    ends = [0]
    for start, end, letters in letter_names(text):
        assert ends[-1] <= start < end <= len(text)
        assert letters.isalpha()
        ends.append(end)
