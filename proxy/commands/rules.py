"""`chaperone rules`: what a reload would say, for editors and CI."""

from __future__ import annotations

import json
from pathlib import Path

import click

from guards.errors import PolicyError
from guards.policy import Rule
from proxy.commands.flags import proxy_settings
from proxy.rule_files import load

_FOLDER = click.argument("folder", type=click.Path(path_type=Path), required=False)


@click.group()
def rules() -> None:
    """Check the rules folder before it is put in force."""


@rules.command()
@_FOLDER
def lint(folder: Path | None) -> None:
    """Parse and compile every rule; examples are not run."""
    _judge(folder, gate=False)


@rules.command()
@_FOLDER
def test(folder: Path | None) -> None:
    """Everything a reload does: parse, compile, and run every example."""
    _judge(folder, gate=True)


@rules.command()
@_FOLDER
def schema(folder: Path | None) -> None:
    """Print the JSON Schema of a rule file, for editors."""
    click.echo(json.dumps(Rule.model_json_schema(), indent=2))


def _judge(folder: Path | None, *, gate: bool) -> None:
    where = folder or proxy_settings().rules
    try:
        guard = load(where, gate=gate)
        if gate:
            load(where, is_judged=False)  # the examples must hold where there is no judge, too
    except PolicyError as error:
        for problem in error.problems:
            click.echo(f"{where}/{problem}", err=True)
        click.echo(f"refused: {len(error.problems)} problem(s)", err=True)
        raise SystemExit(1) from None
    for rule in guard.policy.rules:
        blocks = sum(example.block is not None for example in rule.examples)
        click.echo(f"{rule.id}: {rule.mode}, {blocks} block and {len(rule.examples) - blocks} allow examples")
    click.echo(f"{'accepted' if gate else 'compiles'}: {len(guard.policy.rules)} rules, version {guard.version}")
