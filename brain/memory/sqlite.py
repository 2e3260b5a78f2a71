"""Memory in a SQLite file: the default, for one machine with any number of processes.

It stands apart because SQLite blocks: all of its work is done by one thread, which takes what has gathered meanwhile in
one transaction, so that turns that come together pay for one write to the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from brain.memory.openings import open_since
from brain.memory.store import Change, Result, read_back, written
from brain.memory.types import ConversationKey, MemoryDown, Recollection
from brain.sqlite_file import FAILURES, Connection, SqliteFile

logger = logging.getLogger(__name__)

FILE = "memory.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    tenant TEXT NOT NULL, persona TEXT NOT NULL, id TEXT NOT NULL,
    user TEXT, last_at REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, persona, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS conversations_by_user ON conversations (tenant, user);
CREATE INDEX IF NOT EXISTS conversations_by_time ON conversations (last_at);
CREATE TABLE IF NOT EXISTS silences (
    tenant TEXT NOT NULL, persona TEXT NOT NULL, id TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (tenant, persona, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS silences_by_time ON silences (tenant, persona, since);
CREATE TRIGGER IF NOT EXISTS silence_ends AFTER DELETE ON conversations BEGIN
    DELETE FROM silences WHERE tenant = old.tenant AND persona = old.persona AND id = old.id;
END;
"""
_READ = "SELECT body FROM conversations WHERE tenant = ? AND persona = ? AND id = ?"
_ERASE = "DELETE FROM conversations WHERE tenant = ? AND persona = ? AND id = ?"
_SILENT = """
SELECT id FROM silences WHERE tenant = ? AND persona = ? AND since BETWEEN ? AND ? ORDER BY since, id LIMIT ? OFFSET ?
"""
_PATIENCE = 2.0  # seconds that a turn may wait for another process that is writing
_AT_ONCE = 128
T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    """Work for the thread, and where its outcome is waited for."""

    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    outcome: asyncio.Future[Any]

    def settle(self, result: Any, error: BaseException | None = None) -> None:
        """Hands the outcome over to the loop that waits for it, if that still runs."""
        try:
            self.loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            logger.warning("a change of memory was made for a loop that has ended")

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.outcome.done():
            return
        if error:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


class SqliteStore:
    """A Store in the file at `path`, made where it is first needed. Erased text is overwritten in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = SqliteFile(path, _SCHEMA, patience=_PATIENCE)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory")
        self._jobs: deque[_Job] = deque()

    async def read(self, key: ConversationKey) -> Recollection | None:
        """What is known. Raises MemoryDown."""
        return await self._do(lambda connection: _read(connection, key))

    async def change(self, key: ConversationKey, change: Change[Result]) -> Result:
        """Applies a change; returns once it is on the disk. Raises MemoryDown, and what `change` raises."""

        def work(connection: Connection) -> Result:
            known = _read(connection, key)
            wanted, result = change(known)
            if wanted is not None and wanted is not known:
                _write(connection, wanted)
            return result

        return await self._do(work)

    async def erase(self, key: ConversationKey) -> bool:
        """Forgets a conversation; its text is no longer in the files. Raises MemoryDown."""
        return bool(await self._erase(_ERASE, (key.tenant, key.persona, key.id)))

    async def erase_user(self, tenant: str, user: str, persona: str | None) -> int:
        """Forgets a user. Raises MemoryDown."""
        sql = "DELETE FROM conversations WHERE tenant = ? AND user = ? AND (persona = ? OR ?)"
        return await self._erase(sql, (tenant, user, persona or "", persona is None))

    async def of_user(self, tenant: str, user: str) -> list[Recollection]:
        """A user's conversations. Raises MemoryDown."""
        sql = "SELECT body FROM conversations WHERE tenant = ? AND user = ?"
        rows = await self._do(lambda connection: connection.execute(sql, (tenant, user)).fetchall())
        return [read_back(body) for (body,) in rows]

    async def silent(
        self, tenant: str, persona: str, after: datetime, before: datetime, *, limit: int, offset: int = 0
    ) -> list[ConversationKey]:
        """Open silences. Raises MemoryDown."""
        if not await asyncio.to_thread(self._path.exists):
            return []  # and no file is made of it
        values = (tenant, persona, after.timestamp(), before.timestamp(), limit, offset)
        rows = await self._do(lambda connection: connection.execute(_SILENT, values).fetchall())
        return [ConversationKey(tenant, persona, id) for (id,) in rows]

    async def forget_before(self, moment: datetime) -> int:
        """Forgets old conversations. Raises MemoryDown."""
        if not await asyncio.to_thread(self._path.exists):
            return 0  # and no file is made of it
        return await self._erase("DELETE FROM conversations WHERE last_at < ?", (moment.timestamp(),))

    async def aclose(self) -> None:
        """Waits for the thread and closes the file."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        self._file.close()

    async def _erase(self, sql: str, values: tuple[Any, ...]) -> int:
        erased = await self._do(lambda connection: connection.execute(sql, values).rowcount)
        # Also when there was nothing: an erasure that came this far and failed is repeated so.
        await self._in_thread(self._wipe)
        return erased

    async def _do(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.append(job)
        try:
            self._thread.submit(self._work_off)
        except RuntimeError:
            self._jobs.remove(job)
            raise MemoryDown("the memory is closed") from None
        outcome: T = await job.outcome
        return outcome

    async def _in_thread(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError:
            raise MemoryDown("the memory is closed") from None

    def _wipe(self) -> None:
        try:
            self._file.wipe()
        except FAILURES as error:
            raise MemoryDown(f"erased text is still in the log, erase again: {type(error).__name__}") from None

    def _work_off(self) -> None:
        """All jobs that wait, in one transaction; one that raises undoes only what it did itself."""
        jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), _AT_ONCE))]
        if not jobs:
            return
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            with self._file.writing() as connection:
                outcomes += [_done(connection, job) for job in jobs]
        except FAILURES as error:
            down = MemoryDown(f"the memory cannot be written: {type(error).__name__}")
            outcomes = [(None, down)] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.settle(*outcome)


def _done(connection: Connection, job: _Job) -> tuple[Any, BaseException | None]:
    if job.outcome.cancelled():
        return None, None  # whoever asked has gone, and the change with them
    connection.execute("SAVEPOINT job")
    try:
        outcome: tuple[Any, BaseException | None] = job.work(connection), None
    except FAILURES:
        raise  # the disk, the file: nothing of this transaction can be trusted
    except Exception as error:  # noqa: BLE001 - a caller's own error goes back to that caller
        connection.execute("ROLLBACK TO job")
        outcome = None, error
    connection.execute("RELEASE job")
    return outcome


def _read(connection: Connection, key: ConversationKey) -> Recollection | None:
    row = connection.execute(_READ, (key.tenant, key.persona, key.id)).fetchone()
    return read_back(row[0]) if row else None


def _write(connection: Connection, known: Recollection) -> None:
    key = known.key
    last_at = known.last_at.timestamp() if known.last_at else 0.0
    row = (key.tenant, key.persona, key.id, known.user, last_at, written(known))
    connection.execute("INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)", row)
    place = (key.tenant, key.persona, key.id)
    if since := open_since(known):
        connection.execute("INSERT OR REPLACE INTO silences VALUES (?, ?, ?, ?)", (*place, since.timestamp()))
    else:
        connection.execute("DELETE FROM silences WHERE tenant = ? AND persona = ? AND id = ?", place)
