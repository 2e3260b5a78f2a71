"""Labelled messages for teaching and measuring the judge: one JSON object a line, `{text, stage, labels, context?}`.

It stands apart as the one reader of these rows: a file is accepted whole or refused whole, with every problem's line
and without a word of its text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import dspy
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from guards.errors import PolicyError, Problem

FILE_NAME = "moderation.jsonl"
# The share of rows that is kept from the optimizer, to score what it made.
HELD_OUT = 0.3

_SPEAKERS = {"user": "fan", "fan": "fan", "assistant": "persona", "persona": "persona"}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Turn(_Shape):
    """One message before the one to judge."""

    role: Literal["user", "fan", "assistant", "persona"]
    text: str = Field(repr=False)


class Row(_Shape):
    """One message with the rules it breaks; `direction` is read as `stage`, and what else a row has is not read."""

    text: str = Field(min_length=1, repr=False)
    stage: Literal["input", "output"] = Field(validation_alias=AliasChoices("stage", "direction"))
    labels: tuple[str, ...]
    context: tuple[Turn, ...] = Field(default=(), repr=False)

    def example(self, rule_titles: Mapping[str, str], context: int) -> dspy.Example:
        """The row as the judge is asked about it, with all rules and the last `context` messages."""
        return dspy.Example(
            rule_titles=dict(sorted(rule_titles.items())),
            transcript=[{_SPEAKERS[turn.role]: turn.text} for turn in self.context[-context:]],
            stage=self.stage,
            candidate=self.text,
            labels=sorted(self.labels),
            confidence=1.0,
        ).with_inputs("rule_titles", "transcript", "stage", "candidate")


def other_people(path: Path, most: int) -> list[str]:
    """At most `most` harmless lines of `path`, evenly from all of it and none of a persona's own: how other people
    write. None where there is no such file."""
    if not path.is_file():
        return []
    rows = path.read_bytes().splitlines()
    picked = (json.loads(row) for row in rows[:: max(1, 2 * len(rows) // (3 * most))] if row.strip())
    texts = [row["text"] for row in picked if not row["labels"] and row.get("register") != "persona"]
    return texts[:most]


def read_rows(path: Path, rules: Collection[str]) -> tuple[Row, ...]:
    """The rows of `path`, labelled with ids of `rules`. Raises PolicyError with all problems."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PolicyError([Problem(str(path), 0, f"cannot be read: {error.strerror}")]) from None
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = Row.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "row"
            problems.append(Problem(str(path), number, f"{place}: {first['msg']}"))
            continue
        if not set(row.labels) <= set(rules):
            problems.append(Problem(str(path), number, f"labels: only ids of rules count here: {', '.join(rules)}"))
        rows.append(row)
    if problems:
        raise PolicyError(problems)
    return tuple(rows)


def split(rows: Sequence[Row], *, seed: int, limit: int) -> tuple[list[Row], list[Row]]:
    """Rows to teach with and rows held out, `limit` at most, the same for the same seed whatever their order.

    Rows that share a conversation, or say the same, fall on one side. Those to teach with take turns by label, so that
    a prefix of them shows every rule.
    """
    ordered = sorted(rows, key=lambda row: _hash(seed, "order", row.text, *(turn.text for turn in row.context)))[:limit]
    held = [row for row in ordered if _is_held_out(row, seed)]
    return _by_turns([row for row in ordered if not _is_held_out(row, seed)]), held


def _is_held_out(row: Row, seed: int) -> bool:
    opening = row.context[0].text if row.context else row.text
    return _hash(seed, "side", " ".join(opening.casefold().split())) < HELD_OUT


def _hash(seed: int, *parts: str) -> float:
    """A number in 0..1 that only seed and parts decide."""
    data = "\0".join([str(seed), *parts]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") / 2**64


def _by_turns(rows: Sequence[Row]) -> list[Row]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row.labels)), []).append(row)
    rounds = zip_longest(*(groups[labels] for labels in sorted(groups)))
    return [row for each in rounds for row in each if row is not None]
