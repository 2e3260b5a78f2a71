"""What was read off a word is kept, but never off more words than there is room for."""

from __future__ import annotations

import pytest

from guards.remembered import Remembered


def test_a_word_that_comes_again_is_not_read_again() -> None:
    read: list[str] = []

    def size(word: str) -> int:
        read.append(word)
        return len(word)

    assert [*map(Remembered(size, 10).__getitem__, ("one", "three", "one"))] == [3, 5, 3]
    assert read == ["one", "three"]


def test_more_words_than_there_is_room_for_are_told_right_all_the_same() -> None:
    sizes = Remembered(len, 3)
    words = ["a" * size for size in range(20)] * 2
    for word in words:
        assert sizes[word] == len(word)
        assert len(sizes) <= 3


def test_a_word_that_cannot_be_read_is_not_kept() -> None:
    numbers = Remembered(int, 3)
    for _ in range(2):
        with pytest.raises(ValueError, match="one"):
            numbers["one"]
    assert "one" not in numbers
