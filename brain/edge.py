"""What every route of the persona service shares: bodies in, errors out, events, and a client that may hang up.

It stands apart so that routes of different kinds need not know each other. It logs no message text, and no failure of a
language model reaches a client as anything but an OpenAI error object.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from typing import TypeVar

import dspy
from fastapi import Request

from brain.chat import Json, error_body
from brain.lms.errors import FAILURES, kind_of
from guards.errors import MalformedRequest

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 8 * 1024 * 1024

_T = TypeVar("_T")


class ClientGone(Exception):
    """The client hung up before there was anything to send."""


def failure(error: Exception) -> tuple[int, Json]:
    """Status and OpenAI error object for an error; logged by kind, never with its text."""
    if isinstance(error, MalformedRequest):
        return error.status, error_body(str(error), kind="invalid_request_error", code=error.code, param=error.param)
    if not isinstance(error, FAILURES):
        logger.error("a turn failed with %s", type(error).__name__)
        return 500, error_body("the persona service failed", kind="server_error", code="internal_error")
    kind = kind_of(error)
    code = "empty_reply" if kind == "empty" else f"lm_{kind}"
    logger.warning("the language model failed: %s", code)
    status = 504 if isinstance(error, dspy.LMTimeoutError) else 502
    return status, error_body(f"the language model failed: {code}", kind="server_error", code=code)


def event(body: Json) -> bytes:
    """One server-sent event whose data is `body`."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


async def body_of(request: Request) -> bytes:
    """The request's body. Raises MalformedRequest when it is larger than MAX_BODY_BYTES."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise MalformedRequest("the body is too large", status=413, code="body_too_large")
    return bytes(body)


async def unless_gone(request: Request, work: Awaitable[_T]) -> _T:
    """The result of `work`, which is cancelled when the client hangs up first. Raises ClientGone then."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
