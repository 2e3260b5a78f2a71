"""When the persona may speak first, by the fan's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from brain.memory.types import ConversationKey, Line, Recollection
from brain.persona_files import Silence
from brain.speaking_first.rule import hold_of, is_night, zone_of

SINCE = datetime(2026, 11, 26, 12, tzinfo=UTC)
SILENCE = Silence(after=48, until=100)
KNOWN = Recollection(
    ConversationKey("t", "nora", "c"), messages=2, last_at=SINCE,
    lines=(Line("user", "hey", SINCE, "t"), Line("assistant", "hey you", SINCE, "t")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "hold"), [(0, "too_soon"), (47.99, "too_soon"), (48, None), (100, None), (100.01, "too_late")]
)
def test_a_silence_is_broken_from_its_time_on_and_not_for_ever(hours: float, hold: str | None) -> None:
    assert hold_of(KNOWN, SILENCE, SINCE + timedelta(hours=hours)) == hold


def test_a_persona_without_a_silence_in_its_file_never_speaks_first() -> None:
    assert hold_of(KNOWN, None, SINCE + timedelta(hours=49)) == "off"


def test_a_silence_that_is_not_the_personas_to_break_is_kept() -> None:
    assert hold_of(replace(KNOWN, flags=("distress",)), SILENCE, SINCE + timedelta(hours=49)) == "closed"


@pytest.mark.parametrize(
    ("zone", "hold"),
    [("Europe/London", None), ("America/Los_Angeles", "night"), ("Asia/Tokyo", "night"), ("Asia/Kolkata", None)],
)
def test_it_is_the_night_of_the_fan_that_counts(zone: str, hold: str | None) -> None:
    # 13:30 in London is 05:30 in Los Angeles, 22:30 in Tokyo, 19:00 in India.
    now = (SINCE + timedelta(hours=49.5)).astimezone(ZoneInfo("Europe/London"))
    assert hold_of(replace(KNOWN, zone=zone), SILENCE, now) == hold


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus"])
def test_without_a_known_zone_of_the_fan_the_personas_clock_counts(zone: str | None) -> None:
    now = SINCE + timedelta(hours=49)
    for where, hold in (("Europe/London", None), ("Asia/Tokyo", "night")):
        assert hold_of(replace(KNOWN, zone=zone), SILENCE, now.astimezone(ZoneInfo(where))) == hold


@pytest.mark.parametrize(
    ("quiet", "nights"), [((22, 9), {22, 23, *range(9)}), ((1, 6), set(range(1, 6))), ((0, 23), set(range(23)))]
)
def test_the_night_is_from_its_first_hour_to_before_its_second(quiet: tuple[int, int], nights: set[int]) -> None:
    assert {hour for hour in range(24) if is_night(SINCE.replace(hour=hour), UTC, quiet)} == nights


def test_the_hour_in_which_clocks_are_set_back_is_night_both_times() -> None:
    for utc_hour in (0, 1):
        assert is_night(datetime(2026, 10, 25, utc_hour, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"), (22, 9))


def test_a_zone_that_this_system_does_not_know_is_nobodys() -> None:
    assert zone_of("Mars/Olympus", UTC) is UTC
    assert zone_of("Europe/Berlin", UTC) == ZoneInfo("Europe/Berlin")
