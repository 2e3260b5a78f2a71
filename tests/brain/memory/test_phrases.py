"""Where names, places and things end, and how they are written."""

from __future__ import annotations

import pytest

from brain.memory.phrases import head, name, place, risen, things, turned, words_until


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("biscuit", "Biscuit"),
        ("Biscuit and he bites", "Biscuit"),
        ("Mr Whiskers lol", "Mr Whiskers"),
        ("tom and jerry", "Tom and Jerry"),
        ("LUNA", "LUNA"),
        ("later", ""),
        ("5", ""),
        ("", ""),
        ("o'malley", "O'malley"),
        ("Anna Maria", "Anna Maria"),
    ],
)
def test_a_name(rest: str, found: str) -> None:
    assert name(rest) == found


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("leeds", "Leeds"),
        ("new york city now", "New York City"),
        ("a small town", "a small town"),
        ("the countryside", "the countryside"),
        ("stoke on trent", "Stoke on Trent"),
        ("fear", ""),
        ("my head", ""),
        ("2 hours", ""),
        ("york last year", "York"),
        ("", ""),
    ],
)
def test_a_place(rest: str, found: str) -> None:
    assert place(rest) == found


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("pizza", "pizza"),
        ("pizza and cold beer", "pizza and cold beer"),
        ("my job", "their job"),
        ("you", ""),
        ("the way you talk", ""),
        ("the sea", "the sea"),
        ("to cook", "to cook"),
        ("to see you", ""),
        ("pizza and you", "pizza"),
        ("dogs you know", ""),
        ("it", ""),
    ],
)
def test_things(rest: str, found: str) -> None:
    assert things(rest) == found


def test_words_end_where_something_else_begins() -> None:
    assert words_until("nurse at the infirmary so yeah", 9) == ["nurse", "at", "the", "infirmary"]
    assert words_until("one two three", 2) == ["one", "two"]
    assert words_until("leeds in the", 9) == ["leeds"]


def test_words_are_turned_to_the_third_person() -> None:
    assert turned(["my", "own", "boss", "hates", "me"]) == "their own boss hates them"


def test_names_are_risen_and_the_typed_capitals_stay() -> None:
    assert risen(["leeds", "United", "FC"]) == "Leeds United FC"


def test_a_thing_is_known_by_its_last_word() -> None:
    assert (head("cold pizza"), head("pizza and beer"), head("")) == ("pizza", "pizza", "")
