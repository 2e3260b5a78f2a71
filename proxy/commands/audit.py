"""`chaperone audit`: the blocked-turn log, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from proxy.audit import AuditError, Record, read_records
from proxy.commands.flags import proxy_settings
from proxy.commands.terminal import json_line, plain

_Command = TypeVar("_Command", bound=Callable[..., Any])
_WIDTH = 60


def _options(command: _Command) -> _Command:
    data = click.option("--data", type=click.Path(path_type=Path), help="Where the audit store lives. [./data]")
    as_json = click.option("--json", "as_json", is_flag=True, help="Every record whole, one a line.")
    return data(as_json(command))


@click.group()
def audit() -> None:
    """Read the blocked-turn log: one record for every turn that was not simply allowed."""


@audit.command("list")
@_options
def list_(data: Path | None, as_json: bool) -> None:
    """One line a turn, oldest first."""
    none = True
    for record in _records(data):
        none = False
        click.echo(_json(record) if as_json else _line(record))
    if none and not as_json:
        click.echo("no blocked turns yet", err=True)


@audit.command()
@_options
@click.argument("turn")
def show(data: Path | None, as_json: bool, turn: str) -> None:
    """One whole record; TURN is its id or the beginning of it."""
    found = list(_records(data, turn))
    if len(found) != 1:
        what = "no turn begins" if not found else f"{len(found)} turns begin"
        raise click.ClickException(f"{what} with {turn}: see chaperone audit list")
    click.echo(_json(found[0]) if as_json else _page(found[0]))


@audit.command()
@_options
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
def export(data: Path | None, as_json: bool, file: Any) -> None:
    """Every record whole as JSONL, to FILE or standard output."""
    for record in _records(data):
        click.echo(_json(record), file=file)


def _records(data: Path | None, turn: str | None = None) -> Iterator[Record]:
    try:
        yield from read_records(proxy_settings(data=data).data, turn=turn)
    except AuditError as error:
        raise click.ClickException(str(error)) from None


def _json(record: Record) -> str:
    return json_line(record.as_json())


def _rules(record: Record) -> str:
    judged = [each for stage in record.body["stages"].values() for each in stage]
    return ",".join(dict.fromkeys(rule for each in judged for rule in [*each["rules"], *each["shadow"]])) or "-"


def _line(record: Record) -> str:
    judged = [each for stage in record.body["stages"].values() for each in stage]
    text = " ".join(judged[-1]["text"].split()) if judged else ""
    short = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
    return f"{record.time[:19]}  {record.turn[:12]}  {record.action:<10}  {_rules(record):<24}  {plain(short)}"


def _page(record: Record) -> str:
    body = record.body
    lines = [
        f"turn          {record.turn}",
        f"time          {record.time}",
        f"action        {record.action}",
        f"model         {record.model}   surface {body.get('surface', 'chat')}   "
        f"conversation {record.conversation or '-'}   policy {record.policy}",
    ]
    for stage, judged in body["stages"].items():
        for each in judged:
            lines.append(f"{stage:<13} {each['action']} by {', '.join([*each['rules'], *each['shadow']])}")
            lines.append(f"              {_quoted(each['text'])}")
            lines += [f"              {_finding(finding)}" for finding in each["findings"]]
    for attempt in body["attempts"]:
        verdict = attempt["verdict"]
        said = attempt["error"] or (verdict["action"] if verdict else "?")
        lines.append(
            f"attempt {attempt['number']}     {said} after {attempt['ms']:.0f} ms; told: {attempt['feedback']}"
        )
        lines.append(f"              {_quoted(attempt['text'])}")
    lines += [f"final         {_quoted(text)}" for text in body["final"]]
    lines += [f"note          {note}" for note in body["notes"]]
    lines.append("timings (ms)  " + ", ".join(f"{name} {ms}" for name, ms in body["timings_ms"].items()))
    return "\n".join(map(plain, lines))


def _finding(finding: dict[str, Any]) -> str:
    where = f"{finding['start']}-{finding['end']}"
    seen = "" if finding["view"] in ("text", "clean") else f", seen as {finding['view']}"
    return f"· {finding['rule']}: {_quoted(finding['text'])} at {where} by {finding['detector']}{seen}"


def _quoted(text: str) -> str:
    return f"“{plain(' '.join(text.split()))}”"
