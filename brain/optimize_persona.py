"""Teaches a persona from its sample conversations, and keeps what it learnt only if it sounds as much like its creator.

It stands apart from `optimize`, which knows no persona. The conversations are parted in three: those to score by, those
to practise on, and those that are shown as examples meanwhile, as an example must not give its own answer away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dspy

from brain.embedding import Embed
from brain.held_out import HeldTurn, Parted, parted
from brain.optimize import Lesson, OptimizeError, Optimizer, Outcome, answers, teach
from brain.persona import ChatShape, Persona
from brain.persona_files import PersonaData
from brain.persona_program import learnt_of, load_learnt, save_learnt
from brain.voice import Voice
from brain.voice_score import VoiceScore
from guards.types import Transcript

# The share of `limit` that is for scoring.
_TO_SCORE = 0.3
# The voice score from which a reply is an example to others.
_ENOUGH = 0.9
# Against chance, which would decide otherwise: two runs of one program are to have one score.
_TEMPERATURE = 0.0

Breaks = Callable[[str, Transcript], bool]


@dataclass(frozen=True, slots=True)
class Scores:
    """How a persona answered `turns` held-out turns: the mean `voice` score, the share of `violations`, and the mean
    `score`, which is the voice's where no rule is broken and else 0."""

    turns: int
    score: float
    voice: float
    violations: float


@dataclass(frozen=True, slots=True)
class Standard:
    """What a reply is measured by: the voice, and whether it breaks a rule, given the turns before it."""

    voice: VoiceScore
    breaks: Breaks

    def metric(self, example: Any, prediction: Any) -> float:
        """From 0 to 1."""
        text = str(prediction["reply"])
        return 0.0 if self.breaks(text, example["transcript"]) else self.voice(text)

    def remark(self, example: Any, prediction: Any) -> str:
        """The same in words, with what the creator said there."""
        text, fan = str(prediction["reply"]), example["transcript"][-1].text
        broken = " It breaks a rule of this chat." if self.breaks(text, example["transcript"]) else ""
        return (
            f"To {fan!r} the reply was {text!r}. From 0 to 1 it sounds like the creator by {self.voice(text):.2f}."
            f"{broken} The creator said {example['reply']!r} there."
        )

    def scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Scores:
        """The scores of all replies."""
        texts = [str(said["reply"]) for said in predictions]
        voices = self.voice.scores(texts)
        broken = [self.breaks(text, each["transcript"]) for text, each in zip(texts, examples, strict=True)]
        kept = [0.0 if is_broken else voice for voice, is_broken in zip(voices, broken, strict=True)]
        count = len(texts)
        return Scores(count, sum(kept) / count, sum(voices) / count, sum(broken) / count)


class Practice(dspy.Module):
    """A persona as optimizers take one: it can be called without a loop, and only its ordinary replies learn."""

    def __init__(self, persona: Persona) -> None:
        super().__init__()
        self.persona = persona
        self.adapter = ChatShape()
        for name, part in vars(persona).items():
            if name != "reply" and isinstance(part, dspy.Module):
                part._compiled = True  # DSPy's word for a part that is frozen

    def forward(self, **inputs: Any) -> Any:
        """For optimizers, in a thread beside the loop, under the persona's own adapter."""
        with dspy.context(adapter=self.adapter):
            return asyncio.run(self.persona.acall(**inputs))

    async def aforward(self, **inputs: Any) -> Any:
        """The same, awaited, under the adapter that the caller has set."""
        return await self.persona.acall(**inputs)


async def optimize_persona(
    engine: Any,
    *,
    label: str,
    persona: PersonaData,
    others: Sequence[str],
    breaks: Breaks,
    now: datetime,
    out: Path,
    demos: int,
    max_tokens: int,
    meaning: Embed | None = None,
    optimizer: Optimizer = "bootstrap",
    limit: int = 100,
    seed: int = 0,
) -> Outcome[Scores]:
    """Optimizes what stands at `out` (or the program as it was written) over at most `limit` turns, and saves it there.

    `engine` is an AsyncEngine, `label` its name for the record; `others` are lines of other people, for the voice
    score; `breaks` says whether a reply to a transcript breaks a rule; `now` is the persona's local time; `demos`
    samples are shown. Refused, and the file left alone, when the held-out score is below that of the program in force.
    Raises OptimizeError, ProgramError, and TrainingError for too few lines to know the voice by.
    """
    split, practice = _parts(persona, seed)
    standard = await asyncio.to_thread(_standard, split, others, meaning, breaks)
    voice = Voice(persona.card, practice.shown.exchanges(), demos, meaning)
    await asyncio.to_thread(voice.prepare)
    to_score = round(_TO_SCORE * limit)
    held = _examples(split.turns(seed=seed, limit=to_score), now)
    train = _examples(practice.turns(seed=seed, limit=limit - to_score), now)

    async def evaluate(program: Any, lm: Any) -> Scores:
        return standard.scores(held, await answers(program, lm, held))

    student = Persona(voice)
    current = Practice(load_learnt(out).put_on(student) if out.exists() else student)
    lesson = Lesson(current, train, standard.metric, standard.remark, enough=_ENOUGH, labelled=False)
    taught = await teach(
        engine, lesson, evaluate, name="persona", held=len(held), optimizer=optimizer, seed=seed,
        temperature=_TEMPERATURE, max_tokens=max_tokens,
    )  # fmt: skip
    if taught.is_as_good:
        scores = {"held_out": asdict(taught.after), "held_out_before": asdict(taught.before)}
        about = {"scores": scores, "model": label, "optimizer": optimizer, "seed": seed, "taught_with": len(train)}
        save_learnt(learnt_of(taught.program.persona), out, about)
    return Outcome(taught.before, taught.after, taught.is_as_good)


def _parts(persona: PersonaData, seed: int) -> tuple[Parted, Parted]:
    """The conversations held out and the others, and of these those to practise on and those to show."""
    split = parted(persona.conversations, seed=seed)
    practice = parted(split.shown, seed=seed + 1) if split else None
    if split is None or practice is None:
        raise OptimizeError("too few sample conversations: some must be held out, some practised on and some shown")
    return split, practice


def _standard(split: Parted, others: Sequence[str], meaning: Embed | None, breaks: Breaks) -> Standard:
    return Standard(VoiceScore.of(split.shown.exchanges(), others, meaning), breaks)


def _examples(turns: Sequence[HeldTurn], now: datetime) -> list[Any]:
    return [
        dspy.Example(transcript=turn.transcript, now=now, reply=turn.said).with_inputs("transcript", "now")
        for turn in turns
    ]
