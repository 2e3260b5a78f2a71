"""The persona service with a clock of the test's own, before a guard and a receiver of webhooks on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brain.memory.memory import Memory
from brain.memory.sqlite import SqliteStore
from brain.memory.types import DEFAULT_TENANT, ConversationKey, Recollection
from brain.server import address, listen, serve_app
from brain.service import build_app
from brain.settings import PersonaSettings
from guards.types import Message

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
LINES = ["the boats miss you", "paint on my nose, come and see"]
SILENCE = {"after": 48, "lines": LINES}


@dataclass
class Clock:
    """The time of a test, in UTC."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        """Lets time pass, as timedelta takes it."""
        self.now += timedelta(**time)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The URL of an app while it is served on a real socket."""
    listener, ready = listen("127.0.0.1", 0), asyncio.Event()
    url = address(listener)
    serving = asyncio.create_task(serve_app(app, listener, ready.set))
    started = asyncio.create_task(ready.wait())
    await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield url
    finally:
        started.cancel()
        serving.cancel()
        await asyncio.gather(serving, started, return_exceptions=True)


@dataclass
class ScriptedGuard:
    """Answers /v1/moderations. Texts that hold a word of `flags` are flagged, of `unsure` undecided; `status` other
    than 200 fails. `judged` are the bodies it was sent, but for probes."""

    flags: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    status: int = 200
    judged: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    async def _moderate(self, request: Request) -> Response:
        body = await request.json()
        if body["input"] != "hello":
            self.judged.append(body)
            self.before()
        if self.status != 200:
            return JSONResponse({}, self.status)
        flagged, undecided = (any(word in body["input"] for word in words) for words in (self.flags, self.unsure))
        return JSONResponse({"results": [{"flagged": flagged, "undecided": undecided}]})

    @property
    def app(self) -> Starlette:
        app = Starlette()
        app.add_route("/v1/moderations", self._moderate, methods=["POST"])
        return app


@dataclass
class Receiver:
    """Takes webhooks, or answers with `status`; `got` are the requests it was sent, as headers and body."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def _take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        if self.meanwhile:
            await self.meanwhile()
        return Response(status_code=self.status)

    @property
    def app(self) -> Starlette:
        app = Starlette()
        app.add_route("/hook", self._take, methods=["POST"])
        return app


@dataclass
class World:
    """A test's whole world. `memory` is another process's view of the store that the service has."""

    folder: Path
    write: Callable[..., Path]
    card: dict[str, Any]
    clock: Clock = field(default_factory=Clock)
    guard: ScriptedGuard = field(default_factory=ScriptedGuard)
    receiver: Receiver = field(default_factory=Receiver)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    guard_url: str = ""
    hook: str = ""
    memory: Memory = field(init=False)

    def serve(self, app: Any) -> AbstractAsyncContextManager[str]:
        """The URL of an app while it is served."""
        return served(app)

    def settings(self, **given: Any) -> PersonaSettings:
        """Settings of a service in this world."""
        options = {"lm": "offline", "offline_delay": 0.0, "demos": 2, "guard_url": self.guard_url, **given}
        return PersonaSettings(training_data=self.folder, data=self.folder / "data", persona_port=0, **options)

    async def service(self, **given: Any) -> httpx.AsyncClient:
        """A client of a service that runs to the end of the test."""
        url = await self.stack.enter_async_context(served(build_app(self.settings(**given), clock=self.clock)))
        return await self.stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=10))

    async def talk(self, id: str = "c", text: str = "hey, my dog is called Biscuit", **more: Any) -> None:
        """One turn of a conversation, at the time of the clock."""
        key, turn = self.key(id, more.pop("persona", "nora")), self.memory.new_turn()
        flags = more.pop("flags", ())
        await self.memory.begin(key, turn, [Message("user", text)], **more)
        await self.memory.answer(key, turn, "hey you", flags=flags)

    def key(self, id: str, persona: str = "nora") -> ConversationKey:
        """The key of a conversation."""
        return ConversationKey(DEFAULT_TENANT, persona, id)

    async def said(self, id: str = "c") -> list[str]:
        """The persona's lines of a conversation."""
        known: Recollection | None = await self.memory.recollect(self.key(id))
        return [line.text for line in known.lines if line.role == "assistant"] if known else []


Scenario = Callable[[World], Awaitable[None]]


@pytest.fixture
def world(training_data: Path, write_card: Callable[..., Path], card: dict[str, Any]) -> World:
    made = World(training_data, write_card, {**card, "silence": SILENCE})
    write_card(training_data, made.card)
    return made


@pytest.fixture
def play(world: World) -> Callable[[Scenario], None]:
    """Runs `scenario(world)`, guard and receiver up, 49 hours after the fan of conversation `c` was last heard of."""

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            store = SqliteStore(world.folder / "data" / "memory.sqlite3")
            world.memory = Memory(store, now=world.clock, budget=1500, kept_for=timedelta(days=365))
            async with world.stack:
                world.guard_url = await world.stack.enter_async_context(served(world.guard.app)) + "/v1"
                world.hook = await world.stack.enter_async_context(served(world.receiver.app)) + "/hook"
                await world.talk()
                world.clock.pass_by(hours=49)
                await scenario(world)
            await world.memory.aclose()

        asyncio.run(main())

    return run
