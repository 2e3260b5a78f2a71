"""A language model's grade for a reply, 1 to 5: what no count of words can say.

It stands apart because it only measures: it runs after a reply is written, for an evaluation, and no fan waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import dspy

from brain.candidates import MESSAGES_SHOWN, NumberAdapter
from brain.judging import Unparsable
from brain.lms.choice import ChosenLM
from brain.lms.errors import FAILURES
from brain.quiet import language_model, quiet
from brain.signatures import GradeReply
from guards.types import Transcript

LOWEST, HIGHEST = 1, 5
# Seconds for one grade.
DEADLINE = 30.0
_AT_ONCE = 4


class Grading(dspy.Module):
    """Grades one reply. One LM call; keeps nothing between calls."""

    def __init__(self) -> None:
        super().__init__()
        self.grade = dspy.Predict(GradeReply)

    async def aforward(self, *, transcript: Transcript, reply: str, voice: str) -> Any:
        """A grade from LOWEST to HIGHEST. Raises dspy.LMError and Unparsable."""
        prediction = await self.grade.acall(
            transcript=[{each.role: each.text} for each in transcript[-MESSAGES_SHOWN:]], reply=reply, voice=voice
        )
        grade: int = prediction["grade"]
        if not LOWEST <= grade <= HIGHEST:
            raise Unparsable
        return grade


async def grades(
    chosen: ChosenLM, replies: Sequence[tuple[Transcript, str]], *, voice: str, deadline: float = DEADLINE
) -> list[int | None]:
    """The grade of each reply to its transcript, given how the persona talks (`voice`); None where the model failed,
    took longer than `deadline` seconds or said nothing that is a grade."""
    program, adapter, slots = Grading(), NumberAdapter(), asyncio.Semaphore(_AT_ONCE)
    lm: Any = language_model(chosen.label.partition("/")[0], chosen.engine, temperature=0.0, max_tokens=40)

    async def graded(transcript: Transcript, reply: str) -> int | None:
        async with slots:
            try:
                with quiet(lm, adapter):
                    async with asyncio.timeout(deadline):
                        grade: int = await program.acall(transcript=transcript, reply=reply, voice=voice)
            except (*FAILURES, Unparsable, TimeoutError):
                return None
        return grade

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(graded(*each)) for each in replies]
    return [task.result() for task in tasks]
