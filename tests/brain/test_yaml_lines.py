"""The one YAML reader: which scalars are words, and on which line what stands."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.yaml_lines import read
from guards.errors import PolicyError

RULE = """\
id: a

stages:
  input: {action: log}
find:
  - terms: [one,
            two]
  - pattern: x
"""


@pytest.mark.parametrize("word", ["off", "on", "no", "yes", "y", "NO", "1:30", "2026-01-01", "0x10", "1_0", "=", "<<"])
def test_what_only_looks_special_is_a_word(word: str) -> None:
    assert read(f"mode: {word}\n{word}: x", "f.yaml").value == {"mode": word, word: "x"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("FALSE", False), ("~", None), ("null", None), ("", None), ("7", 7), ("-7", -7), ("+7", 7),
     ("010", 10), ("08", 8), ("0.5", 0.5), (".5", 0.5), ("1e3", 1000.0), ("-2.", -2.0)],
)  # fmt: skip
def test_numbers_truth_and_nothing_are_read_as_yaml_1_2_says(text: str, value: Any) -> None:
    read_value = read(f"a: {text}", "f.yaml").value["a"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(
    ("place", "line"),
    [((), 1), (("id",), 1), (("stages",), 3), (("stages", "input", "action"), 4), (("find", 0), 6),
     (("find", 0, "terms", 1), 7), (("find", 1, "pattern"), 8), (("find", 1, "nowhere", 3), 8), (("nowhere",), 1)],
)  # fmt: skip
def test_every_place_has_its_line_and_a_missing_one_that_of_the_nearest_around_it(
    place: tuple[str | int, ...], line: int
) -> None:
    assert read(RULE, "f.yaml").line(place) == line


def test_every_key_that_stands_twice_is_named_with_its_line() -> None:
    with pytest.raises(PolicyError) as caught:
        read("id: a\ntitle: x\nid: b\nstages:\n  input: {}\n  input: {}\n", "twice.yaml")
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [("twice.yaml", 3), ("twice.yaml", 6)]
    assert all("input" in str(p) or "id" in str(p) for p in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: ]", 1), ("a: b\n c: d", 2), ("a: 'x", 1), ("a: b\n\tc: d", 2), ("a: *nowhere", 1), ("a: 1\n---\nb: 2", 2),
     ("a: !!python/object:os.system x", 1), ("x: 1\na: !!float abc", 2), ("x: 1\na: " + "9" * 5000, 2)],
)  # fmt: skip
def test_what_is_no_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(PolicyError) as caught:
        read(text, "f.yaml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("f.yaml", line)


def test_an_alias_may_repeat_a_value() -> None:
    assert read("a: &x [one]\nb: *x", "f.yaml").value == {"a": ["one"], "b": ["one"]}


def test_a_value_that_contains_itself_is_refused() -> None:
    with pytest.raises(PolicyError):
        read("a: &x [*x]", "f.yaml")


def test_aliases_of_aliases_cost_no_more_than_their_text() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert set(read("\n".join(lines), "f.yaml").value) == {f"a{n}" for n in range(30)}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_beyond_reason_is_refused(opening: str) -> None:
    with pytest.raises(PolicyError):
        read(opening * 3000 + "x", "f.yaml")


@given(st.text(max_size=40))
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PolicyError):
        assert read(text, "f.yaml").line(()) >= 1
