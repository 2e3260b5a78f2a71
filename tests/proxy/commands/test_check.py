"""`chaperone check`: rows in, rows out in the same order, and an exit code that tells found from failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.__main__ import main


@pytest.fixture
def check(make_rules: Callable[..., Path]) -> Callable[..., Result]:
    """check("-", rows) judges rows from standard input by the rules of make_rules."""
    folder = make_rules(on_input="log")

    def invoke(*arguments: str, rows: Any = "") -> Result:
        text = rows if isinstance(rows, str | bytes) else "\n".join(json.dumps(row) for row in rows)
        return CliRunner().invoke(main, ["check", "--rules", str(folder), *arguments], input=text)

    return invoke


def rows_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_text_is_judged_with_its_findings_in_it(check: Callable[..., Result]) -> None:
    result = check("--stage", "output", "--text", "see the w0mbat!")
    assert result.exit_code == 1
    (row,) = rows_of(result)
    assert (row["action"], row["labels"]) == ("regenerate", ["animals"])
    (finding,) = row["findings"]
    assert "see the w0mbat!"[finding["start"] : finding["end"]] == finding["text"] == "w0mbat"
    assert set(finding) == {"rule", "detector", "start", "end", "text", "score"}


def test_nothing_found_is_exit_code_zero_and_what_is_only_logged_counts_as_nothing(
    check: Callable[..., Result],
) -> None:
    assert check("--text", "a tree").exit_code == 0
    logged = check("--text", "a wombat")
    assert logged.exit_code == 0
    assert rows_of(logged)[0]["labels"] == []
    assert rows_of(logged)[0]["action"] == "log"


def test_rows_come_out_in_the_order_they_went_in_each_by_its_own_stage(check: Callable[..., Result]) -> None:
    rows = [
        {"id": "c", "text": "a wombat", "direction": "output"},
        {"id": 2, "text": "a wombat", "direction": "input", "label": "ignored"},
        {"id": "a", "text": "a wombat", "stage": "output"},
        {"id": "b", "text": "a wombat"},
    ]
    result = check("-", rows=rows)
    assert [row["id"] for row in rows_of(result)] == ["c", 2, "a", "b"]
    assert [row["action"] for row in rows_of(result)] == ["regenerate", "log", "regenerate", "log"]
    assert result.exit_code == 1
    assert [row["action"] for row in rows_of(check("-", "--stage", "output", rows=rows[3:]))] == ["regenerate"]


def test_a_rows_context_is_read_on_into_its_text(check: Callable[..., Result]) -> None:
    before = [{"role": "assistant", "text": "my favourite is the w o m"}]
    row = {"id": 1, "text": "b a t", "stage": "output"}
    assert rows_of(check("-", rows=[row]))[0]["action"] == "allow"
    assert rows_of(check("-", rows=[{**row, "context": before}]))[0]["action"] == "regenerate"


def test_a_file_is_read_and_empty_lines_are_passed_over(check: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"id": 1, "text": "ünïcode"}\n\n  \n{"id": 2, "text": ""}\n', encoding="utf-8"
    )
    result = check(str(tmp_path / "rows.jsonl"))
    assert [row["id"] for row in rows_of(result)] == [1, 2]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "broken",
    ["{", "[]", '{"id": 1}', '{"text": "x"}', '{"id": 1, "text": 5}', '{"id": 1, "text": "x", "stage": "both"}',
     '{"id": 1, "text": "x", "context": [{"role": "user"}]}', '{"id": 1, "text": "x", "context": "no"}',
     '{"id": 1, "text": "\\ud800"}'],
)  # fmt: skip
def test_a_broken_row_is_named_by_its_line_after_the_rows_before_it(check: Callable[..., Result], broken: str) -> None:
    result = check("-", rows='{"id": 1, "text": "a wombat", "stage": "output"}\n\n' + broken + "\n")
    assert result.exit_code == 2
    assert "line 3" in result.stderr
    assert "Traceback" not in result.output
    assert [row["id"] for row in rows_of(result)] == [1]


def test_rows_that_are_not_utf8_are_an_error_and_not_a_finding(check: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'{"id": 1, "text": "ok"}\n{"id": 2, "text": "\xff"}\n')
    result = check(str(tmp_path / "rows.jsonl"))
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "UTF-8" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--text", "x", "-"], ["nowhere.jsonl"], ["--stage", "both", "--text", "x"]])
def test_wrong_use_is_exit_code_two(check: Callable[..., Result], arguments: list[str]) -> None:
    assert check(*arguments).exit_code == 2


def test_rules_that_are_refused_are_an_error_with_file_and_line(
    check: Callable[..., Result], make_rules: Callable[..., Path]
) -> None:
    rule = make_rules() / "animals.yaml"
    rule.write_text(rule.read_text() + "oddity: 1\n")
    result = check("--text", "x")
    assert result.exit_code == 2
    assert "animals.yaml:" in result.stderr
    assert "oddity" in result.stderr


def test_control_characters_never_reach_the_terminal(check: Callable[..., Result]) -> None:
    text = "wo\u200bmbat \x1b[2J\x9b2J\x7f\u202e"
    result = check("--stage", "output", "--text", "see the " + text)
    assert result.exit_code == 1
    assert all(char.isprintable() for char in result.stdout.removesuffix("\n"))
    assert rows_of(result)[0]["findings"][0]["text"] in text
