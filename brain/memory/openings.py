"""What speaking first does to a recollection: a silence is claimed, its message is kept, handed over, or given up.

It stands apart as pure functions, like those of a turn, so that a store can run them inside a transaction: one silence
has one message, whichever processes want to write it. A claim that nobody finishes lapses, and the next one to come
takes it up; who is late then finds that it is no longer theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from brain.memory.types import Line, Opening, Recollection

# How long nobody else touches what one process works on: longer than a language model, a guard and a receiver take.
LEASE = timedelta(minutes=5)
LEFT_ALONE = "left_alone"
# Who is marked so is not written to first.
NEVER = frozenset({"distress", "underage", LEFT_ALONE})


def open_since(known: Recollection) -> datetime | None:
    """When the silence began that the persona may break; None where it may not.

    It may where the fan has spoken and the last word is the persona's, unless that was said first already, nothing
    will be said in this silence, or a flag forbids it.
    """
    opening, last = known.opening, known.lines[-1] if known.lines else None
    if last is None or last.role != "assistant" or not NEVER.isdisjoint(known.flags):
        return None
    if not known.summary and all(line.role == "assistant" for line in known.lines):
        return None
    if opening and (opening.turn == last.turn or (opening.state == "withheld" and opening.since == known.last_at)):
        return None
    return known.last_at


def take(known: Recollection, turn: str, now: datetime) -> tuple[Recollection, Opening | None]:
    """Claims the open silence for LEASE: to be written (`claimed`), or handed over (`written`). None where it is not
    open, somebody else has it, or `turn` is another turn's."""
    since, opening = open_since(known), known.opening
    if since is None or turn in known.turns:
        return known, None
    if opening is None or opening.since != since:
        opening = Opening(turn, since, now)
    elif opening.until > now and opening.turn != turn:
        return known, None
    elif opening.state == "claimed":
        opening = Opening(turn, since, now)
    mine = replace(opening, until=now + LEASE)
    return replace(known, opening=mine), mine


def keep(known: Recollection, turn: str, text: str) -> tuple[Recollection, Opening | None]:
    """Keeps the message of a claim, ready to be handed over. Of two the first stands. None where the claim has lapsed
    or the silence has ended."""
    opening = _standing(known, turn)
    if opening is None or opening.state == "written":
        return known, opening
    kept = replace(opening, state="written", text=text)
    return replace(known, opening=kept), kept


def give(known: Recollection, turn: str, at: datetime) -> tuple[Recollection, str | None]:
    """Puts the message among the lines as said at `at`, by `turn`, and returns its text, also when that is done again.

    What was said since then stands behind it: the fan has answered by the time a receiver has told us. None where it is
    not the message in hand.
    """
    opening = known.opening
    if opening is None or opening.turn != turn:
        return known, None
    if opening.state == "given":
        return known, next((line.text for line in known.lines if line.turn == turn), None)
    if opening.state != "written":
        return known, None
    done = replace(opening, state="given", text="")
    place = next((index for index, line in enumerate(known.lines) if line.at > at), len(known.lines))
    if any(line.role == "assistant" and line.text == opening.text for line in known.lines[place:]):
        return replace(known, opening=done), opening.text  # the client's transcript brought it first
    line = Line("assistant", opening.text, at, turn, "seen")
    given = replace(
        known, opening=done, lines=(*known.lines[:place], line, *known.lines[place:]), messages=known.messages + 1,
        last_at=max(known.last_at or at, at), turns=(*known.turns, turn),
    )  # fmt: skip
    return given, opening.text


def postpone(known: Recollection, turn: str, until: datetime) -> Recollection:
    """Nobody tries to hand it over before `until`, and then anybody may."""
    opening = _standing(known, turn)
    return known if opening is None else replace(known, opening=replace(opening, until=until, tries=opening.tries + 1))


def withhold(known: Recollection, turn: str) -> Recollection:
    """Nothing will be said in this silence."""
    opening = _standing(known, turn)
    return known if opening is None else replace(known, opening=replace(opening, state="withheld", text=""))


def _standing(known: Recollection, turn: str) -> Opening | None:
    """The opening of `turn` while its silence lasts and it is not handed over."""
    opening = known.opening
    is_standing = opening is not None and opening.turn == turn and opening.state in ("claimed", "written")
    return opening if is_standing and opening and opening.since == open_since(known) else None
