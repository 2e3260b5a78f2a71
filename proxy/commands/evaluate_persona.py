"""`chaperone eval persona`: how much a persona sounds like its creator, and what the proxy spares its fans.

It stands apart from `chaperone eval FILES…`, which judges rules: here replies are written, alone and behind the proxy.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from brain.cast import OTHER_LINES
from brain.grade import HIGHEST, LOWEST, grades
from brain.held_out import HeldTurn, Parted, parted
from brain.labelled import FILE_NAME, other_people
from brain.lms.choice import OFFLINE, ChosenLM
from brain.persona_files import PersonaData
from brain.quiet import silence_dspy
from brain.settings import PersonaSettings
from brain.voice_score import VoiceScore
from guards.errors import ChaperoneError, TrainingError
from guards.guard import Guard
from guards.types import Action
from proxy.commands.choosing import model_of, named_persona
from proxy.commands.flags import flags, proxy_settings, read
from proxy.commands.persona import embedded
from proxy.commands.terminal import json_line, plain
from proxy.evaluation import Estimate
from proxy.persona_report import Grades, PersonaReport, Scores, Side, grades_of, lines_of, side_of
from proxy.rehearsal import Got, replies, staged
from proxy.wire import CONTEXT

_SETTINGS = (
    "lm", "lm_base_url", "lm_timeout", "fallback_lm", "fallback_lm_base_url", "temperature", "max_tokens",
    "n_candidates", "choose_by", "demos", "data", "training_data", "default_persona", "offline_slip_rate",
)  # fmt: skip
_NAME, _CELL = 22, 24
_OVERLAPS = (("BLEU", "bleu"), ("ROUGE-L", "rouge_l"), ("chrF", "chrf"))
_LOST = (("no reply", "failed"), ("refused", "blocked"))


@click.command("eval persona")
@click.option("--persona", "name", help="Whose turns; by default who answers to the model name persona.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Turns at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which conversations are held out.")
@click.option("--json", "as_json", is_flag=True, help="All numbers as one JSON object.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder.")
@flags(PersonaSettings, only=_SETTINGS)
def evaluate_persona(
    *, name: str | None, limit: int, seed: int, as_json: bool, rules_dir: Path | None, **given: Any
) -> None:
    """Write replies to held-out turns of a persona's sample conversations, alone and through the proxy, and measure.

    A quarter of the conversations is held out, whole; the others are what the persona is shown. Exit code 1 where it
    cannot be measured.
    """
    settings = read(PersonaSettings, given)
    silence_dspy()
    # What the services say of single turns is counted here: it would stand between the lines of the report.
    for service in ("chaperone", "brain"):
        logging.getLogger(service).setLevel(logging.ERROR)
    try:
        persona = named_persona(settings, name)
        rules = proxy_settings(rules=rules_dir).rules
        report = asyncio.run(_measured(settings, rules, persona, limit=limit, seed=seed))
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json_line(report.as_json()) if as_json else "\n".join(map(plain, _page(report))))


async def _measured(
    settings: PersonaSettings, rules: Path, persona: PersonaData, *, limit: int, seed: int
) -> PersonaReport:
    split = parted(persona.conversations, seed=seed)
    if split is None:
        raise click.ClickException("too few sample conversations: some must be held out and some be shown")
    turns = split.turns(seed=seed, limit=limit)
    transcripts, model = [turn.transcript for turn in turns], persona.card.model_id
    async with staged(settings, rules, persona, split.shown, embedded) as stage:
        alone = await replies(stage.persona, model, transcripts)
        if all(each.text is None for each in alone):
            raise click.ClickException("the persona answered no turn: is its language model there?")
        guarded = await replies(stage.proxy, model, transcripts)
    chosen = model_of(settings, persona)
    scores = await asyncio.to_thread(_scores, settings, split)
    return PersonaReport(
        persona=model,
        lm=chosen.label if chosen else OFFLINE,
        policy=stage.guard.version,
        held_out=len(split.held.conversations),
        shown=len(split.shown.conversations),
        turns=len(turns),
        alone=_side(stage.guard, turns, alone, scores),
        guarded=_side(stage.guard, turns, guarded, scores),
        creator=lines_of([turn.said for turn in turns], scores),
        actions=dict(Counter(each.action for each in guarded if each.action).most_common()),
        grades=await _grades(chosen, persona, turns, alone) if chosen else None,
    )


def _scores(settings: PersonaSettings, split: Parted) -> Scores | None:
    """The voice score by what the persona is shown; None where that is too little to know a voice by."""
    try:
        others = other_people(settings.training_data / FILE_NAME, OTHER_LINES)
        return VoiceScore.of(split.shown.exchanges(), others, embedded).scores
    except TrainingError:
        return None


def _side(guard: Guard, turns: Sequence[HeldTurn], got: Sequence[Got], scores: Scores | None) -> Side:
    """One side's replies, each judged as the proxy judges one, without a judge: after the turns before it."""
    broken = [
        guard.check(each.text, "output", turn.transcript[-CONTEXT:]).rules
        for turn, each in zip(turns, got, strict=True)
        if each.text is not None
    ]
    refused = sum(each.text is None and each.action == Action.BLOCK.word for each in got)
    return side_of([each.text for each in got], [turn.said for turn in turns], broken, scores, refused)


