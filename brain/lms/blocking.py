"""Engines for callers beside the event loop: DSPy's optimizers, which run in threads, and what they call there.

They stand apart because nothing that serves a turn may use them: a blocking call on the loop would stop every other
turn.
"""

from __future__ import annotations

import asyncio
from typing import Any

from dspy import lm15


class BlockingEngine:
    """dspy's synchronous Engine over an AsyncEngine that lives on `loop`. Call it from any thread but the loop's."""

    def __init__(self, engine: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._closed = False

    def complete(self, request: lm15.Request) -> lm15.Response:
        """One answer. Raises what the engine raises, and once closed dspy.lm15.UnsupportedFeatureError."""
        if self._closed:
            raise lm15.UnsupportedFeatureError("this engine is closed")
        return asyncio.run_coroutine_threadsafe(self._engine.complete(request), self._loop).result()

    def close(self) -> None:
        """Refuses every further call, so that a thread that nobody waits for comes to its end."""
        self._closed = True


class HoppingEngine:
    """dspy's AsyncEngine over one that lives on `loop`, for callers that await on another; on the same one it does no
    harm. Whole answers only."""

    def __init__(self, engine: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """One answer. Raises what the engine raises."""
        answering = asyncio.run_coroutine_threadsafe(self._engine.complete(request), self._loop)
        return await asyncio.wrap_future(answering)
