"""OpenAI's chat JSON, read and written: a request to a transcript, a reply to its judged parts.

Every unknown field is kept as it came. This is the only module that knows where text sits in this provider's shapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import orjson

from guards.errors import MalformedRequest, UpstreamError
from guards.types import Message
from proxy.leaves import Leaf, has_media, leaves, put

PLACEHOLDER = "…"  # what the upstream is told instead of a text that may not pass
MAX_CHOICES = 16
MAX_MESSAGES = 4096
MAX_PARTS = 1024  # of one request, over all its messages
CONTEXT = 8  # messages before the one that is judged
_UNANSWERING = ("assistant", "system", "developer")
MAX_DEPTH = 200
_STRUCTURES = (dict, list)
_FLAT = 2  # fields of a message that has a role, a text, and nothing else
Json = dict[str, Any]
_ALL_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)  # every digit becomes 0: a long number is then one search
_MANY_DIGITS = b"0" * 19
_BEFORE_NUMBERS = b" \t\r\n:,[-"  # in an id, digits stand behind something else
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request: the JSON as it came, and what a turn needs of it.

    `credential` is the header that carries a configured key. Choices are alternatives, or in their order `one_text`.
    """

    surface: ClassVar[str] = "chat"
    credential: ClassVar[str] = "authorization"
    one_text: ClassVar[bool] = False

    raw: Json = field(repr=False)
    messages: list[Json] = field(repr=False)
    model: str
    stream: bool
    include_usage: bool
    conversation: str | None

    @property
    def upstream(self) -> str:
        """The path below the upstream's base URL."""
        return "/chat/completions"

    @property
    def choices(self) -> int:
        """How many choices were asked for."""
        return self.raw.get("n") or 1

    @property
    def first_new(self) -> int:
        """Where the messages begin that nobody has answered yet.

        Whatever stands behind the fan's last message is new as well: a last message of the assistant is the beginning
        of an answer, not an answer.
        """
        messages = self.messages
        at = len(messages) - 1
        while at > 0 and messages[at]["role"] in _UNANSWERING:
            at -= 1
        while at > 0 and messages[at - 1]["role"] != "assistant":
            at -= 1
        return max(at, 0)

    def new_texts(self) -> list[tuple[int, Leaf]]:
        """Every text of the new messages of the fan (and of tools), by message number."""
        return [(at, leaf) for at, message in self.new_messages() for leaf in leaves(message)]

    def new_messages(self) -> list[tuple[int, Json]]:
        """The new messages by their number; the operator's own (system, developer) are not among them."""
        first = self.first_new
        new = enumerate(self.messages[first:], first)
        return [(at, message) for at, message in new if message["role"] not in ("system", "developer")]

    def context(self, before: int) -> list[Message]:
        """The last messages before number `before`, as the guard reads them."""
        near = self.messages[max(0, before - CONTEXT) : before]
        return [Message(str(m["role"]), text_of(m.get("content", m.get("output")))) for m in near]

    def with_messages(self, messages: Sequence[Json]) -> Json:
        """The request's JSON with other messages."""
        return {**self.raw, "messages": list(messages)}

    def once_more(self, messages: Sequence[Json]) -> Json:
        """The request's JSON for one more, unstreamed, single answer to `messages`."""
        body = self.with_messages(messages)
        body.pop("stream_options", None)
        if "n" in body:
            body["n"] = 1
        return {**body, "stream": False}

    def for_choice(self, index: int, before: Sequence[str], reply: Json) -> ChatRequest:
        """The request whose `once_more` asks for choice `index` again. `before` are the choices before it, `reply` what
        the upstream has answered, as far as that is known."""
        return self

    def place(self, at: int) -> str:
        """Where message number `at` stands in the request's JSON."""
        return f"messages[{at}]"

    def text_in(self, reply: Json) -> str:
        """The text of a reply to `once_more`; empty where there is none."""
        return content_of(reply)

    def told(self, text: str) -> list[Json]:
        """The messages in which a client sends back, as history, a reply that said `text`."""
        return [{"role": "assistant", "content": text}]


_R = TypeVar("_R", bound=ChatRequest)


def read_request(body: bytes, conversation: str | None) -> ChatRequest:
    """The request in `body`. Raises MalformedRequest naming the parameter at fault."""
    raw = read_json(body)
    return request_of(ChatRequest, raw, messages_in(raw), conversation)


def messages_in(raw: Json) -> list[Json]:
    """The request's `messages`. Raises MalformedRequest naming the place at fault."""
    messages = raw.get("messages")
    if not isinstance(messages, list) or not messages:
        raise MalformedRequest("messages must be a list with at least one message", param="messages")
    for at, message in enumerate(messages):
        if not _is_plain(message):
            check_message(message, f"messages[{at}]")
    check_size(messages)
    return messages


def request_of(kind: type[_R], raw: Json, messages: list[Json], conversation: str | None) -> _R:
    """A request of this kind with the fields that all kinds have. Raises MalformedRequest naming the one at fault."""
    n = raw.get("n", 1)
    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MAX_CHOICES):
        raise MalformedRequest(f"n must be a whole number from 1 to {MAX_CHOICES}", param="n")
    stream, options, metadata = raw.get("stream"), raw.get("stream_options"), raw.get("metadata")
    if stream is not None and not isinstance(stream, bool):
        raise MalformedRequest("stream must be true or false", param="stream")
    if not isinstance(raw.get("model", ""), str):
        raise MalformedRequest("model must be a string", param="model")
    named = metadata.get("conversation_id") if isinstance(metadata, dict) else None
    return kind(
        raw=raw,
        messages=messages,
        model=raw.get("model", ""),
        stream=bool(stream),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        conversation=conversation or (named if isinstance(named, str) else None),
    )


