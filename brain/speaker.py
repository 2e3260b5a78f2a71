"""Runs the persona for one turn at a time: whole, or piece by piece as the language model writes.

It stands apart as the place where program, engines and options of a turn come together, in DSPy's terms and without
HTTP, and where a turn that every language model failed still gets its answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal

from brain.chat import Asked, Json, usage_of
from brain.lms.choice import ChosenLM
from brain.lms.errors import FAILURES
from brain.lms.fallback import Fallback
from brain.lms.tap import Listener, Tap
from brain.persona import ChatShape, Persona
from brain.quiet import language_model, quiet
from brain.stand_in import closing, stand_in
from brain.trim import Trim, stops

# Under this name the lines that stood in for a failed reply are counted.
VOICE = "voice"

_FINISH_REASONS = ("stop", "length", "content_filter")


@dataclass(slots=True)
class Spoken:
    """A finished reply with OpenAI's finish reason and usage; `fallback` is `voice` where no language model could
    finish it."""

    text: str = field(default="", repr=False)
    finish: str = "stop"
    usage: Json = field(default_factory=lambda: usage_of(None, None))
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a persona's turns are spoken, beside what is said.

    `names` are the persona's own, which a model may write before a reply. `second` is asked where the first language
    model fails. Where both do, `on_failure` says whether a line of `lines` (pools, the best first) stands in or the
    error is raised.
    """

    names: Sequence[str] = ()
    second: ChosenLM | None = None
    on_failure: Literal["voice", "error"] = "error"
    lines: Sequence[Sequence[str]] = field(default=(), repr=False)


class Speaker:
    """Speaks for the persona; one instance serves all turns. `defaults` are generation options a request may override;
    `clock` gives the persona's local time. `counts` says how often which kind of failure came, and `voice`, how often
    a line stood in."""

    def __init__(
        self,
        persona: Persona,
        chosen: ChosenLM,
        defaults: Json,
        clock: Callable[[], datetime],
        manner: Manner = Manner(),
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._persona = persona
        self._engines = [chosen, *([manner.second] if manner.second else [])]
        self._defaults = defaults
        self._clock = clock
        self._manner = manner
        self._adapter = ChatShape()

    async def whole(self, asked: Asked, options: Json) -> Spoken:
        """The finished reply. Raises dspy.LMError where every language model failed and nothing stands in."""
        try:
            return await self._speak(asked, options, None)
        except FAILURES:
            spoken = self._ended(asked, "")
            if spoken is None:
                raise
            return spoken

    async def pieces(self, asked: Asked, options: Json) -> AsyncIterator[str | Spoken]:
        """The reply's pieces as they come, then the Spoken as a whole. Raises as `whole` does, at any point.

        Closing the iterator early cancels the call to the language model. What a slow reader has not taken waits in
        memory: a reply is bounded by `max_tokens`. A reply that breaks off stays what it is, and its open sentence
        trails off.
        """
        out = ""
        try:
            async with aclosing(self._written(asked, options)) as written:
                async for piece in written:
                    if isinstance(piece, str):
                        out += piece
                    yield piece
        except FAILURES:
            spoken = self._ended(asked, out)
            if spoken is None:
                raise
            if len(spoken.text) > len(out):
                yield spoken.text[len(out) :]
            yield spoken

    async def _written(self, asked: Asked, options: Json) -> AsyncGenerator[str | Spoken, None]:
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
        fan = [asked.fan_name] if asked.fan_name else []
        trim = partial(Trim, fan=fan, own=self._manner.names)
        tap = Tap(Fallback(self._engines, trim=trim, noted=self._noted), listener)
        config = {**self._defaults, **options, "stop": stops(options.get("stop", ()), fan)}
        lm: Any = language_model(self._engines[0].label.partition("/")[0], tap, **config)
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

    def _noted(self, kind: str) -> None:
        self.counts[kind] += 1

    def _ended(self, asked: Asked, out: str) -> Spoken | None:
        """What the fan gets where every language model failed after `out` was sent; None where that is an error."""
        if self._manner.on_failure == "error":
            return None
        text = out + closing(out) if out else stand_in(asked, self._manner.lines)
        if not text:
            return None
        self._noted(VOICE)
        return Spoken(text, fallback=VOICE)
