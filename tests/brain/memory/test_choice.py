"""Which store the settings mean."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from brain.memory.choice import open_memory, store_at
from brain.memory.redis import BadAddress, RedisStore
from brain.memory.sqlite import SqliteStore
from brain.memory.types import ConversationKey
from brain.settings import PersonaSettings
from guards.types import Message


@pytest.mark.parametrize(("place", "file"), [("", "data/memory.sqlite3"), ("elsewhere.db", "elsewhere.db")])
def test_a_path_is_a_file_and_none_is_one_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = PersonaSettings(memory=place, data=tmp_path / "data")

    async def scenario() -> None:
        memory = open_memory(settings)
        await memory.begin(ConversationKey("default", "mila", "c"), "t", [Message("user", "hey")])
        await memory.aclose()

    asyncio.run(scenario())
    assert (tmp_path / file).is_file()


@pytest.mark.parametrize(
    "address", ["redis://127.0.0.1:6379/3", "rediss://cache.example:6380", "unix:///run/redis.sock"]
)
def test_an_address_is_redis(tmp_path: Path, address: str) -> None:
    assert isinstance(store_at(address, tmp_path, timedelta(days=1)), RedisStore)
    assert isinstance(store_at("redis.db", tmp_path, timedelta(days=1)), SqliteStore)


def test_an_address_that_cannot_be_one_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadAddress):
        store_at("redis://host:not-a-port", tmp_path, timedelta(days=1))
