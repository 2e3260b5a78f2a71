"""Teaches a program with DSPy's optimizers, whatever the program and whatever its score.

It stands apart as the one home of optimizers: they run once, by hand, in a thread beside the loop, and print and log
what they see, which is muted here. What is taught, and when it is kept, is said in `optimize_judge` and
`optimize_persona`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

import dspy

from brain.lms.blocking import BlockingEngine, HoppingEngine
from brain.lms.errors import FAILURES
from brain.quiet import language_model, quiet
from guards.errors import ChaperoneError

Optimizer = Literal["bootstrap", "mipro", "gepa"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

# Examples on either side of the split below which a score says nothing.
FEWEST = 5
DEMONSTRATIONS = 6
CONCURRENT_CALLS = 4
# A busy provider is asked again: unlike a turn, a score has time, and a lost row would be counted as a wrong one.
RETRIES = 4
# Calls that may fail for good before the run is given up.
MOST_ERRORS = 5
_REFLECTION_TOKENS = 4000


class OptimizeError(ChaperoneError):
    """Optimizing cannot go on; the message says what to do."""


class Scored(Protocol):
    """How a program did on the held-out examples; the higher `score`, the better."""

    @property
    def score(self) -> float: ...


ScoresT = TypeVar("ScoresT", bound=Scored)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn: the `program` in force, examples to teach it with, and how an answer is scored.

    `metric` gives an answer (example, prediction) 0 to 1, `remark` says in words what was right and wrong about it.
    `enough` is the score from which an answer is an example to others; `labelled` says whether the examples' own
    answers may be shown as well. The program brings its own adapter, and can be called and awaited.
    """

    program: Any
    train: Sequence[Any] = field(repr=False)
    metric: Callable[[Any, Any], float]
    remark: Callable[[Any, Any], str]
    enough: float = 1.0
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Taught(Generic[ScoresT]):
    """The new program, with the held-out scores of the one in force and its own."""

    program: Any
    before: ScoresT
    after: ScoresT

    @property
    def is_as_good(self) -> bool:
        """True where the new program may take the other's place."""
        return self.after.score >= self.before.score


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ScoresT]):
    """The held-out scores of the program in force and of the new one, and whether the new one was saved."""

    before: ScoresT
    after: ScoresT
    saved: bool


async def teach(
    engine: Any,
    lesson: Lesson,
    evaluate: Callable[[Any, Any], Awaitable[ScoresT]],
    *,
    name: str,
    held: int,
    optimizer: Optimizer,
    seed: int,
    **config: Any,
) -> Taught[ScoresT]:
    """What `optimizer` makes of the lesson's program; `evaluate` scores a program, with a language model, on `held`
    examples. `engine` is an AsyncEngine, `config` its generation options. Raises OptimizeError."""
    if min(len(lesson.train), held) < FEWEST:
        raise OptimizeError(
            f"too few rows: {len(lesson.train)} to teach with and {held} to score; {FEWEST} each are the least"
        )
    if optimizer == "mipro" and importlib.util.find_spec("optuna") is None:
        raise OptimizeError("mipro needs the package optuna, which is not installed; bootstrap and gepa do without")
    loop = asyncio.get_running_loop()
    blocking = BlockingEngine(engine, loop)
    try:
        lm = language_model(name, HoppingEngine(engine, loop), blocking=blocking, retries=RETRIES, **config)
        before = await evaluate(lesson.program, lm)
        program = await asyncio.to_thread(_compiled, optimizer, lesson, lm, seed)
        return Taught(program, before, await evaluate(program, lm))
    finally:
        blocking.close()


async def answers(program: Any, lm: Any, examples: Sequence[Any]) -> list[Any]:
    """What `program` says to each of `examples` with `lm`. Raises OptimizeError when the language model fails."""
    slots = asyncio.Semaphore(CONCURRENT_CALLS)

    async def answered(example: Any) -> Any:
        async with slots:
            with quiet(lm, program.adapter):
                return await program.acall(**example.inputs())

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answered(example)) for example in examples]
    except* FAILURES as failed:
        raise _model_failed(failed.exceptions[0]) from None
    return [task.result() for task in tasks]


def _compiled(optimizer: Optimizer, lesson: Lesson, lm: Any, seed: int) -> Any:
    """The program that the optimizer makes; runs in a thread of its own."""
    student = lesson.program.deepcopy()
    # Our adapter is the program's own; the programs that write instructions bring their own signatures.
    with _muted(), quiet(lm, dspy.ChatAdapter()), dspy.context(max_errors=MOST_ERRORS, num_threads=CONCURRENT_CALLS):
        try:
            return _OPTIMIZERS[optimizer](student, lesson, lm, seed)
        except FAILURES as error:  # of which one quotes what the model said
            raise _model_failed(error) from None


def _metric(lesson: Lesson) -> Callable[..., float]:
    """The lesson's metric as DSPy calls it."""
    return lambda example, prediction, *_: lesson.metric(example, prediction)


def _bootstrapped(student: Any, lesson: Lesson, lm: Any, seed: int) -> Any:
    made = dspy.BootstrapFewShot(
        metric=_metric(lesson),
        metric_threshold=lesson.enough,
        max_bootstrapped_demos=DEMONSTRATIONS,
        max_labeled_demos=DEMONSTRATIONS if lesson.labelled else 0,
        max_errors=MOST_ERRORS,
    )
    return made.compile(student, trainset=list(lesson.train))


def _mipro(student: Any, lesson: Lesson, lm: Any, seed: int) -> Any:
    made = dspy.MIPROv2(
        metric=_metric(lesson),
        metric_threshold=lesson.enough,
        prompt_model=_writer(lm),
        task_model=lm,
        auto="light",
        max_bootstrapped_demos=DEMONSTRATIONS,
        max_labeled_demos=DEMONSTRATIONS if lesson.labelled else 0,
        num_threads=CONCURRENT_CALLS,
        max_errors=MOST_ERRORS,
        seed=seed,
    )
    return made.compile(student, trainset=list(lesson.train))


def _gepa(student: Any, lesson: Lesson, lm: Any, seed: int) -> Any:
    made = dspy.GEPA(
        metric=_in_words(lesson),
        max_full_evals=4,
        reflection_lm=_writer(lm),
        num_threads=CONCURRENT_CALLS,
        seed=seed,
        warn_on_score_mismatch=False,
    )
    train = list(lesson.train)
    middle = len(train) // 2
    return made.compile(student, trainset=train[:middle], valset=train[middle:])


_OPTIMIZERS = {"bootstrap": _bootstrapped, "mipro": _mipro, "gepa": _gepa}


def _in_words(lesson: Lesson) -> Callable[..., Any]:
    """The metric with what GEPA's reflection reads about an answer."""

    def metric(example: Any, prediction: Any, trace: Any = None, name: Any = None, own_trace: Any = None) -> Any:
        return dspy.Prediction(score=lesson.metric(example, prediction), feedback=lesson.remark(example, prediction))

    return metric


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
