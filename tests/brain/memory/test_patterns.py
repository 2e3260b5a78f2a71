"""The pieces that statements are made of."""

from __future__ import annotations

import re

import pytest

from brain.memory.patterns import DAY, I_AM, any_of, rule


def test_of_words_that_begin_alike_the_longer_one_is_found() -> None:
    found = re.match(any_of("dog|cat", "dog walker"), "dog walker")
    assert found is not None
    assert found[0] == "dog walker"


def test_a_rule_does_not_mind_capitals() -> None:
    pattern, make = rule("^hey (?P<name>.+)", lambda match: (match["name"], "k"))
    match = pattern.search("HEY You")
    assert match is not None
    assert make(match) == ("You", "k")


@pytest.mark.parametrize("text", ["3 may", "3rd of May", "may 3", "May the 3rd", "14/3", "sept 12"])
def test_a_day(text: str) -> None:
    assert re.fullmatch(DAY, text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "there"), [("im", True), ("i'm", True), ("i am", True), ("am", True), ("him", False), ("sam", False)]
)
def test_i_am(text: str, there: bool) -> None:
    assert bool(re.search(I_AM + r"\b", text)) is there
