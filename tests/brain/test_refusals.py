"""Refusals: a model's are known by how they begin, the persona's own words never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.persona_files import read_personas
from brain.refusals import MOST_HELD, Sign, is_refusal, sign_of
from brain.settings import default_training_data

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, I can’t assist with that request.",
    "Sorry, I can't do that.",
    "I'm really sorry, but I'm not able to engage in that.",
    "I apologize, but I cannot continue this conversation.",
    "My apologies, I won't be able to roleplay this.",
    "Unfortunately, I am unable to provide that.",
    "I cannot fulfill your request.",
    "I can't create explicit content.",
    "i can't help you with that",
    "I'm not comfortable engaging in this.",
    "As an AI language model, I don't have feelings.",
    "Sorry, but as an AI I have no body.",
    "I'm just an AI, so I can't meet you.",
    "I am a large language model trained by",
    "I must respectfully decline.",
    "This request violates our policy.",
    "That goes against my guidelines.",
    '"I\'m sorry, but I cannot write that."',
    "**I'm sorry**, but I can't help with that.",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas faire ça.",
    "I'm sorry, I can't continue",
]
VOICE = [
    "sorry i can't stop smiling",
    "i'm so sorry, that sounds like a horrible day",
    "i'm sorry, i can't help it",
    "i can't help but think of you",
    "i can't do that babe, you know me",
    "i cannot wait for tonight",
    "i can't believe you said that",
    "sorry, i was asleep",
    "unfortunately i burnt the scones",
    "i won't tell anyone",
    "i'm an airhead today",
    "as an aimless wanderer i approve",
    "i'm not able to sleep",
    "i understand, i can't sleep either",
    "as if",
    "sorry i can't help with the move, my back hurts",
    "i'm an ai, yes, but a nosy one. how did the exam go?",
    "i'm afraid i can't cook",
    "i can",
    "",
    "😏",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_known(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", VOICE)
def test_a_persona_s_words_are_none(text: str) -> None:
    assert not is_refusal(text)


def test_no_line_of_the_sample_conversations_is_taken_for_one() -> None:
    personas = read_personas(default_training_data())
    replies = [exchange.reply for persona in personas for exchange in persona.conversations.exchanges()]
    assert len(replies) > 100
    assert [reply for reply in replies if is_refusal(reply)] == []


@pytest.mark.parametrize("text", ["hey you", "that's funny", "mmm", "i love it", "i'm so sorry you"])
def test_a_beginning_that_can_become_none_is_let_go_at_once(text: str) -> None:
    assert sign_of(text) is Sign.NO


@pytest.mark.parametrize("text", ["I'm so", "I'm sorry, ", "i can't he", "As an AI", "as a"])
def test_a_beginning_that_may_become_one_stays_open_until_it_is_clear(text: str) -> None:
    assert sign_of(text) is Sign.OPEN


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_clear_before_more_is_held_than_may_be(text: str) -> None:
    clear = next(end for end in range(len(text) + 1) if sign_of(text[:end], is_whole=end == len(text)) is not Sign.OPEN)
    assert clear <= MOST_HELD
    assert sign_of(text[:clear], is_whole=clear == len(text)) is Sign.YES


@given(st.sampled_from(REFUSALS + VOICE), st.text(max_size=60), st.data())
def test_what_is_clear_once_stays_so_however_the_reply_goes_on(start: str, rest: str, data: st.DataObject) -> None:
    whole = start + rest
    end = data.draw(st.integers(0, len(whole)))
    early = sign_of(whole[:end])
    assert early in (Sign.OPEN, sign_of(whole, is_whole=True))
