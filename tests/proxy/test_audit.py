"""The blocked-turn log: what is written is on disk, can be read meanwhile, and is gone when it is erased."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import FILE, AuditError, AuditStore, Record, read_records

WRITER = """
import asyncio, sys, time
from pathlib import Path
from proxy.audit import AuditStore, Record
record = Record(sys.argv[2], "2026-01-01T00:00:00.000+00:00", "block", "m", None, "v", {"text": "kept"})
asyncio.run(AuditStore(Path(sys.argv[1])).write(record))
print("answered", flush=True)
time.sleep(60)
"""


def record(turn: str, time: str = "2026-01-02T03:04:05.678+00:00", **body: Any) -> Record:
    return Record(turn, time, "deflect", "m", "c-1", "v1", {"stages": {}, **body})


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    one = AuditStore(tmp_path / "deep" / "data")
    yield one
    one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "data"


def test_a_record_reads_back_as_it_was_written(store: AuditStore, folder: Path) -> None:
    written = record("t1", text="héllo 😀\nline", deep={"a": [1, None, 2.5]})
    run(store.write(written))
    assert list(read_records(folder)) == [written]
    assert written.as_json()["deep"] == {"a": [1, None, 2.5]}
    assert written.as_json()["turn"] == "t1"


def test_records_come_oldest_first_and_are_found_by_the_beginning_of_their_id(store: AuditStore, folder: Path) -> None:
    for turn, day in (("ab2", 3), ("ab1", 1), ("cd1", 2)):
        run(store.write(record(turn, f"2026-01-0{day}")))
    assert [each.turn for each in read_records(folder)] == ["ab1", "cd1", "ab2"]
    assert [each.turn for each in read_records(folder, turn="ab")] == ["ab1", "ab2"]
    assert list(read_records(folder, turn="b1")) == []


@pytest.mark.parametrize("wild", ["%", "_b1", "AB1", "a%"])
def test_an_id_is_taken_literally(store: AuditStore, folder: Path, wild: str) -> None:
    run(store.write(record("ab1")))
    assert list(read_records(folder, turn=wild)) == []


def test_a_folder_without_a_store_has_no_records(tmp_path: Path) -> None:
    assert list(read_records(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_records_can_be_read_while_another_is_being_written(store: AuditStore, folder: Path) -> None:
    for number in range(5):
        run(store.write(record(f"t{number}")))
    reading = read_records(folder)
    first = next(reading)
    run(store.write(record("late", "2027-01-01")))
    assert [first.turn, *(each.turn for each in reading)] == [f"t{number}" for number in range(5)]
    assert len(list(read_records(folder))) == 6


def test_a_record_survives_a_kill_right_after_the_answer(tmp_path: Path) -> None:
    for number in range(10):
        command = [sys.executable, "-c", WRITER, str(tmp_path), f"turn-{number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "answered\n"
            process.kill()
    assert [each.turn for each in read_records(tmp_path)] == [f"turn-{number}" for number in range(10)]


def test_retention_erases_the_text_from_the_disk_and_not_only_from_the_list(store: AuditStore, folder: Path) -> None:
    run(store.write(record("old", "2025-01-01T00:00:00.000+00:00", text="forget-me-not " * 500)))
    run(store.write(record("new", "2026-01-01T00:00:00.000+00:00", text="keep-me")))
    assert any(b"forget-me-not" in path.read_bytes() for path in folder.iterdir())
    assert run(store.forget_before("2025-06-01T00:00:00.000+00:00")) == 1
    assert [each.turn for each in read_records(folder)] == ["new"]
    assert not any(b"forget-me-not" in path.read_bytes() for path in folder.iterdir())


def test_a_store_that_is_closed_refuses_a_record(tmp_path: Path) -> None:
    store = AuditStore(tmp_path)
    store.close()
    with pytest.raises(AuditError):
        run(store.write(record("t1")))


def test_a_store_whose_table_is_gone_refuses_a_record_without_quoting_it(store: AuditStore, folder: Path) -> None:
    with sqlite3.connect(folder / FILE) as other:
        other.execute("DROP TABLE records")
    other.close()
    with pytest.raises(AuditError) as caught:
        run(store.write(record("t1", text="hush-hush")))
    assert "hush" not in str(caught.value)
    with pytest.raises(AuditError):
        run(store.forget_before("2030"))


@pytest.mark.parametrize("how", ["file", "folder", "moved"])
def test_a_record_is_never_written_into_a_file_that_is_no_longer_there(
    store: AuditStore, folder: Path, how: str
) -> None:
    run(store.write(record("t1")))
    if how == "file":
        (folder / FILE).unlink()
    elif how == "folder":
        shutil.rmtree(folder)
    else:
        folder.rename(folder.with_name("elsewhere"))
    run(store.write(record("t2")))
    assert [each.turn for each in read_records(folder)] == ["t2"]
    run(store.write(record("t3")))
    assert [each.turn for each in read_records(folder)] == ["t2", "t3"]


def test_a_store_in_a_place_that_is_no_folder_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(AuditError, match="data"):
        AuditStore(tmp_path / "data")


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 40])
def test_a_file_that_is_no_store_is_refused_by_writer_and_reader(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(AuditError):
        AuditStore(tmp_path)
    with pytest.raises(AuditError):
        list(read_records(tmp_path))


def test_a_records_repr_shows_no_text() -> None:
    assert "secret" not in repr(record("t1", text="secret"))


def test_processes_that_start_at_once_on_a_fresh_folder_all_get_in_and_lose_nothing(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", WRITER, str(folder)]
        writers = [subprocess.Popen([*command, f"t{turn}"], stdout=subprocess.PIPE, text=True) for turn in range(4)]
        try:
            said = [writer.stdout.readline() for writer in writers if writer.stdout]
        finally:
            for writer in writers:
                writer.kill()
                writer.communicate()
        assert said == ["answered\n"] * 4
        assert {each.turn for each in read_records(folder)} == {"t0", "t1", "t2", "t3"}