async def _grades(chosen: ChosenLM, persona: PersonaData, turns: Sequence[HeldTurn], got: Sequence[Got]) -> Grades:
    written = [(turn.transcript, each.text) for turn, each in zip(turns, got, strict=True) if each.text is not None]
    try:
        return grades_of(await grades(chosen, written, voice=persona.card.voice), LOWEST, HIGHEST)
    finally:
        await chosen.engine.aclose()


def _page(report: PersonaReport) -> list[str]:
    alone, guarded, creator = report.alone, report.guarded, report.creator
    told = [
        f"{report.persona} by {report.lm}, policy {report.policy}: {report.turns} turns of {report.held_out} held-out "
        f"conversations; {report.shown} are shown. Intervals are of 95 %.",
        "",
        _row("", "persona alone", "through the proxy", "the creator there"),
        _row("replies", *(str(each.lines) for each in (alone.lines, guarded.lines, creator))),
        _row("voice score, 0 to 1", *(_estimate(each.voice) for each in (alone.lines, guarded.lines, creator))),
        _row("different words", *(f"{each.distinct_1:.3f}" for each in (alone.lines, guarded.lines, creator))),
        _row("different pairs", *(f"{each.distinct_2:.3f}" for each in (alone.lines, guarded.lines, creator))),
        *(_row(name, *(_shared(side, field) for side in (alone, guarded)), "") for name, field in _OVERLAPS),
        _row("violations per 1,000", *(_per_1000(side.violations) for side in (alone, guarded)), ""),
        *(
            _row(f"  {rule}", *(str(side.rules.get(rule, 0)) for side in (alone, guarded)), "")
            for rule in _rules(report)
        ),
        *(_row(name, *(str(getattr(side, field)) for side in (alone, guarded)), "") for name, field in _LOST),
        "",
        f"the proxy's actions: {', '.join(f'{action} {count}' for action, count in report.actions.items())}",
        _graded(report.grades),
    ]
    return [line.rstrip() for line in told]


def _row(name: str, *cells: str) -> str:
    return f"{name:<{_NAME}}" + "".join(f"{cell:<{_CELL}}" for cell in cells)


def _rules(report: PersonaReport) -> list[str]:
    return list(dict.fromkeys([*report.alone.rules, *report.guarded.rules]))


def _estimate(found: Estimate | None, scale: int = 1, digits: int = 3) -> str:
    if found is None:
        return "–"
    value, low, high = (f"{scale * each:.{digits}f}" for each in (found.value, found.low, found.high))
    return f"{value} ({low}–{high})"


def _per_1000(found: Estimate | None) -> str:
    return _estimate(found, 1000, 0)


def _shared(side: Side, field: str) -> str:
    return f"{getattr(side.overlap, field):.1f}" if side.overlap else "–"


def _graded(found: Grades | None) -> str:
    if found is None:
        return "grade by a language model: none, as no LM is configured (--lm)"
    counts = ", ".join(f"{count} × {grade}" for grade, count in found.counts.items())
    return f"grade by the language model, 1 to 5: {_estimate(found.mean, 1, 2)}; {counts}; {found.ungraded} without"
