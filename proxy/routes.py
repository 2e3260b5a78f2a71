"""The guarded route as a plain ASGI application: one POST, one turn, and a safe answer whatever happens.

It stands beside FastAPI, not inside it, because this path is the one that every token takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from typing import Any

from guards.errors import MalformedRequest, UpstreamError
from guards.types import Action
from proxy import answers
from proxy.answers import Answer
from proxy.audit import AuditError
from proxy.channels import ChoiceStream
from proxy.headers import CONVERSATION, TURN, decoded
from proxy.history import said
from proxy.inbound import Inbound, judge_input
from proxy.repair import deflection
from proxy.stream import Blocked, StreamedTurn
from proxy.surfaces.base import Surface
from proxy.turn import Services, Turn
from proxy.whole import answer_whole
from proxy.wire import read_json

log = logging.getLogger("chaperone.proxy")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Named = Callable[[str], Surface | None]
_STREAM_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class ClientGone(Exception):
    """The client closed its connection before the turn was over."""


class GuardedRoute:
    """The POST of every surface. `max_body` is in bytes, `max_turns` how many turns may be open at once. `named` gives
    the surface of a path that names what it is about."""

    def __init__(
        self, services: Services, surfaces: Iterable[Surface], named: Named, *, max_body: int, max_turns: int
    ) -> None:
        self._services = services
        self._surfaces = {surface.path: surface for surface in surfaces}
        self._named = named
        self._max_body = max_body
        self._max_turns = max_turns
        self._open = 0

    def surface_of(self, path: str) -> Surface | None:
        """The surface that is served on `path`."""
        return self._surfaces.get(path) or self._named(path)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one request to the path of a surface. No exception leaves it but cancellation."""
        surface = self.surface_of(scope["path"])
        if surface is None:
            raise LookupError("only what has a surface is guarded")
        if self._open >= self._max_turns:
            await _send_whole(send, answers.overloaded(surface.error))
            return
        self._open += 1
        self._services.metrics.open_turns.set(self._open)
        try:
            await self._served(surface, scope, receive, send)
        except ClientGone:
            pass
        finally:
            self._open -= 1
            self._services.metrics.open_turns.set(self._open)

    async def _served(self, surface: Surface, scope: Message, receive: Receive, send: Send) -> None:
        headers = decoded(scope["headers"])
        try:
            body = await _body(receive, headers, self._max_body)
            request = surface.read(body, headers.get(CONVERSATION))
            turn = Turn(self._services, request, headers)
        except MalformedRequest as error:
            await _send_whole(send, answers.malformed(error, surface.error))
            return
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge: there is no turn yet that could answer
            log.error("a request failed before its turn: %s", where(error))
            await _send_whole(send, answers.internal(surface.error))
            return
        await _while_connected(receive, _TurnServer(turn, surface, send).run())


