"""`chaperone rules`: what a reload would say, as an exit code for CI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.__main__ import main


def rules(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)])


@pytest.mark.parametrize("command", ["lint", "test"])
def test_rules_that_hold_are_exit_code_zero_and_named(make_rules: Callable[..., Path], command: str) -> None:
    result = rules(command, make_rules())
    assert result.exit_code == 0
    assert "animals: enforce, 1 block and 1 allow examples" in result.stdout


@pytest.mark.parametrize("command", ["lint", "test"])
def test_every_problem_is_shown_with_its_file_and_line(make_rules: Callable[..., Path], command: str) -> None:
    folder = make_rules()
    rule = folder / "animals.yaml"
    rule.write_text(rule.read_text() + "oddity: 1\nmode: loud\n")
    lines = len(rule.read_text().splitlines())
    result = rules(command, folder)
    assert result.exit_code == 1
    assert f"{rule}:{lines - 1}: " in result.stderr
    assert f"{rule}:{lines}: " in result.stderr


def test_only_test_runs_the_examples(make_rules: Callable[..., Path]) -> None:
    folder = make_rules()
    rule = folder / "animals.yaml"
    rule.write_text(rule.read_text().replace("the word wombat here", "nothing of that kind"))
    assert rules("lint", folder).exit_code == 0
    failed = rules("test", folder)
    assert failed.exit_code == 1
    assert "example 1 of animals" in failed.stderr


def test_a_folder_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    result = rules("test", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "policy.yaml" in result.stderr


def test_the_schema_describes_a_rule_and_refuses_unknown_keys() -> None:
    result = rules("schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert {"id", "title", "stages", "find", "feedback", "examples"} == set(schema["required"])
    assert schema["additionalProperties"] is False
