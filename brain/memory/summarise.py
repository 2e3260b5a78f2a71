"""The summary of a conversation by a language model: a DSPy program, one call.

It stands apart from `summary`, which needs none, as the only place in `brain/memory` that knows DSPy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import dspy

from brain.guidance import render
from brain.memory.summary import told
from brain.memory.types import Line
from brain.quiet import language_model, quiet
from brain.signatures import Summarise

Summariser = Callable[[str, Sequence[Line], int], Awaitable[str]]
"""From the summary so far, the lines it does not cover yet and its budget in tokens to a summary of both."""

# Failures of a language model, after which the lines are simply kept for a later attempt.
FAILURES = (dspy.LMError, dspy.AdapterParseError)


class _Whole(dspy.Adapter):
    """All fields in one system message, what is to be summed up in one of the user, and the whole completion as the
    summary."""

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Two messages."""
        task = render(signature, inputs, ("longest", "summary_so_far"))
        return [{"role": "system", "content": task}, {"role": "user", "content": "\n".join(inputs["lines"])}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The completion as it is."""
        return {"summary": completion.strip()}


def summariser(engine: Any) -> Summariser:
    """A Summariser that asks the language model behind `engine`. It raises FAILURES."""
    program, adapter = dspy.Predict(Summarise), _Whole()

    async def summarise(summary: str, lines: Sequence[Line], budget: int) -> str:
        lm = language_model("summary", engine, temperature=0.2, max_tokens=2 * budget)
        with quiet(lm, adapter):
            prediction = await program.acall(
                longest=int(budget / 1.3), summary_so_far=summary, lines=[told(line) for line in lines]
            )
        return str(prediction.summary)

    return summarise
