"""`/v1/messages`: Anthropic's messages, read as chat and written back as they came.

The top-level `system` is the first message here. Guidance goes there too; behind a reply that was rejected it is one
more message of the user's, as a last message of the assistant's would be gone on from instead of written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from guards.errors import MalformedRequest, UpstreamError
from proxy.surfaces.messages_stream import MessagesStream, stop_reason
from proxy.wire import PLACEHOLDER, ChatRequest, Json, check_size, messages_in, read_json, request_of, text_of

_NO_USAGE = {"input_tokens": 0, "output_tokens": 0}
_OF_CHOICE = ("stop_sequence", "stop_details")
_KINDS = {
    "overloaded": "overloaded_error", "body_too_large": "request_too_large", "unknown_url": "not_found_error",
    "server_error": "api_error",
}  # fmt: skip


class MessagesRequest(ChatRequest):
    """One request to `/v1/messages`."""

    surface: ClassVar[str] = "messages"
    credential: ClassVar[str] = "x-api-key"

    @property
    def upstream(self) -> str:
        """The same path as the client's."""
        return "/messages"

    @property
    def choices(self) -> int:
        """There is one."""
        return 1

    def with_messages(self, messages: Sequence[Json]) -> Json:
        """The request's JSON with other messages, and what was added to them in its place."""
        own = len(self.messages)
        said = [_signed(*pair) for pair in zip(self.messages, messages[:own], strict=True)]
        turns = said[self._first :]
        system = said[0]["content"] if self._first else None
        for message in messages[own:]:
            if message["role"] != "system":
                turns.append(message)
            elif len(turns) > len(said) - self._first:
                turns.append({"role": "user", "content": message["content"]})
            else:
                system = _joined(system, message["content"])
        return {**self.raw, **({"system": system} if system else {}), "messages": turns}

    def place(self, at: int) -> str:
        """Where message number `at` stands in the request's JSON."""
        return f"messages[{at - self._first}]"

    def text_in(self, reply: Json) -> str:
        """The reply's text."""
        return text_of(reply.get("content"))

    def told(self, text: str) -> list[Json]:
        """A reply comes back as a text or as the blocks it had."""
        contents: list[Any] = [text, [{"type": "text", "text": text}]]
        return [{"role": "assistant", "content": content} for content in contents]

    @property
    def _first(self) -> int:
        """Where the messages begin behind `system`."""
        return int(bool(self.raw.get("system")))


class MessagesSurface:
    """Anthropic's messages: one choice whose content is a list of blocks."""

    path = "/v1/messages"

    def read(self, body: bytes, conversation: str | None) -> MessagesRequest:
        """The request in `body`. Raises MalformedRequest."""
        raw = read_json(body)
        messages = messages_in(raw)
        system = raw.get("system")
        blocks = system if isinstance(system, list) else []
        if not isinstance(system, str | list | None) or not all(isinstance(block, dict) for block in blocks):
            raise MalformedRequest("system must be a string or a list of text blocks", param="system")
        if system:
            messages = [{"role": "system", "content": system}, *messages]
            check_size(messages)
        return request_of(MessagesRequest, raw, messages, conversation)

    def error(self, message: str, kind: str, code: str, param: str | None = None) -> Json:
        """Anthropic's error object."""
        named = _KINDS.get(code) or _KINDS.get(kind) or kind
        return {"type": "error", "error": {"type": named, "message": message}}

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """The message as one choice. Raises UpstreamError."""
        content = reply.get("content")
        if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
            raise UpstreamError("the upstream's answer has no list of content blocks", code="upstream_broken")
        kept = {key: reply[key] for key in _OF_CHOICE if key in reply}
        message = {"role": reply.get("role", "assistant"), "content": content}
        return [{"index": 0, "message": message, "finish_reason": reply.get("stop_reason"), **kept}]

    def beside(self, request: ChatRequest, reply: Json) -> Json:
        """Everything of the message but what it says and why it ended."""
        said = {"role", "content", "stop_reason", *_OF_CHOICE}
        return {key: value for key, value in reply.items() if key not in said}

    def said(self, message: Json) -> str:
        """The text of the blocks that are text."""
        return text_of(message.get("content"))

    def mended(self, came: Json, message: Json) -> Json:
        """A thinking text that was redacted loses its signature, which is for the text as it came."""
        pairs = zip(came["content"], message["content"], strict=True)
        blocks = [{**now, "signature": ""} if now != then and "signature" in now else now for then, now in pairs]
        return {**message, "content": blocks}

    def repaired(self, index: int, turn: str, text: str, finish: str) -> Json:
        """A choice of one text block."""
        message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        return {"index": index, "message": message, "finish_reason": stop_reason(finish), "stop_sequence": None}

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """A message that says the choice."""
        (choice,) = choices
        kept = {key: choice[key] for key in _OF_CHOICE if key in choice}
        return {**beside, **choice["message"], "stop_reason": choice["finish_reason"], **kept}

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A whole message."""
        base = {"id": f"msg_{turn}", "type": "message", "model": request.model, "usage": _NO_USAGE}
        return self.whole(request, {}, base, [self.repaired(0, turn, text, finish)])

    def stream(self, request: ChatRequest, turn: str, created: int) -> MessagesStream:
        """A stream of message events."""
        return MessagesStream(request, turn)


def _joined(system: Any, guidance: str) -> Any:
    """The system text with guidance behind it, in the form it has."""
    if isinstance(system, list):
        return [*system, {"type": "text", "text": guidance}]
    return f"{system}\n\n{guidance}" if system else guidance


def _signed(came: Json, message: Json) -> Json:
    """A message whose thinking was replaced goes on without it: no upstream takes it under the old signature."""
    content = message.get("content")
    if message is came or not isinstance(content, list):
        return message
    signed = came["content"] if isinstance(came["content"], list) else []
    blocks = [block for block in content if block.get("type") != "thinking" or block in signed]
    return {**message, "content": blocks or [{"type": "text", "text": PLACEHOLDER}]}
