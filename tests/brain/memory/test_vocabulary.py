"""The lists of words are what the patterns take them for."""

from __future__ import annotations

import re

import pytest

from brain.memory import vocabulary as words


def test_a_list_is_its_words() -> None:
    assert words.listed("one two\n  three") == {"one", "two", "three"}


@pytest.mark.parametrize(
    "pattern",
    [
        words.ANIMALS,
        words.RELATIONS,
        words.DOUBLE_TRAITS,
        words.CONDITIONS,
        words.SHIFTS,
        words.HOBBIES,
        words.MONTHS,
        words.NUMBERS,
    ],
)
def test_alternatives_compile_and_none_is_empty(pattern: str) -> None:
    assert not re.fullmatch(f"(?:{pattern})", "")


def test_words_in_lists_are_words() -> None:
    lists = (
        words.TRADES,
        words.TRAITS,
        words.ENDS,
        words.NO_NAMES,
        words.NO_PLACES,
        words.NO_TASTES,
        words.WHOLE_HOBBIES,
    )
    for each in lists:
        assert all(word == word.lower() and '"' not in word for word in each)
        assert len(each) > 10
