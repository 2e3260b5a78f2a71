"""Labelled rows: read whole or refused whole, split the same way every time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from brain.labelled import Row, Turn, other_people, read_rows, split
from guards.errors import PolicyError

RULES = {"meetup": "Meeting in person", "social_platform": "Other platforms"}


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def row(text: str, *labels: str, context: tuple[Turn, ...] = ()) -> Row:
    return Row(text=text, stage="input", labels=labels, context=context)


ROWS = [row(f"text {number}", *(["meetup"] if number % 5 == 0 else [])) for number in range(200)]


def test_rows_are_read_with_direction_as_stage_and_unknown_keys_left_alone(tmp_path: Path) -> None:
    context = [{"role": "assistant", "text": "free?"}]
    path = written(
        tmp_path,
        {"text": "a", "stage": "output", "labels": ["meetup"], "id": 1},
        "",
        {"text": "b", "direction": "input", "labels": [], "context": context},
    )
    first, second = read_rows(path, RULES)
    assert (first.text, first.stage, first.labels) == ("a", "output", ("meetup",))
    assert (second.stage, second.context) == ("input", (Turn(role="assistant", text="free?"),))


def test_every_problem_is_named_by_its_line_and_quotes_nothing(tmp_path: Path) -> None:
    path = written(
        tmp_path, "canary", {"text": "canary", "stage": "canary", "labels": []}, {"text": "x"},
        {"text": "x", "stage": "input", "labels": ["canary"]}, {"text": "fine", "stage": "input", "labels": []},
    )  # fmt: skip
    with pytest.raises(PolicyError) as caught:
        read_rows(path, RULES)
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3, 4]
    assert "canary" not in str(caught.value)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_rows(tmp_path / "rows.jsonl", RULES)


def test_the_split_depends_on_the_seed_and_not_on_the_order() -> None:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    assert split(ROWS, seed=1, limit=100) == split(shuffled, seed=1, limit=100)
    assert split(ROWS, seed=1, limit=100) != split(ROWS, seed=2, limit=100)


def test_the_split_loses_nothing_and_keeps_to_the_limit() -> None:
    teaching, held = split(ROWS, seed=0, limit=150)
    assert len(teaching) + len(held) == len({each.text for each in [*teaching, *held]}) == 150
    assert 0.2 < len(held) / 150 < 0.4


def test_one_conversation_and_one_text_fall_on_one_side() -> None:
    opening = (Turn(role="user", text="hi"),)
    talk = [row(f"turn {number}", context=opening) for number in range(20)] + [row("Same  text"), row("same text")]
    teaching, held = split(talk, seed=0, limit=100)
    assert {len(each) for each in (teaching, held)} <= {0, 2, 20, 22}


def test_a_beginning_of_the_rows_to_teach_with_shows_every_label() -> None:
    teaching, _ = split(ROWS, seed=0, limit=100)
    assert {each.labels for each in teaching[:2]} == {(), ("meetup",)}


def test_a_row_becomes_the_question_the_judge_is_asked() -> None:
    context = (Turn(role="user", text="hi"), Turn(role="persona", text="hey"), Turn(role="user", text="so"))
    example = row("swing by?", "meetup", context=context).example(RULES, 2)
    assert dict(example.inputs()) == {
        "rule_titles": RULES,
        "transcript": [{"persona": "hey"}, {"fan": "so"}],
        "stage": "input",
        "candidate": "swing by?",
    }
    assert (example["labels"], example["confidence"]) == (["meetup"], 1.0)


def test_no_repr_shows_a_text() -> None:
    assert "canary" not in repr(row("canary", context=(Turn(role="user", text="canary"),)))


def test_other_people_s_lines_are_harmless_and_none_of_a_persona(tmp_path: Path) -> None:
    rows = [
        {
            "text": f"line {number}",
            "labels": ["meetup"] * (number % 5 == 0),
            "register": "persona" if number % 7 == 0 else "sms",
        }
        for number in range(300)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    texts = other_people(path, 50)
    assert 40 <= len(texts) <= 50
    numbers = [int(text.split()[1]) for text in texts]
    assert all(number % 5 and number % 7 for number in numbers)
    assert max(numbers) > 150
    assert other_people(tmp_path / "none.jsonl", 50) == []
