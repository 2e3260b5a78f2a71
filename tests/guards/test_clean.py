from __future__ import annotations

import pytest

from guards.clean import clean


@pytest.mark.parametrize("text", ["🇮🇳🇸🇹🇦", "🇮 🇳 🇸 🇹 🇦", "🇮🇳sta", "ínstâ", "іnstа", "ıns\u200bta"])
def test_letters_in_costume_read_as_letters(text: str) -> None:
    assert clean(text).text.replace(" ", "") == "insta"


@pytest.mark.parametrize("text", ["greetings from 🇺🇸", "🇫🇷 🇩🇪 and 🇮🇹!", "привет 🇺🇦"])
def test_a_flag_stays_a_flag(text: str) -> None:
    assert clean(text).text == text


def test_letters_with_strokes_read_without_them() -> None:
    assert clean("Søren Kjærgård, Łódź").text == "Soren Kjærgard, Lodz"


def test_ordinary_text_of_another_script_stays_as_it_is() -> None:
    assert clean("привет, как дела?").text == "привет, как дела?"
    assert clean("τι κάνεις;").text.casefold() == "τι κάνεις;".casefold()
