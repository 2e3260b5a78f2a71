"""A turn counts once, however often it is tried, and what the fan saw is what stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brain.memory.turns import answer, begin, note
from brain.memory.types import Begun, ConversationKey, Recollection
from guards.errors import MalformedRequest
from guards.types import Message

KEY = ConversationKey("default", "mila", "c")
AT = datetime(2026, 11, 26, 20, tzinfo=UTC)


def fan(text: str) -> Message:
    return Message("user", text)


def started(known: Recollection | None, turn: str, *texts: str, minutes: int = 0, **more: Any) -> Recollection:
    return begin(known, KEY, turn, [fan(text) for text in texts], AT + timedelta(minutes=minutes), **more)[0]


def turned(known: Recollection | None, turn: str, text: str, reply: str, minutes: int = 0) -> Recollection:
    at = AT + timedelta(minutes=minutes)
    return answer(started(known, turn, text, minutes=minutes), turn, reply, at)


def texts(known: Recollection) -> list[str]:
    return [line.text for line in known.lines]


def begun(known: Recollection, turn: str, given: Sequence[Message], minutes: int = 0) -> Begun:
    return begin(known, KEY, turn, given, AT + timedelta(minutes=minutes))[1]


def test_a_turn_keeps_the_message_before_there_is_a_reply() -> None:
    known = started(None, "t1", "hey")
    assert (texts(known), known.messages, known.first_at, known.last_at) == (["hey"], 1, AT, AT)


def test_a_turn_adds_message_and_reply() -> None:
    known = turned(turned(None, "t1", "hey", "hi"), "t2", "so", "yes", minutes=5)
    assert (texts(known), known.messages) == (["hey", "hi", "so", "yes"], 4)
    assert known.last_at == AT + timedelta(minutes=5)


def test_another_attempt_of_a_turn_replaces_its_reply_and_counts_once() -> None:
    known = turned(turned(None, "t1", "hey", "hi"), "t2", "my dog is called Rex", "bad reply")
    known = note(known, "t2", feeling=0.5)
    for _ in range(3):
        known = turned(known, "t2", "my dog is called Rex", "good reply", minutes=1)
        known = note(known, "t2", feeling=0.5)
    assert texts(known) == ["hey", "hi", "my dog is called Rex", "good reply"]
    assert (known.messages, known.emotion) == (4, 0.5)
    assert [(fact.text, fact.turn) for fact in known.facts] == [("their dog is called Rex", "t2")]


def test_another_attempt_that_carries_the_whole_transcript_counts_once_too() -> None:
    known = turned(turned(None, "t1", "hey", "hi"), "t2", "so", "bad")
    whole = [fan("hey"), Message("assistant", "hi"), fan("so")]
    again, told = begin(known, KEY, "t2", whole, AT)
    assert texts(again) == ["hey", "hi", "so"]
    assert [message.text for message in told.transcript] == ["hey", "hi", "so"]


def test_what_was_known_before_a_turn_holds_nothing_of_its_own_attempts() -> None:
    known = note(turned(turned(None, "t1", "hey", "hi"), "t2", "i live in leeds", "oh", minutes=30), "t2", feeling=1.0)
    before = begun(known, "t2", [fan("i live in leeds")], minutes=31).before
    assert (before.messages, before.emotion, before.facts, before.last_at) == (2, 0.0, (), AT)
    first = begun(started(None, "t1", "hey"), "t1", [fan("hey")], minutes=1).before
    assert (first.messages, first.first_at, first.last_at) == (0, None, None)


def test_the_facts_of_a_message_are_known_in_its_own_turn() -> None:
    told = begun(turned(None, "t1", "hey", "hi"), "t2", [fan("i live in leeds")])
    assert [fact.text for fact in told.facts] == ["they live in Leeds"]
    assert told.before.facts == ()


def test_a_later_fact_of_one_kind_replaces_the_older() -> None:
    known = turned(turned(None, "t1", "i live in leeds", "nice"), "t2", "i moved to york", "ooh")
    assert [(fact.text, fact.turn) for fact in known.facts] == [("they live in York", "t2")]


def test_what_the_persona_says_is_no_fact_about_the_fan() -> None:
    assert turned(None, "t1", "hey", "i live in leeds").facts == ()


def test_what_the_fan_saw_replaces_the_reply_and_stands() -> None:
    known = turned(None, "t1", "hey", "withheld")
    known = answer(known, "t1", "what was seen", AT, origin="seen")
    late = answer(known, "t1", "a late attempt", AT)
    assert texts(late) == ["hey", "what was seen"]
    assert late.messages == 2


def test_what_the_fan_saw_may_come_before_the_reply_and_may_be_nothing() -> None:
    known = answer(started(None, "t1", "hey"), "t1", "seen", AT, origin="seen")
    assert texts(known) == ["hey", "seen"]
    assert texts(answer(known, "t1", "", AT, origin="seen")) == ["hey"]


def test_a_reply_to_a_turn_that_is_not_known_changes_nothing() -> None:
    known = turned(None, "t1", "hey", "hi")
    assert answer(known, "t9", "lost", AT) is known
    assert note(known, "t9", feeling=1.0) is known


def test_turns_that_overlap_keep_their_own_replies() -> None:
    known = started(started(None, "a", "first"), "b", "second")
    known = answer(answer(known, "b", "to second", AT), "a", "to first", AT)
    assert texts(known) == ["first", "to first", "second", "to second"]


def test_a_reply_asked_for_again_by_the_client_counts_once() -> None:
    known = note(turned(turned(None, "t1", "hey", "hi"), "t2", "my dog is called Rex", "old"), "t2", feeling=0.5)
    whole = [fan("hey"), Message("assistant", "hi"), fan("my dog is called Rex")]
    known = note(answer(begin(known, KEY, "t3", whole, AT)[0], "t3", "new", AT), "t3", feeling=0.5)
    assert texts(known) == ["hey", "hi", "my dog is called Rex", "new"]
    assert (known.messages, known.emotion) == (4, 0.5)
    assert [fact.turn for fact in known.facts] == ["t3"]
    assert texts(answer(known, "t2", "late", AT, origin="seen")) == texts(known)


def test_an_edited_message_takes_its_facts_and_feelings_with_it() -> None:
    known = note(turned(turned(None, "t1", "hey", "hi"), "t2", "i live in leeds", "nice"), "t2", feeling=0.5)
    edited = [fan("hey"), Message("assistant", "hi"), fan("i'm a nurse")]
    known = begin(known, KEY, "t3", edited, AT)[0]
    assert texts(known) == ["hey", "hi", "i'm a nurse"]
    assert [fact.text for fact in known.facts] == ["they are a nurse"]
    assert (known.messages, known.emotion) == (3, 0.0)


def test_feelings_of_turns_long_past_stay_in_the_sum() -> None:
    known: Recollection | None = None
    for number in range(200):
        known = note(turned(known, f"t{number}", f"m{number}", "ok"), f"t{number}", feeling=0.25)
    assert known is not None
    assert known.emotion == pytest.approx(50)
    assert len(known.turns) == len(known.feelings) == 64
    assert known.messages == 400


def test_stage_and_flags_are_kept() -> None:
    known = note(
        note(turned(None, "t1", "hey", "hi"), "t1", stage="close", flags=["distress"]), "t1", flags=["distress"]
    )
    assert (known.stage, known.flags) == ("close", ("distress",))


def test_a_conversation_stays_with_its_user() -> None:
    known = started(started(None, "t1", "hey"), "t2", "so", user="u1", zone="Europe/Berlin")
    known = started(known, "t3", "well")
    assert (known.user, known.zone) == ("u1", "Europe/Berlin")
    with pytest.raises(MalformedRequest) as caught:
        started(known, "t4", "let me in", user="u2")
    assert caught.value.status == 409


def test_the_farthest_stage_stays_where_the_present_one_falls_back() -> None:
    known = note(turned(None, "t1", "hey", "hi"), "t1", stage="close", reached="close")
    known = note(known, "t1", stage="warming_up")
    assert (known.stage, known.reached) == ("warming_up", "close")