def read_json(body: bytes) -> Json:
    """The JSON object in `body`. Raises MalformedRequest."""
    try:
        value = _parsed(body)
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, orjson.JSONDecodeError) else error
        raise MalformedRequest(f"the body is not JSON ({where})", code="invalid_json") from None
    if not isinstance(value, dict):
        raise MalformedRequest("the body must be a JSON object")
    return value


def read_reply(body: bytes | str) -> Json:
    """The JSON object an upstream sent. Raises UpstreamError."""
    try:
        value = _parsed(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError("the upstream's answer is not a JSON object", code="upstream_broken")
    return value


def write_json(value: Any, *, ordered: bool = False) -> bytes:
    """`value` as compact UTF-8 JSON, its keys `ordered` where two writers must agree; numbers too large for the fast
    writer go through the standard one."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if ordered else None)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=ordered)
        return text.encode("utf-8", "replace")


def _parsed(body: bytes | str) -> Any:
    """The JSON value in `body`. Raises ValueError: no JSON, or nested deeper than can be walked.

    Whole numbers beyond 64 bits are kept (the fast reader rounds them); half an emoji becomes `?` (it refuses those,
    and nothing behind us could write them).
    """
    raw = body.encode() if isinstance(body, str) else body
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        if not _HALF.search(raw):
            raise
        raw = _mended(raw)
        value = orjson.loads(raw)
    if _is_deep(raw, value):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return json.loads(raw) if _has_long_number(raw) else value


def _has_long_number(raw: bytes) -> bool:
    zeros = raw.translate(_ALL_ZEROS)
    at = zeros.find(_MANY_DIGITS)
    while at >= 0:
        if at == 0 or zeros[at - 1] in _BEFORE_NUMBERS:
            return True
        at = zeros.find(_MANY_DIGITS, at + len(_MANY_DIGITS))
    return False


def _mended(raw: bytes) -> bytes:
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None


def _is_deep(raw: bytes, value: Any) -> bool:
    """True when `value` nests deeper than can be walked; counting brackets spares most bodies the walk."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    level = [value] if type(value) in _STRUCTURES else []
    for _ in range(MAX_DEPTH - 1):
        inside = [each.values() if type(each) is dict else each for each in level]
        level = [inner for each in inside for inner in each if type(inner) in _STRUCTURES]
        if not level:
            return False
    return any(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_plain(message: Any) -> bool:
    """True for what is sure to be a message whose content is one text."""
    is_object = isinstance(message, dict)
    return is_object and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)


def check_size(messages: list[Json]) -> None:
    """Raises MalformedRequest for more messages or content parts than can be judged in one turn."""
    parts = sum([len(message["content"]) for message in messages if isinstance(message.get("content"), list)])
    if len(messages) > MAX_MESSAGES or parts > MAX_PARTS:
        raise MalformedRequest(
            f"a request holds at most {MAX_MESSAGES} messages and {MAX_PARTS} content parts: send the latest ones",
            param="messages",
        )


def check_message(message: Any, where: str) -> None:
    """Raises MalformedRequest for what is no message; `where` names it."""
    if not isinstance(message, dict):
        raise MalformedRequest(f"{where} must be an object", param=where)
    if not isinstance(message.get("role"), str):
        raise MalformedRequest(f"{where}.role must be a string", param=f"{where}.role")
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise MalformedRequest(f"{where}.content must be a string or a list of parts", param=f"{where}.content")
    for at, part in enumerate(content if isinstance(content, list) else []):
        if not isinstance(part, dict):
            raise MalformedRequest(f"{where}.content[{at}] must be an object", param=f"{where}.content")


def text_of(content: Any) -> str:
    """The text of a message's content, its parts joined by line ends."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def without_media(message: Json) -> Json:
    """The message without the parts that are no text, wherever they stand in it."""
    return message if not carries_media(message) else {key: _stripped(value) for key, value in message.items()}


def carries_media(message: Json) -> bool:
    """True when a part of the message, or of a part, is no text."""
    if len(message) == _FLAT and _is_plain(message):
        return False
    return any(isinstance(value, list | dict) and _holds_media(value) for value in message.values())


def _holds_media(value: Any) -> bool:
    return has_media(value) or any(isinstance(inner, list | dict) and _holds_media(inner) for inner in _inside(value))


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(inner) for inner in value if not has_media(inner)]
    return {key: _stripped(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def replaced(message: Json, leaf: Leaf, text: str) -> Json:
    """The message with one of its texts replaced."""
    result: Json = put(message, leaf.path, text)
    return result


def content_of(completion: Json) -> str:
    """The first choice's text; empty where there is none."""
    choices = completion.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return text_of(message.get("content")) if isinstance(message, dict) else ""


def chunk(base: Json, index: int, delta: Json, finish: str | None = None) -> Json:
    """One streamed chunk with one choice, with the ids of `base`."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**base, "object": "chat.completion.chunk", "choices": [choice]}
