"""Where a new text is joined to what was released: nothing doubled, glued or replayed."""

from __future__ import annotations

import pytest

from brain.continuation import follow


@pytest.mark.parametrize(
    ("released", "answer", "whole"),
    [
        pytest.param("", "  hey you\n", "hey you", id="nothing released: the answer without its outer space"),
        pytest.param("hey babe, ", "come here", "hey babe, come here", id="a space is there already"),
        pytest.param("hey babe, ", "  come here", "hey babe, come here", id="no doubled space"),
        pytest.param("hey babe,", "come here", "hey babe, come here", id="no glued words"),
        pytest.param("hey babe,", " come here", "hey babe, come here", id="the answer brings its space"),
        pytest.param("hey babe", ", come here", "hey babe, come here", id="punctuation clings"),
        pytest.param("hey babe", "… hm", "hey babe… hm", id="an ellipsis clings"),
        pytest.param("hey babe", "😏 hm", "hey babe 😏 hm", id="an emoji is parted"),
        pytest.param("(just", "us)", "(just us)", id="inside brackets"),
        pytest.param("so (", "just us)", "so (just us)", id="after an opening bracket"),
        pytest.param("one", "\n\ntwo", "one\n\ntwo", id="a line break stays"),
        pytest.param("one\n", "\ntwo", "one\ntwo", id="a line break is not doubled"),
        pytest.param("你好", "我在", "你好我在", id="scripts without spaces"),
        pytest.param("hey babe, ", "hey babe, come here", "hey babe, come here", id="a replay from the start"),
        pytest.param("hey babe, ", "Hey  babe, come here", "hey babe, come here", id="a replay spelt otherwise"),
        pytest.param("in the k", "in the kitchen", "in the kitchen", id="a replay that finishes a cut word"),
        pytest.param("Hi! so what are you ", "what are you up to", "Hi! so what are you up to", id="its last words"),
        pytest.param("ha ", "ha ha", "ha ha", id="one word released: starting with it is a replay"),
        pytest.param("no I ", "I mean yes", "no I I mean yes", id="a single repeated word is left alone"),
    ],
)
def test_released_and_new_read_as_one_text(released: str, answer: str, whole: str) -> None:
    assert released + follow(released, answer) == whole


@pytest.mark.parametrize("answer", ["", "  \n", "hey babe", " hey babe "])
def test_an_answer_that_adds_nothing_is_empty(answer: str) -> None:
    assert follow("hey babe", answer) == ""
