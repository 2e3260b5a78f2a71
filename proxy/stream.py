"""The output stage of a streamed turn: chunks in, chunks out, nothing released unchecked, repairs in the same stream.

Every channel of every choice has a hold-back of its own. Text that cannot be split safely (tool calls, structured
parts) is kept whole until its choice ends, judged, and then passed on exactly as it came. What one read of the
upstream lets out goes out as one piece, made in plain steps: only what has to be asked for is awaited between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator

from guards.errors import UpstreamError
from guards.types import Action
from proxy.answers import Answer
from proxy.channels import ChoiceStream, Steady, Violation, Wait
from proxy.headers import to_client
from proxy.inbound import Inbound
from proxy.repair import repair
from proxy.sse import COMMENT, DONE, EventReader
from proxy.surfaces.base import Arrived, Surface
from proxy.turn import Turn
from proxy.upstream import Reply, succeeded
from proxy.whole import masked, refused
from proxy.wire import Json, read_reply

Send = Callable[[bytes], Awaitable[None]]
_KEEP_ALIVE = 5.0  # seconds between comments while a repair is being written


class Blocked(Exception):
    """A rule blocks the turn, and nothing of it has gone out yet."""


class StreamedTurn:
    """The stream of one turn. `open` first; where it gives no answer, `send_to`, and then `end` is to be sent.

    `end` is the stream's end mark, empty where the stream has broken off.
    """

    def __init__(self, turn: Turn, inbound: Inbound, surface: Surface) -> None:
        self._turn = turn
        self._inbound = inbound
        self._surface = surface
        self._shape = surface.stream(turn.request, turn.id, turn.created)
        self._alike = self._shape.alike
        self._send: Send = _nowhere
        self._reply: Reply | None = None
        self._choices: dict[int, ChoiceStream] = {}
        self._judged_beside: Json | None = None
        self._steady = Steady()
        self._ready: list[bytes] = []  # what goes out next
        self._sent = False  # true once anything has gone out or is ready to
        self._done = False
        self._over = False
        self._is_cut = False  # true once a choice has been cut off
        self._is_read = False  # true once nothing more of the upstream's stream is wanted
        self.end = b""
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

    def failed(self, error: Json) -> bytes:
        """An error body of the surface as an event of this stream."""
        return self._shape.failed(error)

    async def send_to(self, send: Send) -> None:
        """Sends the response body, piece by piece. Raises Blocked or UpstreamError only while nothing has been sent."""
        self._send = send
        try:
            await self._guarded()
        except UpstreamError as error:
            if not self._sent:
                raise
            self._turn.services.metrics.upstream_errors.labels(error.code).inc()
            self._turn.notes.append(f"upstream: {error.code}")
            await send(self.failed(self._surface.error(str(error), "api_error", error.code)))
        finally:
            self._remember()
            if self._reply is not None:
                self._reply.close()

    async def _guarded(self) -> None:
        failure: UpstreamError | None = None
        try:
            await self._arriving()
        except UpstreamError as error:
            failure = error
        await self._let_out(self._held())
        await self._repairs()
        if failure is None and not self._ended:
            failure = UpstreamError("the upstream's stream ended before its answer did", code="upstream_broken")
        if failure is not None:
            raise failure
        before, self.end = self._shape.end(self._is_cut, self._turn.usage)
        if before:
            await self._go(before)

    @property
    def _ended(self) -> bool:
        over = all(choice.finished or choice.violation for choice in self._choices.values())
        least = self._turn.request.choices if self._turn.request.one_text else 1
        return self._done or (len(self._choices) >= least and over)

    async def _arriving(self) -> None:
        """Lets out what the upstream's events say up to its end mark, or up to where nothing of it is of use any
        more."""
        if self._reply is None:
            return
        reader = EventReader()
        while chunk := await self._reply.more():
            await self._let_out(self._read(reader.feed(chunk)))
            if self._is_read:
                return
        last = reader.finish()
        self._done = self._done and not last
        await self._let_out(self._read(last))

    async def _let_out(self, steps: Iterator[bytes | Wait]) -> None:
        """Sends what `steps` let out, as one piece, but that nothing waits for a judge that could go out before."""
        while True:
            try:
                wait = self._until_wait(steps)
            except Exception:  # raised on: what was already found fit to go out goes out before it
                if self._ready:
                    await self._go(self._all_ready())
                raise
            if self._ready:
                await self._go(self._all_ready())
            if wait is None:
                return
            await wait()

    async def _go(self, piece: bytes) -> None:
        self._sent = True
        await self._send(piece)

    def _until_wait(self, steps: Iterator[bytes | Wait]) -> Wait | None:
        for step in steps:
            if not isinstance(step, bytes):
                return step
            self._ready.append(step)
            self._sent = True
        return None

    def _all_ready(self) -> bytes:
        ready, self._ready = self._ready, []
        return b"".join(ready)

    def _read(self, events: list[str]) -> Iterator[bytes | Wait]:
        for data in events:
            if data == DONE:
                self._done = self._is_read = True
                return
            if self._alike is not None and (said := self._alike.text_in(data)) is not None:
                index, text = said
                stream = self._choice(index)
                if outs := stream.feed_content(text):
                    yield from self._sendable(stream, outs)
            else:
                event = read_reply(data)
                yield from self._passed(self._shape.read(event))
                if self._alike is not None:
                    self._alike.learn(data, event)
            if self._over or (self._is_cut and self._all_violated()):
                self._is_read = True
                return

    def _all_violated(self) -> bool:
        """True when nothing of the upstream's stream is of use any more, so that it can be cancelled at once."""
        return len(self._choices) >= self._turn.request.choices and all(
            choice.violation for choice in self._choices.values()
        )

    def _passed(self, arrived: Arrived) -> Iterator[bytes | Wait]:
        if arrived.error is not None:
            yield from self._held()
            yield self._shape.told((yield from self._masked(arrived.error, "error")))
            self._done = True
            return
        if arrived.beside != self._judged_beside:  # what every event repeats is judged once
            self._judged_beside = arrived.beside
            self._shape.take((yield from self._masked(self._steady.only(arrived.beside), "chunk")))
        if not arrived.choices and (alone := self._shape.alone()):
            yield alone
        for choice in arrived.choices:
            stream = self._choice(choice.get("index", 0))
            yield from self._sendable(stream, stream.feed(choice))
        if arrived.over:
            stream = self._choice(0)
            yield from self._sendable(stream, stream.part_over(arrived.over))
        self._over = arrived.ended
        self._done = self._done or arrived.ended

    def _choice(self, index: int) -> ChoiceStream:
        if index not in self._choices:
            self._turn.read_on(self._before(index))
            self._choices[index] = ChoiceStream(index, self._turn)
        return self._choices[index]

    def _before(self, index: int) -> list[str]:
        """What has been released of the choices before one."""
        return [choice.released for at, choice in sorted(self._choices.items()) if at < index]

    def _masked(self, value: Json, place: str) -> Generator[Wait, None, Json]:
        """`value` as it may go out; known once the wait is over."""
        known: list[Json] = []

        async def asked() -> None:
            known.append(await masked(self._turn, value, place))

        yield asked
        (safe,) = known
        return safe

    def _sendable(self, stream: ChoiceStream, outs: Iterable[Json | Wait]) -> Iterator[bytes | Wait]:
        for out in outs:
            if not isinstance(out, dict):
                yield out
            elif piece := self._shape.write(out, stream):
                yield piece
        if stream.violation is None:
            return
        self._is_cut = True
        if stream.violation.verdict.action is Action.BLOCK and not self._sent:
            self._turn.rise(Action.BLOCK)
            raise Blocked

    def _held(self) -> Iterator[bytes | Wait]:
        """What is still held when the upstream has ended, or broken off, may go out if it passes."""
        for stream in self._choices.values():
            if not stream.finished and not stream.violation:
                yield from self._sendable(stream, stream.finish())

    async def _repairs(self) -> None:
        for stream in self._choices.values():
            if stream.violation is None:
                continue
            if self._reply is not None:
                self._reply.close()
            await self._repaired(stream, stream.violation)

    async def _repaired(self, stream: ChoiceStream, violation: Violation) -> None:
        released = stream.released
        rejected = released + violation.text
        before = self._before(stream.index)
        self._turn.read_on(before)
        again = self._turn.request.for_choice(stream.index, before, {})
        task = asyncio.create_task(
            repair(self._turn, self._inbound.messages, released, rejected, violation.verdict, request=again)
        )
        try:
            while not (await asyncio.wait({task}, timeout=_KEEP_ALIVE))[0]:
                await self._go(COMMENT)
            text = task.result().text
        finally:
            task.cancel()
        stream.add(text)
        await self._go(self._shape.repaired(stream, text, self._turn.guard.policy.settings.finish_reason))

    def _remember(self) -> None:
        for index, stream in self._choices.items():
            self._turn.final[index] = stream.released


async def _nowhere(_: bytes) -> None:
    raise RuntimeError("a stream has nowhere to go yet")
