"""`chaperone optimize`: teaches the judge or a persona, and keeps what does as well as before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from brain.cast import OTHER_LINES
from brain.judge import PROGRAM_FILE
from brain.labelled import FILE_NAME, other_people, read_rows
from brain.lms.choice import ChosenLM, choose_model
from brain.optimize import OPTIMIZERS, Optimizer, Outcome, ScoresT
from brain.optimize_judge import Scores as JudgeScores
from brain.optimize_judge import optimize_judge
from brain.optimize_persona import Scores as PersonaScores
from brain.optimize_persona import optimize_persona
from brain.persona_program import program_file
from brain.quiet import silence_dspy
from brain.settings import PersonaSettings, zone
from guards.errors import ChaperoneError, PolicyError
from proxy.commands.choosing import model_of, named_persona
from proxy.commands.flags import flags, proxy_settings, read
from proxy.commands.persona import embedded
from proxy.rule_files import load, read_policy
from proxy.wire import CONTEXT


@click.group()
def optimize() -> None:
    """Teach a program from examples; saved only if it does as well as before on held-out ones."""


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
        chosen = _needed(choose_model(settings), "judge")
        policy, _ = read_policy(proxy_settings(rules=rules_dir).rules)
        titles = {rule.id: rule.title for rule in policy.rules}
        labelled = read_rows(rows or settings.training_data / FILE_NAME, titles)
        taught = optimize_judge(
            chosen.engine, label=chosen.label, rows=labelled, rules=titles, out=target, optimizer=optimizer,
            limit=limit, seed=seed,
        )  # fmt: skip
        outcome = asyncio.run(_closing(chosen, taught))
    except PolicyError as error:
        raise click.ClickException("\n".join(["refused:", *map(str, error.problems[:20])])) from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None
    _tell(outcome, target, "judges worse", _judged)


@optimize.command()
@click.option("--persona", "name", help="Who is taught; by default who answers to the model name persona.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The program in force, and to write. [data/persona-NAME.json]"
)
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), default=OPTIMIZERS[0], show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Turns used at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which conversations are held out.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder.")
@flags(
    PersonaSettings,
    only=["lm", "lm_base_url", "lm_timeout", "data", "training_data", "default_persona", "demos", "max_tokens"],
)
def persona(
    *, name: str | None, out: Path | None, optimizer: Optimizer, limit: int, seed: int, rules_dir: Path | None,
    **given: Any,
) -> None:  # fmt: skip
    """Teach a persona from its sample conversations: to sound like its creator, and to break no rule.

    The persona service takes the program up when it starts. Exit code 1: refused, because its replies to held-out turns
    score below those of the program in force, or an error.
    """
    settings = read(PersonaSettings, given)
    silence_dspy()
    try:
        about = named_persona(settings, name)
        target = out or settings.data / program_file(about.card.model_id)
        chosen = _needed(model_of(settings, about), "be taught")
        guard = load(proxy_settings(rules=rules_dir).rules, gate=False)
        taught = optimize_persona(
            chosen.engine, label=chosen.label, persona=about, out=target, optimizer=optimizer, limit=limit, seed=seed,
            others=other_people(settings.training_data / FILE_NAME, OTHER_LINES), meaning=embedded,
            breaks=lambda text, before: bool(guard.check(text, "output", before[-CONTEXT:]).rules),
            now=datetime.now(zone(about.card.time_zone or settings.persona_timezone)), demos=settings.demos,
            max_tokens=about.card.max_tokens or settings.max_tokens,
        )  # fmt: skip
        outcome = asyncio.run(_closing(chosen, taught))
    except PolicyError as error:
        raise click.ClickException("\n".join(["refused:", *map(str, error.problems[:20])])) from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None
    _tell(outcome, target, "sounds less like its creator, or breaks more rules", _spoken)


def _needed(chosen: ChosenLM | None, to_do: str) -> ChosenLM:
    if chosen is None:
        raise click.ClickException(
            f"the offline engine cannot {to_do}: name a language model with --lm or CHAPERONE_LM and its key"
        )
    return chosen


async def _closing(chosen: ChosenLM, teaching: Coroutine[Any, Any, Outcome[ScoresT]]) -> Outcome[ScoresT]:
    """What `teaching` comes to; the engine is closed behind it."""
    try:
        return await teaching
    finally:
        await chosen.engine.aclose()


def _tell(outcome: Outcome[ScoresT], target: Path, worse: str, said: Callable[[ScoresT], str]) -> None:
    """Says the scores and what became of the program. Raises click.ClickException where it was refused."""
    click.echo(f"held out, before: {said(outcome.before)}\nheld out, after:  {said(outcome.after)}")
    if not outcome.saved:
        raise click.ClickException(f"refused: the new program {worse}; {target} is as it was")
    click.echo(f"saved to {target}")


def _judged(scores: JudgeScores) -> str:
    return f"score {scores.score:.3f}, exact {scores.exact:.1%}, undecided {scores.undecided}, rows {scores.rows}"


def _spoken(scores: PersonaScores) -> str:
    return (
        f"score {scores.score:.3f}, voice {scores.voice:.3f}, violations {scores.violations:.1%}, turns {scores.turns}"
    )
