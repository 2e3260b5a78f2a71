"""A persona and the proxy before it, served in this process for an evaluation: the same turns put to both.

It stands apart because it runs the whole way of a turn over real sockets, as `chaperone up` does: what is measured is
what a fan would get, not a part of it. What is written on the way is gone with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from brain.conversations import Conversations
from brain.embedding import Embed
from brain.labelled import FILE_NAME as OTHERS
from brain.persona_files import FOLDER, PersonaData
from brain.server import address, listen, serve_app
from brain.service import build_app
from brain.settings import PersonaSettings
from brain.stories.samples import FOLDER as STORIES
from guards.guard import Guard
from guards.types import Transcript
from proxy.app import build
from proxy.headers import ACTION
from proxy.settings import ProxySettings

# Turns asked at once.
AT_ONCE = 4
# Seconds for one turn with its repairs.
TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class Got:
    """What came back for one turn: the text, and what the proxy says it did; `text` is None where it failed."""

    text: str | None = field(repr=False)
    action: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where turns are put: base URLs of the persona alone and of the proxy before it, and the proxy's own guard."""

    persona: str
    proxy: str
    guard: Guard = field(repr=False)


@contextlib.asynccontextmanager
async def staged(
    settings: PersonaSettings, rules: Path, persona: PersonaData, shown: Conversations, meaning: Embed | None = None
) -> AsyncIterator[Stage]:
    """Serves `persona` with the conversations `shown` alone, and a proxy with `rules` before it, until the block ends.

    A language model that fails is a failure here and no line in the persona's voice. Raises what the two raise where
    they cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="chaperone-") as folder:
        own = _alone(Path(folder), settings, persona, shown)
        async with _served(build_app(own, meaning=meaning)) as inner:
            front = ProxySettings(upstream=f"{inner}/v1", data=own.data, rules=rules)
            app = build(front, own)
            async with _served(app) as outer:
                yield Stage(inner, outer, app.services.policies.guard)


async def replies(url: str, model: str, transcripts: Sequence[Transcript]) -> list[Got]:
    """What is answered at base `url` to each transcript, in their order."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def asked(client: httpx.AsyncClient, transcript: Transcript) -> Got:
        messages = [{"role": each.role, "content": each.text} for each in transcript]
        async with slots:
            try:
                response = await client.post("/v1/chat/completions", json={"model": model, "messages": messages})
            except httpx.HTTPError:
                return Got(None)
        return _got(response)

    async with (
        httpx.AsyncClient(base_url=url, timeout=TIMEOUT, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(asked(client, each)) for each in transcripts]
    return [task.result() for task in tasks]


def _got(response: httpx.Response) -> Got:
    action = response.headers.get(ACTION, "")
    if not response.is_success:
        return Got(None, action)
    return Got(response.json()["choices"][0]["message"]["content"] or "", action)


def _alone(folder: Path, settings: PersonaSettings, persona: PersonaData, shown: Conversations) -> PersonaSettings:
    """`settings` over a copy of the training data in `folder` that holds this persona and what it may be shown."""
    training, data = folder / "training_data", folder / "data"
    (training / FOLDER).mkdir(parents=True)
    data.mkdir()
    file = persona.document.file
    shutil.copyfile(settings.training_data / file, training / file)
    samples = training / persona.card.conversations
    samples.parent.mkdir(parents=True, exist_ok=True)
    samples.write_text(shown.model_dump_json(exclude_none=True), encoding="utf-8")
    for each in (OTHERS, STORIES):
        if (there := settings.training_data.resolve() / each).exists():
            (training / each).symlink_to(there)
    for program in settings.data.glob("*.json"):
        shutil.copyfile(program, data / program.name)
    return settings.model_copy(
        update={
            "training_data": training, "data": data, "default_persona": persona.card.model_id,
            "memory": "", "proactive_webhook": "", "on_lm_failure": "error",
        }
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    """`app` on a free port of this machine, until the block ends."""
    listener = listen("127.0.0.1", 0)
    url, ready = address(listener), asyncio.Event()
    serving = asyncio.create_task(serve_app(app, listener, ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        yield url
    finally:
        waiting.cancel()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
