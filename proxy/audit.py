"""The blocked-turn log: one record for one turn that was not simply allowed, durable before the response ends.

SQLite in WAL mode with full synchronisation. Message text lives here, on purpose, and leaves with retention.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

from guards.errors import ChaperoneError

FILE = "audit.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    turn TEXT PRIMARY KEY, time TEXT NOT NULL, action TEXT NOT NULL, model TEXT NOT NULL,
    conversation TEXT, policy TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_time ON records (time);
"""

_PATIENCE = 10  # seconds to wait for another process that is writing
_SELECT = "SELECT * FROM records WHERE substr(turn, 1, length(:turn)) = :turn ORDER BY time, turn"
_A = TypeVar("_A")
_B = TypeVar("_B")


class AuditError(ChaperoneError):
    """The store cannot be read or written. `str` says why without any message text."""


@dataclass(frozen=True, slots=True)
class Record:
    """One turn. `body` holds stages, attempts and texts, as JSON-ready values; `time` is ISO 8601 in UTC."""

    turn: str
    time: str
    action: str
    model: str
    conversation: str | None
    policy: str
    body: dict[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Everything of the record as one object."""
        head = {"turn": self.turn, "time": self.time, "tenant": "default", "action": self.action, "model": self.model}
        return {**head, "conversation": self.conversation, "policy": self.policy, **self.body}


class AuditStore:
    """Writes from one thread of its own, so that neither the event loop nor two turns ever wait inside SQLite."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        try:
            self._connection, self._place = self._created()
        except (sqlite3.Error, OSError) as error:
            raise AuditError(f"the audit store in {folder} cannot be opened: {type(error).__name__}") from None

    async def write(self, record: Record) -> None:
        """Returns once the record is on disk. Raises AuditError."""
        await self._beside(self._insert, record)

    async def forget_before(self, time: str) -> int:
        """Erases the records before `time` (ISO 8601, UTC) for good; how many there were. Raises AuditError."""
        return await self._beside(self._erase, time)

    def close(self) -> None:
        """Waits for the last write and closes the file."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    async def _beside(self, work: Callable[[_A], _B], given: _A) -> _B:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, given)
        except RuntimeError:
            raise AuditError("the audit store is closed") from None

    def _created(self) -> tuple[sqlite3.Connection, int]:
        """A connection to the store, made where it is missing, and what tells its file from another of that name."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = _opened(self._path, check_same_thread=False)
        try:
            connection.executescript(_SCHEMA)
            return connection, self._path.stat().st_ino
        except BaseException:
            connection.close()
            raise

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; on the file that stands there now, as SQLite would go on writing to a deleted one."""
        try:
            if not self._path.is_file() or self._path.stat().st_ino != self._place:
                self._connection.close()
                self._connection, self._place = self._created()
            with self._connection:
                yield self._connection
        except (sqlite3.Error, OSError) as error:
            raise AuditError(f"the audit store cannot be written: {type(error).__name__}") from None

    def _insert(self, record: Record) -> None:
        row = (
            record.turn, record.time, record.action, record.model, record.conversation, record.policy,
            orjson.dumps(record.body),
        )  # fmt: skip
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _erase(self, time: str) -> int:
        with self._writing() as connection:
            erased = connection.execute("DELETE FROM records WHERE time < ?", (time,)).rowcount
        with self._writing() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log still holds the erased pages
        return erased


def read_records(folder: Path, *, turn: str | None = None) -> Iterator[Record]:
    """The records in `folder`, oldest first; with `turn` those whose id starts so. Raises AuditError."""
    path = folder / FILE
    if not path.is_file():
        return
    try:
        with closing(_opened(path)) as connection:
            for row in connection.execute(_SELECT, {"turn": turn or ""}):
                turn_id, time, action, model, conversation, policy, body = row
                yield Record(turn_id, time, action, model, conversation, policy, orjson.loads(body))
    except (sqlite3.Error, orjson.JSONDecodeError) as error:
        raise AuditError(f"{path} cannot be read: {type(error).__name__}") from None


def _opened(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=check_same_thread)
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Puts the store in WAL mode. SQLite's own patience does not cover this when several processes start at once."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
