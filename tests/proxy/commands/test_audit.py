"""`chaperone audit`: the log for people and for programs, and nothing in it that could steer a terminal."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.__main__ import main
from proxy.audit import FILE, AuditStore, Record

NASTY = "a\x1b[2Jwom\x07bat\x9b31m\x7f\u202e\r\nend"


def audit(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", arguments[0], "--data", str(data), *arguments[1:]])


def record(turn: str, text: str, **more: Any) -> Record:
    judged = {
        "action": "regenerate", "rules": ["animals"], "shadow": [], "text": text, "place": "p",
        "findings": [{"rule": "animals", "detector": "terms", "start": 0, "end": 1, "score": 1.0, "view": "leet",
                      "text": text[:9]}],
    }  # fmt: skip
    attempt = {"number": 1, "feedback": "no animals", "text": text, "verdict": judged, "error": None, "ms": 2.5}
    body = {
        "stages": {"input": [], "output": [judged]}, "attempts": [attempt], "final": [text], "notes": [f"note {text}"],
        "timings_ms": {"total": 3.5},
    }  # fmt: skip
    given = {"time": "2026-01-02T03:04:05.678+00:00", "model": "m", "conversation": "c", **more}
    return Record(turn=turn, action="regenerate", policy="v1", body=body, **given)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(record, …) puts records into a store; the folder comes back."""

    def into_store(*records: Record) -> Path:
        store = AuditStore(tmp_path / "data")
        for each in records:
            asyncio.run(store.write(each))
        store.close()
        return tmp_path / "data"

    return into_store


def test_one_line_a_turn_oldest_first(write: Callable[..., Path]) -> None:
    data = write(record("bbb", "later words", time="2026-02-01"), record("aaa", "earlier words", time="2026-01-01"))
    result = audit(data, "list")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert all(part in first for part in ("aaa", "regenerate", "animals", "earlier words"))
    assert "later words" in second


@pytest.mark.parametrize("command", [["list", "--json"], ["export"]])
def test_json_is_every_record_whole_one_a_line(write: Callable[..., Path], command: list[str]) -> None:
    records = [record("aaa", "héllo 😀"), record("bbb", NASTY)]
    result = audit(write(*records), *command)
    assert [json.loads(line) for line in result.stdout.splitlines()] == [each.as_json() for each in records]
    assert "héllo 😀" in result.stdout


def test_export_writes_to_a_file(write: Callable[..., Path], tmp_path: Path) -> None:
    assert audit(write(record("aaa", "x"), record("bbb", "y")), "export", str(tmp_path / "out.jsonl")).stdout == ""
    turns = [json.loads(line)["turn"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert turns == ["aaa", "bbb"]


def test_show_finds_a_turn_by_the_beginning_of_its_id(write: Callable[..., Path]) -> None:
    data = write(record("aab", "first words"), record("aac", "other words"))
    result = audit(data, "show", "aab")
    assert result.exit_code == 0
    shown = ("first words", "regenerate", "no animals", "conversation c", "surface chat")
    assert all(part in result.stdout for part in shown)
    assert json.loads(audit(data, "show", "aab", "--json").stdout)["turn"] == "aab"
    assert "2 turns" in audit(data, "show", "aa").stderr
    for unknown in ("x", "%"):
        assert audit(data, "show", unknown).exit_code == 1


@pytest.mark.parametrize(
    "command", [["list"], ["list", "--json"], ["show", "aaa"], ["show", "aaa", "--json"], ["export"]]
)
def test_control_characters_are_never_printed_raw(write: Callable[..., Path], command: list[str]) -> None:
    result = audit(write(record("aaa", NASTY, model=NASTY, conversation=NASTY)), *command)
    assert result.exit_code == 0
    assert all(char.isprintable() for line in result.stdout.split("\n") for char in line)


def test_a_reader_that_has_seen_enough_is_no_error(write: Callable[..., Path]) -> None:
    data = write(*(record(f"turn-{number}", "words " * 2000) for number in range(30)))
    command = [sys.executable, "-P", "-m", "proxy", "audit", "export", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["turn"] == "turn-0"
        process.stdout.close()
        assert process.stderr.read() == ""


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    result = audit(tmp_path, "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert audit(tmp_path, "list", "--json").stdout == audit(tmp_path, "export").stdout == ""


def test_a_store_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, however long one looks at it" * 50)
    result = audit(tmp_path, "list")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output


def test_the_log_can_be_read_while_the_proxy_writes(proxy: Any, upstream: Any, says: Any) -> None:
    for number in range(3):
        upstream.replies = [says("a wombat"), says("flowers")]
        turn = proxy.post(stream=number % 2 == 0).headers["x-chaperone-turn"]
        lines = audit(proxy.data, "list", "--json").stdout.splitlines()
        assert len(lines) == number + 1
        assert json.loads(lines[-1])["turn"] == turn
