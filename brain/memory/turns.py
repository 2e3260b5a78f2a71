"""What a turn does to a recollection: it begins, is answered, is corrected to what the fan saw, moves the feelings.

It stands apart as pure functions, one per step, so that a store can run them inside a transaction. Each may be
repeated: all attempts of a turn carry one id, and a turn counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from brain.memory.facts import extract, join
from brain.memory.left_alone import asks_to_be_left_alone
from brain.memory.merge import merge
from brain.memory.openings import LEFT_ALONE
from brain.memory.types import Begun, ConversationKey, Feeling, Line, Origin, Recollection
from guards.errors import MalformedRequest
from guards.types import Message

# Turns that may still be repeated or corrected.
_OPEN_TURNS = 64


def begin(
    known: Recollection | None,
    key: ConversationKey,
    turn: str,
    given: Sequence[Message],
    now: datetime,
    *,
    user: str | None = None,
    zone: str | None = None,
) -> tuple[Recollection, Begun]:
    """The recollection with the messages of a turn in it, and what the turn needs to know.

    Raises MalformedRequest (409) when the conversation is another user's.
    """
    known = _of(known or Recollection(key), user)
    before = _without(known, turn)
    place = _place(known.lines, turn)
    earlier = tuple(line for line in known.lines[:place] if line.turn != turn)
    own = [line for line in known.lines if line.turn == turn]
    at = own[0].at if own else now
    merged = merge(earlier, given)
    stands = [entry if isinstance(entry, Line) else Line(entry.role, entry.text, at, turn) for entry in merged.entries]
    if not merged.new:
        stands = _taken_over(stands, turn)
    after = [line for line in own if line.origin == "seen"]
    after += [line for line in known.lines[place:] if line.turn != turn]
    joined = _standing(before, known, (*stands, *after), turn)
    said = [line for line in stands if line.turn == turn and line.role == "user"]
    facts = join(joined.facts, (fact for line in said for fact in extract(line.text, turn, at)))
    marks = [LEFT_ALONE] if any(asks_to_be_left_alone(line.text) for line in said) else []
    joined = replace(
        joined, facts=facts, flags=tuple(dict.fromkeys((*joined.flags, *marks))), user=known.user,
        zone=zone or known.zone, first_at=before.first_at or at, last_at=max(at, before.last_at or at),
    )  # fmt: skip
    begun = Begun(key, turn, before, facts, merged.transcript, merged.new)
    return joined, begun


def answer(known: Recollection, turn: str, reply: str, now: datetime, *, origin: Origin = "reply") -> Recollection:
    """The recollection with the reply to `turn` in it, in place of an earlier one; an empty reply takes it out.

    What the fan saw (`seen`) stands: a reply that is late does not replace it. Where the turn is not known, because
    the conversation was erased meanwhile or went on for long, nothing changes.
    """
    own = [line for line in known.lines if line.turn == turn]
    replies = [line for line in own if line.origin != "given"]
    if turn not in known.turns or (origin == "reply" and any(line.origin == "seen" for line in replies)):
        return known
    kept = [line for line in known.lines if line not in replies]
    place = max((index + 1 for index, line in enumerate(kept) if line.turn == turn), default=len(kept))
    if replies and len(own) == len(replies):
        place = known.lines.index(replies[0])
    at = replies[0].at if replies else now
    said = [Line("assistant", reply, at, turn, origin)] if reply else []
    lines = (*kept[:place], *said, *kept[place:])
    last = max(known.last_at or now, at)
    return replace(known, lines=lines, last_at=last, messages=known.messages + len(lines) - len(known.lines))


def note(
    known: Recollection,
    turn: str,
    *,
    feeling: float | None = None,
    stage: str | None = None,
    reached: str | None = None,
    flags: Iterable[str] = (),
) -> Recollection:
    """The recollection with what a turn meant: `feeling` is what it adds to the emotion score, in place of what it
    added before; flags stay. Where the turn is not known, nothing changes."""
    if turn not in known.turns:
        return known
    feelings = known.feelings
    if feeling is not None:
        feelings = (*(each for each in feelings if each.turn != turn), Feeling(turn, feeling))
    joined = tuple(dict.fromkeys((*known.flags, *flags)))
    return replace(
        known, feelings=feelings, stage=known.stage if stage is None else stage, reached=reached or known.reached,
        flags=joined,
    )  # fmt: skip


def _of(known: Recollection, user: str | None) -> Recollection:
    if user and known.user and user != known.user:
        # An id that two fans share would tell one what the other said.
        raise MalformedRequest(
            "this conversation belongs to another user; use an id of its own for each",
            status=409, code="conversation_of_another_user", param="user",
        )  # fmt: skip
    return replace(known, user=known.user or user or None)


def _without(known: Recollection, turn: str) -> Recollection:
    """What was known before `turn` came."""
    if turn not in known.turns:
        return known
    lines = tuple(line for line in known.lines if line.turn != turn)
    messages = known.messages - (len(known.lines) - len(lines))
    return replace(
        known,
        lines=lines,
        messages=messages,
        first_at=known.first_at if messages else None,
        last_at=max((line.at for line in lines), default=None),
        facts=tuple(fact for fact in known.facts if fact.turn != turn),
        feelings=tuple(feeling for feeling in known.feelings if feeling.turn != turn),
    )


def _place(lines: Sequence[Line], turn: str) -> int:
    """Where the lines of a turn begin; the end when there are none."""
    return next((index for index, line in enumerate(lines) if line.turn == turn), len(lines))


def _taken_over(stands: list[Line], turn: str) -> list[Line]:
    """A request that brings nothing new asks again: what it asks is its own then, and counts once."""
    count = len(stands)
    while count and stands[count - 1].role == "user":
        count -= 1
    return [*stands[:count], *(replace(line, turn=turn) for line in stands[count:])]


def _standing(before: Recollection, known: Recollection, lines: tuple[Line, ...], turn: str) -> Recollection:
    """`before` with `lines` in place of its own, and without what came from turns that the client took back."""
    stand = {line.turn for line in lines}
    gone = {line.turn for line in before.lines} - stand
    # A turn whose question was asked again may still be on its way, and then its reply belongs here.
    answered = {line.turn for line in before.lines if line.origin != "given"}
    turns = [each for each in known.turns if each not in gone & answered and each != turn]
    still_open = (*turns, turn)[-_OPEN_TURNS:]
    feelings = [feeling for feeling in before.feelings if feeling.turn not in gone]
    settled = [feeling.change for feeling in feelings if feeling.turn not in still_open]
    return replace(
        before,
        lines=lines,
        messages=before.messages + len(lines) - len(before.lines),
        facts=tuple(fact for fact in before.facts if fact.turn not in gone),
        turns=still_open,
        settled=before.settled + sum(settled),
        feelings=tuple(feeling for feeling in feelings if feeling.turn in still_open),
    )
