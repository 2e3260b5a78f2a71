"""`/ws/chat`: a conversation over a WebSocket, each of its messages one guarded turn.

It stands in front of the guarded route and asks it as an HTTP client would, so that there is no second way to a model:
this module knows frames and chunks, and nothing of rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guards.errors import MalformedRequest, UpstreamError
from proxy import answers
from proxy.answers import Answer, error_body
from proxy.bubbles import Bubbles
from proxy.headers import ACTION, CONVERSATION, TURN, decoded
from proxy.routes import where
from proxy.sse import DONE, EventReader
from proxy.wire import Json, read_json, read_reply, write_json

PATH = "/ws/chat"
ANY_ORIGIN = "*"
_TURNS = "/v1/chat/completions"
_MODEL = "persona"
_MOST_MESSAGES = 200  # that a conversation carries along; who keeps conversations by their id knows the older ones
_MOST_CHARACTERS = 256 * 1024  # of all of them together
_LONGEST_NAME = 256
_ABOUT = ("user_id", "time_zone")  # what a connection may say of its fan
_OF_THE_HANDSHAKE = ("sec-websocket-", "origin", "content-type", "content-length", CONVERSATION)

log = logging.getLogger("chaperone.proxy")


class ChatSockets:
    """The WebSockets of one process over `guarded`. `origins` may open one beside our own pages ("*" for any), at most
    `most` are open at once."""

    def __init__(self, guarded: ASGIApp, *, origins: Collection[str], most: int, new_id: Callable[[], str]) -> None:
        self._guarded = guarded
        self._origins = frozenset(origins)
        self._most = most
        self._new_id = new_id
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection to its end."""
        await receive()
        headers = decoded(scope["headers"])
        asked = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        asked = {"conversation": headers.get(CONVERSATION) or self._new_id(), "model": _MODEL, **asked}
        try:
            self._admit(scope["path"], headers)
            chat = _Chat(
                self._guarded,
                scope,
                send,
                conversation=_named(asked, "conversation"),
                model=_named(asked, "model"),
                about={name: _named(asked, name) for name in _ABOUT if name in asked},
            )
        except MalformedRequest as error:
            return await _refuse(send, answers.malformed(error))
        await send({"type": "websocket.accept"})
        self._open += 1
        try:
            await chat.run(receive)
        finally:
            self._open -= 1

    def _admit(self, path: str, headers: dict[str, str]) -> None:
        """Raises MalformedRequest for a connection that may not be opened."""
        if path != PATH:
            raise MalformedRequest(f"no WebSocket is served here; use {PATH}", status=404, code="unknown_url")
        if self._open >= self._most:
            told = "all places for connections are taken: try again in a second"
            raise MalformedRequest(told, status=503, code="overloaded")
        origin = headers.get("origin")
        if origin is None or ANY_ORIGIN in self._origins or origin in self._origins:
            return
        if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            told = "pages of this origin may not open it: an operator allows them with --ws-origins"
            raise MalformedRequest(told, status=403, code="origin_not_allowed")


class _Chat:
    """One connection: its conversation, and at most one turn at a time."""

    def __init__(
        self, guarded: ASGIApp, scope: Scope, send: Send, *, conversation: str, model: str, about: dict[str, str]
    ) -> None:
        self._guarded = guarded
        self._scope = scope
        self._send = send
        self._conversation = conversation
        self._model = model
        self._about = about
        self._transcript: list[dict[str, str]] = []
        self._serving: asyncio.Task[None] | None = None

    async def run(self, receive: Receive) -> None:
        """Hears frames until the client leaves; a turn that is still open is cancelled then."""
        try:
            while (event := await receive())["type"] != "websocket.disconnect":
                try:
                    await self._hear(event)
                except MalformedRequest as error:
                    told = error_body(str(error), "invalid_request_error", error.code, error.param)
                    await self._frame(type="error", **told)
        except OSError:
            pass  # it left while it was being told something
        finally:
            if self._serving is not None:
                self._serving.cancel()
                await asyncio.gather(self._serving, return_exceptions=True)

    async def _hear(self, event: Message) -> None:
        """One frame. Raises MalformedRequest."""
        frame = read_json((event.get("text") or "").encode("utf-8", "replace"))
        if frame.get("type") == "ping":
            return await self._frame(type="pong")
        if frame.get("type") != "message":
            raise MalformedRequest('type must be "message" or "ping"', param="type")
        text = frame.get("text")
        if not isinstance(text, str) or not text.strip():
            raise MalformedRequest("text must be a string that says something", param="text")
        named = {"model": self._model, "conversation": self._conversation, **frame}
        model, conversation = _named(named, "model"), _named(named, "conversation")
        if self._serving is not None and not self._serving.done():
            told = "the turn before it is still being answered: wait for its done or error"
            raise MalformedRequest(told, code="turn_in_progress")
        if conversation != self._conversation:
            self._transcript = []
        self._model, self._conversation = model, conversation
        self._serving = asyncio.create_task(self._turn(text))

    async def _turn(self, text: str) -> None:
        """One guarded turn, told in frames; nothing leaves it but cancellation."""
        messages = _latest([*self._transcript, {"role": "user", "content": text}])
        turn = _GuardedTurn(self._frame)
        try:
            told = {"metadata": self._about} if self._about else {}
            body = write_json({"model": self._model, "messages": messages, "stream": True, **told})
            await self._guarded(_as_http(self._scope, self._conversation), _sent(body), turn.take)
            if turn.error is None:
                self._transcript = [*messages, {"role": "assistant", "content": turn.said}]
                await self._frame(type="done", **turn.names(), conversation=self._conversation, model=self._model)
            else:
                await self._frame(type="error", error=turn.error)
        except OSError:
            pass  # the client is gone
        except Exception as error:  # noqa: BLE001 - the outermost edge: the socket stays open and says so
            log.error("a turn over a socket failed: %s", where(error))
            await self._frame(type="error", **read_json(answers.internal().body))

    async def _frame(self, **frame: Any) -> None:
        await self._send({"type": "websocket.send", "text": write_json(frame).decode()})


