"""From a silence to a message that somebody may have: claimed, written, judged, handed over, each step kept.

It stands apart as the one place where rule, memory, writer and guard come together. Every step is a change of the
store's, so that it holds over restarts and beside other processes; what was not judged never leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from brain.cast import Member
from brain.memory.memory import Memory
from brain.memory.openings import NEVER, give, keep, postpone, take, withhold
from brain.memory.types import DEFAULT_TENANT, ConversationKey, Opening, Recollection
from brain.speaking_first.guard import Guard
from brain.speaking_first.rule import hold_of
from brain.speaking_first.writer import drafts
from guards.errors import ChaperoneError

# Silences looked at in one go.
SCAN = 500
_CONTEXT = 8  # messages the guard is told beside the text
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


class NotDue(ChaperoneError):
    """Nothing may be said first there now; `reason` is a Hold, `unknown`, `taken`, `elsewhere` or `withheld`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not due: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Offer:
    """A message that was judged. `turn` is its id: whoever gets it twice knows it by that."""

    key: ConversationKey
    user: str | None
    turn: str
    text: str = field(repr=False)


class Offers:
    """Speaks first; one instance serves all. Its methods may raise MemoryDown."""

    def __init__(self, memory: Memory, guard: Guard) -> None:
        self._memory = memory
        self._guard = guard

    async def due(self, member: Member, *, limit: int, offset: int = 0) -> tuple[list[Recollection], bool]:
        """Up to `limit` conversations that wait for a first word, of the SCAN open silences from `offset` on, the
        longest first; and whether there are more behind those."""
        silence, now = member.card.silence, member.clock()
        if silence is None:
            return [], False
        after, before = now - timedelta(hours=silence.until), now - timedelta(hours=silence.after)
        keys = await self._memory.silent(
            DEFAULT_TENANT, member.card.model_id, after, before, limit=SCAN, offset=offset
        )  # fmt: skip
        found: list[Recollection] = []
        for key in keys:
            known = await self._memory.recollect(key)
            if known and _hold(known, member) is None and not await self._is_elsewhere(known):
                found.append(known)
                if len(found) == limit:
                    return found, True
        return found, len(keys) == SCAN

    async def prepare(self, member: Member, key: ConversationKey, turn: str) -> Offer:
        """The message for one silence, judged by the rules of this moment, and ours for openings.LEASE. `turn` is the
        id of a message yet to be written. Raises NotDue and GuardDown."""
        await self._guard.answers()
        known = await self._memory.recollect(key)
        if known is None:
            raise NotDue("unknown")
        if await self._is_elsewhere(known):
            raise NotDue("elsewhere")
        known, opening = await self._claim(member, key, turn)
        if opening.state == "written":
            # The rules may be others than when it was written.
            if not await self._passes(opening.text, known):
                await self._memory.change(key, lambda now: (now and withhold(now, opening.turn), None))
                raise NotDue("withheld")
            return Offer(key, known.user, opening.turn, opening.text)
        async for text in drafts(member, known, member.clock()):
            if await self._passes(text, known):
                return await self._kept(key, known, turn, text)
        await self._memory.change(key, lambda now: (now and withhold(now, turn), None))
        raise NotDue("withheld")

    async def hand_over(self, member: Member, key: ConversationKey, turn: str) -> Offer:
        """Prepares the message and makes it a turn of the persona: whoever asked has it now. Asked again with the same
        `turn`, it is the same message. Raises as `prepare`."""
        known = await self._memory.recollect(key)
        if known and known.opening and known.opening.turn == turn and known.opening.state == "given":
            _, text = give(known, turn, _utc(member.clock()))
            if text is not None:
                return Offer(key, known.user, turn, text)
        offer = await self.prepare(member, key, turn)
        # Writing took its time: the fan may have come, or the night.
        text = await self._memory.change(key, _unless_held(member, lambda now: give(now, offer.turn, _at(member))))
        if text is None:
            raise NotDue("closed")
        return offer

    async def confirm(self, offer: Offer, at: datetime) -> None:
        """A receiver took the message at `at`: it is a turn of the persona, whatever the fan has said since."""
        await self._memory.change(offer.key, lambda known: give(known, offer.turn, at) if known else (None, None))

    async def is_still_due(self, member: Member, offer: Offer) -> bool:
        """Whether the message may go out now: a last look, right before it does."""
        known = await self._memory.recollect(offer.key)
        return known is not None and hold_of(known, member.card.silence, member.clock()) is None

    async def put_off(self, offer: Offer, now: datetime) -> None:
        """No receiver took the message: it waits, longer each time, and is the same when it is tried again."""

        def change(known: Recollection | None) -> tuple[Recollection | None, None]:
            if known is None or known.opening is None:
                return None, None
            pause = min(_FIRST_PAUSE * 2 ** min(known.opening.tries, 10), _LONGEST_PAUSE)
            return postpone(known, offer.turn, now + pause), None

        await self._memory.change(offer.key, change)

    async def _claim(self, member: Member, key: ConversationKey, turn: str) -> tuple[Recollection, Opening]:
        def change(known: Recollection | None) -> tuple[Recollection | None, tuple[Recollection, Opening] | str]:
            if known is None:
                return None, "unknown"
            if reason := hold_of(known, member.card.silence, member.clock()):
                return None, reason
            claimed, opening = take(known, turn, _at(member))
            return (None, "taken") if opening is None else (claimed, (claimed, opening))

        outcome = await self._memory.change(key, change)
        if isinstance(outcome, str):
            raise NotDue(outcome)
        return outcome

    async def _kept(self, key: ConversationKey, known: Recollection, turn: str, text: str) -> Offer:
        kept = await self._memory.change(key, lambda now: keep(now, turn, text) if now else (None, None))
        if kept is None:
            raise NotDue("taken")  # too late: the claim has lapsed, or the fan is back
        return Offer(key, known.user, turn, kept.text)

    async def _passes(self, text: str, known: Recollection) -> bool:
        return await self._guard.passes(text, [line.message for line in known.lines[-_CONTEXT:]])

    async def _is_elsewhere(self, known: Recollection) -> bool:
        """True where the same fan talks with this persona in a newer conversation, or is not to be written to."""
        if known.user is None:
            return False
        others = await self._memory.of_user(known.key.tenant, known.user)
        if any(not NEVER.isdisjoint(other.flags) for other in others):
            return True
        persona = known.key.persona
        return any(_later(other, known) for other in others if other.key.persona == persona)


def _hold(known: Recollection, member: Member) -> str | None:
    """Why nothing is to be done now in this conversation; None where it waits for a first word."""
    if reason := hold_of(known, member.card.silence, member.clock()):
        return reason
    return "taken" if take(known, Memory.new_turn(), _at(member))[1] is None else None


def _unless_held(
    member: Member, change: Callable[[Recollection], tuple[Recollection, str | None]]
) -> Callable[[Recollection | None], tuple[Recollection | None, str | None]]:
    """`change`, where the persona may speak first at that moment."""

    def guarded(known: Recollection | None) -> tuple[Recollection | None, str | None]:
        if known is None or hold_of(known, member.card.silence, member.clock()):
            return None, None
        return change(known)

    return guarded


def _later(other: Recollection, known: Recollection) -> bool:
    """True where the last word in `other` came after that in `known`; of two at once, by their ids."""
    return (_last(other), other.key.id) > (_last(known), known.key.id)


def _last(known: Recollection) -> float:
    return known.last_at.timestamp() if known.last_at else 0.0


def _at(member: Member) -> datetime:
    return _utc(member.clock())


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)
