"""A SQLite file of ours: durable, open to several processes at once, and without traces of what was erased.

It stands apart because every store needs the same care: write-ahead log, full synchronisation, erased text overwritten,
patience with other writers, and a file that may be taken away while the service runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Connection = sqlite3.Connection
# What a store that cannot be opened, read or written raises.
FAILURES = (sqlite3.Error, OSError)
_PATIENCE = 10.0


class SqliteFile:
    """One connection, made where it is first needed, for one thread at a time. Every method may raise FAILURES."""

    def __init__(self, path: Path, schema: str, *, patience: float = _PATIENCE) -> None:
        """`schema` is run on every new file; `patience` are the seconds to wait for another process that writes."""
        self._path, self._schema, self._patience = path, schema, patience
        self._connection: Connection | None = None
        self._place = 0

    def open(self) -> None:
        """Opens the file that stands there now, and makes it where there is none: SQLite would go on writing to a
        deleted one."""
        if self._connection and self._path.is_file() and self._path.stat().st_ino == self._place:
            return
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = opened(self._path, patience=self._patience, check_same_thread=False)
        try:
            connection.executescript(self._schema)
            self._place = self._path.stat().st_ino
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that nobody else writes into; undone when the body raises."""
        self.open()
        assert self._connection
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def wipe(self) -> None:
        """Empties the write-ahead log, which still holds pages that were erased. Raises sqlite3.OperationalError when
        another process reads for so long that it cannot."""
        self.open()
        assert self._connection
        [(busy, *_)] = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise sqlite3.OperationalError("the write-ahead log is being read")

    def close(self) -> None:
        """Closes the file; a later use opens it again."""
        if self._connection:
            self._connection.close()
            self._connection = None


def opened(path: Path, *, patience: float = _PATIENCE, check_same_thread: bool = True) -> Connection:
    """A connection to the file at `path`. Raises FAILURES."""
    connection = sqlite3.connect(path, timeout=patience, check_same_thread=check_same_thread)
    try:
        _write_ahead(connection, patience)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: Connection, patience: float) -> None:
    """Puts the file in WAL mode. SQLite's own patience does not cover this when several processes start at once."""
    end = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
