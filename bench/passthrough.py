"""The bare pass-through that every ratio refers to: uvicorn, plain ASGI, aiohttp's client, and nothing between them.

It reads the request's JSON once, as whatever looks at a message has to, and passes both ways what comes, when it comes.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import orjson

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_UPSTREAM = os.environ.get("BENCH_UPSTREAM", "http://127.0.0.1:9001")


class PassThrough:
    """The ASGI application."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._pass(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:
            self._session = session
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._session is None:
            raise RuntimeError("served before it was started")
        body = await _body(receive)
        orjson.loads(body)
        headers = {"content-type": "application/json"}
        async with self._session.post(_UPSTREAM + scope["path"], data=body, headers=headers) as reply:
            kind = reply.headers.get("content-type", "")
            if not kind.startswith("text/event-stream"):
                whole = await reply.read()
                await send(_start(reply.status, kind, (b"content-length", str(len(whole)).encode())))
                await send({"type": "http.response.body", "body": whole})
                return
            await send(_start(reply.status, kind))
            async for piece in reply.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def _start(status: int, kind: str, *more: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode()), *more]}


async def _body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


app = PassThrough()
