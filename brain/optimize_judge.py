"""Teaches the judge from labelled messages, and keeps what it learnt only if it judges as well as before.

It stands apart from `optimize`, which knows no judge: here is what a row is worth and where the program stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from brain.judge import CONTEXT_MESSAGES, MAX_TOKENS
from brain.judging import load_program, save_program
from brain.labelled import Row, split
from brain.optimize import Lesson, Optimizer, Outcome, answers, teach

_WRONG_BUT_CLOSE = 0.5


@dataclass(frozen=True, slots=True)
class Scores:
    """How a program judged `rows` messages: mean `score`, share of `exact` answers, how many had no opinion."""

    rows: int
    score: float
    exact: float
    undecided: int


def agreement(example: Any, prediction: Any) -> float:
    """1 for exactly the labels that were given; up to a half for an overlap of labels; 0 without an opinion."""
    if prediction["labels"] is None:
        return 0.0
    given, said = set(example["labels"]), set(prediction["labels"])
    return 1.0 if given == said else _WRONG_BUT_CLOSE * len(given & said) / len(given | said)


async def optimize_judge(
    engine: Any,
    *,
    label: str,
    rows: Sequence[Row],
    rules: Mapping[str, str],
    out: Path,
    optimizer: Optimizer = "bootstrap",
    limit: int = 400,
    seed: int = 0,
) -> Outcome[Scores]:
    """Optimizes the program at `out` (or the one as it was written) over `rows` and saves it there, with its scores.

    `engine` is an AsyncEngine, `label` its name for the record, `rules` are id -> title. Refused, and the file left
    alone, when the held-out score is below that of the program in force. Raises OptimizeError and ProgramError.
    """
    sides = split(rows, seed=seed, limit=limit)
    train, held = ([row.example(rules, CONTEXT_MESSAGES) for row in each] for each in sides)

    async def evaluate(program: Any, lm: Any) -> Scores:
        return _scores(held, await answers(program, lm, held))

    lesson = Lesson(load_program(out if out.exists() else None), train, agreement, _remark)
    taught = await teach(
        engine, lesson, evaluate, name="judge", held=len(held), optimizer=optimizer, seed=seed,
        temperature=0.0, max_tokens=MAX_TOKENS,
    )  # fmt: skip
    if taught.is_as_good:
        scores = {"held_out": asdict(taught.after), "held_out_before": asdict(taught.before)}
        about = {"scores": scores, "model": label, "optimizer": optimizer, "seed": seed, "taught_with": len(train)}
        save_program(taught.program, out, about)
    return Outcome(taught.before, taught.after, taught.is_as_good)


def _scores(examples: Sequence[Any], predictions: Sequence[Any]) -> Scores:
    scores = [agreement(example, said) for example, said in zip(examples, predictions, strict=True)]
    return Scores(
        rows=len(scores),
        score=sum(scores) / len(scores),
        exact=sum(score == 1 for score in scores) / len(scores),
        undecided=sum(said["labels"] is None for said in predictions),
    )


def _remark(example: Any, prediction: Any) -> str:
    labels = prediction["labels"]
    said = "could not be read" if labels is None else f"was {labels}"
    return f"The message breaks the rules {example['labels']}; the answer {said}."
