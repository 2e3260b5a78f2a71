"""`chaperone eval FILES…`: how well and how fast the rules judge labelled messages.

Message text is printed only where `--errors` asks for it, and then shortened and safe for a terminal.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import Field, ValidationError

from guards.errors import PolicyError
from guards.guard import Guard
from guards.types import STAGES, Message, Stage
from proxy.commands.check import ERROR, Row
from proxy.commands.flags import proxy_settings
from proxy.commands.terminal import json_line, plain
from proxy.evaluation import GROUPS, Blocking, Estimate, Judged, Report, RuleScore, score
from proxy.rule_files import load

_WIDTH = 100
_NAME = 26
_RULE = 20
_TEXT = 90
# Judged before the clock runs: what detectors load at their first call is no part of a message's time.
_WARM_UP = ("hello there", "call 555 010 1234", "write to me@example.com or see example.com/me")


class LabelledRow(Row):
    """One line of input: a row of `chaperone check` with what is right for it."""

    labels: list[str]
    optional: list[str] = Field(default_factory=list)
    source: str | None = None
    kind: str | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one file, and what was judged of each, in the same order."""

    name: str
    rows: Sequence[LabelledRow]
    judged: Sequence[Judged]


class _OrPersona(click.Command):
    """`chaperone eval FILES…`, and `chaperone eval persona` where that is the first word."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == ["persona"]:
            # Imported here for start-up time: who judges rows need not wait for DSPy.
            from proxy.commands.evaluate_persona import evaluate_persona  # noqa: PLC0415

            return evaluate_persona.make_context(f"{info_name} persona", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command("eval", cls=_OrPersona)
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder.")
@click.option("--errors", type=click.IntRange(min=0), default=0, help="Show up to N misses and N false alarms a file.")
@click.option("--json", "as_json", is_flag=True, help="All numbers as one JSON object.")
@click.option("--stage", type=click.Choice(STAGES), default="input", help="For rows that name none.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def evaluate(rules_dir: Path | None, errors: int, as_json: bool, stage: Stage, files: tuple[Path, ...]) -> None:
    """Judge the labelled rows of FILES and report how often the rules are right, and how fast.

    A .txt file is a stream of benign messages, one a line. Any other is JSONL: {id, text, labels, stage?, optional?,
    source?, kind?, lang?, context?}; labels are the rules that must fire, optional those that may, direction is read
    as stage. Exit code 0, or 2 for input that cannot be read.

    `chaperone eval persona` measures a persona instead (a file of that name is ./persona).
    """
    read = [(str(path), _rows(path)) for path in files]
    guard = _guard(rules_dir)
    for text in _WARM_UP:
        guard.check(text, stage)
    parts = [_Rows(name, rows, [_judge(guard, row, stage) for row in rows]) for name, rows in read]
    rules = [rule.id for rule in guard.policy.rules if rule.mode == "enforce"]
    reports = [score(part.judged, rules) for part in parts]
    total = score([row for part in parts for row in part.judged], rules)
    if as_json:
        shown = [
            {"file": part.name, **report.as_json(), **_errors_json(part, errors)}
            for part, report in zip(parts, reports, strict=True)
        ]
        click.echo(json_line({"policy": guard.version, "files": shown, "total": total.as_json()}))
        return
    lines = [f"policy {guard.version}; shares in percent, with their 95 % Wilson intervals"]
    for part, report in zip(parts, reports, strict=True):
        lines += _page(part.name, report, rules) + _errors(part, errors)
    if len(parts) > 1:
        lines += _page(f"all {len(parts)} files", total, rules)
    click.echo("\n".join(map(plain, lines)))


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        click.echo(plain(line), err=True)
    raise SystemExit(ERROR)


def _guard(rules_dir: Path | None) -> Guard:
    try:
        return load(proxy_settings(rules=rules_dir).rules, gate=False, is_judged=False)
    except click.ClickException as error:
        _fail(error.format_message())
    except PolicyError as error:
        _fail(*map(str, error.problems))


def _rows(path: Path) -> list[LabelledRow]:
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        _fail(f"{path}: cannot be read: {error.strerror}")
    as_row = _stream_row if path.suffix.lower() == ".txt" else _labelled_row
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(as_row(line.decode("utf-8").rstrip("\r"), number))
        except UnicodeDecodeError:
            _fail(f"{path}:{number}: not UTF-8")
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "row"
            _fail(f"{path}:{number}: {where}: {first['msg']}; a row is {{id, text, labels, …}}")
    return rows or _fail(f"{path}: holds no rows")


def _stream_row(line: str, number: int) -> LabelledRow:
    return LabelledRow(id=f"L{number}", text=line, labels=[], source="stream", kind="stream")


def _labelled_row(line: str, _: int) -> LabelledRow:
    return LabelledRow.model_validate_json(line)


def _judge(guard: Guard, row: LabelledRow, stage: Stage) -> Judged:
    context = [Message(turn.role, turn.text) for turn in row.context]
    begun = time.perf_counter()
    verdict = guard.check(row.text, row.stage or stage, context)
    seconds = time.perf_counter() - begun
    groups = {key: value for key in GROUPS if (value := getattr(row, key)) is not None}
    return Judged(frozenset(row.labels), frozenset(verdict.rules), frozenset(row.optional), groups, seconds)


def _page(name: str, report: Report, enforced: Sequence[str]) -> list[str]:
    """One report, at most _WIDTH columns wide."""
    blocking, speed = report.blocking, report.speed
    title = f"{report.rows:,} rows"
    lines = ["", f"== {_cut_left(name, _WIDTH - 6 - len(title))}: {title}", ""]
    lines += [
        f"{'':{_RULE}}{'blocked':>9}{'allowed':>9}",
        f"{'should be blocked':{_RULE}}{blocking.caught:>9,}{blocking.let_through:>9,}"
        f"   recall          {_share(blocking.recall)}",
        f"{'should be allowed':{_RULE}}{blocking.wrongly_blocked:>9,}{blocking.rightly_allowed:>9,}"
        f"   false positives {_share(blocking.false_positives)}",
    ]
    if report.elsewhere:
        lines.append(f"{report.elsewhere:,} of the rightly blocked only by rules that their labels do not name")
    lines += ["", *_rule_table(report, enforced)]
    for key, groups in report.by.items():
        if len(groups) > 1:
            lines += ["", *_group_table(key, groups)]
    lines += ["", f"µs a message, one thread: p50 {speed.p50:,.0f}, mean {speed.mean:,.0f}, p99 {speed.p99:,.0f}"]
    return lines


def _rule_table(report: Report, enforced: Sequence[str]) -> Iterator[str]:
    heads = "".join(f"  {head:<18}" for head in ("precision", "recall", "F1"))
    yield f"{'rule':{_RULE}}{heads}{'right':>6}{'wrong':>6}{'missed':>7}"
    for rule, each in report.rules.items():
        yield _rule_line(rule, each)
    if report.macro_f1 is not None:
        yield f"{'mean F1 of the rules that rows ask for':{_RULE + 42}}{100 * report.macro_f1:5.1f}"
    if unknown := [rule for rule in report.rules if rule not in enforced]:
        yield _cut(f"no rule in force here: {', '.join(unknown)}", _WIDTH)


def _rule_line(rule: str, each: RuleScore) -> str:
    shares = "".join(f"  {_share(estimate):<18}" for estimate in (each.precision, each.recall, each.f1))
    return f"{_cut(rule, _RULE):{_RULE}}{shares}{each.tp:>6,}{each.fp:>6,}{each.fn:>7,}"


def _group_table(key: str, groups: Mapping[str, Blocking]) -> Iterator[str]:
    yield f"{key:{_NAME}}  {'rightly blocked':<34}  wrongly blocked"
    for name in _ordered(key, groups):
        each = groups[name]
        right = _part(each.caught, each.violating, each.recall)
        wrong = _part(each.wrongly_blocked, each.benign, each.false_positives)
        yield f"{_cut(name, _NAME):{_NAME}}  {right:<34}  {wrong}".rstrip()


def _ordered(key: str, groups: Mapping[str, Blocking]) -> list[str]:
    """The largest first; a kind beside its innocent twin (`twin_<kind>`) instead."""
    if key == "kind":
        return sorted(groups, key=lambda name: (name.removeprefix("twin_"), name))
    return sorted(groups, key=lambda name: (-groups[name].violating - groups[name].benign, name))


def _part(hits: int, of: int, estimate: Estimate | None) -> str:
    return f"{f'{hits:,} of {of:,}':>15}  {_share(estimate)}" if of else ""


def _share(estimate: Estimate | None) -> str:
    if estimate is None:
        return f"{'–':>5}"
    return f"{100 * estimate.value:5.1f} ({100 * estimate.low:.1f}–{100 * estimate.high:.1f})"


def _misses(part: _Rows) -> list[tuple[LabelledRow, Judged]]:
    """The rows where a rule is missing; those that no rule stopped come first."""
    found = [(row, judged) for row, judged in zip(part.rows, part.judged, strict=True) if judged.missed]
    return sorted(found, key=lambda each: bool(each[1].fired))


def _false_alarms(part: _Rows) -> list[tuple[LabelledRow, Judged]]:
    """The rows where a rule fired that should not; the benign ones come first."""
    found = [(row, judged) for row, judged in zip(part.rows, part.judged, strict=True) if judged.wrong]
    return sorted(found, key=lambda each: each[1].violating)


def _errors(part: _Rows, most: int) -> list[str]:
    if not most:
        return []
    misses, alarms = _misses(part), _false_alarms(part)
    through = sum(not judged.fired for _, judged in misses)
    innocent = sum(not judged.violating for _, judged in alarms)
    lines = ["", f"misses: {len(misses)}, {through} of them stopped by no rule; {len(misses[:most])} shown"]
    for row, judged in misses[:most]:
        by = f"; blocked by {_names(judged.fired)}" if judged.fired else ""
        lines += _error(row, f"missed {_names(judged.missed)}{by}")
    lines += ["", f"false alarms: {len(alarms)}, {innocent} of them on benign rows; {len(alarms[:most])} shown"]
    for row, judged in alarms[:most]:
        also = f"; rightly {_names(judged.fired - judged.wrong)}" if judged.fired - judged.wrong else ""
        lines += _error(row, f"wrongly {_names(judged.wrong)}{also}")
    return lines


def _error(row: LabelledRow, what: str) -> list[str]:
    return [_cut(f"  {_cut(str(row.id), _NAME)}  {what}", _WIDTH), f"      “{shortened(row.text)}”"]


def _errors_json(part: _Rows, most: int) -> dict[str, Any]:
    if not most:
        return {}
    return {
        "misses": [
            {"id": row.id, "rules": sorted(judged.missed), "text": shortened(row.text)}
            for row, judged in _misses(part)[:most]
        ],
        "false_alarms": [
            {"id": row.id, "rules": sorted(judged.wrong), "text": shortened(row.text)}
            for row, judged in _false_alarms(part)[:most]
        ],
    }


def _names(rules: Iterable[str]) -> str:
    return ", ".join(sorted(rules))


def shortened(text: str) -> str:
    """`text` on one line of at most 90 characters, none of which could steer a terminal."""
    return _cut(plain(" ".join(text.split())), _TEXT)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _cut_left(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[1 - width :]