class _TurnServer:
    """Runs one turn and sends its answer; whatever goes wrong ends in a safe answer and a record."""

    def __init__(self, turn: Turn, surface: Surface, send: Send) -> None:
        self._turn = turn
        self._surface = surface
        self._send = send
        self._started = False
        self._streamed: StreamedTurn | None = None
        self._end_mark = b""  # held until the record is written: the response must not end before it

    async def run(self) -> None:
        """The whole turn, with its record written before the response ends."""
        turn = self._turn
        try:
            answer = await self._answer()
        except MalformedRequest as error:
            answer = answers.malformed(error, self._surface.error)
        except Blocked:
            answer = answers.content_blocked(self._surface.error)
        except UpstreamError as error:
            turn.services.metrics.upstream_errors.labels(error.code).inc()
            turn.notes.append(f"upstream: {error.code}")
            answer = answers.upstream_failed(error, self._surface.error)
        except asyncio.CancelledError:
            turn.notes.append("the client left")
            turn.correct(left=True)
            await self._close()
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge: nothing unjudged has been sent, a safe answer is
            log.error("turn %s failed: %s", turn.id, where(error))
            turn.notes.append(f"defect: {type(error).__name__}")
            answer = answers.internal(self._surface.error)
        turn.correct()
        recorded = await self._close()
        await self._end(answer if recorded else answers.audit_unavailable(self._surface.error))

    async def _answer(self) -> Answer | None:
        """The whole answer, or None when a stream has been sent up to its end mark."""
        inbound = await judge_input(self._turn)
        self._turn.flag(inbound.rules)
        if inbound.action is Action.BLOCK:
            return answers.content_blocked(self._surface.error)
        if inbound.action is Action.DEFLECT:
            return self._deflected(inbound)
        if not self._turn.request.stream:
            return await answer_whole(self._turn, inbound, self._surface)
        self._streamed = streamed = StreamedTurn(self._turn, inbound, self._surface)
        refused = await streamed.open()
        if refused is not None:
            return refused
        await streamed.send_to(self._stream)
        self._end_mark = streamed.end
        return None

    def _deflected(self, inbound: Inbound) -> Answer:
        turn = self._turn
        text = deflection(turn, inbound.rules)
        turn.final[0] = text
        finish = turn.guard.policy.settings.finish_reason
        headers = turn.headers(Action.DEFLECT)
        if not turn.request.stream:
            whole = self._surface.answer(turn.request, turn.id, text, finish, turn.created)
            return answers.of_json(whole, headers=headers)
        shape = self._surface.stream(turn.request, turn.id, turn.created)
        said = shape.repaired(ChoiceStream(0, turn), text, finish)
        return Answer(200, b"".join([said, *shape.end(True, {})]), [*_STREAM_HEADERS, *headers])

    async def _stream(self, piece: bytes) -> None:
        if not self._started and self._streamed is not None:
            self._started = True
            kept = [
                (name, value)
                for name, value in self._streamed.headers
                if name not in (b"content-type", b"cache-control")
            ]
            await self._send({"type": "http.response.start", "status": 200, "headers": [*_STREAM_HEADERS, *kept]})
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _close(self) -> bool:
        said(self._turn)
        self._turn.services.recent.add(self._turn.request, self._turn.final.values())
        try:
            await self._turn.close()
        except AuditError as error:
            log.error("turn %s: %s", self._turn.id, error)
            return False
        return True

    async def _end(self, answer: Answer | None) -> None:
        if not self._started or self._streamed is None:
            whole = answer or Answer(200, self._end_mark, [*_STREAM_HEADERS])
            if not any(name == TURN.encode() for name, _ in whole.headers):
                whole = replace(whole, headers=[*whole.headers, *self._turn.headers(self._turn.action)])
            await _send_whole(self._send, whole)
            return
        tail = self._streamed.failed(read_json(answer.body)) if answer is not None else self._end_mark
        await self._send({"type": "http.response.body", "body": tail, "more_body": False})


async def _send_whole(send: Send, answer: Answer) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    headers = [*answer.headers, length]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive, headers: dict[str, str], most: int) -> bytes:
    """The request's body. Raises MalformedRequest when it is larger than `most` bytes."""
    too_large = MalformedRequest(f"the body is larger than {most} bytes", status=413, code="body_too_large")
    if headers.get("content-length", "").isdigit() and int(headers["content-length"]) > most:
        raise too_large
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            raise too_large
        if not message.get("more_body"):
            return b"".join(pieces)


async def _while_connected(receive: Receive, work: Awaitable[None]) -> None:
    """Runs `work` in the task that asks, and cancels it when the client leaves; then it just returns."""
    serving = asyncio.current_task()
    if serving is None:
        raise RuntimeError("a request is served by a task")
    leaving = asyncio.create_task(_cancelled_at_end(receive, serving))
    try:
        await work
    except asyncio.CancelledError:
        # What else cancels this task, as the server's stop, goes on its way.
        if not leaving.done() or leaving.cancelled() or serving.uncancel() > 0:
            raise
    finally:
        leaving.cancel()
        try:
            await leaving
        except asyncio.CancelledError:
            if serving.cancelling():
                raise


async def _cancelled_at_end(receive: Receive, serving: asyncio.Task[None]) -> None:
    """Cancels `serving` in the very step that learns of the end, so that no cancellation comes behind its own end."""
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - a connection that cannot be read is one that has ended
        log.error("a connection broke: %s", where(error))
    serving.cancel()


def where(error: Exception) -> str:
    """The kind and place of an error, without its message: messages may quote text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
