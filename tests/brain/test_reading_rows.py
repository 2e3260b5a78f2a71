"""Labelled messages are accepted whole or refused whole, without a word of them in the refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.reading_rows import digest_of, read_reading_rows
from guards.errors import PolicyError

GOOD = '{"text": "canary hi", "intent": "small_talk", "emotion": "joy", "sentiment": 0.5, "lang": "en"}'


def written(folder: Path, *lines: str) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_are_read(tmp_path: Path) -> None:
    (row,) = read_reading_rows(written(tmp_path, GOOD))
    assert (row.intent, row.emotion, row.sentiment) == ("small_talk", "joy", 0.5)
    assert "canary" not in repr(row)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (GOOD.replace("small_talk", "chatter"), "intent"),
        (GOOD.replace("joy", "glee"), "emotion"),
        (GOOD.replace("0.5", "5"), "sentiment"),
        (GOOD.replace('"en"', '"english"'), "lang"),
        ("canary {", "row"),
    ],
)
def test_every_broken_row_is_named_by_its_line_and_never_quoted(tmp_path: Path, wrong: str, named: str) -> None:
    with pytest.raises(PolicyError) as raised:
        read_reading_rows(written(tmp_path, GOOD, wrong))
    (problem,) = raised.value.problems
    assert problem.line == 2
    assert named in str(problem)
    assert "canary" not in str(problem)


def test_a_file_that_is_not_there_and_one_without_rows_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", written(tmp_path)):
        path.write_text("") if path.exists() else None
        with pytest.raises(PolicyError):
            read_reading_rows(path)


def test_the_digest_knows_rows_apart_and_not_their_order(tmp_path: Path) -> None:
    other = GOOD.replace("0.5", "0.6")
    there, back, less = (
        read_reading_rows(written(tmp_path, *each)) for each in ((GOOD, other), (other, GOOD), (GOOD,))
    )
    assert digest_of(there) == digest_of(back) != digest_of(less)
