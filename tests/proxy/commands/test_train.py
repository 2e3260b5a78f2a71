"""`chaperone train` says what it lacks, and refuses rows and rules that cannot be read, before it begins."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brain.reading import load
from proxy.commands.train import train


@pytest.fixture
def run(make_rules: Callable[..., Path]) -> Callable[..., Result]:
    rules = make_rules()
    return lambda *arguments: CliRunner().invoke(train, [*map(str, arguments), "--rules", str(rules)])


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_it_says_how_to_get_it(run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 2
    assert "make train-tools" in result.stderr


needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed: make train-tools"
)


@needs_torch
def test_rows_that_cannot_be_read_are_named_by_their_lines(run: Callable[..., Result], tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "hi", "stage": "input", "labels": []}\n{"text": "secret", "stage": "sideways"}\n')
    result = run("--rows", rows, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "rows.jsonl:2" in result.stderr
    assert "secret" not in result.stderr
    assert not (tmp_path / "out").exists()


@needs_torch
def test_a_base_model_that_is_not_there_is_named(run: Callable[..., Result], tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "a wombat", "stage": "input", "labels": ["animals"]}\n')
    result = run("--rows", rows, "--out", tmp_path / "out", "--base", "no_such_model")
    assert result.exit_code == 2
    assert "no_such_model" in result.stderr


def test_how_fans_are_read_is_trained_without_torch(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    kinds = [("how much is it {}", "purchase"), ("hello {}", "small_talk"), ("i want to die {}", "distress")]
    told = {"emotion": "neutral", "sentiment": 0, "lang": "en"}
    lines = [{"text": text.format(at), "intent": intent, **told} for text, intent in kinds for at in range(10)]
    rows.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    result = CliRunner().invoke(train, ["reading", "--rows", str(rows), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert load(tmp_path / "out").read("how much is it, then").intent == "purchase"


def test_rows_of_readings_that_cannot_be_read_are_named_by_their_lines(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "secret", "intent": "chatter"}\n')
    result = CliRunner().invoke(train, ["reading", "--rows", str(rows), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "rows.jsonl:1" in result.stderr
    assert "secret" not in result.stderr
    assert not (tmp_path / "out").exists()
