"""What is remembered, shown, corrected and erased over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette

from brain.memory.choice import open_memory
from brain.memory.memory import Memory
from brain.memory.sqlite import SqliteStore
from brain.memory.types import DEFAULT_TENANT, ConversationKey
from brain.memory_routes import MemoryRoutes
from brain.server import address, listen, serve_app
from brain.service import build_app
from brain.settings import PersonaSettings
from guards.errors import MalformedRequest
from guards.types import Message

NOW = datetime(2026, 11, 26, 20, 30, tzinfo=UTC)
Scenario = Callable[[httpx.AsyncClient, Memory], Awaitable[None]]


def persona_of(name: str | None) -> str:
    if name not in (None, "mila", "nora"):
        raise MalformedRequest("there is no such model here", status=404, code="model_not_found", param="model")
    return name or "mila"


@contextlib.asynccontextmanager
async def running(store: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Memory]]:
    memory = Memory(SqliteStore(store), now=lambda: NOW, budget=1500, kept_for=timedelta(days=1))
    listener, ready = listen("127.0.0.1", 0), asyncio.Event()
    app = Starlette()
    MemoryRoutes(memory, persona_of, lambda _: NOW).mount(app)
    url = address(listener)
    serving = asyncio.create_task(serve_app(app, listener, ready.set))
    await ready.wait()
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            yield client, memory
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await memory.aclose()


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    def run(scenario: Scenario, store: str = "memory.sqlite3") -> None:
        async def main() -> None:
            async with running(tmp_path / store) as (client, memory):
                await scenario(client, memory)

        asyncio.run(main())

    return run


async def talk(memory: Memory, id: str = "c", text: str = "my dogs called biscuit", **more: Any) -> None:
    key = ConversationKey(DEFAULT_TENANT, more.pop("persona", "mila"), id)
    await memory.begin(key, "t1", [Message("user", text)], **more)
    await memory.answer(key, "t1", "good boy", feeling=0.5, stage="ice-breaker")


def test_a_conversation_is_shown(play: Any) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory, user="u")
        response = await client.get("/v1/conversations/c")
        assert response.status_code == 200
        told = response.json()
        assert "20:30 on Thursday" in told.pop("situation")[0]
        assert told == {
            "id": "c", "model": "mila", "user": "u", "messages": 2, "stage": "ice-breaker", "emotion": 0.5,
            "summary": "",
            "facts": [{"text": "their dog is called Biscuit", "turn": "t1"}], "flags": [],
            "first_at": "2026-11-26T20:30:00+00:00", "last_at": "2026-11-26T20:30:00+00:00",
        }  # fmt: skip

    play(scenario)


def test_the_hour_where_the_fan_is_is_shown_too(play: Any) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory, zone="Asia/Tokyo")
        situation = " ".join((await client.get("/v1/conversations/c")).json()["situation"])
        assert "20:30 on Thursday" in situation
        assert "05:30 on Friday" in situation

    play(scenario)


def test_a_conversation_is_erased_and_is_unknown_then(play: Any, tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory)
        assert (await client.delete("/v1/conversations/c")).json() == {"id": "c", "deleted": True}
        for response in (await client.get("/v1/conversations/c"), await client.delete("/v1/conversations/c")):
            assert (response.status_code, response.json()["error"]["code"]) == (404, "conversation_not_found")
        assert not any(b"iscuit" in path.read_bytes() for path in tmp_path.glob("memory*"))

    play(scenario)


def test_a_user_is_erased_with_every_persona_or_with_one(play: Any) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        for persona in ("mila", "nora"):
            for id in ("1", "2"):
                await talk(memory, id, persona=persona, user="u&%/")
        one = await client.delete("/v1/conversations", params={"user": "u&%/", "model": "nora"})
        assert one.json() == {"user": "u&%/", "deleted": 2}
        every = await client.delete("/v1/conversations", params={"user": "u&%/"})
        assert every.json() == {"user": "u&%/", "deleted": 2}

    play(scenario)


def test_the_model_chooses_the_persona(play: Any) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory, persona="nora")
        assert (await client.get("/v1/conversations/c")).status_code == 404
        assert (await client.get("/v1/conversations/c?model=nora")).json()["model"] == "nora"
        assert (await client.get("/v1/conversations/c?model=x")).json()["error"]["code"] == "model_not_found"
        body = {"reply": "seen", "model": "nora"}
        assert (await client.put("/v1/conversations/c/turns/t1", json=body)).status_code == 200

    play(scenario)


def test_the_text_the_fan_saw_is_put_in_place_of_the_reply(play: Any) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory)
        response = await client.put("/v1/conversations/c/turns/t1", json={"reply": "seen"})
        assert response.json() == {"id": "c", "turn": "t1", "corrected": True}
        known = await memory.recollect(ConversationKey(DEFAULT_TENANT, "mila", "c"))
        assert known is not None
        assert [line.text for line in known.lines] == ["my dogs called biscuit", "seen"]
        assert known.messages == 2

    play(scenario)


@pytest.mark.parametrize(
    "id", ["a/b", "a/turns/b", "%", "%2F", "..", "../..", "é", "日本 🐕", "?user=u", "#", "a b", "c'--"]
)
def test_an_id_may_hold_any_character(play: Any, id: str) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory, id)
        await talk(memory, "other")
        path = f"/v1/conversations/{quote(id, safe='')}".replace("..", "%2E%2E")
        assert (await client.get(path)).json()["id"] == id
        assert (await client.put(f"{path}/turns/t1", json={"reply": "x"})).status_code == 200
        assert (await client.delete(path)).json() == {"id": id, "deleted": True}
        assert (await client.get("/v1/conversations/other")).status_code == 200

    play(scenario)


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/v1/conversations/nobody", b"", 404, "conversation_not_found"),
        ("GET", "/v1/conversations/" + "x" * 10_000, b"", 400, "invalid_id"),
        ("GET", "/v1/conversations/%FF", b"", 400, "invalid_id"),
        ("GET", "/v1/conversations/", b"", 400, "invalid_id"),
        ("GET", "/v1/conversations/c/turns/t1", b"", 404, "not_found"),
        ("PUT", "/v1/conversations/c", b"{}", 404, "not_found"),
        ("DELETE", "/v1/conversations", b"", 400, "invalid_request"),
        ("DELETE", "/v1/conversations?user=" + "x" * 10_000, b"", 400, "invalid_id"),
        ("PUT", "/v1/conversations/c/turns/t9", b'{"reply": "x"}', 404, "turn_not_found"),
        ("PUT", "/v1/conversations/c/turns/t1", b'{"reply": 1}', 400, "invalid_request"),
        ("PUT", "/v1/conversations/c/turns/t1", b'{"reply": "x", "model": 1}', 400, "invalid_request"),
        ("PUT", "/v1/conversations/c/turns/t1", b"[]", 400, "invalid_request"),
        ("PUT", "/v1/conversations/c/turns/t1", b"{", 400, "invalid_json"),
        ("PUT", "/v1/conversations/c/turns/t1", b"[" * 100_000, 400, "invalid_json"),
        ("PUT", "/v1/conversations/c/turns/t1", b" " * 1_100_000, 413, "body_too_large"),
    ],
)  # fmt: skip
def test_every_refusal_is_an_openai_error(
    play: Any, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory)
        response = await client.request(method, path, content=content)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}

    play(scenario)


def test_a_memory_that_is_down_is_a_503_that_says_so_and_quotes_nothing(
    play: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")

    async def scenario(client: httpx.AsyncClient, _: Memory) -> None:
        put = await client.put("/v1/conversations/c/turns/t1", json={"reply": "hush-hush"})
        for response in (put, await client.get("/v1/conversations/c"), await client.delete("/v1/conversations?user=u")):
            assert (response.status_code, response.json()["error"]["code"]) == (503, "memory_down")
            assert "hush" not in response.text

    with caplog.at_level(logging.DEBUG):
        play(scenario, store="file/memory.sqlite3")
    assert "hush" not in caplog.text
    assert "memory cannot be" in caplog.text


def test_the_service_remembers_under_the_personas_it_serves(training_data: Path) -> None:
    async def main() -> None:
        settings = PersonaSettings(training_data=training_data, data=training_data / "data", lm="offline")
        app = build_app(settings)
        memory = open_memory(settings)
        listener, ready = listen("127.0.0.1", 0), asyncio.Event()
        url = address(listener)
        serving = asyncio.create_task(serve_app(app, listener, ready.set))
        await ready.wait()
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10) as client:
                await talk(memory, persona="nora")
                for query in ("", "?model=persona", "?model=Nora"):
                    assert (await client.get(f"/v1/conversations/c{query}")).json()["model"] == "nora"
                unknown = await client.get("/v1/conversations/c?model=nobody")
                assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
                assert (await client.delete("/v1/conversations/c")).json()["deleted"] is True
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await memory.aclose()

    asyncio.run(main())


def test_flags_are_added_to_a_conversation_and_stay(play: Callable[..., None]) -> None:
    async def scenario(client: httpx.AsyncClient, memory: Memory) -> None:
        await talk(memory)
        for flags in (["underage"], ["left_alone", "underage"]):
            reply = await client.put("/v1/conversations/c/flags", json={"flags": flags})
            assert reply.status_code == 200
        assert reply.json() == {"id": "c", "flags": ["underage", "left_alone"]}
        await talk(memory, text="i like tea")
        assert (await client.get("/v1/conversations/c")).json()["flags"] == ["underage", "left_alone"]
        assert (await client.put("/v1/conversations/none/flags", json={"flags": ["x"]})).status_code == 404
        for wrong in (
            {},
            {"flags": []},
            {"flags": "x"},
            {"flags": [5]},
            {"flags": ["two words"]},
            {"flags": ["x"] * 17},
        ):
            assert (await client.put("/v1/conversations/c/flags", json=wrong)).status_code == 400

    play(scenario)
