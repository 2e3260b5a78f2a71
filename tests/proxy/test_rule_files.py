"""A rules folder is accepted whole or refused whole, with every problem's file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guards.errors import PolicyError
from proxy.rule_files import load, read_policy

GOOD = """\
id: plants
title: Plants
mode: enforce
stages:
  input: {action: log}
find:
  - terms: [rose]
feedback: No plants.
examples:
  - block: a rose
  - allow: a stone
"""


@pytest.fixture
def rules(make_rules: Callable[..., Path]) -> Path:
    return make_rules()


def problems(folder: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyError) as caught:
        load(folder)
    return [(problem.file, problem.line, problem.message) for problem in caught.value.problems]


def with_plants(folder: Path, old: str, new: str, name: str = "plants.yaml") -> Path:
    assert old in GOOD
    (folder / name).write_text(GOOD.replace(old, new))
    return folder


def test_every_yaml_file_beside_the_policy_is_a_rule(rules: Path) -> None:
    with_plants(rules, "id", "id")
    guard = load(rules)
    assert [rule.id for rule in guard.policy.rules] == ["animals", "plants"]
    assert guard.check("a rose and a wombat", "input").rules == ("animals",)


def test_every_problem_of_every_file_is_reported_at_once(rules: Path) -> None:
    with_plants(rules, "title: Plants\n", "")
    with_plants(rules, "mode: enforce", "mode: loud\nmod: off", "stones.yaml")
    (rules / "broken.yaml").write_text("id: [\n")
    (rules / "policy.yaml").write_text("streaming: sometimes\n")
    found = problems(rules)
    assert {file for file, _, _ in found} == {"plants.yaml", "stones.yaml", "broken.yaml", "policy.yaml"}
    assert {line for file, line, _ in found if file == "stones.yaml"} == {3, 4}


def test_an_unknown_key_is_refused_on_its_line(rules: Path) -> None:
    ((file, line, message),) = problems(with_plants(rules, "feedback: No", "feedbck: No plants.\nfeedback: No"))
    assert (file, line) == ("plants.yaml", 8)
    assert "feedbck" in message


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("input: {action: log}", "input: {action: steer, loud: 1}", 5),
        ("  - terms: [rose]", "  - terms: [rose]\n    folds: none", 8),
        ("  - terms: [rose]", "  - terms: [rose]\n  - trems: [lily]", 8),
        ("  - terms: [rose]", "  - terms: [rose]\n  - classifier: x\n    clear: 2", 9),
        ("  - allow: a stone", "  - allow: a stone\n    block: both", 11),
        ("input: {action: log}", "output: {action: steer}", 5),
        ("id: plants", "id: Plants!", 1),
    ],
)  # fmt: skip
def test_a_mistake_deep_in_a_rule_is_named_on_its_line(rules: Path, old: str, new: str, line: int) -> None:
    found = problems(with_plants(rules, old, new))
    assert ("plants.yaml", line) in [(file, at) for file, at, _ in found]


def test_two_rules_of_one_name_are_refused_and_both_files_named(rules: Path) -> None:
    ((file, line, message),) = problems(with_plants(rules, "id: plants", "id: animals"))
    assert (file, line) == ("plants.yaml", 1)
    assert "animals.yaml" in message


def test_a_key_that_stands_twice_is_refused(rules: Path) -> None:
    assert problems(with_plants(rules, "feedback:", "feedback: Or this.\nfeedback:"))[0][:2] == ("plants.yaml", 9)


def test_a_rule_that_is_off_is_off_and_on_is_a_word_in_a_phrase(rules: Path) -> None:
    phrase = "  - phrase: [[{LOWER: add}, {LOWER: on}]]"
    with_plants(rules, "  - terms: [rose]", phrase)
    (rules / "plants.yaml").write_text((rules / "plants.yaml").read_text().replace("a rose", "add on"))
    assert load(rules).check("please add on", "input").shadow == ("plants",)
    with_plants(rules, "mode: enforce", "mode: off")
    guard = load(rules)
    assert guard.check("a rose", "input").findings == ()


def test_every_entry_that_cannot_be_compiled_is_named_with_its_line(rules: Path) -> None:
    with_plants(rules, "  - terms: [rose]", "  - terms: [rose]\n  - pattern: '(['\n  - pattern: '(?=x)y'")
    with_plants(rules, "  - terms: [rose]", "  - terms: lexicons/nowhere.yaml", "stones.yaml")
    (rules / "stones.yaml").write_text((rules / "stones.yaml").read_text().replace("id: plants", "id: stones"))
    assert {(file, line) for file, line, _ in problems(rules)} == {
        ("plants.yaml", 8), ("plants.yaml", 9), ("stones.yaml", 7)
    }  # fmt: skip


def test_a_rule_that_fails_its_own_example_is_refused_on_the_examples_line(rules: Path) -> None:
    ((file, line, _),) = problems(with_plants(rules, "  - block: a rose", "  - block: a lily"))
    assert (file, line) == ("plants.yaml", 10)
    assert load(rules, gate=False).policy.rules


def test_a_deflection_that_would_be_withheld_is_refused(rules: Path) -> None:
    with_plants(rules, "feedback: No plants.", 'feedback: No plants.\ndeflections: ["fine", "ask the wombat"]')
    assert [(file, line) for file, line, _ in problems(rules)] == [("plants.yaml", 9)]


def test_lexicons_are_lists_or_names_with_lists(rules: Path) -> None:
    (rules / "lexicons").mkdir()
    (rules / "lexicons" / "flowers.yaml").write_text("roses: [rose, róża]\nlilies:\n  - lily\n")
    with_plants(rules, "terms: [rose]", "terms: lexicons/flowers.yaml")
    assert load(rules).check("a lily", "input").shadow == ("plants",)
    (rules / "lexicons" / "flowers.yaml").write_text("- rose\n- off\n- 5\n- ''\n- lily: x\n")
    assert [(file, line) for file, line, _ in problems(rules)] == [("lexicons/flowers.yaml", n) for n in (3, 4, 5)]
    (rules / "lexicons" / "flowers.yaml").write_text("roses:\n  red\n")
    assert problems(rules)[0][:2] == ("lexicons/flowers.yaml", 1)


def test_a_folder_without_a_policy_or_without_a_rule_is_refused(tmp_path: Path, rules: Path) -> None:
    assert "policy.yaml" in problems(tmp_path / "nowhere")[0][0]
    (rules / "animals.yaml").unlink()
    assert "no rule" in problems(rules)[0][2]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"just text", b"- a\n- b\n", b"5: x\n"])
def test_a_file_that_is_no_rule_is_named(rules: Path, content: bytes) -> None:
    (rules / "odd.yaml").write_bytes(content)
    assert {file for file, _, _ in problems(rules)} == {"odd.yaml"}


def test_the_version_changes_with_any_byte_of_any_file_and_with_nothing_else(rules: Path) -> None:
    first = load(rules).version
    assert load(rules).version == first
    (rules / "notes.txt").write_text("not a rule")
    assert load(rules).version == first
    (rules / "policy.yaml").write_text((rules / "policy.yaml").read_text() + "# a comment\n")
    assert load(rules).version != first


def test_the_documents_of_a_policy_are_found_by_rule(rules: Path) -> None:
    policy, documents = read_policy(with_plants(rules, "id", "id", "other_name.yaml"))
    assert policy.rules[1].id == "plants"
    assert documents["plants"].file == "other_name.yaml"
