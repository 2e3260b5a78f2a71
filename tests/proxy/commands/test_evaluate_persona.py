"""`chaperone eval persona`: what it says of a persona that slips, and how it ends where there is nothing to measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.__main__ import main


@pytest.fixture
def evaluate(
    nora: Path, tmp_path: Path, make_rules: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """evaluate("--json") measures Nora, by the offline engine unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    for name in ("CHAPERONE_LM", "CHAPERONE_LM_BASE_URL", "CHAPERONE_JUDGE_LM", "TOGETHER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    rules = make_rules()
    return lambda *more: CliRunner().invoke(
        main, ["eval", "persona", "--training-data", str(nora), "--rules", str(rules), *more]
    )


def numbers(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    shown: dict[str, Any] = json.loads(line)
    return shown


def test_the_persona_breaks_rules_alone_and_none_behind_the_proxy(evaluate: Any) -> None:
    shown = numbers(evaluate("--json", "--offline-slip-rate", "1"))
    assert (shown["persona"], shown["lm"], shown["held_out"], shown["shown"], shown["turns"]) == (
        "nora", "offline", 10, 30, 20,
    )  # fmt: skip
    assert shown["alone"]["violations_per_1000"]["value"] > 300
    assert shown["alone"]["rules"]["animals"] * 50 == shown["alone"]["violations_per_1000"]["value"]
    assert shown["guarded"]["violations_per_1000"]["value"] == 0
    assert shown["actions"]["regenerate"] > 5
    assert sum(shown["actions"].values()) == 20
    assert shown["grades"] is None


def test_the_creator_s_own_lines_stand_beside_the_persona_s(evaluate: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("Dear Sir or Madam, thank you for your message. 3")]
    shown = numbers(evaluate("--json", "--limit", "6", "--lm", "m", "--lm-base-url", upstream.url))
    assert shown["alone"]["lines"]["voice"]["value"] < 0.2 < 0.8 < shown["creator"]["voice"]["value"]
    assert shown["alone"]["lines"]["distinct_1"] < shown["creator"]["distinct_1"]
    assert shown["alone"]["overlap"]["rouge_l"] < 20


def test_a_model_grades_the_replies_and_what_is_no_grade_is_counted(evaluate: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [*[says("heyyy you, so blue 🖤")] * 6, says('{"grade": 4}'), says("fine"), says('{"grade": 5}')]
    result = evaluate("--json", "--limit", "3", "--lm", "m", "--lm-base-url", upstream.url)
    assert numbers(result)["grades"]["ungraded"] == 1
    assert numbers(result)["grades"]["mean"]["value"] == 4.5
    assert "Short and warm." in upstream.asked[-1]["messages"][-1]["content"]


def test_for_people_it_says_that_no_language_model_graded(evaluate: Any) -> None:
    result = evaluate("--limit", "4")
    assert result.exit_code == 0, result.output
    assert "no LM is configured" in result.stdout
    assert "violations per 1,000" in result.stdout
    assert "babe" not in result.output
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_a_model_that_is_not_there_is_said_in_one_line(evaluate: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"{}"], status=401)]
    result = evaluate("--limit", "2", "--lm", "m", "--lm-base-url", upstream.url)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: the persona answered no turn")


def test_an_unknown_persona_is_answered_with_those_there_are(evaluate: Any) -> None:
    result = evaluate("--persona", "zoe")
    assert result.exit_code == 1
    assert result.stderr == "Error: there is no persona zoe; use nora\n"


def test_one_conversation_is_too_few(evaluate: Any, nora: Path) -> None:
    one = json.loads((nora / "nora.json").read_text())["conversations"][:1]
    (nora / "nora.json").write_text(json.dumps({"conversations": one}))
    result = evaluate()
    assert result.exit_code == 1
    assert "too few sample conversations" in result.stderr


def test_a_file_of_that_name_is_still_judged(
    make_rules: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "persona").write_text(json.dumps({"id": "a", "text": "a wombat", "labels": ["animals"]}))
    result = CliRunner().invoke(main, ["eval", "--rules", str(make_rules()), "--json", "./persona"])
    assert json.loads(result.stdout)["total"]["rows"] == 1
