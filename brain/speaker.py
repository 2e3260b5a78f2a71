"""Runs the persona for one turn at a time: whole, or piece by piece as the language model writes.

It stands apart as the place where program, engine and options of a turn come together, in DSPy's terms and without
HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from brain.chat import Asked, Json, usage_of
from brain.lms.choice import ChosenLM
from brain.lms.tap import Listener, Tap
from brain.persona import ChatShape, Persona
from brain.quiet import language_model, quiet

_FINISH_REASONS = ("stop", "length", "content_filter")


@dataclass(slots=True)
class Spoken:
    """A finished reply with OpenAI's finish reason and usage."""

    text: str = field(default="", repr=False)
    finish: str = "stop"
    usage: Json = field(default_factory=lambda: usage_of(None, None))


class Speaker:
    """Speaks for the persona; one instance serves all turns. `defaults` are generation options a request may override;
    `clock` gives the persona's local time."""

    def __init__(self, persona: Persona, chosen: ChosenLM, defaults: Json, clock: Callable[[], datetime]) -> None:
        self._persona = persona
        self._chosen = chosen
        self._defaults = defaults
        self._clock = clock
        self._adapter = ChatShape()

    async def whole(self, asked: Asked, options: Json) -> Spoken:
        """The finished reply. Raises dspy.LMError or dspy.AdapterParseError (an empty reply)."""
        return await self._speak(asked, options, None)

    async def pieces(self, asked: Asked, options: Json) -> AsyncIterator[str | Spoken]:
        """The reply's pieces as they come, then the Spoken as a whole. Raises as `whole` does, at any point.

        Closing the iterator early cancels the call to the language model. What a slow reader has not taken waits in
        memory: a reply is bounded by `max_tokens`.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        call = asyncio.ensure_future(self._into(queue, asked, options))
        try:
            while (piece := await queue.get()) is not None:
                yield piece
            yield await call
        finally:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    async def _into(self, queue: asyncio.Queue[str | None], asked: Asked, options: Json) -> Spoken:
        try:
            return await self._speak(asked, options, queue.put)
        finally:
            queue.put_nowait(None)

    async def _speak(self, asked: Asked, options: Json, listener: Listener | None) -> Spoken:
        tap = Tap(self._chosen.engine, listener)
        lm: Any = language_model(self._chosen.label.partition("/")[0], tap, **{**self._defaults, **options})
        with quiet(lm, self._adapter):
            prediction = await self._persona.acall(
                transcript=asked.transcript,
                now=self._clock(),
                instructions=asked.instructions,
                past_reply=asked.past_reply,
                guidance=asked.guidance,
            )
        finish = tap.finish if tap.finish in _FINISH_REASONS else "stop"
        return Spoken(prediction.reply, finish, usage_of(tap.usage.input_tokens, tap.usage.output_tokens))
