"""Lines that stand in: the persona's own, not said before, the same for the same turn; and the end of a broken text."""

from __future__ import annotations

import pytest

from brain.chat import Asked
from brain.guidance import describe
from brain.signatures import Rewrite
from brain.stand_in import closing, stand_in
from guards.types import Message

DEFLECTIONS = ("one", "two", "three")
REPLIES = ("four",)


def asked(*said: str, fan: str = "hey", **more: str) -> Asked:
    turns = [each for line in said for each in (Message("user", "x"), Message("assistant", line))]
    return Asked((*turns, Message("user", fan)), **more)


def test_the_same_turn_gets_the_same_line() -> None:
    lines = {stand_in(asked(), (DEFLECTIONS, REPLIES)) for _ in range(20)}
    assert len(lines) == 1
    assert lines < set(DEFLECTIONS)


def test_turns_differ_in_their_lines() -> None:
    assert len({stand_in(asked(fan=f"turn {number}"), (DEFLECTIONS,)) for number in range(50)}) == len(DEFLECTIONS)


@pytest.mark.parametrize("number", range(20))
def test_no_line_is_said_twice_while_another_is_left(number: int) -> None:
    fan = f"turn {number}"
    assert stand_in(asked("one", "well, two then", fan=fan), (DEFLECTIONS, REPLIES)) == "three"
    assert stand_in(asked("one", "two", fan=fan, past_reply="three"), (DEFLECTIONS, REPLIES)) == "four"
    assert stand_in(asked("one", "two", "three", "four", fan=fan), (DEFLECTIONS, REPLIES)) in DEFLECTIONS


def test_the_next_pool_speaks_where_the_first_is_empty_and_none_is_no_line() -> None:
    assert stand_in(asked(), ((), REPLIES)) == "four"
    assert stand_in(asked(), ((), ())) == ""


@pytest.mark.parametrize(("released", "line"), [("i was thinking", "… four"), ("i was thinking.", "four")])
def test_it_goes_on_from_what_the_fan_has_seen(released: str, line: str) -> None:
    guidance = f"Keep the rule.\n\n{describe(Rewrite, 'released')} {released}"
    assert stand_in(asked(guidance=guidance), (REPLIES,)) == line


@pytest.mark.parametrize(("text", "end"), [("i was", "…"), ("i was, ", "…"), ("yes.", ""), ("yes 😏", ""), ("hm…", "")])
def test_an_open_sentence_trails_off_and_a_whole_one_is_left_alone(text: str, end: str) -> None:
    assert closing(text) == end
