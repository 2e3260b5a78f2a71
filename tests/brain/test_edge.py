"""What all routes share: bodies are bounded, work ends with its client, and an error tells no text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import dspy
import pytest
from fastapi import Request

from brain.edge import MAX_BODY_BYTES, ClientGone, body_of, event, failure, unless_gone
from guards.errors import MalformedRequest


def request(messages: Sequence[dict[str, Any]]) -> Request:
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(coming, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_body_in_parts_is_read_whole_and_one_too_large_is_refused() -> None:
    parts = [{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"c"}]
    assert asyncio.run(body_of(request(parts))) == b"abc"
    with pytest.raises(MalformedRequest) as refused:
        asyncio.run(body_of(request([{"type": "http.request", "body": b" " * (MAX_BODY_BYTES + 1)}])))
    assert refused.value.status == 413


def test_work_is_cancelled_when_the_client_hangs_up() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main() -> None:
        with pytest.raises(ClientGone):
            await unless_gone(request([{"type": "http.disconnect"}]), work())

    asyncio.run(main())
    assert ended == [True]


def test_work_that_is_done_gives_its_result() -> None:
    async def main() -> int:
        return await unless_gone(request([]), asyncio.sleep(0, 7))

    assert asyncio.run(main()) == 7


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MalformedRequest("say it better", status=422, code="odd", param="x"), 422, "odd"),
        (dspy.LMTimeoutError("canary"), 504, "lm_timeout"),
        (dspy.LMServerError("canary"), 502, "lm_server"),
        (dspy.AdapterParseError("a", dspy.Signature("a -> b"), "canary"), 502, "empty_reply"),
        (KeyError("canary"), 500, "internal_error"),
    ],
)
def test_every_failure_has_its_status_and_code_and_quotes_nothing(error: Exception, status: int, code: str) -> None:
    told, body = failure(error)
    assert (told, body["error"]["code"]) == (status, code)
    assert "canary" not in str(body)


def test_an_event_is_one_line_of_json_whatever_its_text() -> None:
    assert event({"text": "a\nb ☕"}) == 'data: {"text":"a\\nb ☕"}\n\n'.encode()
