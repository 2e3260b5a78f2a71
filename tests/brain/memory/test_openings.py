"""Speaking first, step by step, on recollections alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from brain.memory.openings import LEASE, NEVER, give, keep, open_since, postpone, take, withhold
from brain.memory.turns import answer, begin
from brain.memory.types import ConversationKey, Line, Opening, Recollection
from guards.types import Message

HOUR = timedelta(hours=1)


@pytest.fixture
def silent(key: ConversationKey, now: datetime) -> Recollection:
    """A conversation that the persona had the last word of."""
    return talked(None, key, now)


def talked(known: Recollection | None, key: ConversationKey, now: datetime, turn: str = "t-1") -> Recollection:
    begun, _ = begin(known, key, turn, [Message("user", f"hey {turn}")], now)
    return answer(begun, turn, f"hey you {turn}", now)


def taken(known: Recollection, now: datetime, turn: str = "o-1") -> Recollection:
    claimed, opening = take(known, turn, now)
    assert opening is not None
    return claimed


def given(known: Recollection, now: datetime, turn: str = "o-1") -> Recollection:
    kept, _ = keep(taken(known, now, turn), turn, "still there?")
    return give(kept, turn, now)[0]


def test_a_silence_is_open_from_the_personas_last_word_on(silent: Recollection, now: datetime) -> None:
    assert open_since(silent) == now


def test_no_silence_is_open_where_nobody_spoke_or_the_fan_waits_for_an_answer(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    assert open_since(Recollection(key)) is None
    waiting, _ = begin(silent, key, "t-2", [Message("user", "and you?")], now)
    assert open_since(waiting) is None


def test_no_silence_is_open_where_the_fan_never_said_a_word(key: ConversationKey, now: datetime) -> None:
    greeted = Recollection(key, messages=1, last_at=now, lines=(Line("assistant", "hey", now, "t"),))
    assert open_since(greeted) is None


@pytest.mark.parametrize("flag", sorted(NEVER))
def test_who_is_flagged_is_never_written_to_first(silent: Recollection, flag: str) -> None:
    assert open_since(replace(silent, flags=("other", flag))) is None


def test_a_fan_who_asked_to_be_left_alone_is_flagged_by_the_turn_that_said_so(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    begun, _ = begin(silent, key, "t-2", [Message("user", "stop texting me")], now)
    assert open_since(answer(begun, "t-2", "alright", now)) is None


def test_a_claim_is_one_persons_until_it_lapses(silent: Recollection, now: datetime) -> None:
    claimed = taken(silent, now)
    assert take(claimed, "o-2", now + LEASE - timedelta(seconds=1))[1] is None
    later, opening = take(claimed, "o-2", now + LEASE)
    assert opening is not None
    assert opening.turn == "o-2"
    assert keep(later, "o-1", "too late")[1] is None


def test_the_same_turn_may_ask_again_and_gets_the_message_that_stands(silent: Recollection, now: datetime) -> None:
    kept, _ = keep(taken(silent, now), "o-1", "first")
    again, opening = take(kept, "o-1", now)
    assert (opening and opening.state, opening and opening.text) == ("written", "first")
    assert keep(again, "o-1", "second")[1] == opening


def test_an_id_of_another_turn_claims_nothing(silent: Recollection, now: datetime) -> None:
    assert take(silent, "t-1", now) == (silent, None)


def test_a_message_that_is_handed_over_is_the_last_line_and_ends_the_silence(
    silent: Recollection, now: datetime
) -> None:
    known = given(silent, now + HOUR)
    last = known.lines[-1]
    assert (last.role, last.text, last.turn, last.at) == ("assistant", "still there?", "o-1", now + HOUR)
    assert (known.messages, known.last_at) == (silent.messages + 1, now + HOUR)
    assert open_since(known) is None
    assert take(known, "o-2", now + 1000 * HOUR)[1] is None


def test_handing_over_twice_says_it_once(silent: Recollection, now: datetime) -> None:
    known = given(silent, now + HOUR)
    assert give(known, "o-1", now + 2 * HOUR) == (known, "still there?")


def test_what_is_not_written_or_is_anothers_is_not_handed_over(silent: Recollection, now: datetime) -> None:
    claimed = taken(silent, now)
    assert give(claimed, "o-1", now) == (claimed, None)
    assert give(silent, "o-1", now) == (silent, None)
    assert give(given(silent, now), "o-2", now)[1] is None


def test_a_fan_who_answers_opens_the_next_silence(silent: Recollection, key: ConversationKey, now: datetime) -> None:
    known = talked(given(silent, now + HOUR), key, now + 2 * HOUR, "t-2")
    assert open_since(known) == now + 2 * HOUR
    again = given(known, now + 50 * HOUR, "o-2")
    assert [line.turn for line in again.lines if line.role == "assistant"] == ["t-1", "o-1", "t-2", "o-2"]


def test_a_fan_who_comes_back_first_ends_what_was_being_written(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    back = talked(taken(silent, now), key, now + HOUR, "t-2")
    assert keep(back, "o-1", "still there?")[1] is None
    assert postpone(back, "o-1", now) == back
    assert withhold(back, "o-1") == back


def test_what_the_fan_answered_before_we_heard_of_it_stands_before_the_answer(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    kept, _ = keep(taken(silent, now + HOUR), "o-1", "still there?")
    answered = talked(kept, key, now + 2 * HOUR, "t-2")
    known, text = give(answered, "o-1", now + HOUR)
    assert text == "still there?"
    assert [line.turn for line in known.lines] == ["t-1", "t-1", "o-1", "t-2", "t-2"]
    assert known.last_at == now + 2 * HOUR


def test_what_the_clients_transcript_brought_already_is_not_said_twice(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    kept, _ = keep(taken(silent, now + HOUR), "o-1", "still there?")
    said = [*(line.message for line in silent.lines), Message("assistant", "still there?"), Message("user", "yes!")]
    answered, _ = begin(kept, key, "t-2", said, now + 2 * HOUR)
    known, _ = give(answered, "o-1", now + HOUR)
    assert [line.text for line in known.lines].count("still there?") == 1


def test_a_silence_that_is_withheld_stays_silent_and_the_next_one_is_open(
    silent: Recollection, key: ConversationKey, now: datetime
) -> None:
    known = withhold(taken(silent, now), "o-1")
    assert open_since(known) is None
    assert take(known, "o-2", now + 1000 * HOUR)[1] is None
    assert open_since(talked(known, key, now + HOUR, "t-2")) == now + HOUR


def test_what_is_postponed_waits_keeps_its_words_and_counts_its_tries(silent: Recollection, now: datetime) -> None:
    kept, _ = keep(taken(silent, now), "o-1", "still there?")
    known = postpone(kept, "o-1", now + HOUR)
    assert take(known, "o-2", now + HOUR - timedelta(seconds=1))[1] is None
    _, opening = take(known, "o-2", now + HOUR)
    assert opening == Opening("o-1", now, now + HOUR + LEASE, "written", "still there?", 1)
