"""A turn of the persona: what is gathered before its language model is asked, and what is kept once it has spoken.

It stands apart as the page on which memory, reading, stage and situation meet. What they find is told to the program as
an occasion. A turn without a conversation id remembers nothing, and neither does one whose memory does not answer: both
go by what the request brings.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from brain.cast import Member
from brain.chat import Asked
from brain.memory.memory import Memory
from brain.memory.recall import recall
from brain.memory.types import DEFAULT_TENANT, Begun, ConversationKey, MemoryDown
from brain.occasion import COMFORT, Occasion
from brain.reader import Reader
from brain.reading import Reading
from brain.routing import route
from brain.settings import zone
from brain.shown import shown
from brain.situation import opening_remark, situation
from brain.stages import emotion_after, farthest, stage_at
from brain.whose import Whose
from guards.types import Message, Transcript

logger = logging.getLogger(__name__)

# Under this name turns are counted that went on without their memory.
MEMORY = "memory"
DISTRESS = "distress"
DISTRESS_POSSIBLE = "distress_possible"
# Seconds that a fan waits for what is remembered, and for what they said to be kept.
PATIENCE = 2.0
# Tokens that facts about the fan may take up in a prompt.
_FACTS_BUDGET = 120
# How many of the last messages say which facts are needed.
_RECALLED_BY = 3


@dataclass(frozen=True, slots=True)
class Marks:
    """What a turn means for its conversation: what it adds to the emotion score, the stage it leads to, the farthest
    one so far, and what operators should know of."""

    feeling: float
    stage: str
    reached: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A turn that is ready to be spoken: `asked` as the persona is asked it, and where it is kept (nowhere without
    `begun`) with which marks."""

    asked: Asked = field(repr=False)
    marks: Marks
    begun: Begun | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Course:
    """How the conversation stood before this turn. `new` are the fan's messages to be answered, `count` is that of all
    messages with those that this turn brings."""

    new: Transcript = field(repr=False)
    messages: int
    count: int
    first: datetime | None = None
    last: datetime | None = None
    emotion: float = 0.0
    reached: str | None = None
    zone: str | None = None


class Turns:
    """Prepares turns and keeps them; one instance serves all. `counts` says how many went on without their memory,
    `distressed` in how many a fan was in distress."""

    def __init__(self, memory: Memory, reader: Reader) -> None:
        self.counts: Counter[str] = Counter()
        self.distressed = 0
        self._memory = memory
        self._reader = reader

    async def prepared(self, member: Member, whose: Whose, asked: Asked) -> Prepared:
        """The turn with all that is known of its conversation. Raises MalformedRequest for an id that cannot be one and
        for a conversation of another user."""
        begun = await self._begun(member.card.model_id, whose, asked)
        now = member.clock()
        course = _of_request(asked, now) if begun is None else _of_memory(begun)
        course = replace(course, zone=whose.zone or course.zone)
        said = begun.transcript if begun else asked.transcript
        before = said[: len(said) - len(course.new)]
        reading = await self._reader.read("\n".join(message.text for message in course.new), before)
        occasion, marks = _met(member, course, reading, now, is_again=bool(asked.past_reply))
        if begun is not None:
            occasion = replace(occasion, memory=_plain(begun.before.summary), fan=_told(begun))
        if reading.intent == DISTRESS and not asked.past_reply:
            self.distressed += 1
            logger.warning("a fan may be in distress; turns of this kind so far: %d", self.distressed)
        return Prepared(replace(asked, transcript=shown(said), occasion=occasion), marks, begun)

    async def keep(self, turn: Prepared, reply: str) -> None:
        """Keeps what the fan was told; to be awaited before the reply's end is sent."""
        if turn.begun is None:
            return
        marks = turn.marks
        try:
            async with asyncio.timeout(PATIENCE):
                await self._memory.answer(
                    turn.begun.key, turn.begun.turn, reply,
                    feeling=marks.feeling, stage=marks.stage, reached=marks.reached, flags=marks.flags,
                )  # fmt: skip
        except (MemoryDown, TimeoutError) as error:
            self._lost(error)

    async def _begun(self, persona: str, whose: Whose, asked: Asked) -> Begun | None:
        if whose.conversation is None:
            return None
        key = ConversationKey(DEFAULT_TENANT, persona, whose.conversation)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._memory.begin(
                    key, whose.turn or self._memory.new_turn(), asked.transcript, user=whose.user, zone=whose.zone
                )
        except (MemoryDown, TimeoutError) as error:
            self._lost(error)
            return None

    def _lost(self, error: Exception) -> None:
        self.counts[MEMORY] += 1
        logger.error("a turn goes on without its memory: %s", error if isinstance(error, MemoryDown) else "no answer")


