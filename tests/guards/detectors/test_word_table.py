from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.word_table import WordTable

QUICK = settings(deadline=None, max_examples=300)
TERMS = ["instagram", "snapchat", "telegram", "whatsapp", "facebook", "insta", "pinterest", "snap"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def table() -> WordTable:
    return WordTable(enumerate(TERMS), ["whatsup", "histogram"])


def found(table: WordTable, text: str) -> set[tuple[str, str, str]]:
    return {(TERMS[index], disguise, text[start:end]) for index, disguise, start, end in table.find(text)}


@pytest.mark.parametrize(
    ("word", "term"),
    [("snapchet", "snapchat"), ("telegran", "telegram"), ("whatsap", "whatsapp"), ("instagran", "instagram"),
     ("facebok", "facebook"), ("isntagram", "instagram"), ("instragram", "instagram"), ("snapchatt", "snapchat")],
)  # fmt: skip
def test_a_long_name_is_found_one_edit_away(table: WordTable, word: str, term: str) -> None:
    assert {name for name, _, place in found(table, f"my {word} ok") if place == word} == {term}


@QUICK
@given(st.sampled_from([term for term in TERMS if len(term) >= 7]), st.data())
def test_every_single_edit_behind_the_first_letter_is_found(table: WordTable, term: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(term) - 1))
    letter = data.draw(st.sampled_from(LETTERS))
    swapped = term[:at] + term[at:][1:2] + term[at:][:1] + term[at + 2 :]
    word = data.draw(
        st.sampled_from(
            [term[:at] + letter + term[at:], term[:at] + term[at + 1 :], term[:at] + letter + term[at + 1 :], swapped]
        )
    )
    expected = set() if word in {term, f"{term}s", "whatsup"} else {(term, word)}
    assert {(name, place) for name, _, place in found(table, word)} == expected


@pytest.mark.parametrize("word", ["interest", "telegraph", "whatsup", "notebook", "historian", "snack", "telegrams"])
def test_ordinary_words_near_a_name_are_none(table: WordTable, word: str) -> None:
    assert not found(table, word)


def test_reversed_and_rotated_words_are_found_from_five_letters_on(table: WordTable) -> None:
    assert found(table, "my margatsni") == {("instagram", "reversed", "margatsni")}
    assert found(table, codecs.encode("my snapchat", "rot13")) == {("snapchat", "rot13", "fancpung")}
    assert not found(table, "pots and pans")


def test_doubled_letters_are_let_go(table: WordTable) -> None:
    assert found(table, "instaaaa or snnaapp") == {("insta", "squeezed", "instaaaa"), ("snap", "squeezed", "snnaapp")}
    assert found(table, "whattsapp") == {("whatsapp", "squeezed", "whattsapp")}
    assert not found(table, "snapping good happy")


@QUICK
@given(st.lists(st.one_of(st.sampled_from(["instaaa", "snapchet", "hello"]), st.text(max_size=12)), max_size=8))
def test_places_are_words_of_the_text(table: WordTable, words: list[str]) -> None:
    text = " ".join(words)
    for _, _, start, end in table.find(text):
        assert 0 <= start < end <= len(text)
        assert text[start:end].isalpha()


@pytest.mark.parametrize("piece", ["a", "ab", "instaa", "instagran ", "snapcha"])
def test_long_monotonous_text_is_read_to_the_end(table: WordTable, piece: str) -> None:
    assert all(end <= 100_000 for *_, end in table.find(piece * (100_000 // len(piece))))


@QUICK
@given(st.sampled_from(["instagram", "snapchat", "telegram", "whatsapp", "pinterest"]), st.data())
def test_a_name_of_five_consonants_is_found_short_of_any_of_its_vowels(
    table: WordTable, term: str, data: st.DataObject
) -> None:
    vowels = [at for at, letter in enumerate(term) if at and letter in "aeiou"]
    gone = data.draw(st.sets(st.sampled_from(vowels), min_size=1))
    word = "".join(letter for at, letter in enumerate(term) if at not in gone)
    assert {name for name, _, _ in found(table, f"my {word} ok")} == {term}
