"""When it is and how the conversation stands: plain facts for the reply, worked out of a few times and a count.

It stands apart as a pure function of what it is given: no clock, no store, no text of a message. What it says are
facts; how they are worked into a reply is the persona's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

DayPart = Literal["late night", "early morning", "morning", "midday", "afternoon", "evening", "night"]
Remark = Literal["up_late", "back_already", "long_time", "good_morning"]

# The hour from which each part of the day counts, and how it is said.
_PARTS: tuple[tuple[int, DayPart, str], ...] = (
    (0, "late night", "late at night"),
    (5, "early morning", "early in the morning"),
    (8, "morning", "in the morning"),
    (12, "midday", "around noon"),
    (14, "afternoon", "in the afternoon"),
    (18, "evening", "in the evening"),
    (22, "night", "at night"),
)
# A shorter silence is only the time it takes to write.
PAUSE = timedelta(minutes=2)
# Who is back within this time has hardly been away.
HARDLY_AWAY = timedelta(minutes=20)
# After this silence a new sitting begins, and the hour is worth a word again.
NEW_SITTING = timedelta(hours=4)
LONG_TIME = timedelta(days=2)
# Clocks this far apart are worth telling.
_APART = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Situation:
    """The situation of one turn.

    `persona_time` and `fan_time` are local (`fan_time` None: their zone is not known). `day_part` and `weekday` are the
    fan's where known, else the persona's. `lasts` is the time since the first message (0 where
    its time is not known), `silence` that since the last
    one before this turn (None: there was none), never negative. `messages` counts those before this turn. `new_hours`
    says that this turn is the first in its part of the day. `notes` are short lines for the prompt, in which "you" is
    the persona and "they" the fan.
    """

    persona_time: datetime
    fan_time: datetime | None
    day_part: DayPart
    weekday: str
    lasts: timedelta
    silence: timedelta | None
    messages: int
    new_hours: bool
    notes: tuple[str, ...]


def situation(
    now: datetime,
    *,
    persona_zone: tzinfo,
    fan_zone: tzinfo | None,
    first: datetime | None,
    last: datetime | None,
    messages: int,
) -> Situation:
    """The situation at `now`; `first` and `last` are the times of the first and the latest message before this turn.

    Raises ValueError for a time without a zone.
    """
    if any(time is not None and time.utcoffset() is None for time in (now, first, last)):
        raise ValueError("the situation needs times with a zone")
    persona_time = now.astimezone(persona_zone)
    fan_time = now.astimezone(fan_zone) if fan_zone else None
    here = fan_time or persona_time
    silence = None if last is None else max(now - last, timedelta())
    lasts = timedelta() if first is None else max(now - first, timedelta())
    part = day_part(here)
    return Situation(
        persona_time=persona_time,
        fan_time=fan_time,
        day_part=part,
        weekday=f"{here:%A}",
        lasts=lasts,
        silence=silence,
        messages=messages,
        new_hours=last is None or now - last >= NEW_SITTING or day_part(last.astimezone(here.tzinfo)) != part,
        notes=(*_hours(persona_time, fan_time), *_course(None if first is None else lasts, silence, messages)),
    )


def day_part(time: datetime) -> DayPart:
    """The part of the day of a local time."""
    return _part_of(time)[1]


def opening_remark(situation: Situation) -> Remark | None:
    """What about the situation is worth a word at the beginning of a reply, or None in the course of a conversation.

    `long_time`: they were silent for days. `back_already`: they left and are back within minutes. `up_late` and
    `good_morning`: the hour, once in its part of the day.
    """
    silence = situation.silence
    if silence is not None and silence >= LONG_TIME:
        return "long_time"
    if silence is not None and PAUSE <= silence <= HARDLY_AWAY:
        return "back_already"
    if situation.new_hours and situation.day_part == "late night":
        return "up_late"
    if situation.new_hours and situation.day_part in ("early morning", "morning"):
        return "good_morning"
    return None


def spoken(time: timedelta) -> str:
    """A length of time as people say it: "two minutes", "about three hours", "five weeks"."""
    minutes = round(time.total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return _count(minutes, "minute")
    hours = round(minutes / 60)
    if hours < 24:
        return f"about {_count(hours, 'hour')}"
    days = round(hours / 24)
    if days < 14:
        return _count(days, "day")
    return f"about {_count(round(days / 7), 'week')}" if days < 60 else f"about {_count(round(days / 30), 'month')}"


def _part_of(time: datetime) -> tuple[int, DayPart, str]:
    return max(part for part in _PARTS if part[0] <= time.hour)


def _hours(persona_time: datetime, fan_time: datetime | None) -> list[str]:
    """The hour of both, or of both at once where their clocks agree."""
    if fan_time is None:
        return [f"it is {_hour(persona_time)} for you"]
    apart = abs((persona_time.utcoffset() or timedelta()) - (fan_time.utcoffset() or timedelta()))
    if apart < _APART:
        return [f"it is {_hour(persona_time)} for both of you"]
    return [f"it is {_hour(persona_time)} for you", f"it is {_hour(fan_time)} for them"]


def _hour(time: datetime) -> str:
    return f"{time:%H:%M} on {time:%A}, {_part_of(time)[2]},"


def _course(lasts: timedelta | None, silence: timedelta | None, messages: int) -> list[str]:
    if silence is None or not messages:
        return ["this is the first message of the two of you"]
    over = "" if lasts is None else f", over {spoken(lasts)}"
    told = [f"{_count(messages, 'message')} so far{over}"]
    if silence >= NEW_SITTING:
        told.append(f"they were silent for {spoken(silence)}")
    elif silence >= PAUSE:
        told.append(f"they came back after {spoken(silence)}")
    return told


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _count(number: int, what: str) -> str:
    word = _WORDS[number] if number < len(_WORDS) else str(number)
    return f"{word} {what}{'' if number == 1 else 's'}"
