"""The cast in force: an edit takes effect whole, or is refused whole and said so."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from brain.cast import Cast, Casting
from brain.persona_store import PersonaStore
from brain.serve import serve
from brain.settings import PersonaSettings

WriteCard = Callable[..., Path]


def store_of(folder: Path) -> PersonaStore:
    settings = PersonaSettings(training_data=folder, lm="offline", default_persona="nora")
    return PersonaStore(folder, Casting(settings, lambda: pytest.fail("no clock is needed")))


def reloaded(store: PersonaStore) -> bool:
    return asyncio.run(store.reload())


def test_a_changed_persona_is_in_force_and_built(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    store = store_of(training_data)
    write_card(training_data, {**card, "voice": "Loud."})
    assert reloaded(store)
    assert store.cast.default.card.voice == "Loud."
    assert store.cast.default.voice.is_ready


def test_personas_come_and_go(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    store = store_of(training_data)
    path = write_card(training_data, {**card, "name": "Ada"}, "ada.yaml")
    assert reloaded(store)
    assert list(store.cast.members) == ["ada", "nora"]
    path.unlink()
    assert reloaded(store)
    assert list(store.cast.members) == ["nora"]


def test_changed_conversations_are_spoken_from(training_data: Path, data: dict[str, Any]) -> None:
    store = store_of(training_data)
    data["conversations"] = data["conversations"][:1]
    (training_data / "conversations.json").write_text(json.dumps(data), encoding="utf-8")
    assert reloaded(store)
    assert len(store.cast.default.voice.exchanges) == 2


def test_a_broken_edit_is_refused_whole_and_said_without_its_text(
    training_data: Path, card: dict[str, Any], write_card: WriteCard, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of(training_data)
    before = store.cast
    write_card(training_data, {**card, "name": "Ada"}, "ada.yaml")
    write_card(training_data, {**card, "voice": {"canary": 1}, "temperature": "canary"})
    with caplog.at_level(logging.DEBUG):
        assert not reloaded(store)
    assert store.cast is before
    assert {(problem.file, problem.line) for problem in store.problems} == {("personas/nora.yaml", n) for n in (2, 7)}
    assert "personas/nora.yaml:7: temperature" in caplog.text
    assert "canary" not in caplog.text


def test_a_repaired_edit_is_taken_up(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    store = store_of(training_data)
    write_card(training_data, {"name": "Nora"})
    assert not reloaded(store)
    write_card(training_data, card)
    assert reloaded(store)
    assert store.problems == ()


def test_a_defect_in_the_making_is_a_problem_that_says_nothing_of_it(
    training_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = store_of(training_data).cast
    answers: list[Cast | Exception] = [good, ZeroDivisionError("canary")]

    def make() -> Cast:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    store = PersonaStore(training_data, make)
    assert not reloaded(store)
    assert store.cast is good
    assert "ZeroDivisionError" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("replaced", [False, True])
def test_a_saved_file_is_seen_while_watching(
    training_data: Path, card: dict[str, Any], write_card: WriteCard, replaced: bool
) -> None:
    """An editor writes the file, or puts another in its place."""

    async def main() -> None:
        store, stop = store_of(training_data), asyncio.Event()
        watching = asyncio.create_task(store.watch(stop))
        for attempt in range(100):
            path = write_card(training_data, {**card, "voice": f"Loud {attempt}."}, "new" if replaced else "nora.yaml")
            if replaced:
                path.rename(training_data / "personas" / "nora.yaml")
            await asyncio.sleep(0.1)
            if store.cast.default.card.voice.startswith("Loud"):
                break
        stop.set()
        await watching
        assert store.cast.default.card.voice.startswith("Loud")

    asyncio.run(main())


HEY = [{"role": "user", "content": "come over tonight?"}]
Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


def play(training_data: Path, scenario: Scenario, **settings: Any) -> None:
    """`scenario` with a client of the service over a real socket."""

    async def main() -> None:
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        made = PersonaSettings(training_data=training_data, persona_port=0, lm="offline", offline_delay=0.0, **settings)
        task = asyncio.create_task(serve(made, ready=url.set_result))
        try:
            async with httpx.AsyncClient(base_url=await url, timeout=10) as client:
                await scenario(client)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_every_persona_is_a_model(training_data: Path, card: dict[str, Any], write_card: Callable[..., Path]) -> None:
    write_card(training_data, {**card, "name": "Ada"}, "zada.yaml")

    async def scenario(client: httpx.AsyncClient) -> None:
        models = (await client.get("models")).json()["data"]
        assert [model["id"] for model in models] == ["nora", "ada"]
        for asked, answered in (("ada", "ada"), ("nora", "nora"), ("persona", "ada")):
            response = await client.post("/chat/completions", json={"model": asked, "messages": HEY})
            assert response.json()["model"] == answered
        unknown = await client.post("/chat/completions", json={"model": "mila", "messages": HEY})
        assert unknown.status_code == 404
        assert unknown.json()["error"]["message"] == "there is no such model here; use nora, ada"

    play(training_data, scenario, default_persona="ada")


def test_an_edit_takes_effect_while_it_serves_and_a_broken_one_is_told(
    training_data: Path, card: dict[str, Any], write_card: Callable[..., Path]
) -> None:
    async def until(client: httpx.AsyncClient, change: dict[str, Any], holds: Callable[[Any], bool]) -> None:
        for _ in range(100):
            write_card(training_data, {**card, **change})
            await asyncio.sleep(0.3)
            if holds((await client.get("../readyz")).json()):
                return
        pytest.fail("the edit was not seen")

    async def scenario(client: httpx.AsyncClient) -> None:
        await until(client, {"name": "Ada"}, lambda ready: ready["persona"] == "ada")
        await until(client, {"name": "Eve", "n_candidates": "x"}, lambda ready: bool(ready["problems"]))
        ready = (await client.get("../readyz")).json()
        assert (ready["status"].startswith("ready"), ready["persona"]) == (True, "ada")
        assert any(problem.startswith("personas/nora.yaml:7: n_candidates") for problem in ready["problems"])
        response = await client.post("/chat/completions", json={"model": "ada", "messages": HEY})
        assert response.status_code == 200

    play(training_data, scenario)
