"""The situation says what the clocks say, and remarks on it when it is worth a word, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.situation import NEW_SITTING, Situation, day_part, opening_remark, situation, spoken

LONDON, NEW_YORK, KATHMANDU = ZoneInfo("Europe/London"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")
# A Wednesday.
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def at(now: datetime, *, silent: timedelta | None = None, **given: Any) -> Situation:
    last = None if silent is None else now - silent
    told = {"first": last, "last": last, "messages": 0 if last is None else 8, "persona_zone": LONDON, "fan_zone": None}
    return situation(now, **{**told, **given})


def test_each_of_the_two_has_a_local_time() -> None:
    now = at(NOON + timedelta(hours=14, minutes=10), fan_zone=NEW_YORK)
    assert (now.persona_time.hour, now.fan_time and now.fan_time.hour) == (2, 21)
    assert (now.day_part, now.weekday) == ("evening", "Wednesday")
    assert now.notes[:2] == (
        "it is 02:10 on Thursday, late at night, for you",
        "it is 21:10 on Wednesday, in the evening, for them",
    )


def test_the_clock_of_a_fan_whose_zone_is_unknown_is_not_claimed() -> None:
    now = at(NOON)
    assert now.fan_time is None
    assert not any("them" in note for note in now.notes)


def test_two_in_one_zone_are_told_the_hour_once() -> None:
    assert sum("it is" in note for note in at(NOON, fan_zone=LONDON).notes) == 1


def test_summer_time_is_kept() -> None:
    before = at(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    after = at(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    assert (before.persona_time.hour, after.persona_time.hour) == (0, 2)


@pytest.mark.parametrize(
    ("hour", "part"),
    [(0, "late night"), (4, "late night"), (5, "early morning"), (8, "morning"), (12, "midday"), (14, "afternoon"),
     (18, "evening"), (22, "night"), (23, "night")],
)  # fmt: skip
def test_every_hour_has_a_part_of_the_day(hour: int, part: str) -> None:
    assert day_part(NOON.replace(hour=hour)) == part


def test_a_silence_of_days_is_told() -> None:
    now = at(NOON, silent=timedelta(days=3))
    assert "they were silent for three days" in now.notes
    assert opening_remark(now) == "long_time"


def test_a_return_within_minutes_is_told() -> None:
    now = at(NOON, silent=timedelta(minutes=2))
    assert "they came back after two minutes" in now.notes
    assert opening_remark(now) == "back_already"


def test_a_message_within_the_flow_is_no_return() -> None:
    now = at(NOON, silent=timedelta(seconds=40))
    assert not any("back" in note or "silent" in note for note in now.notes)
    assert opening_remark(now) is None


def test_how_long_and_how_much_was_said_is_told() -> None:
    now = at(NOON, first=NOON - timedelta(hours=3), last=NOON - timedelta(seconds=20), messages=41)
    assert now.lasts == timedelta(hours=3)
    assert "41 messages so far, over about three hours" in now.notes


def test_the_first_message_is_told_as_such() -> None:
    assert "this is the first message of the two of you" in at(NOON).notes


def test_being_up_late_is_remarked_once_a_night() -> None:
    begun = at(NOON.replace(hour=23, minute=50), silent=timedelta(seconds=30))
    crossed = at(NOON.replace(hour=0, minute=0), silent=timedelta(seconds=30))
    later = at(NOON.replace(hour=0, minute=1), silent=timedelta(seconds=30))
    assert [opening_remark(each) for each in (begun, crossed, later)] == [None, "up_late", None]


def test_it_is_the_hour_of_the_fan_that_is_late() -> None:
    assert opening_remark(at(NOON.replace(hour=6), fan_zone=NEW_YORK)) == "up_late"
    assert opening_remark(at(NOON.replace(hour=2), fan_zone=NEW_YORK)) is None


def test_a_new_day_is_greeted() -> None:
    assert opening_remark(at(NOON.replace(hour=7), silent=timedelta(hours=9))) == "good_morning"
    assert opening_remark(at(NOON.replace(hour=15), silent=timedelta(hours=9))) is None


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=5), "less than a minute"),
        (timedelta(minutes=1), "one minute"),
        (timedelta(minutes=59, seconds=59), "about one hour"),
        (timedelta(hours=23, minutes=50), "one day"),
        (timedelta(days=13), "13 days"),
        (timedelta(days=20), "about three weeks"),
        (timedelta(days=200), "about seven months"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(time: timedelta, words: str) -> None:
    assert spoken(time) == words


@pytest.mark.parametrize("wrong", ["now", "first", "last"])
def test_a_time_without_a_zone_is_refused(wrong: str) -> None:
    times = {"now": NOON, "first": NOON, "last": NOON} | {wrong: NOON.replace(tzinfo=None)}
    with pytest.raises(ValueError, match="zone"):
        situation(times.pop("now"), persona_zone=UTC, fan_zone=None, messages=1, **times)


@given(
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    back=st.timedeltas(timedelta(days=-2), timedelta(days=900)),
    zone=st.sampled_from([None, LONDON, NEW_YORK, KATHMANDU]),
    messages=st.integers(0, 5000),
)
def test_any_times_make_a_situation_of_few_short_lines(
    now: datetime, back: timedelta, zone: ZoneInfo | None, messages: int
) -> None:
    last = now - back
    found = situation(now, persona_zone=KATHMANDU, fan_zone=zone, first=last, last=last, messages=messages)
    assert found.silence is not None
    assert found.silence >= timedelta()
    assert found.persona_time == now
    assert 1 <= len(found.notes) <= 4
    assert all(len(note) < 80 and "\n" not in note for note in found.notes)
    if found.silence >= NEW_SITTING:
        assert found.new_hours


def test_where_the_first_message_s_time_is_not_known_nothing_is_said_of_how_long_it_lasts() -> None:
    assert at(NOON, last=NOON, first=None, messages=5).notes[-1] == "five messages so far"
