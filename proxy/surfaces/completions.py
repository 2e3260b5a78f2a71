"""`/v1/completions`: one prompt and what goes on from it.

The prompt is one message of the fan's and so is the suffix. What the upstream would echo is put before the reply here,
so that our guidance is not echoed and prompt and reply are judged as one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from brain.guidance import released_in
from guards.errors import MalformedRequest, UpstreamError
from proxy.sse import event
from proxy.surfaces.base import Arrived, Held
from proxy.surfaces.chat import ChatStream, ChatSurface, has_index
from proxy.wire import ChatRequest, Json, read_json, request_of, write_json

_READ = frozenset({"text", "index", "delta", "logprobs", "finish_reason"})


class CompletionRequest(ChatRequest):
    """One prompt; `messages` are the prompt and, where there is one, the suffix."""

    surface: ClassVar[str] = "completions"

    @property
    def upstream(self) -> str:
        """The same path as the client's."""
        return "/completions"

    @property
    def echo(self) -> str:
        """What stands before every reply: the prompt, where the client asked for it."""
        return _prompt(self.raw) if self.raw.get("echo") is True else ""

    def with_messages(self, messages: Sequence[Json]) -> Json:
        """The request's JSON with another prompt and suffix. Guidance goes before the prompt; what was released of the
        reply behind it, where the model goes on."""
        own = 1 + ("suffix" in self._texts())
        texts = dict(zip(self._texts(), (message["content"] for message in messages[:own]), strict=True))
        told = [message["content"] for message in messages[own:] if message["role"] == "system"]
        released = "".join(map(released_in, told))
        goes_on = released.removeprefix(self.echo) if released.startswith(self.echo) else ""
        prompt = "\n\n".join([*told, texts["prompt"]]) + goes_on
        texts["prompt"] = [prompt] if isinstance(self.raw["prompt"], list) else prompt
        return {**self.raw, **texts, **({"echo": False} if "echo" in self.raw else {})}

    def once_more(self, messages: Sequence[Json]) -> Json:
        """As for chat; of several tries the upstream need not choose the best."""
        body = ChatRequest.once_more(self, messages)
        body.pop("best_of", None)
        return body

    def text_in(self, reply: Json) -> str:
        """The first choice's text."""
        choices = reply.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        text = first.get("text") if isinstance(first, dict) else None
        return text if isinstance(text, str) else ""

    def told(self, text: str) -> list[Json]:
        """Nothing: a reply comes back within a prompt, if at all."""
        return []

    def _texts(self) -> list[str]:
        return ["prompt", "suffix"] if self.raw.get("suffix") else ["prompt"]


class CompletionsSurface(ChatSurface):
    """OpenAI's completions, whose choices carry a text instead of a message."""

    path = "/v1/completions"

    def read(self, body: bytes, conversation: str | None) -> CompletionRequest:
        """The request in `body`. Raises MalformedRequest."""
        raw = read_json(body)
        texts = [_prompt(raw)]
        suffix = raw.get("suffix")
        if suffix is not None and not isinstance(suffix, str):
            raise MalformedRequest("suffix must be a string", param="suffix")
        messages = [{"role": "user", "content": text} for text in [*texts, *([suffix] if suffix else [])]]
        return request_of(CompletionRequest, raw, messages, conversation)

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """The choices, each text behind the echo that was asked for. Raises UpstreamError."""
        choices = reply.get("choices")
        if not isinstance(choices, list) or not all(map(_has_text, choices)):
            raise UpstreamError("the upstream's answer has no list of choices", code="upstream_broken")
        echo = request.echo if isinstance(request, CompletionRequest) else ""
        return [
            {**_without(choice, {"text"}), "message": {"role": "assistant", "content": echo + (choice["text"] or "")}}
            for choice in choices
        ]

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """A reply with these choices."""
        said = [{**_without(choice, {"message"}), "text": choice["message"]["content"]} for choice in choices]
        return {**beside, "choices": said}

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A whole completion."""
        whole = ChatSurface.answer(self, request, turn, text, finish, created)
        return self.whole(
            request, whole, {**whole, "id": f"cmpl-{turn}", "object": "text_completion"}, whole["choices"]
        )

    def stream(self, request: ChatRequest, turn: str, created: int) -> CompletionStream:
        """A stream of completion chunks."""
        return CompletionStream(request, turn, created)


class CompletionStream(ChatStream):
    """Chunks whose choices carry `text`."""

    name = "cmpl"
    kind = "text_completion"

    def __init__(self, request: ChatRequest, turn: str, created: int) -> None:
        super().__init__(request, turn, created)
        self._echo = request.echo if isinstance(request, CompletionRequest) else ""
        self._echoed: set[int] = set()

    def read(self, data: Json) -> Arrived:
        """The choices of a chunk as chat would have them. Raises UpstreamError."""
        arrived = super().read(data)
        arrived.choices = [self._in_chat(choice) for choice in arrived.choices]
        return arrived

    def write(self, out: Json, choice: Held) -> bytes:
        """One chunk with one choice."""
        return event(write_json({**self._beside(), "choices": [_as_text(out)]}))

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """A chunk with the text and one with the finish."""
        head = {"index": choice.index, "logprobs": None}
        texts = [{**head, "text": text, "finish_reason": None}, {**head, "text": "", "finish_reason": finish}]
        return b"".join(event(write_json({**self._base, "choices": [each]})) for each in texts)

    def is_choice(self, choice: Any) -> bool:
        """True for what can be read as a choice of a chunk."""
        return isinstance(choice, dict) and has_index(choice)

    def _in_chat(self, choice: Json) -> Json:
        index, text = choice.get("index", 0), choice.get("text")
        if self._echo and index not in self._echoed and isinstance(text, str):
            self._echoed.add(index)
            text = self._echo + text
        return {**_without(choice, _READ), "index": index, "delta": {} if text is None else {"content": text},
                "finish_reason": choice.get("finish_reason")}  # fmt: skip


def _as_text(out: Json) -> Json:
    return {**_without(out, {"delta"}), "text": out["delta"].get("content", "")}


def _without(fields: Json, names: frozenset[str] | set[str]) -> Json:
    return {key: value for key, value in fields.items() if key not in names}


def _has_text(choice: Any) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("text", 0), str | None)


def _prompt(raw: Json) -> str:
    """The one prompt. Raises MalformedRequest for tokens, which cannot be read, and for several."""
    prompt = raw.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise MalformedRequest(
            "prompt must be one string, or a list of one: tokens cannot be read here, and of several prompts each is "
            "a turn of its own, to be sent by itself",
            param="prompt",
        )
    return prompt
