"""Tells the persona service what it cannot know: what a fan really saw of a turn, where that is not what the persona
had said, and with what a rule flags their conversation.

It stands apart because it runs beside the turns: no reply waits for it, and none fails with it. Only the next turn of
the same conversation waits, for a moment, so that what was withheld is not told to the model again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from guards.errors import UpstreamError
from proxy.upstream import Upstream, succeeded
from proxy.wire import write_json

PATIENCE = 2.0  # seconds for one of them
_UNKNOWN = 404  # erased meanwhile, or not kept: there is nothing to correct
_MOST_FLAGGED = 10_000

log = logging.getLogger("chaperone.proxy")


@dataclass(frozen=True, slots=True)
class _Word:
    """What is to be told; `unknown` is called where the persona service does not know the conversation."""

    conversation: str
    turn: str
    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    unknown: Callable[[], None] = lambda: None


class Corrections:
    """The corrections of one process that are on their way to `upstream`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._open: dict[str, asyncio.Task[None]] = {}
        self._flags: OrderedDict[str, dict[str, None]] = OrderedDict()
        self.is_ours = False  # once the upstream has answered as our persona service does

    def flag(self, conversation: str, flags: Iterable[str]) -> None:
        """Notes flags, for `pass_on_flags`."""
        self._flags.setdefault(conversation, {}).update(dict.fromkeys(flags))
        if len(self._flags) > _MOST_FLAGGED:
            self._flags.popitem(last=False)

    def pass_on_flags(self, *, conversation: str, turn: str, model: str, headers: Mapping[str, str]) -> None:
        """Sends off the flags of a conversation. They wait where the upstream is not known to be our persona service,
        or does not know the conversation yet: what was deflected never came to it."""
        if not self.is_ours or conversation not in self._flags or conversation in (".", ".."):
            return
        flags = self._flags.pop(conversation)
        path = f"/conversations/{quote(conversation, safe='')}/flags"
        body = write_json({"flags": list(flags), "model": model})
        self._send(_Word(conversation, turn, path, body, headers, lambda: self.flag(conversation, flags)))

    def tell(self, *, conversation: str, turn: str, persona: str, seen: str, headers: Mapping[str, str]) -> None:
        """Sends off that the fan saw `seen` of the reply; empty for nothing. `headers` are those of the turn."""
        if conversation in (".", ".."):
            return  # it would leave /conversations at the upstream
        path = f"/conversations/{quote(conversation, safe='')}/turns/{turn}"
        body = write_json({"reply": seen, "model": persona})
        self._send(_Word(conversation, turn, path, body, headers))

    def _send(self, word: _Word) -> None:
        conversation = word.conversation
        task = asyncio.create_task(self._sent(self._open.get(conversation), word))
        self._open[conversation] = task
        task.add_done_callback(lambda done: self._over(conversation, done))

    async def settled(self, conversation: str | None) -> None:
        """Returns once no correction of this conversation is on its way any more."""
        task = self._open.get(conversation) if conversation else None
        if task is not None:
            await asyncio.wait({task})

    async def aclose(self) -> None:
        """Gives those that are on their way their time, and no more."""
        if self._open:
            await asyncio.wait(set(self._open.values()), timeout=PATIENCE)

    async def _sent(self, before: asyncio.Task[None] | None, word: _Word) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            async with asyncio.timeout(PATIENCE):
                reply = await self._upstream.send("PUT", word.path, word.headers, word.body)
                await reply.read()
        except (UpstreamError, TimeoutError) as error:
            told = error.code if isinstance(error, UpstreamError) else "no answer in time"
            log.warning("the persona service was not told of turn %s: %s", word.turn, told)
            word.unknown()
            return
        if reply.status == _UNKNOWN:
            word.unknown()
        elif not succeeded(reply):
            log.warning("the persona service was not told of turn %s: answered %d", word.turn, reply.status)

    def _over(self, conversation: str, task: asyncio.Task[None]) -> None:
        if self._open.get(conversation) is task:
            del self._open[conversation]
