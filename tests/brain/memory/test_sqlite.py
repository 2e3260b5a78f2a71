"""The SQLite store: erased text leaves the files, a kill loses nothing, and a disk that fails is a plain error."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from brain.memory.sqlite import FILE, SqliteStore
from brain.memory.types import ConversationKey, Line, MemoryDown, Recollection
from brain.sqlite_file import opened

WRITER = """
import asyncio, sys, time
from datetime import UTC, datetime
from pathlib import Path
from brain.memory.sqlite import SqliteStore
from brain.memory.types import ConversationKey, Line, Recollection
key = ConversationKey("default", "mila", sys.argv[2])
known = Recollection(key, lines=(Line("user", "kept", datetime.now(UTC), "t"),), messages=1)
asyncio.run(SqliteStore(Path(sys.argv[1])).change(key, lambda _: (known, None)))
print("answered", flush=True)
time.sleep(60)
"""


def recollection(key: ConversationKey, text: str, at: datetime, user: str | None = None) -> Recollection:
    return Recollection(key, user, 1, at, at, summary=text, lines=(Line("user", text, at, "t"),))


async def keep(store: SqliteStore, known: Recollection) -> None:
    await store.change(known.key, lambda _: (known, None))


def found(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("way", ["conversation", "user", "age"])
def test_erased_text_is_in_no_file(tmp_path: Path, play: Any, key: ConversationKey, now: datetime, way: str) -> None:
    other = replace(key, id="c-2")

    async def scenario(store: SqliteStore) -> None:
        await keep(store, recollection(other, "keep-me", now))
        for number in range(5):
            await keep(store, recollection(key, f"forget-me-not {number} " * 300, now - timedelta(days=9), "u"))
        assert found(tmp_path, "forget-me-not")
        if way == "conversation":
            assert await store.erase(key)
        elif way == "user":
            assert await store.erase_user(key.tenant, "u", None) == 1
        else:
            assert await store.forget_before(now - timedelta(days=1)) == 1
        assert not found(tmp_path, "forget-me-not")
        assert found(tmp_path, "keep-me")
        assert await store.read(key) is None

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_no_file_is_made_where_there_is_nothing_to_forget(tmp_path: Path, play: Any, now: datetime) -> None:
    async def scenario(store: SqliteStore) -> None:
        assert await store.forget_before(now) == 0
        assert list(tmp_path.iterdir()) == []

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_a_change_survives_a_kill_right_after_the_answer(tmp_path: Path, play: Any) -> None:
    for number in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path / FILE), f"c-{number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "answered\n"
            process.kill()

    async def scenario(store: SqliteStore) -> None:
        for number in range(5):
            assert await store.read(ConversationKey("default", "mila", f"c-{number}"))

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_a_folder_that_cannot_be_written_is_memory_down_and_quotes_nothing(
    tmp_path: Path, play: Any, key: ConversationKey, now: datetime
) -> None:
    (tmp_path / "file").write_text("in the way")

    async def scenario(store: SqliteStore) -> None:
        with pytest.raises(MemoryDown) as caught:
            await keep(store, recollection(key, "hush-hush", now))
        assert "hush" not in f"{caught.value} {caught.value!r}"

    play(scenario, lambda: SqliteStore(tmp_path / "file" / FILE))


def test_a_store_that_others_hold_for_long_is_memory_down_and_comes_back(
    tmp_path: Path, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: SqliteStore) -> None:
        await keep(store, recollection(key, "before", now))
        holder = opened(tmp_path / FILE)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryDown):
            await keep(store, recollection(key, "meanwhile", now))
        holder.rollback()
        holder.close()
        known = await store.read(key)
        assert known is not None
        assert known.summary == "before"
        await keep(store, recollection(key, "after", now))

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_a_file_that_is_taken_away_is_made_again(
    tmp_path: Path, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: SqliteStore) -> None:
        await keep(store, recollection(key, "before", now))
        for path in tmp_path.iterdir():
            path.unlink()
        assert await store.read(key) is None
        await keep(store, recollection(key, "after", now))
        assert await store.read(key)

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_a_caller_that_has_gone_leaves_the_others_their_turn(
    tmp_path: Path, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: SqliteStore) -> None:
        gone = asyncio.ensure_future(keep(store, recollection(key, "gone", now)))
        await asyncio.sleep(0)
        gone.cancel()
        await keep(store, recollection(replace(key, id="c-2"), "here", now))
        assert await store.read(replace(key, id="c-2"))

    play(scenario, lambda: SqliteStore(tmp_path / FILE))


def test_a_closed_store_is_memory_down(tmp_path: Path, key: ConversationKey) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / FILE)
        await store.aclose()
        with pytest.raises(MemoryDown):
            await store.read(key)

    asyncio.run(scenario())
