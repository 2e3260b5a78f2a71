"""Together through its own SDK as an engine, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing
from typing import Any

import pytest
from dspy import lm15

from brain.lms.together import TogetherEngine

REQUEST = lm15.request_from_openai_chat(
    {
        "model": "label",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "secret words"},
            {"role": "system", "content": "g"},
        ],
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["x"],
    }
)


def engine(url: str, timeout: float = 5.0) -> TogetherEngine:
    return TogetherEngine(model="org/m", base_url=url, api_key="k", timeout=timeout)


async def complete(url: str, **options: Any) -> Any:
    made = engine(url, **options)
    try:
        return await made.complete(REQUEST)
    finally:
        await made.aclose()


async def stream(url: str, **options: Any) -> list[Any]:
    made = engine(url, **options)
    try:
        return [event async for event in made.stream(REQUEST)]
    finally:
        await made.aclose()


def test_a_call_sends_the_engine_s_own_model_and_key_and_plain_chat_messages(scripted_server: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: ["hello"]).running() as server:
            response = await complete(server.url)
            [body] = server.bodies
            assert response.message.text == "hello"
            assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)
            assert body["model"] == "org/m"
            assert [message["role"] for message in body["messages"]] == ["system", "user", "system"]
            assert (body["temperature"], body["max_tokens"], body["stop"]) == (0.5, 9, ["x"])
            assert "Bearer k" in server.headers[0]

    asyncio.run(scenario())


def test_a_piece_arrives_before_the_next_one_is_written(scripted_server: Any) -> None:
    async def scenario() -> None:
        read = asyncio.Event()
        async with scripted_server(lambda _: ["one ", read, "two"]).running() as server:
            pieces = []
            made = engine(server.url)
            async for event in made.stream(REQUEST):
                if event.type == "delta":
                    pieces.append(event.delta.text)
                    read.set()
            await made.aclose()
            assert pieces == ["one ", "two"]

    asyncio.run(scenario())


def test_a_stream_ends_with_finish_reason_and_usage(scripted_server: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: ["hello"]).running() as server:
            events = await stream(server.url)
            assert (events[0].type, events[-1].type) == ("start", "end")
            assert (events[-1].finish_reason, events[-1].usage.output_tokens) == ("stop", 2)

    asyncio.run(scenario())


def test_closing_a_stream_hangs_up(scripted_server: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: ["one ", asyncio.Event()]).running() as server:
            made = engine(server.url)
            async with aclosing(made.stream(REQUEST)) as events:
                async for event in events:
                    if event.type == "delta":
                        break
            await asyncio.wait_for(server.hung_up.wait(), 5)
            await made.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("ask", [complete, stream])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, lm15.InvalidRequestError),
        (401, lm15.AuthError),
        (404, lm15.InvalidRequestError),
        (429, lm15.RateLimitError),
        (500, lm15.ServerError),
    ],
)
def test_an_error_status_becomes_an_lm15_error_that_quotes_nothing(
    scripted_server: Any, ask: Any, status: int, kind: Any
) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: status).running() as server:
            with pytest.raises(kind) as caught:
                await ask(server.url)
            assert caught.value.status == status
            assert "canary" not in str(caught.value)
            assert "secret" not in str(caught.value)
            assert caught.value.__cause__ is None

    asyncio.run(scenario())


@pytest.mark.parametrize("ask", [complete, stream])
def test_a_rate_limit_says_how_long_to_wait(scripted_server: Any, ask: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: (429, 2)).running() as server:
            with pytest.raises(lm15.RateLimitError) as caught:
                await ask(server.url)
            assert caught.value.retry_after == 2.0

    asyncio.run(scenario())


@pytest.mark.parametrize("ask", [complete, stream])
def test_a_silent_server_is_a_timeout(scripted_server: Any, ask: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: [asyncio.Event()]).running() as server:
            with pytest.raises(lm15.TimeoutError):
                await ask(server.url, timeout=0.05)

    asyncio.run(scenario())


def test_a_stream_that_breaks_off_is_an_error_not_a_short_reply(scripted_server: Any) -> None:
    async def scenario() -> None:
        async with scripted_server(lambda _: ["one ", None]).running() as server:
            with pytest.raises(lm15.LM15Error):
                await stream(server.url)

    asyncio.run(scenario())


@pytest.mark.parametrize("ask", [complete, stream])
def test_nobody_listening_is_a_transport_error(ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(lm15.TransportError):
        asyncio.run(ask(f"http://127.0.0.1:{port}/v1"))
