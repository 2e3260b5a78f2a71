"""`chaperone check`: judges text or JSONL, for trying rules out and for measuring them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

import click
from pydantic import AliasChoices, BaseModel, Field, ValidationError

from guards.errors import PolicyError
from guards.types import Message, Stage, Verdict
from proxy.commands.flags import proxy_settings
from proxy.commands.terminal import json_line
from proxy.rule_files import load

FOUND, ERROR = 1, 2


class _Turn(BaseModel):
    role: str
    text: str


class Row(BaseModel):
    """One line of input; `direction` is read as `stage`."""

    id: str | int
    text: str
    stage: Literal["input", "output"] | None = Field(default=None, validation_alias=AliasChoices("stage", "direction"))
    context: list[_Turn] = []


@click.command()
@click.option("--stage", type=click.Choice(["input", "output"]), default="input", help="For rows that name none.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder.")
@click.option("--text", help="Judge this text.")
@click.argument("file", required=False, type=click.File("r", encoding="utf-8"))
def check(stage: Stage, rules_dir: Path | None, text: str | None, file: TextIO | None) -> None:
    """Judge TEXT, or the JSONL rows of FILE (- for standard input); JSONL out, in the same order.

    Exit code 0: nothing found, 1: something found, 2: an error.
    """
    if (text is None) == (file is None):
        raise click.UsageError("give either --text TEXT or a FILE of JSONL rows (- for standard input)")
    try:
        guard = load(proxy_settings(rules=rules_dir).rules, gate=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(ERROR) from None
    except PolicyError as error:
        click.echo(str(error), err=True)
        raise SystemExit(ERROR) from None
    rows = [Row(id="text", text=text)] if text is not None else _rows(file or ())
    found = False
    for row in rows:
        chosen = row.stage or stage
        verdict = guard.check(row.text, chosen, [Message(turn.role, turn.text) for turn in row.context])
        found = found or bool(verdict.rules)
        click.echo(json_line(as_row(row, verdict)))
    raise SystemExit(FOUND if found else 0)


def as_row(row: Row, verdict: Verdict) -> dict[str, Any]:
    """One line of output; `labels` are the enforced rules whose action is above `log`."""
    return {
        "id": row.id,
        "action": verdict.action.word,
        "labels": list(verdict.rules),
        "findings": [
            {
                "rule": finding.rule, "detector": finding.detector, "start": finding.start, "end": finding.end,
                "text": row.text[finding.start : finding.end], "score": round(finding.score, 4),
            }
            for finding in verdict.findings
        ],
    }  # fmt: skip


def _rows(lines: Iterable[str]) -> Iterator[Row]:
    try:
        yield from _parsed(lines)
    except UnicodeDecodeError as error:
        click.echo(f"the rows are not UTF-8: byte {error.object[error.start]:#x}", err=True)
        raise SystemExit(ERROR) from None


def _parsed(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Row.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "row"
            click.echo(f"line {number}: {where}: {first['msg']}; a row is {{id, text, stage?, context?}}", err=True)
            raise SystemExit(ERROR) from None
