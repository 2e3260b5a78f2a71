"""`chaperone eval`: a real guard over rows counted by hand, and nothing of a message shown that was not asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from proxy.__main__ import main
from proxy.commands.evaluate import shortened

# animals: right a, f; wrong c; missed b, e.  plants: wrong e; optional at f.
ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "a wombat", "labels": ["animals"], "kind": "plain", "lang": "en"},
    {"id": "b", "text": "a burrow digger", "labels": ["animals"], "kind": "meaning", "lang": "en"},
    {"id": "c", "text": "the wombat inn", "labels": [], "kind": "twin_plain", "lang": "en"},
    {"id": "d", "text": "ein Baum", "labels": [], "kind": "twin_meaning", "lang": "de"},
    {"id": "e", "text": "an oleander", "labels": ["animals"], "kind": "plain"},
    {"id": "f", "text": "wombat, oleander", "labels": ["animals"], "optional": ["plants"], "kind": "plain"},
    {"id": "g", "text": "wombats? a wombat", "labels": [], "optional": ["animals"], "kind": "twin_plain"},
]


@pytest.fixture
def rules(make_rules: Callable[..., Path]) -> Path:
    """Two rules: animals over wombat, plants over oleander."""
    folder = make_rules()
    animals = (folder / "animals.yaml").read_text(encoding="utf-8")
    plants = animals.replace("animals", "plants").replace("wombat", "oleander")
    (folder / "plants.yaml").write_text(plants, encoding="utf-8")
    return folder


@pytest.fixture
def evaluate(rules: Path, tmp_path: Path) -> Callable[..., Result]:
    """evaluate("--json", rows={"a.jsonl": [...], "b.txt": "…"}) judges files of these contents."""

    def invoke(*arguments: str, rows: dict[str, Iterable[Any] | str | bytes]) -> Result:
        names = []
        for name, content in rows.items():
            lines = content if isinstance(content, str | bytes) else "".join(json.dumps(row) + "\n" for row in content)
            (tmp_path / name).write_bytes(lines if isinstance(lines, bytes) else lines.encode())
            names.append(str(tmp_path / name))
        return CliRunner().invoke(main, ["eval", "--rules", str(rules), *arguments, *names])

    return invoke


def numbers(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    shown: dict[str, Any] = json.loads(line)
    return shown


def counts(blocking: dict[str, Any]) -> tuple[int, ...]:
    return tuple(blocking[key] for key in ("caught", "let_through", "wrongly_blocked", "rightly_allowed"))


def test_rules_and_rows_are_counted_as_by_hand(evaluate: Callable[..., Result]) -> None:
    shown = numbers(evaluate("--json", rows={"rows.jsonl": ROWS}))
    total = shown["total"]
    animals, plants = total["rules"]["animals"], total["rules"]["plants"]
    assert (animals["tp"], animals["fp"], animals["fn"]) == (2, 1, 2)
    assert [animals[key]["value"] for key in ("precision", "recall", "f1")] == [0.666667, 0.5, 0.571429]
    assert (plants["tp"], plants["fp"], plants["fn"], plants["recall"]) == (0, 1, 0, None)
    assert counts(total["blocking"]) == (3, 1, 1, 2)
    assert total["blocking"]["recall"]["value"] == 0.75
    assert total["blocking"]["false_positives"]["value"] == 0.333333
    assert (total["rows"], total["elsewhere"]) == (7, 1)
    assert {name: counts(each) for name, each in total["by"]["kind"].items()} == {
        "plain": (3, 0, 0, 0), "meaning": (0, 1, 0, 0), "twin_plain": (0, 0, 1, 1), "twin_meaning": (0, 0, 0, 1),
    }  # fmt: skip
    assert counts(total["by"]["lang"]["(none)"]) == (2, 0, 0, 1)
    assert "source" not in total["by"]
    assert 0 < total["microseconds"]["p50"] <= total["microseconds"]["p99"]


def test_a_text_file_is_a_stream_of_benign_messages(evaluate: Callable[..., Result]) -> None:
    stream = b"\xef\xbb\xbfa tree\r\n\r\nthe wombat inn\nm\xc3\xbcde\n\n"
    shown = numbers(evaluate("--json", "--errors", "5", rows={"stream.TXT": stream}))
    (file,) = shown["files"]
    assert counts(file["blocking"]) == (0, 0, 1, 2)
    assert file["false_alarms"] == [{"id": "L3", "rules": ["animals"], "text": "the wombat inn"}]


def test_every_file_has_its_report_and_all_of_them_a_total(evaluate: Callable[..., Result]) -> None:
    files = {"one.jsonl": ROWS[:3], "two.jsonl": ROWS[3:], "stream.txt": "a tree\na wombat\n"}
    shown = numbers(evaluate("--json", rows=files))
    assert [Path(file["file"]).name for file in shown["files"]] == list(files)
    assert [counts(file["blocking"]) for file in shown["files"]] == [(1, 1, 1, 0), (2, 0, 0, 2), (0, 0, 1, 1)]
    assert counts(shown["total"]["blocking"]) == (3, 1, 2, 3)
    page = evaluate(rows=files).stdout
    assert page.count("\n== ") == 4
    assert "\n== all 3 files: 9 rows\n" in page
    assert "all 1 files" not in evaluate(rows={"one.jsonl": ROWS}).stdout


def test_the_page_shows_counts_and_shares_and_fits_the_screen(evaluate: Callable[..., Result], tmp_path: Path) -> None:
    long = [
        {"id": "x" * 300, "text": "wombat " * 90, "labels": [], "source": "s" * 80, "kind": "k" * 80, "lang": "l" * 80},
        {"id": "y" * 300, "text": "tree " * 90, "labels": ["r" * 80, "q" * 80], "source": "t", "kind": "t"},
    ]
    result = evaluate("--errors", "9", rows={"rows.jsonl": ROWS + long, "n" * 120 + ".txt": "a tree\n" * 2000})
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    page = evaluate(rows={"rows.jsonl": ROWS}).stdout
    cells = [line.split() for line in page.splitlines()]
    assert ["should", "be", "blocked", "3", "1", "recall", "75.0", "(30.1–95.4)"] in cells
    assert any(line[:1] == ["animals"] and line[-3:] == ["2", "1", "2"] for line in cells)
    assert any(line[:2] == ["plants", "0.0"] and line[-3:] == ["0", "1", "0"] for line in cells)
    assert "1 of the rightly blocked only by rules that their labels do not name" in page
    kinds = [line[0] for line in cells if line and line[0].removeprefix("twin_") in ("plain", "meaning")]
    assert kinds == ["meaning", "twin_meaning", "plain", "twin_plain"]


def test_a_breakdown_with_one_group_is_left_out_of_the_page(evaluate: Callable[..., Result]) -> None:
    rows = [{**row, "source": "here"} for row in ROWS]
    page = evaluate(rows={"rows.jsonl": rows}).stdout.splitlines()
    assert not [line for line in page if line.startswith("source")]
    assert [line for line in page if line.startswith("kind")]


def test_no_message_is_shown_without_errors_and_with_them_no_more_than_asked(evaluate: Callable[..., Result]) -> None:
    files = {"rows.jsonl": ROWS, "stream.txt": "a wombat inn\na wombat zoo\n"}
    texts = [row["text"] for row in ROWS] + ["wombat inn", "wombat zoo"]
    for arguments in ([], ["--json"], ["--errors", "0"]):
        silent = evaluate(*arguments, rows=files)
        assert silent.exit_code == 0
        assert not [text for text in texts if text in silent.output]
    page = evaluate("--errors", "1", rows=files).stdout
    assert "misses: 2, 1 of them stopped by no rule; 1 shown\n  b  missed animals\n      “a burrow digger”\n" in page
    assert "false alarms: 2, 1 of them on benign rows; 1 shown\n  c  wrongly animals\n      “the wombat inn”\n" in page
    assert "misses: 0, 0 of them stopped by no rule; 0 shown\n" in page
    assert "false alarms: 2, 2 of them on benign rows; 1 shown\n  L1  wrongly animals\n" in page
    assert "wombat zoo" not in page


def test_an_error_on_a_row_that_was_blocked_says_by_what(evaluate: Callable[..., Result]) -> None:
    page = evaluate("--errors", "9", rows={"rows.jsonl": ROWS}).stdout
    assert "  e  missed animals; blocked by plants\n" in page
    assert "  e  wrongly plants\n" in page
    both = [{"id": 7, "text": "wombat, oleander", "labels": ["plants"]}]
    assert "  7  wrongly animals; rightly plants\n" in evaluate("--errors", "9", rows={"both.jsonl": both}).stdout


def test_each_row_is_judged_at_its_stage_and_in_its_context(
    evaluate: Callable[..., Result], make_rules: Callable[..., Path]
) -> None:
    make_rules(on_input="log")
    before = [{"role": "assistant", "text": "my favourite is the w o m"}]
    rows = [
        {"id": 1, "text": "a wombat", "labels": ["animals"], "direction": "output"},
        {"id": 2, "text": "a wombat", "labels": ["animals"], "stage": "input"},
        {"id": 3, "text": "b a t", "labels": ["animals"], "stage": "output", "context": before},
        {"id": 4, "text": "a wombat", "labels": ["animals"]},
    ]
    by_stage = numbers(evaluate("--json", rows={"rows.jsonl": rows}))["total"]["by"]["stage"]
    assert {stage: counts(each)[:2] for stage, each in by_stage.items()} == {
        "output": (2, 0), "input": (0, 1), "(none)": (0, 1),
    }  # fmt: skip
    as_output = numbers(evaluate("--json", "--stage", "output", rows={"rows.jsonl": rows}))["total"]["by"]["stage"]
    assert counts(as_output["(none)"])[:2] == (1, 0)


def test_a_label_that_no_rule_bears_is_counted_as_missed_and_named(evaluate: Callable[..., Result]) -> None:
    rows = {"rows.jsonl": [{"id": 1, "text": "a wombat", "labels": ["animal"]}]}
    assert "no rule in force here: animal\n" in evaluate(rows=rows).stdout
    assert numbers(evaluate("--json", rows=rows))["total"]["rules"]["animal"]["fn"] == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [("{", "JSON"), ("[]", "row"), ('{"id": 1, "text": "x"}', "labels"), ('{"id": 1, "labels": []}', "text"),
     ('{"text": "x", "labels": []}', "id"), ('{"id": 1, "text": "x", "labels": "animals"}', "labels"),
     ('{"id": 1, "text": "x", "labels": [1]}', "labels.0"), ('{"id": 1, "text": "x", "labels": null}', "labels"),
     ('{"id": 1, "text": "x", "labels": [], "optional": "a"}', "optional"),
     ('{"id": 1, "text": "x", "labels": [], "stage": "both"}', "stage"), (b"\xff", "UTF-8")],
)  # fmt: skip
def test_a_broken_row_is_named_by_file_and_line_and_nothing_is_reported(
    evaluate: Callable[..., Result], broken: str | bytes, said: str
) -> None:
    rows = b'{"id": "secret", "text": "canary", "labels": []}\n\n'
    broken = broken.encode() if isinstance(broken, str) else broken
    result = evaluate(rows={"good.txt": "a tree\n", "bad.jsonl": rows + broken + b"\n"})
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "bad.jsonl:3: " in line
    assert said in line
    assert "canary" not in line


def test_files_that_cannot_be_read_or_hold_nothing_are_an_error(
    evaluate: Callable[..., Result], tmp_path: Path
) -> None:
    for result in (
        evaluate(str(tmp_path / "nowhere.jsonl"), rows={}),
        evaluate(str(tmp_path), rows={}),
        evaluate(rows={"empty.txt": "\n \n"}),
    ):
        assert result.exit_code == 2
        assert isinstance(result.exception, SystemExit)
        assert len(result.stderr.splitlines()) == 1
    assert "nowhere.jsonl" in evaluate(str(tmp_path / "nowhere.jsonl"), rows={}).stderr


@pytest.mark.parametrize("arguments", [[], ["--errors", "-1", "x.txt"], ["--stage", "both", "x.txt"]])
def test_wrong_use_is_exit_code_two(evaluate: Callable[..., Result], arguments: list[str]) -> None:
    assert evaluate(*arguments, rows={}).exit_code == 2


def test_rules_that_are_refused_are_an_error_with_file_and_line(evaluate: Callable[..., Result], rules: Path) -> None:
    with (rules / "animals.yaml").open("a", encoding="utf-8") as rule:
        rule.write("oddity: 1\n")
    result = evaluate(rows={"rows.jsonl": ROWS})
    assert result.exit_code == 2
    assert "animals.yaml:" in result.stderr
    assert "oddity" in result.stderr


def test_nothing_in_a_row_or_its_files_name_can_steer_the_terminal(evaluate: Callable[..., Result]) -> None:
    evil = "wo\u200bmbat \x1b[2J\x9b2J\x7f\u202e\n"
    rows = [
        {"id": evil, "text": evil, "labels": [], "source": evil, "kind": evil, "lang": evil},
        {"id": 2, "text": "a tree", "labels": [evil], "source": "x", "kind": "x", "lang": "x"},
    ]
    for arguments in (["--errors", "5"], ["--errors", "5", "--json"]):
        result = evaluate(*arguments, rows={"\x1b[2J.jsonl": rows})
        assert result.exit_code == 0
        assert all(line.isprintable() for line in result.stdout.split("\n"))
    broken = evaluate(rows={"\x1b[2J.jsonl": "{"})
    assert broken.stderr.removesuffix("\n").isprintable()


@given(st.text(st.characters(codec="utf-8")))
def test_ashortened_text_is_printable_and_the_beginning_of_the_text(text: str) -> None:
    shown = shortened(text)
    assert shown.isprintable()
    assert len(shown) <= 90
    words = " ".join(text.split())
    if shown != words and words.isprintable():
        assert shown.endswith("…")
        assert words.startswith(shown[:-1])
