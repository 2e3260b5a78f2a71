"""Teaches the judge from labelled messages with DSPy's optimizers, and keeps what it learnt only if it judges as well.

It stands apart as the one home of optimizers: they run once, by hand, in a thread beside the loop, and print and log
what they see, which is muted here.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import dspy

from brain.judge import CONTEXT_MESSAGES, MAX_TOKENS
from brain.judging import Judging, load_program, save_program
from brain.labelled import Row, split
from brain.lms.blocking import BlockingEngine
from brain.quiet import language_model, quiet
from guards.errors import ChaperoneError

Optimizer = Literal["bootstrap", "mipro", "gepa"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

# Rows on either side of the split below which a score says nothing.
FEWEST_ROWS = 5
DEMONSTRATIONS = 6
CONCURRENT_CALLS = 4
# A busy provider is asked again: unlike a turn, a score has time, and a lost row would be counted as a wrong one.
RETRIES = 4
# Calls that may fail for good before the run is given up.
MOST_ERRORS = 5
_REFLECTION_TOKENS = 4000
_WRONG_BUT_CLOSE = 0.5


class OptimizeError(ChaperoneError):
    """Optimizing cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How a program judged `rows` messages: mean `score`, share of `exact` answers, how many had no opinion."""

    rows: int
    score: float
    exact: float
    undecided: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The held-out scores of the program in force and of the new one, and whether the new one was saved."""

    before: Scores
    after: Scores
    saved: bool


def agreement(example: Any, prediction: Any, *_: Any) -> float:
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
) -> Outcome:
    """Optimizes the program at `out` (or the one as it was written) over `rows` and saves it there, with its scores.

    `engine` is an AsyncEngine, `label` its name for the record, `rules` are id -> title. Refused, and the file left
    alone, when the held-out score is below that of the program in force. Raises OptimizeError and ProgramError.
    """
    teaching, held = split(rows, seed=seed, limit=limit)
    if min(len(teaching), len(held)) < FEWEST_ROWS:
        raise OptimizeError(
            f"too few rows: {len(teaching)} to teach with and {len(held)} to score; {FEWEST_ROWS} each are the least"
        )
    if optimizer == "mipro" and importlib.util.find_spec("optuna") is None:
        raise OptimizeError("mipro needs the package optuna, which is not installed; bootstrap and gepa do without")
    current = load_program(out if out.exists() else None)
    train, dev = ([row.example(rules, CONTEXT_MESSAGES) for row in each] for each in (teaching, held))
    blocking = BlockingEngine(engine, asyncio.get_running_loop())
    try:
        lm = language_model("judge", engine, blocking=blocking, retries=RETRIES, temperature=0.0, max_tokens=MAX_TOKENS)
        before = await evaluate(current, lm, dev)
        program = await asyncio.to_thread(_compiled, optimizer, current, lm, train, seed)
        after = await evaluate(program, lm, dev)
    finally:
        blocking.close()
    saved = after.score >= before.score
    if saved:
        scores = {"held_out": asdict(after), "held_out_before": asdict(before)}
        about = {"scores": scores, "model": label, "optimizer": optimizer, "seed": seed, "taught_with": len(train)}
        save_program(program, out, about)
    return Outcome(before, after, saved)


async def evaluate(program: Judging, lm: Any, examples: Sequence[Any]) -> Scores:
    """How `program` judges `examples` with `lm`. Raises OptimizeError when the language model fails."""
    slots = asyncio.Semaphore(CONCURRENT_CALLS)

    async def judged(example: Any) -> Any:
        async with slots:
            with quiet(lm, program.adapter):
                return await program.acall(**example.inputs())

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(judged(example)) for example in examples]
    except* dspy.LMError as failed:
        raise _model_failed(failed.exceptions[0]) from None
    predictions = [task.result() for task in tasks]
    scores = [agreement(example, said) for example, said in zip(examples, predictions, strict=True)]
    return Scores(
        rows=len(scores),
        score=sum(scores) / len(scores),
        exact=sum(score == 1 for score in scores) / len(scores),
        undecided=sum(said["labels"] is None for said in predictions),
    )


def _compiled(optimizer: Optimizer, current: Judging, lm: Any, train: list[Any], seed: int) -> Judging:
    """The program that the optimizer makes of `current`; runs in a thread of its own."""
    student = current.deepcopy()
    # Our adapter is the program's own; the programs that write instructions bring their own signatures.
    with _muted(), quiet(lm, dspy.ChatAdapter()), dspy.context(max_errors=MOST_ERRORS, num_threads=CONCURRENT_CALLS):
        try:
            compiled: Judging = _OPTIMIZERS[optimizer](student, lm, train, seed)
        except dspy.LMError as error:
            raise _model_failed(error) from None
    return compiled


def _bootstrapped(student: Judging, lm: Any, train: list[Any], seed: int) -> Any:
    made = dspy.BootstrapFewShot(
        metric=agreement,
        metric_threshold=1.0,
        max_bootstrapped_demos=DEMONSTRATIONS,
        max_labeled_demos=DEMONSTRATIONS,
        max_errors=MOST_ERRORS,
    )
    return made.compile(student, trainset=train)


def _mipro(student: Judging, lm: Any, train: list[Any], seed: int) -> Any:
    made = dspy.MIPROv2(
        metric=agreement,
        prompt_model=_writer(lm),
        task_model=lm,
        auto="light",
        max_bootstrapped_demos=DEMONSTRATIONS,
        max_labeled_demos=DEMONSTRATIONS,
        num_threads=CONCURRENT_CALLS,
        max_errors=MOST_ERRORS,
        seed=seed,
    )
    return made.compile(student, trainset=train)


def _gepa(student: Judging, lm: Any, train: list[Any], seed: int) -> Any:
    made = dspy.GEPA(
        metric=_agreement_in_words,
        max_full_evals=4,
        reflection_lm=_writer(lm),
        num_threads=CONCURRENT_CALLS,
        seed=seed,
        warn_on_score_mismatch=False,
    )
    middle = len(train) // 2
    return made.compile(student, trainset=train[:middle], valset=train[middle:])


_OPTIMIZERS = {"bootstrap": _bootstrapped, "mipro": _mipro, "gepa": _gepa}


def _agreement_in_words(
    example: Any, prediction: Any, trace: Any = None, name: Any = None, own_trace: Any = None
) -> Any:
    """`agreement` with what GEPA's reflection reads about it."""
    labels = prediction["labels"]
    said = "could not be read" if labels is None else f"was {labels}"
    feedback = f"The message breaks the rules {example['labels']}; the answer {said}."
    return dspy.Prediction(score=agreement(example, prediction), feedback=feedback)


def _writer(lm: Any) -> Any:
    """The same model with room and freedom to write instructions."""
    return lm.copy(temperature=1.0, max_tokens=_REFLECTION_TOKENS)


def _model_failed(error: BaseException) -> OptimizeError:
    return OptimizeError(f"the language model failed ({type(error).__name__}); nothing was saved")


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Optimizers print progress and log the examples that failed, text and all."""
    loggers = [logging.getLogger(name) for name in ("dspy", "gepa")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
