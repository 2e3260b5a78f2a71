"""A reply's messages end at blank lines, wherever its pieces were cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.bubbles import Bubbles, split

REPLIES = st.text(alphabet=st.sampled_from("ab.😏 \n\t\r"), max_size=40)


@pytest.mark.parametrize(
    ("reply", "messages"),
    [("hey", ["hey"]), ("hey\n\nyou", ["hey", "you"]), ("one\ntwo", ["one\ntwo"]), ("a\n \t\nb", ["a", "b"]),
     ("a\n\n\n\nb", ["a", "b"]), ("\n\na b\n\n", ["a b"]), ("a\r\n\r\nb", ["a", "b"]), ("", []), (" \n\n ", [])],
)  # fmt: skip
def test_a_blank_line_ends_a_message_and_nothing_else_does(reply: str, messages: list[str]) -> None:
    assert split(reply) == messages


@given(REPLIES, st.lists(st.integers(0, 40)))
def test_no_cut_of_a_reply_changes_its_messages(reply: str, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(reply)]
    bubbles = Bubbles()
    messages = [""]
    for begin, end in itertools.pairwise(places):
        for piece in bubbles.feed(reply[begin:end]):
            if piece is None:
                messages.append("")
            else:
                messages[-1] += piece
    assert [message for message in messages if message] == split(reply)
    assert "".join("".join(messages).split()) == "".join(reply.split())


@given(REPLIES)
def test_no_message_is_empty_or_holds_a_blank_line(reply: str) -> None:
    for message in split(reply):
        assert message == message.strip()
        assert message
        assert "\n\n" not in message
