"""One turn's engines behind one another: what fails is tried once more where that helps, then the next one is asked.

It stands apart as the one place that says what a usable answer is: trimmed, not empty, no refusal. Of a stream only the
beginning waits until that is clear; once text went out there is no way back, and a failure is the caller's to end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from dspy import lm15

from brain.lms.choice import ChosenLM
from brain.lms.errors import kind_of, unusable
from brain.lms.shapes import StreamEvent, answer, delta
from brain.refusals import Sign, sign_of
from brain.trim import Trim, whole_sentences

logger = logging.getLogger(__name__)

# Seconds. A fan waits for the answer: a longer wait than this is the second engine's chance.
MOST_WAIT = 2.0
PAUSE = 0.2

Pause = Callable[[float], Awaitable[None]]
Noted = Callable[[str], None]


class Fallback:
    """Implements dspy's AsyncEngine over the engines of a turn, the best first.

    Each is asked once, and once more after a broken connection, a 5xx or a 429 that says to wait no longer than
    MOST_WAIT seconds. `trim` makes the Trim of one answer. `noted` is told the kind of every failure (`timeout`,
    `rate_limit`, `refusal`, `empty`, …); `pause` waits for so many seconds.
    """

    def __init__(
        self,
        engines: Sequence[ChosenLM],
        *,
        trim: Callable[[], Trim] = Trim,
        noted: Noted = lambda kind: None,
        retries: int = 1,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._engines = engines
        self._trim = trim
        self._noted = noted
        self._retries = retries
        self._pause = pause

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """The first usable answer. Raises what the last engine failed with."""
        for attempt in self._attempts():
            try:
                return self._usable(request, await attempt.engine.complete(request))
            except lm15.LM15Error as error:
                await self._failed(attempt, error)
        raise AssertionError("the last attempt raises")

    async def stream(self, request: lm15.Request) -> AsyncIterator[StreamEvent]:
        """The first usable answer as it is generated. Raises as `complete` does, or at once after text went out."""
        yield lm15.StreamStartEvent(model=request.model)
        for attempt in self._attempts():
            is_out = False
            try:
                async with aclosing(self._checked(attempt.engine, request)) as events:
                    async for event in events:
                        is_out = is_out or event.type == "delta"
                        yield event
                return
            except lm15.LM15Error as error:
                if is_out:
                    self._note(attempt, error)
                    raise
                await self._failed(attempt, error)

    async def aclose(self) -> None:
        """The engines outlive their turns and are closed by the service."""

    def _attempts(self) -> Iterator[_Attempt]:
        for chosen in self._engines:
            attempt = _Attempt(chosen, is_last_engine=chosen is self._engines[-1], left=self._retries)
            yield attempt
            while attempt.is_again:
                yield attempt.renewed()

    async def _failed(self, attempt: _Attempt, error: Any) -> None:
        """Notes the failure and waits before the same engine is tried again. Raises it when nobody is left to ask."""
        self._note(attempt, error)
        wait = retry_in(error) if attempt.left else None
        if wait is not None:
            attempt.is_again = True
            await self._pause(wait)
        elif attempt.is_last_engine:
            raise error

    def _note(self, attempt: _Attempt, error: Any) -> None:
        kind = kind_of(error)
        logger.warning("the language model %s failed: %s", attempt.label, kind)
        self._noted(kind)

    def _usable(self, request: lm15.Request, response: lm15.Response) -> lm15.Response:
        trim = self._trim()
        text = trim.feed(response.message.text or "") + trim.finish()
        _require_usable(text)
        if response.finish_reason == "length":
            text = whole_sentences(text)
        return answer(request, text, finish=response.finish_reason, usage=response.usage)

    async def _checked(self, engine: Any, request: lm15.Request) -> AsyncGenerator[StreamEvent, None]:
        """One engine's stream, trimmed, its beginning held while it may be nothing or a refusal."""
        trim, held, is_clear = self._trim(), "", False
        end: Any = None
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                if event.type == "end":
                    end = event
                    break
                if event.type != "delta" or event.delta.type != "text":
                    continue
                held += trim.feed(event.delta.text)
                is_clear = is_clear or _is_clear(held)
                if is_clear and held:
                    yield delta(held)
                    held = ""
                if trim.done:
                    end = lm15.StreamEndEvent(finish_reason="stop")
                    break
        if end is None:
            raise lm15.StreamAssemblyError("the stream ended before its end event")
        held += trim.finish()
        if not is_clear:
            _require_usable(held)
        if held:
            yield delta(held)
        yield end


class _Attempt:
    """One call to one engine; `left` retries may follow, `is_again` once one was decided on."""

    def __init__(self, chosen: ChosenLM, *, is_last_engine: bool, left: int) -> None:
        self.engine = chosen.engine
        self.label = chosen.label
        self.is_last_engine = is_last_engine
        self.left = left
        self.is_again = False

    def renewed(self) -> _Attempt:
        """The same engine once more."""
        self.left -= 1
        self.is_again = False
        return self


def retry_in(error: Any) -> float | None:
    """After how many seconds the same engine may be asked again; None where that would not help."""
    if isinstance(error, lm15.RateLimitError):
        wait: float | None = error.retry_after
        return wait if wait is not None and 0 <= wait <= MOST_WAIT else None
    if isinstance(error, lm15.TimeoutError):
        return None
    return PAUSE if isinstance(error, lm15.TransportError | lm15.ServerError | lm15.StreamAssemblyError) else None


def _is_clear(beginning: str) -> bool:
    """True for a beginning that is something and no refusal. Raises the error for a refusal."""
    sign = sign_of(beginning)
    if sign is Sign.YES:
        raise unusable("refusal")
    return bool(beginning.strip()) and sign is Sign.NO


def _require_usable(text: str) -> None:
    if not text.strip():
        raise unusable("empty")
    if sign_of(text, is_whole=True) is Sign.YES:
        raise unusable("refusal")