def _flags(reading: Reading) -> tuple[str, ...]:
    """What operators should know of a message."""
    if reading.intent == DISTRESS:
        return (DISTRESS,)
    return (DISTRESS_POSSIBLE,) if reading.distress_possible else ()


def _met(member: Member, course: _Course, reading: Reading, now: datetime, *, is_again: bool) -> tuple[Occasion, Marks]:
    """The occasion of the reply and the marks that the turn leaves. The stage counts the fan's new messages; the one
    it leads to, the reply as well. A reply that is written again makes no remark."""
    card = member.card
    here = situation(
        now,
        persona_zone=now.tzinfo or zone("UTC"),
        fan_zone=zone(course.zone) if course.zone else None,
        first=course.first,
        last=course.last,
        messages=course.messages,
    )
    emotion = emotion_after(course.emotion, reading)
    stage = stage_at(card.stages, course.count, emotion, course.reached)
    next_stage = stage_at(card.stages, course.count + 1, emotion, course.reached)
    kind = route(reading).__name__
    # Who is in distress is not teased for the hour, however close the two are.
    remark = None if is_again or kind == COMFORT else opening_remark(here)
    occasion = Occasion(
        kind=kind,
        situation="; ".join(here.notes),
        remark=remark.replace("_", " ") if remark else "",
        stage="" if kind == COMFORT else stage.guidance or stage.name.replace("_", " "),
    )
    marks = Marks(
        feeling=emotion - course.emotion,
        stage=next_stage.name,
        reached=farthest(card.stages, course.reached, next_stage),
        flags=_flags(reading),
    )
    return occasion, marks


def _of_memory(begun: Begun) -> _Course:
    before = begun.before
    new = _asking(begun.transcript)
    return _Course(
        new=new,
        # A transcript that comes whole may hold more than was known, beside what is to be answered.
        messages=before.messages + max(0, len(begun.new) - len(new)),
        count=before.messages + len(begun.new),
        first=before.first_at,
        last=before.last_at,
        emotion=before.emotion,
        reached=before.reached or None,
        zone=before.zone,
    )


def _of_request(asked: Asked, now: datetime) -> _Course:
    """Who sends a transcript without an id says what was said, and not when: no silence is claimed."""
    new = _asking(asked.transcript)
    count = len(asked.transcript)
    return _Course(new=new, messages=count - len(new), count=count, last=now if count > len(new) else None)


def _asking(transcript: Transcript) -> tuple[Message, ...]:
    """The fan's messages that are to be answered: the last ones, or those before a reply that is to go on."""
    last = max((at for at, message in enumerate(transcript) if message.role == "user"), default=-1)
    first = last
    while first > 0 and transcript[first - 1].role == "user":
        first -= 1
    return transcript[first : last + 1] if last >= 0 else ()


def _told(begun: Begun) -> str:
    """The facts about the fan that this turn needs; what it has told itself stands in the transcript."""
    known = [fact for fact in begun.facts if fact.turn != begun.turn]
    query = "\n".join(message.text for message in begun.transcript[-_RECALLED_BY:])
    return "\n".join(_plain(fact.text) for fact in recall(query, known, _FACTS_BUDGET))


def _plain(text: str) -> str:
    """Without blank lines: they part the fields of a prompt."""
    return "\n".join(line for line in text.splitlines() if line.strip())
