"""One SQLite file: written rows are there for every reader, and what is erased is gone from the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from guards.errors import ChaperoneError
from proxy.database import Database, rows

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, said TEXT NOT NULL);"
SELECT = "SELECT name, said FROM notes ORDER BY name"


class NotesError(ChaperoneError):
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "notes.sqlite3"


@pytest.fixture
def notes(path: Path) -> Iterator[Database]:
    one = Database(path, schema=SCHEMA, name="notes", error=NotesError)
    yield one
    one.close()


def write(notes: Database, name: str, said: str) -> None:
    asyncio.run(notes.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, said)))


def read(path: Path) -> list[tuple[str, str]]:
    return list(rows(path, SELECT, {}, error=NotesError))  # type: ignore[arg-type]


def test_what_is_written_is_read_back_and_replaced_by_its_key(notes: Database, path: Path) -> None:
    write(notes, "a", "one")
    write(notes, "b", "two")
    write(notes, "a", "three")
    assert read(path) == [("a", "three"), ("b", "two")]


def test_what_is_erased_is_counted_and_gone_from_every_file(notes: Database, path: Path) -> None:
    write(notes, "a", "forget-me-not " * 500)
    write(notes, "b", "keep")
    assert asyncio.run(notes.erase("DELETE FROM notes WHERE name = :name", {"name": "a"})) == 1
    assert read(path) == [("b", "keep")]
    assert not any(b"forget-me-not" in file.read_bytes() for file in path.parent.iterdir())


def test_a_file_that_is_not_there_has_no_rows_and_is_not_made(path: Path) -> None:
    assert read(path) == []
    assert not path.parent.exists()


def test_a_failing_statement_is_the_stores_own_error_without_its_values(notes: Database) -> None:
    with pytest.raises(NotesError, match="the notes cannot be written") as caught:
        asyncio.run(notes.write("INSERT INTO missing VALUES (?)", ("hush-hush",)))
    assert "hush" not in str(caught.value)


def test_a_closed_file_says_so(path: Path) -> None:
    one = Database(path, schema=SCHEMA, name="notes", error=NotesError)
    one.close()
    with pytest.raises(NotesError, match="the notes is closed"):
        write(one, "a", "late")


def test_a_place_that_is_no_folder_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(NotesError, match=r"the notes in .*data cannot be opened"):
        Database(tmp_path / "data" / "notes.sqlite3", schema=SCHEMA, name="notes", error=NotesError)
