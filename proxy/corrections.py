"""Tells the persona service what a fan really saw of a turn, where that is not what the persona had said.

It stands apart because it runs beside the turns: no reply waits for it, and none fails with it. Only the next turn of
the same conversation waits, for a moment, so that what was withheld is not told to the model again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import quote

from guards.errors import UpstreamError
from proxy.upstream import Upstream, succeeded
from proxy.wire import write_json

PATIENCE = 2.0  # seconds for one of them
_UNKNOWN = 404  # erased meanwhile, or never kept: there is nothing to correct

log = logging.getLogger("chaperone.proxy")


class Corrections:
    """The corrections of one process that are on their way to `upstream`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._open: dict[str, asyncio.Task[None]] = {}

    def tell(self, *, conversation: str, turn: str, persona: str, seen: str, headers: Mapping[str, str]) -> None:
        """Sends off that the fan saw `seen` of the reply; empty for nothing. `headers` are those of the turn."""
        if conversation in (".", ".."):
            return  # it would leave /conversations at the upstream
        path = f"/conversations/{quote(conversation, safe='')}/turns/{turn}"
        before = self._open.get(conversation)
        body = write_json({"reply": seen, "model": persona})
        task = asyncio.create_task(self._sent(before, turn, path, body, headers))
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

    async def _sent(
        self, before: asyncio.Task[None] | None, turn: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            async with asyncio.timeout(PATIENCE):
                reply = await self._upstream.send("PUT", path, headers, body)
                await reply.read()
        except (UpstreamError, TimeoutError) as error:
            told = error.code if isinstance(error, UpstreamError) else "no answer in time"
            log.warning("what the fan saw of turn %s is not remembered: %s", turn, told)
            return
        if not succeeded(reply) and reply.status != _UNKNOWN:
            log.warning("what the fan saw of turn %s is not remembered: answered %d", turn, reply.status)

    def _over(self, conversation: str, task: asyncio.Task[None]) -> None:
        if self._open.get(conversation) is task:
            del self._open[conversation]
