"""DSPy's canonical request and response, seen as chat messages and text.

It stands apart because every engine needs the same two views and only this file knows lm15's parts and roles.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from dspy import lm15

# lm15 is untyped: a start, a delta or an end event.
StreamEvent: TypeAlias = Any


def chat_messages(request: lm15.Request) -> list[dict[str, Any]]:
    """The request as OpenAI chat messages with plain text content.

    lm15 calls an instruction in mid-conversation `developer`; it goes back to `system`, which every server knows.
    Empty messages, which some servers refuse, are left out.
    """
    messages = [] if request.system is None else [{"role": "system", "content": _text(request.system)}]
    for message in request.messages:
        role = "system" if message.role == "developer" else message.role
        messages.append({"role": role, "content": _text(message.parts)})
    return [message for message in messages if message["content"]]


def answer(request: lm15.Request, text: str, *, finish: str = "stop", usage: lm15.Usage | None = None) -> lm15.Response:
    """A text as lm15's response to `request`."""
    message = lm15.Message.assistant(text)
    return lm15.Response(
        id=None, model=request.model, message=message, finish_reason=finish, usage=usage or lm15.Usage()
    )


def delta(text: str) -> StreamEvent:
    """A piece of text as a stream event."""
    return lm15.StreamDeltaEvent(lm15.TextDelta(text=text, part_index=0))


async def one_piece(response: lm15.Response) -> AsyncIterator[StreamEvent]:
    """A finished response as a stream, for engines whose source does not stream."""
    for event in lm15.response_to_events(response):
        yield event


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text for part in content if part.type == "text")
