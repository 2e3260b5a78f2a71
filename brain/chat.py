"""OpenAI's chat completions as the persona service reads and writes them: JSON in, what was asked; a reply, JSON out.

It stands apart as shapes and pure functions: nothing here knows HTTP, DSPy or a language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from brain.occasion import PLAIN, Occasion
from guards.errors import MalformedRequest
from guards.types import Message, Transcript

Json = dict[str, Any]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)


class ContentPart(_Shape):
    """One part of a message; only parts of type `text` are read."""

    type: str
    text: str = Field(default="", repr=False)


class ChatMessage(_Shape):
    """One message; tool messages are accepted and not read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = Field(default=None, repr=False)
    name: str | None = Field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The text of all text parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text" and part.text)
        return self.content or ""


class StreamOptions(_Shape):
    """What a stream carries besides text."""

    include_usage: bool = False


class ChatRequest(_Shape):
    """The body of POST /v1/chat/completions, as far as the persona service honours it."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    user: Any = Field(default=None, repr=False)
    metadata: Any = Field(default=None, repr=False)

    def options(self) -> Json:
        """The generation options that were given, by DSPy's names."""
        options = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "stop": [self.stop] if isinstance(self.stop, str) else self.stop,
            "seed": self.seed,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
        }
        return {name: value for name, value in options.items() if value is not None and value != []}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks of the persona, by the fields of its signature. `fan_name` is the `name` of the last user
    message; empty when it has none. `occasion` is what else is known when it comes."""

    transcript: Transcript = field(repr=False)
    instructions: str = field(default="", repr=False)
    past_reply: str = field(default="", repr=False)
    guidance: str = field(default="", repr=False)
    fan_name: str = field(default="", repr=False)
    occasion: Occasion = PLAIN


def read_request(body: bytes) -> ChatRequest:
    """The request in a JSON body. Raises MalformedRequest naming the first place that is wrong."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise MalformedRequest("the body is not valid JSON", code="invalid_json") from None
        place = ".".join(map(str, first["loc"])) or "body"
        raise MalformedRequest(f"{place}: {first['msg']}", param=place) from None


def asked(messages: Sequence[ChatMessage]) -> Asked:
    """Sorts messages by meaning. Raises MalformedRequest when no user message is there to be answered, or one
    that says nothing.

    System messages before the last user message are the client's instructions; after it they are guidance about the
    message to write now, and an assistant message between the two is a reply that was not delivered as written.
    """
    last = max((index for index, message in enumerate(messages) if message.role == "user"), default=-1)
    if last < 0:
        raise MalformedRequest("messages: at least one user message is needed", param="messages")
    if not messages[last].text.strip() and not isinstance(messages[last].content, list):
        raise MalformedRequest("messages: the last user message has no text; send what the fan said", param="messages")
    before, after = messages[: last + 1], messages[last + 1 :]
    guidance = _joined(after, "system", "developer")
    past_reply = _joined(after, "assistant") if guidance else ""
    spoken = before if guidance else messages
    return Asked(
        transcript=tuple(
            Message(message.role, message.text)
            for message in spoken
            if message.role in ("user", "assistant") and message.text
        ),
        instructions=_joined(before, "system", "developer"),
        past_reply=past_reply,
        guidance=guidance,
        fan_name=messages[last].name or "",
    )


def _joined(messages: Sequence[ChatMessage], *roles: str) -> str:
    return "\n\n".join(message.text for message in messages if message.role in roles and message.text)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every piece of one response repeats. `created` is in Unix seconds."""

    id: str
    created: int
    model: str

    def completion(self, text: str, finish: str, usage: Json) -> Json:
        """A whole response."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage}

    def chunk(self, delta: Json, finish: str | None = None) -> Json:
        """One piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self, usage: Json) -> Json:
        """The piece that carries usage, last before the end."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": usage}

    def _head(self, kind: str) -> Json:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def usage_of(input_tokens: int | None, output_tokens: int | None) -> Json:
    """Usage in OpenAI's words; what a provider did not count is 0."""
    asked_for, answered = input_tokens or 0, output_tokens or 0
    return {"prompt_tokens": asked_for, "completion_tokens": answered, "total_tokens": asked_for + answered}


def error_body(message: str, *, kind: str, code: str, param: str | None = None) -> Json:
    """An error in OpenAI's shape. `kind` is its `type`: invalid_request_error or server_error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
