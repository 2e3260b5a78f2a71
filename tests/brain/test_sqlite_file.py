"""A SQLite file of ours: shared by processes, made anew where it is taken away, without traces of what was erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brain.sqlite_file import FAILURES, SqliteFile, opened

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    one = SqliteFile(tmp_path / "deep" / "file.sqlite3", SCHEMA, patience=0.05)
    yield one
    one.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "file.sqlite3"


def write(file: SqliteFile, text: str) -> None:
    with file.writing() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (text,))


def notes(path: Path) -> list[str]:
    with closing(opened(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM notes")]


def test_what_is_written_can_be_read_by_another_at_once(file: SqliteFile, path: Path) -> None:
    write(file, "a")
    assert notes(path) == ["a"]


def test_a_body_that_raises_writes_nothing(file: SqliteFile, path: Path) -> None:
    file.open()
    with pytest.raises(FAILURES), file.writing() as connection:
        connection.executemany("INSERT INTO notes VALUES (?)", [("a",), (None,)])
    assert notes(path) == []


def test_a_file_that_was_taken_away_or_replaced_is_noticed(file: SqliteFile, path: Path) -> None:
    write(file, "a")
    for each in path.parent.iterdir():
        each.unlink()
    write(file, "b")
    assert notes(path) == ["b"]


def test_who_writes_keeps_others_waiting_for_their_patience(file: SqliteFile, path: Path) -> None:
    write(file, "a")
    with closing(opened(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(FAILURES):
            write(file, "b")
        other.rollback()
    write(file, "c")
    assert notes(path) == ["a", "c"]


def test_erased_text_is_in_no_file_once_it_is_wiped(file: SqliteFile, path: Path) -> None:
    write(file, "forget-me-not " * 1000)
    with file.writing() as connection:
        connection.execute("DELETE FROM notes")
    file.wipe()
    assert not any(b"forget-me-not" in each.read_bytes() for each in path.parent.iterdir())


def test_a_log_that_another_still_reads_is_not_called_wiped(file: SqliteFile, path: Path) -> None:
    write(file, "a")
    with closing(opened(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM notes").fetchall()
        write(file, "b")
        with pytest.raises(sqlite3.OperationalError):
            file.wipe()
        other.rollback()
    file.wipe()


def test_a_closed_file_opens_again(file: SqliteFile, path: Path) -> None:
    write(file, "a")
    file.close()
    write(file, "b")
    assert notes(path) == ["a", "b"]


def test_a_file_that_is_none_of_sqlite_fails_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something else entirely " * 100)
    with pytest.raises(FAILURES):
        SqliteFile(tmp_path / "file", SCHEMA).open()
