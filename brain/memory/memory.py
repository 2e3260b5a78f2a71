"""Memory as a turn uses it: begin, answer, correct, and in between everything that is known.

It stands apart as the seam between the persona service and what it remembers. A turn with a conversation id goes so:

1. `begun = await memory.begin(key, turn, asked.transcript, user=…)`: the fan's new messages, and the facts in them, are
   kept before the language model is asked. `turn` is the header `x-chaperone-turn` (all attempts of a turn carry the
   same) or `memory.new_turn()`.
2. The reply is made from `begun.transcript` (what to answer), `begun.before` (summary, stage, emotion, times) and
   `recall(query, begun.facts, budget)`.
3. `await memory.answer(key, turn, reply, feeling=…, stage=…, flags=…)` once the reply is whole, before its end is sent:
   the correction may come right after. What did not fit the budget is summed up in the background from there on.
4. The proxy puts the text that the fan really saw with `correct`.

Each step may raise MemoryDown: the turn then goes on as one without a conversation id, and the log says so. Without an
id nothing of this is called.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from brain.memory.store import Change, Result, Store
from brain.memory.summarise import FAILURES, Summariser
from brain.memory.summary import PATIENCE, extract, folded, outgrown, shortened, summary_budget, weight
from brain.memory.turns import answer, begin, note
from brain.memory.types import Begun, ConversationKey, Line, MemoryDown, Recollection, checked
from guards.types import Message

logger = logging.getLogger(__name__)

# Summaries that are written at once: replies come first.
_SUMMARIES_AT_ONCE = 4
_DAY = 24 * 60 * 60


class Memory:
    """What the persona remembers of its fans; one instance serves all turns.

    `now` gives the time in UTC. `budget` are the tokens of a conversation kept word for word, `kept_for` is how long a
    conversation stands after its last message. `summariser_of` gives what sums up
    for a persona; where there is none, summaries are extracts. All methods but
    `new_turn` may raise MemoryDown, and MalformedRequest for an id that cannot be one.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        budget: int,
        kept_for: timedelta,
        summariser_of: Callable[[str], Summariser | None] = lambda _: None,
    ) -> None:
        self._store, self._now, self._budget, self._kept_for = store, now, budget, kept_for
        self._summariser_of = summariser_of
        self._busy = asyncio.Semaphore(_SUMMARIES_AT_ONCE)
        self._tasks: dict[ConversationKey, asyncio.Task[None]] = {}

    @staticmethod
    def new_turn() -> str:
        """An id for a turn that comes with none."""
        return uuid.uuid4().hex

    async def begin(
        self,
        key: ConversationKey,
        turn: str,
        given: Sequence[Message],
        *,
        user: str | None = None,
        zone: str | None = None,
    ) -> Begun:
        """Keeps what a turn brings and tells what it needs. `given` may be the whole transcript, its end, or only what
        is new; `user` is the fan's id with the client, `zone` their time zone, where they are known.

        Raises MalformedRequest (409) when the conversation is another user's.
        """
        checked(turn, "turn id")
        if user:
            checked(user, "user")
        said = [Message(message.role, _encodable(message.text)) for message in given]
        return await self._store.change(
            key, lambda known: begin(known, key, turn, said, self._now(), user=user, zone=zone)
        )

    async def answer(
        self,
        key: ConversationKey,
        turn: str,
        reply: str,
        *,
        feeling: float | None = None,
        stage: str | None = None,
        reached: str | None = None,
        flags: Iterable[str] = (),
    ) -> None:
        """Keeps the reply of a turn and what the turn meant, in place of an earlier attempt's. Sums up in the
        background what has outgrown the budget."""
        marks = tuple(flags)

        def change(known: Recollection | None) -> tuple[Recollection | None, Recollection | None]:
            if known is None:
                return None, None
            told = answer(known, turn, _encodable(reply), self._now())
            told = note(told, turn, feeling=feeling, stage=stage, reached=reached, flags=marks)
            return told, told

        self._tidy(await self._store.change(key, change))

    async def correct(self, key: ConversationKey, turn: str, reply: str) -> bool:
        """Keeps the reply that the fan really saw; False where that turn is not known."""

        def change(known: Recollection | None) -> tuple[Recollection | None, bool]:
            if known is None or turn not in known.turns:
                return None, False
            return answer(known, turn, _encodable(reply), self._now(), origin="seen"), True

        return await self._store.change(key, change)

    async def recollect(self, key: ConversationKey) -> Recollection | None:
        """All that is known of a conversation; None when nothing is."""
        return await self._store.read(key)

    async def change(self, key: ConversationKey, change: Change[Result]) -> Result:
        """Applies a pure change of what is known, alone: what does not belong to a turn."""
        return await self._store.change(key, change)

    async def of_user(self, tenant: str, user: str) -> Sequence[Recollection]:
        """All conversations of a user, with whichever persona."""
        return await self._store.of_user(tenant, checked(user, "user"))

    async def silent(
        self, tenant: str, persona: str, after: datetime, before: datetime, *, limit: int, offset: int = 0
    ) -> Sequence[ConversationKey]:
        """Conversations in which the persona may speak first, whose silence began between the two times, the longest
        silence first. A hint: `change` sees what became of them."""
        return await self._store.silent(tenant, persona, after, before, limit=limit, offset=offset)

    async def erase(self, key: ConversationKey) -> bool:
        """Forgets a conversation for good; whether there was one. A reply on its way does not bring it back."""
        return await self._store.erase(key)

    async def erase_user(self, tenant: str, user: str, persona: str | None = None) -> int:
        """Forgets all conversations of a user, with one persona or with all; how many there were."""
        return await self._store.erase_user(tenant, checked(user, "user"), persona)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Meanwhile what is past its time is forgotten daily; then the memory is closed."""
        daily = asyncio.create_task(self._forget_daily())
        try:
            yield
        finally:
            daily.cancel()
            await asyncio.gather(daily, return_exceptions=True)
            await self.aclose()

    async def forget_old(self) -> int:
        """Forgets what is past its time; how many conversations."""
        return await self._store.forget_before(self._now() - self._kept_for)

    async def settled(self) -> None:
        """Returns when no summary is being written."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Gives up summaries that are being written (their lines are kept) and closes the store."""
        for task in self._tasks.values():
            task.cancel()
        await self.settled()
        await self._store.aclose()

    async def _forget_daily(self) -> None:
        while True:
            try:
                await self.forget_old()
            except MemoryDown as error:
                logger.error("conversations past their time stand until tomorrow: %s", error)
            await asyncio.sleep(_DAY)

    def _tidy(self, known: Recollection | None) -> None:
        if known is None or known.key in self._tasks or not outgrown(known, self._budget):
            return
        task = asyncio.create_task(self._sum_up(known))
        self._tasks[known.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(known.key, None))

    async def _sum_up(self, known: Recollection) -> None:
        lines = outgrown(known, self._budget)
        try:
            async with self._busy:
                summary = await self._summary(known, lines)
            if summary:
                await self._store.change(known.key, lambda now: (now and folded(now, lines, summary), None))
        except MemoryDown as error:
            logger.warning("a summary was not kept: %s", error)

    async def _summary(self, known: Recollection, lines: Sequence[Line]) -> str:
        """The summary with `lines` in it; empty where a language model failed that may be asked again later."""
        longest = summary_budget(self._budget)
        if summarise := self._summariser_of(known.key.persona):
            try:
                if summary := await summarise(known.summary, lines, longest):
                    return shortened(summary, longest)
            except FAILURES as error:
                logger.warning("a conversation was not summed up: %s", type(error).__name__)
            if weight(known.lines) <= PATIENCE * self._budget:
                return ""
        return extract(known.summary, lines, longest)


def _encodable(text: str) -> str:
    """`text` with lone surrogates replaced: no store can keep them."""
    return text.encode("utf-8", "replace").decode("utf-8")
