"""One SQLite file that texts live in on purpose: durable when a write returns, read meanwhile, and erased for good.

What stands in a file, and under which name, is for the stores to say: the blocked-turn log and the feedback. How such a
file is opened and wiped is said in `brain.sqlite_file`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from brain.sqlite_file import FAILURES, Connection, SqliteFile, opened
from guards.errors import ChaperoneError

_A = TypeVar("_A")
_B = TypeVar("_B")


class Database:
    """Writes from one thread of its own, so that neither the event loop nor two writers ever wait inside SQLite.

    `schema` makes the tables where they are missing, `name` is what the file is called in an `error`, which says why
    without any message text. Raises `error` when the file cannot be opened.
    """

    def __init__(self, path: Path, *, schema: str, name: str, error: type[ChaperoneError]) -> None:
        self._file = SqliteFile(path, schema)
        self._name = name
        self._error = error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        try:
            self._file.open()
        except FAILURES as failure:
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
        self._file.close()

    async def _beside(self, work: Callable[[str, _A], _B], sql: str, given: _A) -> _B:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, sql, given)
        except RuntimeError:
            raise self._error(f"the {self._name} is closed") from None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._file.writing() as connection:
                yield connection
        except FAILURES as failure:
            raise self._error(f"the {self._name} cannot be written: {type(failure).__name__}") from None

    def _written(self, sql: str, row: Sequence[Any]) -> None:
        with self._writing() as connection:
            connection.execute(sql, row)

    def _erased(self, sql: str, values: Mapping[str, str]) -> int:
        with self._writing() as connection:
            erased = connection.execute(sql, values).rowcount
        try:
            self._file.wipe()
        except FAILURES as failure:
            raise self._error(f"the {self._name} still holds what was erased: {type(failure).__name__}") from None
        return erased


def rows(path: Path, sql: str, values: Mapping[str, str], *, error: type[ChaperoneError]) -> Iterator[tuple[Any, ...]]:
    """What a SELECT gives, read row by row while others write; nothing where there is no file. Raises `error`."""
    if not path.is_file():
        return
    try:
        with closing(opened(path)) as connection:
            yield from connection.execute(sql, values)
    except FAILURES as failure:
        raise error(f"{path} cannot be read: {type(failure).__name__}") from None
