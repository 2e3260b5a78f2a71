"""Hints: a reading that is not hinted at is not there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.clean import clean
from guards.encoded import decoded
from guards.fold import fold
from guards.hints import hints_of
from guards.spelled import spelled

PIECES = [
    "i ", "n", "s t", "@", "$ ", "4 ", "1", "five ", "dot ", "(", " at", "b", "ee ", " bee ", "aW5z", "=", ".", "- ",
    " ... --- ... ", ".-", "/ ", "-", ". ", " zzz", "\n", "é", "два ", "\u2009", "\x85", "instagram", "8675309",
    "one two three ", "com",
]  # fmt: skip


@settings(deadline=None, max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_what_is_not_hinted_at_cannot_be_read(text: str) -> None:
    base = clean(text)
    hints = hints_of(base.text)
    names = {view.name for view in fold(text).views}
    assert hints.is_spelled or spelled(base) is None
    assert hints.is_coded or decoded(base) is None
    assert hints.is_leet or "joined" in names or names.isdisjoint({"leet", "leet_l"})
    assert hints.is_held or "squeezed" not in names
    assert hints.is_spread or "joined" not in names


@pytest.mark.parametrize(
    "text", ["how was your day", "the phone was off, someone said", "no way, really?!", "So it goes. And on."]
)
def test_ordinary_words_hint_at_nothing(text: str) -> None:
    hints = hints_of(text)
    assert not any([hints.is_spelled, hints.is_leet, hints.is_held, hints.is_coded])


def test_a_word_too_long_to_be_remembered_is_read_all_the_same() -> None:
    assert hints_of("x" * 100 + "1a").is_leet


@pytest.mark.parametrize("count", [255, 256, 512, 65_536])
def test_a_hint_is_not_lost_among_many_of_its_kind(count: int) -> None:
    assert hints_of("1nst4 " * count).is_leet
    assert hints_of("zzzz " * count).is_held
    assert hints_of("aW5z " * count).is_coded
    assert hints_of("three " * count).is_spelled
    assert hints_of("i " * count).is_spread


def test_letters_in_sentences_are_not_letters_one_by_one() -> None:
    assert not hints_of("I had a tea, a cake and a nap while I sat in seat B").is_spread
    assert hints_of("the i - n . s , t one").is_spread