class _GuardedTurn:
    """What the guarded route answers, read as it comes and told as frames."""

    def __init__(self, frame: Callable[..., Any]) -> None:
        self.error: Json | None = None
        self._frame = frame
        self._status = 0
        self._headers: dict[str, str] = {}
        self._events = EventReader()
        self._bubbles = Bubbles()
        self._said: list[str] = []
        self._whole: list[bytes] = []

    @property
    def said(self) -> str:
        """The reply as it came."""
        return "".join(self._said)

    def names(self) -> dict[str, str]:
        """The turn's id and what was done to its input."""
        return {"turn": self._headers.get(TURN, ""), "action": self._headers.get(ACTION, "")}

    async def take(self, message: Message) -> None:
        """One event of the answer."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], decoded(message["headers"])
        elif self._status == 200:
            for data in self._events.feed(message.get("body", b"")):
                await self._chunk(data)
        else:
            self._whole.append(message.get("body", b""))
            if not message.get("more_body"):
                self.error = _error_in(b"".join(self._whole), self._status)

    async def _chunk(self, data: str) -> None:
        if data == DONE:
            return
        chunk = read_reply(data)
        if "error" in chunk:
            self.error = chunk["error"]
        for choice in chunk.get("choices") or ():
            text = (choice.get("delta") or {}).get("content")
            if isinstance(text, str) and text:
                self._said.append(text)
                for piece in self._bubbles.feed(text):
                    await (self._frame(type="break") if piece is None else self._frame(type="delta", text=piece))


def _named(fields: Json, field: str) -> str:
    """A name that travels in a header or a body. Raises MalformedRequest."""
    name = fields[field]
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not (name.isascii() and name.isprintable()):
        raise MalformedRequest(f"{field} must be 1 to {_LONGEST_NAME} plain ASCII characters", param=field)
    return name


def _latest(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The last messages that a conversation carries along, the new one always."""
    kept: list[dict[str, str]] = []
    size = 0
    for message in reversed(messages[-_MOST_MESSAGES:]):
        size += len(message["content"])
        if kept and size > _MOST_CHARACTERS:
            break
        kept.append(message)
    return kept[::-1]


def _as_http(scope: Scope, conversation: str) -> Scope:
    """The scope of the POST that a turn is; what came with the handshake comes with each of its turns."""
    kept = [
        (name, value) for name, value in scope["headers"] if not name.decode("latin-1").startswith(_OF_THE_HANDSHAKE)
    ]
    named = (CONVERSATION.encode(), conversation.encode())
    return {
        **{key: scope[key] for key in ("asgi", "http_version", "client", "server", "root_path") if key in scope},
        "type": "http", "method": "POST", "scheme": "http", "path": _TURNS, "raw_path": _TURNS.encode(),
        "query_string": b"", "headers": [*kept, (b"content-type", b"application/json"), named],
    }  # fmt: skip


def _sent(body: bytes) -> Receive:
    """A client that sends `body` and then waits for its answer: when it leaves, its turn is cancelled from outside."""
    events: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not events:
            await asyncio.Event().wait()
        return events.pop()

    return receive


def _error_in(body: bytes, status: int) -> Json:
    """The error object of an answer, or one that says as much as is known."""
    try:
        error = read_reply(body).get("error")
    except UpstreamError:
        error = None
    if isinstance(error, dict):
        return error
    told: Json = error_body(f"the upstream answered {status}", "api_error", "upstream_error")["error"]
    return told


async def _refuse(send: Send, answer: Answer) -> None:
    """An HTTP answer instead of the handshake."""
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
