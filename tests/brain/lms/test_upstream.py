"""The turn's own upstream as an engine: the transcript untouched, errors translated at the border."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dspy import lm15

from brain.lms.upstream import UpstreamEngine
from guards.errors import UpstreamError

TRANSCRIPT = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}], "x-unknown": 1},
    {"role": "tool", "tool_call_id": "c1", "content": "42", "name": "t"},
]
REQUEST = lm15.request_from_openai_chat(
    {"model": "m", "messages": [{"role": "assistant", "content": "old"}, {"role": "system", "content": "again"}]}
)


def test_the_transcript_goes_first_and_untouched() -> None:
    seen: list[Any] = []

    async def complete(messages: list[dict[str, Any]]) -> str:
        seen.extend(messages)
        return "new"

    response = asyncio.run(UpstreamEngine(complete, TRANSCRIPT).complete(REQUEST))
    assert response.message.text == "new"
    assert seen[:2] == TRANSCRIPT
    assert seen[0] is TRANSCRIPT[0]
    assert seen[2:] == [{"role": "assistant", "content": "old"}, {"role": "system", "content": "again"}]


def test_an_upstream_error_keeps_its_status_and_code() -> None:
    async def complete(messages: list[dict[str, Any]]) -> str:
        raise UpstreamError("no route", status=504, code="upstream_timeout")

    with pytest.raises(lm15.ServerError) as caught:
        asyncio.run(UpstreamEngine(complete).complete(REQUEST))
    assert (caught.value.status, caught.value.provider_code) == (504, "upstream_timeout")


def test_a_stream_is_the_whole_answer_in_one_piece() -> None:
    async def complete(messages: list[dict[str, Any]]) -> str:
        return "new"

    async def events() -> list[Any]:
        engine = UpstreamEngine(complete)
        collected = [event async for event in engine.stream(REQUEST)]
        await engine.aclose()
        return collected

    assert [event.delta.text for event in asyncio.run(events()) if event.type == "delta"] == ["new"]
