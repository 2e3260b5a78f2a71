"""A turn of the persona: what is gathered before its language model is asked, and what is kept once it has spoken.

It stands apart as the page on which memory, reading, stage and situation meet. What they find is told to the program as
an occasion. A turn without a conversation id remembers nothing, and neither does one whose memory does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from brain.chat import Asked
from brain.memory.memory import Memory
from brain.memory.recall import recall
from brain.memory.types import DEFAULT_TENANT, Begun, ConversationKey, Fact, MemoryDown
from brain.occasion import Occasion
from brain.whose import Whose

logger = logging.getLogger(__name__)

# Under this name turns are counted that went on without their memory.
MEMORY = "memory"
# Seconds that a fan waits for what is remembered, and for what they said to be kept.
PATIENCE = 2.0
# Tokens that facts about the fan may take up in a prompt.
_FACTS_BUDGET = 120
# What was said last says which facts are needed.
_RECALLED_BY = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A turn that is ready to be spoken: `asked` as the persona is asked it, and where it is kept (nowhere without
    `begun`)."""

    asked: Asked = field(repr=False)
    begun: Begun | None = field(default=None, repr=False)


class Turns:
    """Prepares turns and keeps them; one instance serves all. `counts` says how many went on without their memory."""

    def __init__(self, memory: Memory) -> None:
        self.counts: Counter[str] = Counter()
        self._memory = memory

    async def prepared(self, persona: str, whose: Whose, asked: Asked) -> Prepared:
        """The turn with all that is known of its conversation. Raises MalformedRequest for an id that cannot be one and
        for a conversation of another user."""
        begun = await self._begun(persona, whose, asked)
        if begun is None:
            return Prepared(asked)
        occasion = Occasion(memory=_plain(begun.before.summary), fan=_told(begun))
        return Prepared(replace(asked, transcript=begun.transcript, occasion=occasion), begun)

    async def keep(self, turn: Prepared, reply: str) -> None:
        """Keeps what the fan was told; to be awaited before the reply's end is sent."""
        if turn.begun is None:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._memory.answer(turn.begun.key, turn.begun.turn, reply)
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


def _told(begun: Begun) -> str:
    """The facts about the fan that this turn needs; what it has told itself stands in the transcript."""
    known: Sequence[Fact] = [fact for fact in begun.facts if fact.turn != begun.turn]
    query = "\n".join(message.text for message in begun.transcript[-_RECALLED_BY:])
    return "\n".join(_plain(fact.text) for fact in recall(query, known, _FACTS_BUDGET))


def _plain(text: str) -> str:
    """Without blank lines: they part the fields of a prompt."""
    return "\n".join(line for line in text.splitlines() if line.strip())
