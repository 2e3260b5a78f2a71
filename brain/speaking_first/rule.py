"""Whether the persona may speak first now: a silence of the right length, and no night where the fan is.

It stands apart as a pure function of what is known and of the time: it decides, and nobody is written to here.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal

from brain.memory.openings import open_since
from brain.memory.types import Recollection
from brain.persona_files import Silence
from brain.settings import known_zone, zone

Hold = Literal["off", "closed", "too_soon", "too_late", "night"]
"""Why not: the persona's file names no silence; the silence is not the persona's to break (a flag, a question that
waits, a message of this kind that stands unanswered); it is too short, or too long; it is night."""


def hold_of(known: Recollection, silence: Silence | None, now: datetime) -> Hold | None:
    """Why the persona does not speak first now; None where it may. `now` is its local time, whose zone stands in for
    the fan's where that is not known."""
    if silence is None:
        return "off"
    since = open_since(known)
    if since is None:
        return "closed"
    lasts = now - since
    if lasts < timedelta(hours=silence.after):
        return "too_soon"
    if lasts > timedelta(hours=silence.until):
        return "too_late"
    return "night" if is_night(now, zone_of(known.zone, now.tzinfo), silence.quiet) else None


def is_night(now: datetime, where: tzinfo | None, quiet: tuple[int, int]) -> bool:
    """True in the hours of `quiet`, from the first to before the second, by the clock of `where`."""
    first, end = quiet
    hour = now.astimezone(where).hour
    return first <= hour < end if first < end else hour >= first or hour < end


def zone_of(name: str | None, otherwise: tzinfo | None) -> tzinfo | None:
    """The time zone of a fan; `otherwise` where its name is not known here."""
    if not name:
        return otherwise
    try:
        return zone(known_zone(name))
    except ValueError:
        return otherwise
