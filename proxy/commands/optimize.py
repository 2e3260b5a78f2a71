"""`chaperone optimize`: teaches a language-model program from labelled rows; so far the judge."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from brain.judge import PROGRAM_FILE
from brain.labelled import FILE_NAME, read_rows
from brain.lms.choice import ChosenLM, choose_model
from brain.optimize import OPTIMIZERS, Optimizer, Outcome, Scores, optimize_judge
from brain.quiet import silence_dspy
from brain.settings import PersonaSettings
from guards.errors import ChaperoneError, PolicyError
from proxy.commands.flags import flags, proxy_settings, read
from proxy.rule_files import read_policy


@click.group()
def optimize() -> None:
    """Teach a program from labelled messages; saved only if it judges held-out ones as well as before."""


@optimize.command()
@click.option("--rows", type=click.Path(path_type=Path), help=f"JSONL rows. [training_data/{FILE_NAME}]")
@click.option(
    "--out", type=click.Path(path_type=Path), help=f"The program in force, and to write. [data/{PROGRAM_FILE}]"
)
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), default=OPTIMIZERS[0], show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=400, show_default=True, help="Rows used at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which rows are held out.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder.")
@flags(PersonaSettings, only=["lm", "lm_base_url", "lm_timeout", "data", "training_data"])
def judge(
    *, rows: Path | None, out: Path | None, optimizer: Optimizer, limit: int, seed: int, rules_dir: Path | None,
    **given: Any,
) -> None:  # fmt: skip
    """Teach the judge of gray messages from rows {text, stage, labels, context?}.

    Exit code 1: refused, because it judged held-out rows worse than the program in force, or an error.
    """
    settings = read(PersonaSettings, given)
    target = out or settings.data / PROGRAM_FILE
    silence_dspy()
    try:
        chosen = _model(settings)
        policy, _ = read_policy(proxy_settings(rules=rules_dir).rules)
        titles = {rule.id: rule.title for rule in policy.rules}
        labelled = read_rows(rows or settings.training_data / FILE_NAME, titles)
        outcome = asyncio.run(
            _run(chosen, rows=labelled, rules=titles, out=target, optimizer=optimizer, limit=limit, seed=seed)
        )
    except PolicyError as error:
        raise click.ClickException("\n".join(["refused:", *map(str, error.problems[:20])])) from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"held out, before: {_said(outcome.before)}\nheld out, after:  {_said(outcome.after)}")
    if not outcome.saved:
        raise click.ClickException(f"refused: the new program judges worse; {target} is as it was")
    click.echo(f"saved to {target}")


def _model(settings: PersonaSettings) -> ChosenLM:
    chosen = choose_model(settings)
    if chosen is None:
        raise click.ClickException(
            "the offline engine cannot judge: name a language model with --lm or CHAPERONE_LM and its key"
        )
    return chosen


async def _run(chosen: ChosenLM, **given: Any) -> Outcome:
    try:
        return await optimize_judge(chosen.engine, label=chosen.label, **given)
    finally:
        await chosen.engine.aclose()


def _said(scores: Scores) -> str:
    return f"score {scores.score:.3f}, exact {scores.exact:.1%}, undecided {scores.undecided}, rows {scores.rows}"
