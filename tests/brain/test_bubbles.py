"""Several messages of one reply: cut where a person would press send, whatever pieces it comes in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.bubbles import MOST_MESSAGES, Break, Bubbles, in_messages


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("hey you", ["hey you"]),
        ("hey you.\n\nhow was it?", ["hey you.", "how was it?"]),
        ("hey \n \n\n you", ["hey", "you"]),
        ("one two. three four!", ["one two. three four!"]),
        ("one two. three four! five six?", ["one two. three four!", "five six?"]),
        ("it's me! 😏 you there? 🖤 🖤 good.", ["it's me! 😏 you there? 🖤 🖤", "good."]),
        ("hm... well… i mean... no", ["hm... well… i mean... no"]),
        ("dr. no, mr. big and e.g. you. ok. so", ["dr. no, mr. big and e.g. you. ok.", "so"]),
        ("it costs 3.50. i paid 4. and i regret it", ["it costs 3.50. i paid 4. and i regret it"]),
        ("one line\nanother line", ["one line\nanother line"]),
        ("what?! no! so", ["what?! no!", "so"]),
    ],
)
def test_a_reply_is_cut_at_blank_lines_and_behind_every_second_sentence(text: str, messages: list[str]) -> None:
    assert in_messages(text).split("\n\n") == messages


def test_there_are_never_more_messages_than_a_person_would_send() -> None:
    messages = in_messages("\n\n".join(f"line {number}" for number in range(9))).split("\n\n")
    assert len(messages) == MOST_MESSAGES
    assert messages[-1].splitlines() == [f"line {number}" for number in range(MOST_MESSAGES - 1, 9)]


def test_a_break_is_told_apart_from_text() -> None:
    pieces = Bubbles().feed("hey\n\nyou")
    assert pieces == ["hey", "\n\n", "you"]
    assert [isinstance(piece, Break) for piece in pieces] == [False, True, False]


def test_a_word_goes_out_as_it_comes_and_only_white_space_waits() -> None:
    bubbles = Bubbles()
    assert [bubbles.feed(piece) for piece in ("he", "y ", "you.", "\n")] == [["he"], ["y"], [" you."], []]
    assert bubbles.finish() == ["\n"]


PARTS = st.sampled_from(["hey", "you", ".", "!", "?", " ", "\n", "\n\n", "😏", "…", '"', "mr", "4"])


@settings(max_examples=400)
@given(st.lists(PARTS, max_size=24).map("".join), st.data())
def test_every_cut_of_a_reply_gives_the_same_messages_and_loses_no_word(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    bubbles = Bubbles()
    pieces = [piece for start, end in pairwise([0, *cuts, len(text)]) for piece in bubbles.feed(text[start:end])]
    pieces += bubbles.finish()
    whole = in_messages(text)
    assert "".join(pieces) == whole
    assert whole.split() == text.split()
    assert sum(isinstance(piece, Break) for piece in pieces) < MOST_MESSAGES
