"""Labelled messages of fans, for teaching how they are read: one JSON object a line.

It stands apart as the one reader of these rows: a file is accepted whole or refused whole, with every problem's line
and without a word of its text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from brain.reading import Emotion, Intent
from guards.errors import PolicyError, Problem

FILE_NAME = "readings.jsonl"


class ReadingRow(BaseModel):
    """One message with how it is to be read; `sentiment` in -1..1, `lang` its language."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    text: Annotated[str, Field(min_length=1, repr=False)]
    intent: Intent
    emotion: Emotion
    sentiment: Annotated[float, Field(ge=-1, le=1)]
    lang: Annotated[str, Field(pattern="^[a-z]{2}$")]


def read_reading_rows(path: Path) -> tuple[ReadingRow, ...]:
    """The rows of `path`. Raises PolicyError with all problems."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PolicyError([Problem(str(path), 0, f"cannot be read: {error.strerror}")]) from None
    rows: list[ReadingRow] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(ReadingRow.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "row"
            problems.append(Problem(str(path), number, f"{place}: {first['msg']}"))
    if problems or not rows:
        raise PolicyError(problems or [Problem(str(path), 0, "has no rows")])
    return tuple(rows)


def digest_of(rows: Iterable[ReadingRow]) -> str:
    """What tells these rows from others, whatever their order: 16 hex digits."""
    return digest_of_texts(row.model_dump_json() for row in rows)


def digest_of_texts(texts: Iterable[str]) -> str:
    """The same of texts alone."""
    digest = hashlib.blake2b(digest_size=8)
    for line in sorted(texts):
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()
