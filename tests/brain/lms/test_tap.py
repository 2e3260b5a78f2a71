"""A turn's view of an engine: pieces as they come, usage and finish reason noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dspy import lm15

from brain.lms.shapes import answer, delta
from brain.lms.tap import Tap

REQUEST = lm15.request_from_openai_chat({"model": "m", "messages": [{"role": "user", "content": "u"}]})


class Engine:
    def __init__(self, ends: bool = True) -> None:
        self.ends = ends
        self.closed = False

    async def complete(self, request: Any) -> Any:
        return answer(request, "one two", finish="length", usage=lm15.Usage(input_tokens=1, output_tokens=2))

    async def stream(self, request: Any) -> AsyncIterator[Any]:
        try:
            yield lm15.StreamStartEvent()
            yield delta("one ")
            yield delta("two")
            if self.ends:
                yield lm15.StreamEndEvent(finish_reason="length", usage=lm15.Usage(input_tokens=1, output_tokens=2))
        finally:
            self.closed = True


def test_without_listener_the_answer_is_asked_for_whole() -> None:
    tap = Tap(Engine())
    response = asyncio.run(tap.complete(REQUEST))
    assert (response.message.text, tap.finish, tap.usage.output_tokens) == ("one two", "length", 2)


def test_a_listener_hears_each_piece_and_the_answer_is_their_sum() -> None:
    heard: list[str] = []

    async def listen(piece: str) -> None:
        heard.append(piece)

    engine = Engine()
    tap = Tap(engine, listen)
    response = asyncio.run(tap.complete(REQUEST))
    assert heard == ["one ", "two"]
    assert (response.message.text, tap.finish, tap.usage.input_tokens) == ("one two", "length", 1)
    assert engine.closed


def test_a_stream_without_end_is_an_error() -> None:
    async def listen(piece: str) -> None:
        pass

    with pytest.raises(lm15.StreamAssemblyError):
        asyncio.run(Tap(Engine(ends=False), listen).complete(REQUEST))


def test_its_own_stream_is_the_engine_s() -> None:
    async def kinds() -> list[str]:
        return [event.type async for event in Tap(Engine()).stream(REQUEST)]

    assert asyncio.run(kinds()) == ["start", "delta", "delta", "end"]
