"""Runs the persona for one turn at a time: whole, or piece by piece as the language model writes.

It stands apart as the place where program, engines and options of a turn come together, in DSPy's terms and without
HTTP, and where a turn that every language model failed still gets its answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from brain.bubbles import Bubbles, in_messages
from brain.candidates import best, varied, written
from brain.chat import Asked, Json, usage_of
from brain.lms.choice import ChosenLM
from brain.lms.errors import FAILURES
from brain.lms.fallback import Fallback
from brain.lms.tap import Listener, Tap
from brain.manner import PLAIN, Manner
from brain.occasion import COMFORT
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
        manner: Manner = PLAIN,
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
            spoken = await self._whole(asked, options)
        except FAILURES:
            ended = self.ended(asked, "")
            if ended is None:
                raise
            return ended
        if self._manner.several_messages:
            spoken.text = in_messages(spoken.text)
        return spoken

    async def pieces(self, asked: Asked, options: Json) -> AsyncGenerator[str | Spoken, None]:
        """The reply's pieces as they come, then the Spoken as a whole; a piece that is a Break parts two messages.
        Raises as `whole` does, at any point.

        Closing the iterator early cancels the call to the language model. What a slow reader has not taken waits in
        memory: a reply is bounded by `max_tokens`. A reply that breaks off stays what it is, and its open sentence
        trails off. The best of several candidates comes in one piece.
        """
        out = ""
        try:
            async with aclosing(self._in_messages(asked, options)) as written:
                async for piece in written:
                    if isinstance(piece, str):
                        out += piece
                    yield piece
        except FAILURES:
            spoken = self.ended(asked, out)
            if spoken is None:
                raise
            if len(spoken.text) > len(out):
                yield spoken.text[len(out) :]
            yield spoken

    async def _in_messages(self, asked: Asked, options: Json) -> AsyncGenerator[str | Spoken, None]:
        """What is written, with a Break between messages where the persona writes several."""
        bubbles = Bubbles() if self._manner.several_messages else None
        async with aclosing(self._written(asked, options)) as pieces:
            async for piece in pieces:
                if bubbles is None:
                    yield piece
                    continue
                for part in bubbles.feed(piece) if isinstance(piece, str) else bubbles.finish():
                    yield part
                if isinstance(piece, Spoken):
                    piece.text = in_messages(piece.text)
                    yield piece

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
            if self._candidates(asked, options) == 1:
                return await self._speak(asked, options, self._engines, queue.put)
            spoken = await self._whole(asked, options)
            queue.put_nowait(spoken.text)
            return spoken
        finally:
            queue.put_nowait(None)

    def _candidates(self, asked: Asked, options: Json) -> int:
        is_fixed = {**self._defaults, **options}.get("temperature") == 0
        return 1 if is_fixed or asked.guidance or self._manner.choose is None else self._manner.candidates

    async def _whole(self, asked: Asked, options: Json) -> Spoken:
        count, choose = self._candidates(asked, options), self._manner.choose
        if count == 1 or choose is None:
            return await self._speak(asked, options, self._engines)
        first, rest = self._engines[:1], self._engines[1:]
        try:
            found = await written(count, lambda number: self._speak(asked, varied(options, number), first, retries=0))
        except FAILURES:
            if not rest:
                raise
            return await self._speak(asked, options, rest, retries=0)
        spoken = found[await best(asked, [each.text for each in found], choose)]
        spoken.usage = usage_of(
            *(sum(each.usage[of] for each in found) for of in ("prompt_tokens", "completion_tokens"))
        )
        return spoken

    async def _speak(
        self,
        asked: Asked,
        options: Json,
        engines: Sequence[ChosenLM],
        listener: Listener | None = None,
        retries: int = 1,
    ) -> Spoken:
        fan = [asked.fan_name] if asked.fan_name else []
        trim = partial(Trim, fan=fan, own=self._manner.names)
        tap = Tap(Fallback(engines, trim=trim, noted=self._noted, retries=retries), listener)
        config = {**self._defaults, **options, "stop": stops(options.get("stop", ()), fan)}
        lm: Any = language_model(engines[0].label.partition("/")[0], tap, **config)
        with quiet(lm, self._adapter):
            prediction = await self._persona.acall(
                transcript=asked.transcript,
                now=self._clock(),
                instructions=asked.instructions,
                past_reply=asked.past_reply,
                guidance=asked.guidance,
                occasion=asked.occasion,
            )
        finish = tap.finish if tap.finish in _FINISH_REASONS else "stop"
        return Spoken(prediction.reply, finish, usage_of(tap.usage.input_tokens, tap.usage.output_tokens))

    def _noted(self, kind: str) -> None:
        self.counts[kind] += 1

    def ended(self, asked: Asked, out: str) -> Spoken | None:
        """What the fan gets where every language model failed after `out` was sent; None where that is an error."""
        if self._manner.on_failure == "error":
            return None
        lines = [self._manner.comforts] if asked.occasion.kind == COMFORT else self._manner.lines
        text = out + closing(out) if out else stand_in(asked, lines)
        if not text:
            return None
        self._noted(VOICE)
        return Spoken(text, fallback=VOICE)
