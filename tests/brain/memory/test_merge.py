"""Merging: whatever part of a conversation a request carries, what is new is new and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.memory.merge import merge
from brain.memory.types import Line
from guards.types import Message

AT = datetime(2026, 11, 26, tzinfo=UTC)
# Few texts, so that repetitions are the rule.
TEXTS = st.sampled_from(["hey", "hi", "haha", "ok"])


def chat(*texts: str) -> tuple[Message, ...]:
    """Messages of fan and persona in turn."""
    return tuple(Message("assistant" if number % 2 else "user", text) for number, text in enumerate(texts))


def lines(messages: Sequence[Message]) -> tuple[Line, ...]:
    return tuple(Line(message.role, message.text, AT, f"t{number // 2}") for number, message in enumerate(messages))


def told(stored: Sequence[Message], given_: Sequence[Message]) -> tuple[list[str], list[str]]:
    """The texts of the transcript to answer, and of what is new."""
    merged = merge(lines(stored), given_)
    return [message.text for message in merged.transcript], [message.text for message in merged.new]


KNOWN = chat("hey", "hi you", "how are you", "good")


def test_the_first_request_is_all_new() -> None:
    assert told((), chat("hey")) == (["hey"], ["hey"])


def test_a_conversation_that_began_elsewhere_is_taken_over_whole() -> None:
    assert told((), chat("hey", "hi", "so")) == (["hey", "hi", "so"], ["hey", "hi", "so"])


@pytest.mark.parametrize("left_out", [0, 1, 2, 3, 4])
def test_the_whole_transcript_its_end_and_only_what_is_new_mean_the_same(left_out: int) -> None:
    request = (*KNOWN, Message("user", "nice"))[left_out:]
    assert told(KNOWN, request) == (["hey", "hi you", "how are you", "good", "nice"], ["nice"])


def test_a_transcript_longer_than_what_is_kept_word_for_word_brings_only_its_end() -> None:
    assert told(KNOWN[2:], (*KNOWN, Message("user", "nice"))) == (["how are you", "good", "nice"], ["nice"])


def test_the_same_words_again_are_a_new_message() -> None:
    assert told(chat("hey", "hi"), chat("hey")) == (["hey", "hi", "hey"], ["hey"])
    assert told(chat("hey", "hi"), chat("hey", "hi", "hey")) == (["hey", "hi", "hey"], ["hey"])


def test_several_new_messages_in_a_row_are_all_new() -> None:
    two = (Message("user", "also"), Message("user", "this"))
    assert told(KNOWN, two)[1] == ["also", "this"]
    assert told(KNOWN, (*KNOWN, *two))[1] == ["also", "this"]


def test_a_message_that_went_unanswered_and_comes_again_is_not_new() -> None:
    waiting = (*KNOWN, Message("user", "you there?"))
    assert told(waiting, (Message("user", "you there?"),)) == ([m.text for m in waiting], [])
    assert told(waiting, waiting) == ([m.text for m in waiting], [])
    assert told(waiting, (*waiting, Message("user", "hello?")))[1] == ["hello?"]
    assert told(waiting, (waiting[-1], Message("user", "hello?")))[1] == ["hello?"]


def test_a_reply_asked_for_again_is_taken_back() -> None:
    assert told(KNOWN, KNOWN[:-1]) == (["hey", "hi you", "how are you"], [])


def test_an_edited_message_replaces_the_old_one_and_its_reply() -> None:
    edited = (*KNOWN[:2], Message("user", "what are you up to"))
    assert told(KNOWN, edited) == (["hey", "hi you", "what are you up to"], ["what are you up to"])


def test_a_reply_that_the_client_shows_otherwise_stands_as_the_client_shows_it() -> None:
    otherwise = (*KNOWN[:3], Message("assistant", "great"), Message("user", "nice"))
    transcript, new = told(KNOWN, otherwise)
    assert transcript == ["hey", "hi you", "how are you", "great", "nice"]
    assert new == ["great", "nice"]


def test_lines_behind_a_difference_stay_the_lines_they_are() -> None:
    changed = (KNOWN[0], Message("assistant", "hello you"), *KNOWN[2:], Message("user", "nice"))
    assert told(KNOWN, changed)[1] == ["nice"]


def test_turns_that_memory_missed_are_taken_over_from_the_transcript() -> None:
    later = chat(*(message.text for message in KNOWN), "missed", "yes", "now")
    assert told(KNOWN, later) == ([m.text for m in later], ["missed", "yes", "now"])


def test_a_transcript_that_agrees_nowhere_loses_nothing_of_what_is_known() -> None:
    strange = chat("HEY!!", "<b>hi you</b>", "so")
    merged = merge(lines(KNOWN), strange)
    assert [entry.text for entry in merged.entries] == ["hey", "hi you", "how are you", "good", "so"]
    assert merged.transcript == strange


def test_one_message_in_common_is_no_ground_for_taking_back_what_follows() -> None:
    merged = merge(lines(KNOWN), chat("hey", "<b>hi you</b>", "so"))
    assert [entry.text for entry in merged.entries] == ["hey", "hi you", "how are you", "good", "so"]


def test_a_turn_that_still_waits_for_its_reply_is_kept_beside_one_from_another_tab() -> None:
    waiting = (*KNOWN, Message("user", "from one tab"))
    transcript, new = told(waiting, (*KNOWN, Message("user", "from another")))
    assert transcript == ["hey", "hi you", "how are you", "good", "from one tab", "from another"]
    assert new == ["from another"]


def test_what_is_asked_again_stands_last_also_beside_a_turn_that_waits() -> None:
    waiting = (*KNOWN, Message("user", "from one tab"))
    assert told(waiting, KNOWN[:3]) == (["hey", "hi you", "from one tab", "how are you"], [])


def test_what_the_proxy_withheld_counts_as_what_stood_there() -> None:
    withheld = (KNOWN[0], KNOWN[1], Message("user", "…"), Message("assistant", "…"), Message("user", "nice"))
    assert told(KNOWN, withheld)[1] == ["nice"]


def test_spaces_and_composed_letters_make_no_difference() -> None:
    stored = chat("café  au lait ", "ok")
    request = (Message("user", "cafe\u0301 au lait"), Message("assistant", "ok"), Message("user", "so"))
    assert told(stored, request)[1] == ["so"]


CHATS = st.lists(TEXTS, max_size=12).map(lambda texts: chat(*texts[: len(texts) // 2 * 2]))


@given(CHATS, TEXTS, st.integers(0, 12), st.integers(0, 12))
def test_any_window_of_any_conversation_brings_exactly_its_last_message(
    known: tuple[Message, ...], text: str, kept: int, sent: int
) -> None:
    """Whatever was kept word for word, and however much of it the client repeats."""
    stored = known[len(known) - min(kept, len(known)) :]
    asking = Message("user", text)
    if not stored and min(sent, len(known)):
        return  # nothing is known: all of it is
    merged = merge(lines(stored), (*known[len(known) - min(sent, len(known)) :], asking))
    assert merged.new == (asking,)
    assert merged.entries[:-1] == lines(stored)


@given(
    st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), max_size=10),
    st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=10),
)
def test_anything_merges_and_the_last_question_stands_last(stored: list[Message], request: list[Message]) -> None:
    merged = merge(lines(stored), request)
    assert merged.transcript
    if request[-1].role == "user":
        assert merged.transcript[-1] == request[-1]
        assert merged.entries[-1].text == request[-1].text


@given(
    st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), max_size=10),
    st.lists(st.builds(Message, st.just("user"), TEXTS), min_size=1, max_size=4),
)
def test_a_request_without_a_word_of_the_persona_drops_nothing(stored: list[Message], request: list[Message]) -> None:
    merged = merge(lines(stored), request)
    assert merged.entries[: len(stored)] == lines(stored)


@given(CHATS.filter(lambda messages: len(messages) > 0), st.lists(TEXTS, min_size=1, max_size=3))
def test_merging_the_outcome_again_adds_nothing(known: tuple[Message, ...], texts: list[str]) -> None:
    first = merge(lines(known), [*known, *(Message("user", text) for text in texts)])
    again = merge(lines(first.transcript), first.transcript)
    assert again.new == ()
    assert again.transcript == first.transcript
