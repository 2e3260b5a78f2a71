"""One SQLite file that texts live in on purpose: durable when a write returns, read meanwhile, and erased for good.

The home of SQLite in the proxy. What stands in a file, and under which name, is for the stores to say: the blocked-turn
log and the feedback.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from guards.errors import ChaperoneError

_PATIENCE = 10  # seconds to wait for another process that is writing
_A = TypeVar("_A")
_B = TypeVar("_B")


class Database:
    """Writes from one thread of its own, so that neither the event loop nor two writers ever wait inside SQLite.

    `schema` makes the tables where they are missing, `name` is what the file is called in an `error`, which says why
    without any message text. Raises `error` when the file cannot be opened.
    """

    def __init__(self, path: Path, *, schema: str, name: str, error: type[ChaperoneError]) -> None:
        self._path = path
        self._schema = schema
        self._name = name
        self._error = error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        try:
            self._connection, self._place = self._created()
        except (sqlite3.Error, OSError) as failure:
            raise error(f"the {name} in {path.parent} cannot be opened: {type(failure).__name__}") from None

    async def write(self, sql: str, row: Sequence[Any]) -> None:
        """Returns once the statement with its row is on disk. Raises the store's error."""
        await self._beside(self._written, sql, row)

    async def erase(self, sql: str, values: Mapping[str, str]) -> int:
        """How many rows a DELETE has taken, from the disk as well as from the list. Raises the store's error."""
        return await self._beside(self._erased, sql, values)

    def close(self) -> None:
        """Waits for the last write and closes the file."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    async def _beside(self, work: Callable[[str, _A], _B], sql: str, given: _A) -> _B:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, sql, given)
        except RuntimeError:
            raise self._error(f"the {self._name} is closed") from None

    def _created(self) -> tuple[sqlite3.Connection, int]:
        """A connection to the file, made where it is missing, and what tells it from another of that name."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = _opened(self._path, check_same_thread=False)
        try:
            connection.executescript(self._schema)
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
        except (sqlite3.Error, OSError) as failure:
            raise self._error(f"the {self._name} cannot be written: {type(failure).__name__}") from None

    def _written(self, sql: str, row: Sequence[Any]) -> None:
        with self._writing() as connection:
            connection.execute(sql, row)

    def _erased(self, sql: str, values: Mapping[str, str]) -> int:
        with self._writing() as connection:
            erased = connection.execute(sql, values).rowcount
        with self._writing() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log still holds the erased pages
        return erased


def rows(path: Path, sql: str, values: Mapping[str, str], *, error: type[ChaperoneError]) -> Iterator[tuple[Any, ...]]:
    """What a SELECT gives, read row by row while others write; nothing where there is no file. Raises `error`."""
    if not path.is_file():
        return
    try:
        with closing(_opened(path)) as connection:
            yield from connection.execute(sql, values)
    except sqlite3.Error as failure:
        raise error(f"{path} cannot be read: {type(failure).__name__}") from None


def _opened(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=check_same_thread)
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Puts the file in WAL mode. SQLite's own patience does not cover this when several processes start at once."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
