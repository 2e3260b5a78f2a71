"""The output stage of a streamed turn: chunks in, chunks out, nothing released unchecked, repairs in the same stream.

Every channel of every choice has a hold-back of its own. Text that cannot be split safely (tool calls, structured
parts) is kept whole until its choice ends, judged, and then passed on exactly as it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from guards.errors import UpstreamError
from guards.types import Action
from proxy.answers import Answer, error_body
from proxy.channels import ChoiceStream, Steady, Violation
from proxy.headers import to_client
from proxy.inbound import Inbound
from proxy.repair import repair
from proxy.sse import COMMENT, DONE, END, EventReader, event
from proxy.turn import Turn
from proxy.upstream import Reply, succeeded
from proxy.whole import masked, refused
from proxy.wire import MAX_CHOICES, Json, chunk, read_reply, write_json

_EVERY_CHUNK = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier"})
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_KEEP_ALIVE = 5.0  # seconds between comments while a repair is being written


class Blocked(Exception):
    """A rule blocks the turn, and nothing of it has gone out yet."""


class StreamedTurn:
    """The stream of one turn. `open` first; then either `refused` holds a whole answer, or `events` is to be sent."""

    def __init__(self, turn: Turn, inbound: Inbound) -> None:
        self._turn = turn
        self._inbound = inbound
        self._reply: Reply | None = None
        self._choices: dict[int, ChoiceStream] = {}
        self._base: Json = {}
        self._waiting: Json = {}
        self._judged_beside: Json | None = None
        self._steady = Steady()
        self._sent = False
        self._done = False
        self._counted = False
        self.headers: list[tuple[bytes, bytes]] = []

    async def open(self) -> Answer | None:
        """Asks the upstream; its refusal as it was, or None when it streams. Raises UpstreamError."""
        turn = self._turn
        reply = await turn.ask(turn.request.with_messages(self._inbound.messages))
        self.headers = to_client(reply.headers) + turn.headers(self._inbound.action)
        if not succeeded(reply):
            return await refused(turn, reply, self.headers)
        kind = dict(reply.headers).get("content-type", "")
        if not kind.lower().startswith("text/event-stream"):
            reply.close()
            raise UpstreamError("the upstream was asked for a stream and sent something else", code="upstream_broken")
        self._reply = reply
        return None

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The response body. Raises Blocked or UpstreamError only while nothing has been sent."""
        try:
            async with aclosing(self._guarded()) as pieces:
                async for piece in pieces:
                    self._sent = True
                    yield piece
        except UpstreamError as error:
            if not self._sent:
                raise
            self._turn.services.metrics.upstream_errors.labels(error.code).inc()
            self._turn.notes.append(f"upstream: {error.code}")
            yield event(write_json(error_body(str(error), "api_error", error.code)))
        finally:
            self._remember()
            if self._reply is not None:
                self._reply.close()

    async def _guarded(self) -> AsyncGenerator[bytes, None]:
        failure: UpstreamError | None = None
        try:
            async with aclosing(self._data()) as arriving:
                async for data in arriving:
                    async for piece in self._passed(read_reply(data)):
                        yield piece
                    if self._all_violated():
                        break
        except UpstreamError as error:
            failure = error
        async for piece in self._held():
            yield piece
        async with aclosing(self._repairs()) as pieces:
            async for piece in pieces:
                yield piece
        if failure is None and not self._ended:
            failure = UpstreamError("the upstream's stream ended before its answer did", code="upstream_broken")
        if failure is not None:
            raise failure
        if self._turn.request.include_usage and not self._counted and self._cut:
            usage = self._turn.usage or _NO_USAGE  # a cancelled upstream never says what it used
            yield event(write_json({**self._base, "choices": [], "usage": usage}))
        yield END

    @property
    def _cut(self) -> bool:
        return any(choice.violation for choice in self._choices.values())

    @property
    def _ended(self) -> bool:
        over = all(choice.finished or choice.violation for choice in self._choices.values())
        return self._done or (bool(self._choices) and over)

    async def _data(self) -> AsyncGenerator[str, None]:
        """The upstream's events up to its end mark."""
        if self._reply is None:
            return
        reader = EventReader()
        async for piece in self._reply.chunks():
            for data in reader.feed(piece):
                if data == DONE:
                    self._done = True
                    return
                yield data
        for data in reader.finish():
            self._done = data == DONE
            if not self._done:
                yield data

    def _all_violated(self) -> bool:
        """True when nothing of the upstream's stream is of use any more, so that it can be cancelled at once."""
        wanted = self._turn.request.raw.get("n") or 1
        return len(self._choices) >= wanted and all(choice.violation for choice in self._choices.values())

    async def _passed(self, data: Json) -> AsyncIterator[bytes]:
        if "error" in data and "choices" not in data:
            async for piece in self._held():
                yield piece
            yield event(write_json(await masked(self._turn, data, "error")))
            self._done = True
            return
        choices = data.get("choices") or []
        if not isinstance(choices, list) or not all(map(_is_choice, choices)):
            raise UpstreamError("the upstream's chunk has no list of choices", code="upstream_broken")
        await self._take_beside({key: value for key, value in data.items() if key != "choices"})
        if not choices:
            yield event(write_json({**self._beside(), "choices": []}))
        for choice in choices:
            index = choice.get("index", 0)
            stream = self._choices.setdefault(index, ChoiceStream(index, self._turn))
            async for piece in self._sendable(stream, stream.feed(choice)):
                yield piece

    async def _take_beside(self, beside: Json) -> None:
        """Takes the fields beside the choices; they go out with the next chunk that has something to say."""
        self._counted = self._counted or isinstance(beside.get("usage"), dict)
        if beside == self._judged_beside:
            return
        self._judged_beside = beside
        fields = await masked(self._turn, self._steady.only(beside), "chunk")
        self._base = {key: fields[key] for key in fields if key in _EVERY_CHUNK}
        self._waiting |= {key: fields[key] for key in fields if key not in _EVERY_CHUNK}

    def _beside(self) -> Json:
        waiting, self._waiting = self._waiting, {}
        return {**self._base, **waiting}

    async def _sendable(self, stream: ChoiceStream, outs: AsyncIterator[Json]) -> AsyncIterator[bytes]:
        async for out in outs:
            yield event(write_json({**self._beside(), "choices": [out]}))
        blocks = stream.violation is not None and stream.violation.verdict.action is Action.BLOCK
        if blocks and not self._sent:
            self._turn.rise(Action.BLOCK)
            raise Blocked

    async def _held(self) -> AsyncIterator[bytes]:
        """What is still held when the upstream has ended, or broken off, may go out if it passes."""
        for stream in self._choices.values():
            if not stream.finished and not stream.violation:
                async for piece in self._sendable(stream, stream.finish()):
                    yield piece

    async def _repairs(self) -> AsyncGenerator[bytes, None]:
        for index, stream in self._choices.items():
            if stream.violation is None:
                continue
            if self._reply is not None:
                self._reply.close()
            async with aclosing(self._repaired(index, stream, stream.violation)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _repaired(self, index: int, stream: ChoiceStream, violation: Violation) -> AsyncGenerator[bytes, None]:
        released = stream.released
        rejected = released + violation.text
        task = asyncio.create_task(repair(self._turn, self._inbound.messages, released, rejected, violation.verdict))
        try:
            while not (await asyncio.wait({task}, timeout=_KEEP_ALIVE))[0]:
                yield COMMENT
            text = task.result().text
        finally:
            task.cancel()
        stream.add(text)
        role = {} if stream.opened else {"role": "assistant"}
        yield event(write_json(chunk(self._base, index, {**role, "content": text})))
        finish = self._turn.guard.policy.settings.finish_reason
        yield event(write_json(chunk(self._base, index, {}, finish)))

    def _remember(self) -> None:
        for index, stream in self._choices.items():
            self._turn.final[index] = stream.released


def _is_choice(choice: Any) -> bool:
    if not isinstance(choice, dict) or not isinstance(choice.get("delta"), dict | None):
        return False
    index = choice.get("index", 0)
    return isinstance(index, int) and not isinstance(index, bool) and 0 <= index < MAX_CHOICES
