"""`chaperone optimize judge` and `persona`: what they say, what they write, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.__main__ import main

FINE = '{"labels": [], "confidence": 0.9}'


@pytest.fixture
def optimize(tmp_path: Path, make_rules: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """optimize(rows, *arguments) runs the command in an empty folder over rows of one rule, `animals`."""
    monkeypatch.chdir(tmp_path)
    for name in ("CHAPERONE_LM", "CHAPERONE_LM_BASE_URL", "TOGETHER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    rules = make_rules()

    def run(rows: list[Any], *arguments: str) -> Result:
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return CliRunner().invoke(
            main, ["optimize", "judge", "--rows", str(path), "--rules", str(rules), "--out", "judge.json", *arguments]
        )

    return run


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [{"text": f"canary {number}", "stage": "input", "labels": []} for number in range(40)]


def test_a_program_that_judges_as_well_is_saved(
    optimize: Any, rows: Any, upstream: Any, says: Any, tmp_path: Path
) -> None:
    upstream.replies = [says(FINE)]
    result = optimize(rows, "--lm", "some-model", "--lm-base-url", upstream.url)
    assert result.exit_code == 0, result.output
    assert "held out, after:  score 1.000" in result.stdout
    state = json.loads((tmp_path / "judge.json").read_text())
    assert (state["model"], state["scores"]["held_out"]["score"]) == ("some-model", 1.0)


def test_a_program_that_judges_worse_is_refused_with_exit_code_one(
    optimize: Any, rows: Any, upstream: Any, says: Any, tmp_path: Path
) -> None:
    upstream.replies = [*[says(FINE)] * 12, says("junk")]
    result = optimize(rows, "--lm", "some-model", "--lm-base-url", upstream.url)
    assert result.exit_code == 1
    assert "refused: the new program judges worse" in result.stderr
    assert not (tmp_path / "judge.json").exists()
    assert "canary" not in result.output


def test_the_offline_engine_cannot_judge_and_the_error_says_what_to_set(optimize: Any, rows: Any) -> None:
    result = optimize(rows)
    assert result.exit_code == 1
    assert "CHAPERONE_LM" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_rows_that_cannot_be_read_are_named_by_line(optimize: Any, upstream: Any) -> None:
    result = optimize([{"text": "canary"}], "--lm", "m", "--lm-base-url", upstream.url)
    assert result.exit_code == 1
    assert "rows.jsonl:1: stage" in result.stderr
    assert "canary" not in result.stderr


def test_a_model_that_does_not_answer_is_said_in_one_line(optimize: Any, rows: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"{}"], status=401)]
    result = optimize(rows, "--lm", "m", "--lm-base-url", upstream.url)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the language model failed (LMAuthError)")
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def optimize_nora(optimize: Any, nora: Path, tmp_path: Path) -> Callable[..., Result]:
    """optimize_nora(*arguments) teaches Nora, in an empty folder."""
    rules = tmp_path / "rules"
    return lambda *more: CliRunner().invoke(
        main, ["optimize", "persona", "--training-data", str(nora), "--rules", str(rules), "--limit", "30", *more]
    )


def test_a_persona_that_sounds_as_much_like_its_creator_is_saved_where_the_service_looks(
    optimize_nora: Any, upstream: Any, says: Any, tmp_path: Path
) -> None:
    upstream.replies = [says("heyyy you, the boat is so blue 🖤")]
    result = optimize_nora("--lm", "some-model", "--lm-base-url", upstream.url)
    assert result.exit_code == 0, result.output
    assert "violations 0.0%" in result.stdout
    state = json.loads((tmp_path / "data" / "persona-nora.json").read_text())
    assert state["scores"]["held_out"]["score"] > 0.9
    assert state["program"]["reply"]["demos"]


def test_a_persona_that_breaks_a_rule_scores_nothing_and_a_worse_one_is_refused(
    optimize_nora: Any, upstream: Any, says: Any, tmp_path: Path
) -> None:
    good, broken = says("heyyy you, the boat is so blue 🖤"), says("heyyy you, my wombat is so blue 🖤")
    upstream.replies = [*[good] * 15, broken]
    result = optimize_nora("--lm", "some-model", "--lm-base-url", upstream.url)
    assert result.exit_code == 1
    assert "held out, after:  score 0.000" in result.stdout
    assert "refused: the new program sounds less like its creator" in result.stderr
    assert not (tmp_path / "data" / "persona-nora.json").exists()
    assert "wombat" not in result.output


def test_the_offline_engine_cannot_be_taught(optimize_nora: Any) -> None:
    result = optimize_nora()
    assert result.exit_code == 1
    assert "the offline engine cannot be taught" in result.stderr
