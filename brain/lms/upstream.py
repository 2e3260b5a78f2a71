"""The turn's own upstream as a DSPy engine: regeneration asks the same model that gave the rejected reply.

It stands apart because nothing of the model is configured here: the caller's `complete` sends the client's own request
with other messages, and the client's transcript travels around DSPy, not through it, so that images, tool messages and
keys nobody knows arrive exactly as the client sent them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from dspy import lm15

from brain.lms.shapes import StreamEvent, answer, chat_messages, one_piece
from guards.errors import UpstreamError

Complete = Callable[[list[dict[str, Any]]], Awaitable[str]]


class UpstreamEngine:
    """Implements dspy's AsyncEngine. `complete` takes OpenAI chat messages and returns the assistant's text;
    `transcript` are the client's messages, set before whatever DSPy adds."""

    def __init__(self, complete: Complete, transcript: Sequence[dict[str, Any]] = ()) -> None:
        self._complete = complete
        self._transcript = transcript

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """One answer. Raises dspy.lm15.ServerError carrying status and code of the UpstreamError behind it."""
        try:
            text = await self._complete([*self._transcript, *chat_messages(request)])
        except UpstreamError as error:
            raise lm15.ServerError(
                str(error), provider="upstream", provider_code=error.code, status=error.status
            ) from error
        return answer(request, text)

    async def stream(self, request: lm15.Request) -> AsyncIterator[StreamEvent]:
        """The answer in one piece: a rewritten reply is judged whole before any of it is released."""
        async for event in one_piece(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """Holds nothing."""
