from __future__ import annotations

import pytest

from guards.letters import (
    is_dressed_up,
    is_hidden,
    is_indicator,
    is_latin,
    is_mark,
    is_wordish,
    lookalike,
    simplified,
    without_accents,
)


@pytest.mark.parametrize(
    ("char", "reads"),
    [("é", "e"), ("ł", "l"), ("Ø", "O"), ("ı", "i"), ("ⓘ", "i"), ("🄸", "i"), ("🅰", "a"), ("🇮", "i"), ("𝓲", "i"),
     ("ﬆ", "st"), ("\u200b", ""), ("ж", "ж"), ("你", "你"), ("👻", "👻")],
)  # fmt: skip
def test_a_character_reads_as_the_letter_it_is_drawn_from(char: str, reads: str) -> None:
    assert simplified(char) == reads


def test_a_letter_of_another_script_looks_like_at_most_one_latin_letter() -> None:
    assert lookalike("а") == "a"
    assert lookalike("А") == "A"
    assert lookalike("ж") is None
    assert lookalike("a") is None


def test_marks_and_invisible_characters_take_no_place() -> None:
    assert [is_hidden(char) for char in "\u0301\u200b\ufe0fa "] == [True, True, True, False, False]
    assert is_mark("\u20dd")
    assert not is_mark("\ufe0f")


def test_words_are_of_latin_letters_and_digits_and_flags_are_none() -> None:
    assert [is_wordish(char) for char in "aé7яⓐ🇮_"] == [True, True, True, False, True, False, False]
    assert is_latin("ɐ")
    assert is_indicator("🇿")
    assert not is_indicator("Z")


def test_what_an_operator_writes_is_read_in_the_letters_of_the_clean_view() -> None:
    assert without_accents("płac où Ünder, ça…") == "plac ou Under, ca…"
    assert without_accents("давай ёлка ☎ ’ 😏") == "давай ёлка ☎ ’ 😏"


def test_a_letter_is_dressed_up_in_another_style_or_script_and_not_with_an_accent() -> None:
    assert all(map(is_dressed_up, "𝓼ｓⓢ🆂ѕꜱᴀ"))
    assert not any(map(is_dressed_up, "sÉéłøıſß1@ж你\u0301\u200d❤"))
