"""Small conversations of the tests' own, and a scripted OpenAI-compatible server on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from brain.conversations import Conversations
from brain.persona_files import PersonaCard
from brain.server import address, listen, serve_app
from brain.service import build_app
from brain.settings import PersonaSettings
from brain.voice import Voice

CARD: dict[str, Any] = {
    "name": "Nora",
    "voice": "Short and warm.",
    "platform": "OnlyFans",
    "conversations": "conversations.json",
    "facts": ["Nora paints boats."],
    "deflections": ["tell me about your day instead"],
}
DATA: dict[str, Any] = {
    "conversations": [
        {
            "id": "a",
            "title": "hello",
            "turns": [
                {"role": "fan", "text": "hey"},
                {"role": "persona", "text": "hey you, paint on my nose again"},
                {"role": "fan", "text": "what's your insta?"},
                {
                    "role": "persona",
                    "text": "all of me is right here",
                    "slip": {"rule": "social_platform", "text": "my insta is @nora.boats"},
                },
            ],
        },
        {
            "id": "b",
            "title": "meeting",
            "turns": [
                {"role": "fan", "text": "come over tonight?"},
                {"role": "persona", "text": "only in your dreams tonight"},
                {"role": "fan", "text": "hey!"},
                {"role": "persona", "text": "there you are, i missed you"},
                {"role": "fan", "text": "do you like coffee"},
                {"role": "persona", "text": "black and far too strong"},
            ],
        },
    ],
}


@pytest.fixture
def data() -> dict[str, Any]:
    return json.loads(json.dumps(DATA))  # type: ignore[no-any-return]


@pytest.fixture
def card() -> dict[str, Any]:
    return json.loads(json.dumps(CARD))  # type: ignore[no-any-return]


@pytest.fixture
def voice(card: dict[str, Any], data: dict[str, Any]) -> Voice:
    return Voice(PersonaCard.model_validate(card), Conversations.model_validate(data).exchanges(), 2)


def write_persona(folder: Path, card: dict[str, Any], file: str = "nora.yaml") -> Path:
    """Writes a persona file a key a line: a JSON value is a YAML value."""
    path = folder / "personas" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in card.items()), encoding="utf-8")
    return path


@pytest.fixture
def write_card() -> Callable[..., Path]:
    return write_persona


@pytest.fixture
def training_data(tmp_path: Path, card: dict[str, Any], data: dict[str, Any]) -> Path:
    (tmp_path / "conversations.json").write_text(json.dumps(data), encoding="utf-8")
    write_persona(tmp_path, card)
    return tmp_path


class ScriptedServer:
    """Speaks just enough HTTP to be a model server. `script(body)` gives the pieces of an answer, an HTTP status to
    fail with (with its retry-after as a tuple), or None to hang up; a piece that is an Event is awaited before the next
    one is sent."""

    def __init__(self, script: Callable[[dict[str, Any]], Any]) -> None:
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.hung_up = asyncio.Event()
        self.gone = asyncio.Semaphore(0)  # released for each client that hung up
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line.split(":")[1]) for line in head.splitlines() if "content-length" in line.lower())
            body = json.loads(await reader.readexactly(length))
            self.headers.append(head)
            self.bodies.append(body)
            await self._answer(self.script(body), body, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()

    async def _answer(
        self, script: Any, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(script, tuple):
            status, wait = script
            writer.write(_head(status, f"application/json\r\nretry-after: {wait}") + b"{}")
        elif isinstance(script, int):
            error = json.dumps({"error": {"message": f"canary {body['messages']}", "type": "x", "code": "x"}})
            writer.write(_head(script, "application/json") + error.encode())
        elif script is not None:
            gone = asyncio.ensure_future(reader.read())
            if body.get("stream"):
                await self._stream(script, writer, gone)
            else:
                await self._whole(script, writer, gone)
            gone.cancel()
        await writer.drain()

    async def _whole(self, script: Any, writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]) -> None:
        for piece in script:
            if isinstance(piece, asyncio.Event) and not await self._waited(piece, gone):
                return
        text = "".join(piece for piece in script if isinstance(piece, str))
        writer.write(_head(200, "application/json") + json.dumps(_completion(text)).encode())

    async def _stream(self, script: Any, writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]) -> None:
        writer.write(_head(200, "text/event-stream"))
        for piece in script:
            if piece is None or (isinstance(piece, asyncio.Event) and not await self._waited(piece, gone)):
                return
            if isinstance(piece, str):
                writer.write(_sse(_chunk({"content": piece})))
                await writer.drain()
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        writer.write(_sse(_chunk({}, "stop")) + _sse({**_chunk({}), "choices": [], "usage": usage}))
        writer.write(b"data: [DONE]\n\n")

    async def _waited(self, event: asyncio.Event, gone: asyncio.Future[bytes]) -> bool:
        """Waits for the event; False when the client hung up first."""
        wait = asyncio.ensure_future(event.wait())
        await asyncio.wait((wait, gone), return_when=asyncio.FIRST_COMPLETED)
        if not wait.done():
            wait.cancel()
            self.hung_up.set()
            self.gone.release()
        return wait.done() and not wait.cancelled() and event.is_set()


def _head(status: int, kind: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode()


def _sse(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def _completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


@pytest.fixture
def scripted_server() -> Callable[[Callable[[dict[str, Any]], Any]], ScriptedServer]:
    return ScriptedServer


Clock = Callable[[], datetime]


@asynccontextmanager
async def persona_service(
    folder: Path, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """The persona service on a real socket, and a client of it; `clock` is its time."""
    options = {"lm": "offline", "offline_delay": 0.0, "offline_slip_rate": 0.0, "demos": 2, **settings}
    app = build_app(PersonaSettings(training_data=folder, **{"data": folder / "data", **options}), clock=clock)
    listener, ready = listen("127.0.0.1", 0), asyncio.Event()
    url = f"{address(listener)}/v1"
    serving = asyncio.create_task(serve_app(app, listener, ready.set))
    await asyncio.wait((serving, asyncio.ensure_future(ready.wait())), return_when=asyncio.FIRST_COMPLETED)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            yield client
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
def service() -> Callable[..., Any]:
    return persona_service


Script = Callable[[dict[str, Any]], Any]


class Room:
    """A persona service before a scripted model, and a fan who talks to it."""

    def __init__(self, client: httpx.AsyncClient, server: Any) -> None:
        self.client = client
        self.server = server

    @property
    def asked(self) -> list[dict[str, str]]:
        """The messages that the model got last."""
        return list(self.server.bodies[-1]["messages"])

    @property
    def system(self) -> str:
        """The system message that the model got last."""
        return self.asked[0]["content"]

    async def post(self, *said: str | dict[str, str], turn: str | None = None, **body: Any) -> httpx.Response:
        """One request; a plain text is the fan's."""
        messages = [{"role": "user", "content": each} if isinstance(each, str) else each for each in said]
        headers = {"x-chaperone-turn": turn} if turn else {}
        body = {"model": "nora", "messages": messages, **body}
        return await self.client.post("/chat/completions", json=body, headers=headers)

    async def say(self, *said: str | dict[str, str], id: str | None = "c", **more: Any) -> str:
        """The reply to a turn of the conversation `id`."""
        named = {"metadata": {"conversation_id": id}} if id else {}
        response = await self.post(*said, **{**named, **more})
        assert response.status_code == 200, response.text
        text: str = response.json()["choices"][0]["message"]["content"]
        return text

    async def stream(self, text: str, id: str = "c", **headers: str) -> str:
        """The reply to a streamed turn."""
        body = {"model": "nora", "messages": [{"role": "user", "content": text}], "stream": True}
        async with self.client.stream(
            "POST", "/chat/completions", json=body, headers={"x-conversation-id": id, **headers}
        ) as response:
            lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
        assert lines[-1] == "[DONE]"
        return "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines[:-1])

    async def known(self, id: str = "c") -> dict[str, Any]:
        """What the service shows of a conversation."""
        shown: dict[str, Any] = (await self.client.get(f"/conversations/{id}")).json()
        return shown


Scenario = Callable[[Room], Awaitable[None]]


@pytest.fixture
def play(training_data: Path, scripted_server: Any, service: Any) -> Callable[..., None]:
    """Plays a scenario before a model that answers by `script`; `again` is played after a restart of the service."""

    def run(
        scenario: Scenario, script: Script = lambda _: ["a reply"], again: Scenario | None = None, **more: Any
    ) -> None:
        async def main() -> None:
            async with AsyncExitStack() as stack:
                server = await stack.enter_async_context(scripted_server(script).running())
                settings = {"lm": "openai/m", "lm_base_url": server.url, "lm_api_key": "k", **more}
                for each in filter(None, (scenario, again)):
                    async with service(training_data, **settings) as client:
                        await each(Room(client, server))

        asyncio.run(main())

    return run
