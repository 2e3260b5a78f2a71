"""`/v1/chat/completions`: the surface whose words a turn works in, so that next to nothing is translated here."""

from __future__ import annotations

from typing import Any

from guards.errors import UpstreamError
from proxy import wire
from proxy.alike import Alike
from proxy.answers import error_body
from proxy.sse import END, event
from proxy.surfaces.base import Arrived, Held
from proxy.wire import MAX_CHOICES, ChatRequest, Json, text_of, write_json

_EVERY_CHUNK = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier"})
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_CHUNK = "chat.completion.chunk"
_FIELDS = {"index", "delta", "logprobs", "finish_reason"}  # of a choice
_TEXT = {"content"}  # of a delta that only adds to what is said


class ChatSurface:
    """OpenAI's chat completions."""

    path = "/v1/chat/completions"

    def read(self, body: bytes, conversation: str | None) -> ChatRequest:
        """The request in `body`. Raises MalformedRequest."""
        return wire.read_request(body, conversation)

    def error(self, message: str, kind: str, code: str, param: str | None = None) -> Json:
        """OpenAI's error object."""
        return error_body(message, kind, code, param)

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """The choices as they came. Raises UpstreamError."""
        choices = reply.get("choices")
        if not isinstance(choices, list) or not all(map(_has_message, choices)):
            raise UpstreamError("the upstream's answer has no list of choices", code="upstream_broken")
        return choices

    def beside(self, request: ChatRequest, reply: Json) -> Json:
        """Every field but the choices."""
        return {key: value for key, value in reply.items() if key != "choices"}

    def said(self, message: Json) -> str:
        """The message's content as text."""
        return text_of(message.get("content"))

    def mended(self, came: Json, message: Json) -> Json:
        """The message: nothing in it depends on its text."""
        return message

    def repaired(self, index: int, turn: str, text: str, finish: str) -> Json:
        """A choice of one assistant message."""
        message = {"role": "assistant", "content": text}
        return {"index": index, "message": message, "logprobs": None, "finish_reason": finish}

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """A reply with these choices."""
        return {**beside, "choices": choices}

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A whole chat completion."""
        base = {"id": f"chatcmpl-{turn}", "object": "chat.completion", "created": created, "model": request.model}
        return {**base, "choices": [self.repaired(0, turn, text, finish)], "usage": NO_USAGE}

    def stream(self, request: ChatRequest, turn: str, created: int) -> ChatStream:
        """A stream of chat completion chunks."""
        return ChatStream(request, turn, created)


class ChatStream:
    """Chunks that pass as they are, with the fields beside the choices on the next chunk that has something to say."""

    name = "chatcmpl"
    kind = _CHUNK

    def __init__(self, request: ChatRequest, turn: str, created: int) -> None:
        self._include_usage = request.include_usage
        self._base: Json = {
            "id": f"{self.name}-{turn}", "object": self.kind, "created": created, "model": request.model,
        }  # fmt: skip
        self._waiting: Json = {}
        self._counted = False
        self.alike: Alike | None = Alike()
        self._frames: dict[int, tuple[bytes, bytes]] = {}  # by choice: what stands around a text and nothing else

    def read(self, data: Json) -> Arrived:
        """The choices of a chunk as they came, or the upstream's error. Raises UpstreamError."""
        if "error" in data and "choices" not in data:
            return Arrived(error=data)
        choices = data.get("choices") or []
        if not isinstance(choices, list) or not all(map(self.is_choice, choices)):
            raise UpstreamError("the upstream's chunk has no list of choices", code="upstream_broken")
        return Arrived(choices, {key: value for key, value in data.items() if key != "choices"})

    def take(self, fields: Json) -> None:
        """Keeps what every chunk repeats; the rest goes out once."""
        self._counted = self._counted or isinstance(fields.get("usage"), dict)
        self._frames.clear()
        self._base = {key: fields[key] for key in fields if key in _EVERY_CHUNK}
        self._waiting |= {key: fields[key] for key in fields if key not in _EVERY_CHUNK}

    def alone(self) -> bytes:
        """A chunk without choices, as the upstream sends one for its usage."""
        return event(write_json({**self._beside(), "choices": []}))

    def write(self, out: Json, choice: Held) -> bytes:
        """One chunk with one choice."""
        if self._waiting or out.keys() != _FIELDS or out["finish_reason"] is not None or out["delta"].keys() != _TEXT:
            return event(write_json({**self._beside(), "choices": [out]}))
        before, behind = self._frames.get(choice.index) or self._framed(out, choice.index)
        return before + write_json(out["delta"]["content"]) + behind

    def _framed(self, out: Json, index: int) -> tuple[bytes, bytes]:
        """The bytes before and behind a text that is all `out` says."""
        without = write_json({**out, "delta": {"content": 0}})
        before, behind = without.split(b'"content":0')
        beside = write_json({**self._base, "choices": []})
        frame = self._frames[index] = (
            b"data: " + beside[:-2] + before + b'"content":', behind + beside[-2:] + b"\n\n"
        )  # fmt: skip
        return frame

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """A chunk with the text and one with the finish."""
        role = {} if choice.opened else {"role": "assistant"}
        chunks = [
            wire.chunk(self._base, choice.index, {**role, "content": text}),
            wire.chunk(self._base, choice.index, {}, finish),
        ]
        return b"".join(event(write_json(chunk)) for chunk in chunks)

    def told(self, error: Json) -> bytes:
        """The upstream's error event."""
        return event(write_json(error))

    def failed(self, error: Json) -> bytes:
        """An event with an error object."""
        return event(write_json(error))

    def end(self, cut: bool, usage: dict[str, int]) -> tuple[bytes, bytes]:
        """The usage where the client asked for it and the upstream cannot say it any more, and `[DONE]`."""
        if not (self._include_usage and cut and not self._counted):
            return b"", END
        return event(write_json({**self._base, "choices": [], "usage": usage or NO_USAGE})), END

    def is_choice(self, choice: Any) -> bool:
        """True for what can be read as a choice of a chunk."""
        return isinstance(choice, dict) and isinstance(choice.get("delta"), dict | None) and has_index(choice)

    def _beside(self) -> Json:
        waiting, self._waiting = self._waiting, {}
        return {**self._base, **waiting}


def has_index(choice: Json) -> bool:
    """True when the choice's number is one that a client may ask for."""
    index = choice.get("index", 0)
    return isinstance(index, int) and not isinstance(index, bool) and 0 <= index < MAX_CHOICES


def _has_message(choice: Any) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("message"), dict)
