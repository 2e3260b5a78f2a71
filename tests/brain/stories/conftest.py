"""The persona service with stories of the tests' own, over a real socket, before a scripted model or offline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from brain.serve import serve
from brain.settings import PersonaSettings
from brain.stories.samples import Samples, SampleStory

STORY: dict[str, Any] = {
    "id": "t1",
    "title": "the boat",
    "theme": "a boat that paints itself",
    "arc": ["{theme}", "it rains paint", "everyone is blue"],
    "characters": [{"name": "Ole", "description": "a fisherman"}],
    "beats": [
        {
            "beat": "Ole finds a boat",
            "prose": "so ole finds a boat.",
            "asides": ["{who} blinked.", "it was a tuesday."],
        },
        {"beat": "the boat sings", "prose": "and the boat sings.", "asides": ["nobody asked it to."]},
        {"beat": "they sail home", "prose": "home they sail.", "asides": ["and that was that."]},
    ],
}
Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


@pytest.fixture
def samples() -> Samples:
    return Samples([SampleStory.model_validate(STORY)])


@pytest.fixture
def with_stories(training_data: Path) -> Path:
    (training_data / "stories").mkdir()
    (training_data / "stories" / "t1.json").write_text(json.dumps(STORY), encoding="utf-8")
    return training_data


@asynccontextmanager
async def running(training_data: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    options = {"lm": "offline", "offline_delay": 0.0, **settings}
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made = PersonaSettings(training_data=training_data, persona_port=0, **options)
    task = asyncio.create_task(serve(made, ready=url.set_result))
    await asyncio.wait((task, url), return_when=asyncio.FIRST_COMPLETED)
    try:
        async with httpx.AsyncClient(base_url=await url, timeout=10) as client:
            yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def play(with_stories: Path) -> Callable[..., None]:
    """play(scenario) runs it against the offline service; play(scenario, server) against a scripted model."""

    def played(scenario: Scenario, server: Any = None, **settings: Any) -> None:
        async def main() -> None:
            if server is None:
                async with running(with_stories, **settings) as client:
                    return await scenario(client)
            options = {"lm": "acme/m", "lm_base_url": "", **settings}
            async with server.running(), running(with_stories, **{**options, "lm_base_url": server.url}) as client:
                await scenario(client)

        asyncio.run(main())

    return played


@pytest.fixture
def events() -> Callable[..., Awaitable[list[Any]]]:
    """await events(client, "/stories", body) gives the data of a stream's events."""

    async def heard(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[Any]:
        async with client.stream("POST", path, json={**body, "stream": True}) as response:
            assert response.status_code == 200
            lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    return heard
