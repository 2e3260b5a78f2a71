"""One turn's view of an engine: passes text on as it is generated, and notes usage and finish reason.

It stands apart because DSPy's own streaming (`dspy.streamify`) reports neither usage nor finish reason and runs a task
group inside an async generator, which must not be closed from another task; a client that hangs up does just that.
Here streaming is a property of the engine, so a DSPy program runs the same whether or not anybody listens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from dspy import lm15

from brain.lms.shapes import StreamEvent, answer

Listener = Callable[[str], Awaitable[None]]


class Tap:
    """An AsyncEngine over `engine`, for one turn. With a `listener`, each piece of text goes to it as it arrives.

    After the call `finish` is the OpenAI finish reason and `usage` what the provider counted (None: not reported).
    """

    def __init__(self, engine: Any, listener: Listener | None = None) -> None:
        self._engine = engine
        self._listener = listener
        self.finish = "stop"
        self.usage: lm15.Usage = lm15.Usage()

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """One answer, whole. Raises what the engine raises."""
        if self._listener is None:
            response = await self._engine.complete(request)
        else:
            response = await self._heard(request, self._listener)
        self.finish, self.usage = response.finish_reason, response.usage
        return response

    async def _heard(self, request: lm15.Request, listener: Listener) -> lm15.Response:
        pieces: list[str] = []
        async with aclosing(self._engine.stream(request)) as events:
            async for event in events:
                if event.type == "delta" and event.delta.type == "text" and event.delta.text:
                    pieces.append(event.delta.text)
                    await listener(event.delta.text)
                elif event.type == "end":
                    return answer(request, "".join(pieces), finish=event.finish_reason or "stop", usage=event.usage)
        raise lm15.StreamAssemblyError("the stream ended before its end event")

    async def stream(self, request: lm15.Request) -> AsyncIterator[StreamEvent]:
        """The engine's own stream."""
        async for event in self._engine.stream(request):
            yield event

    async def aclose(self) -> None:
        """The engine outlives its turns and is closed by the service."""
