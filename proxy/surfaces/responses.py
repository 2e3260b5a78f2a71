"""`/v1/responses`: items in, items out, read as chat's messages and written back as they came.

`instructions` is the first message here. An item without a role (a tool call, its output, reasoning) is a message of
the role that says such things. What names text that is kept elsewhere is refused: it cannot be read from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from guards.errors import MalformedRequest, UpstreamError
from proxy.answers import error_body
from proxy.surfaces.responses_stream import ResponsesStream, echoed, message_item, response_of
from proxy.wire import ChatRequest, Json, check_message, check_size, read_json, request_of

_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
_WHY = "names text that is kept at the upstream, where it cannot be read: send all of it in input"
_SPOKEN = frozenset({"reasoning", "mcp_list_tools", "mcp_approval_request", "compaction"})
_ENDED = {"stop": "completed", "content_filter": "incomplete"}


class ResponsesRequest(ChatRequest):
    """One request to `/v1/responses`."""

    surface: ClassVar[str] = "responses"

    @property
    def upstream(self) -> str:
        """The same path as the client's."""
        return "/responses"

    @property
    def choices(self) -> int:
        """There is one."""
        return 1

    def with_messages(self, messages: Sequence[Json]) -> Json:
        """The request's JSON with other items, and what was added as messages behind them."""
        own = len(self.messages)
        given = self.raw["input"]
        said = [*messages[self._first : own]]
        if isinstance(given, str):
            text = said[0]["content"]
            return {**self.raw, "input": text if len(messages) == own else [*said, *messages[own:]]}
        items = [item if "role" in came else _without_role(item) for came, item in zip(given, said, strict=True)]
        return {**self.raw, "input": [*items, *messages[own:]]}

    def place(self, at: int) -> str:
        """Where message number `at` stands in the request's JSON."""
        return "input" if isinstance(self.raw["input"], str) else f"input[{at - self._first}]"

    def text_in(self, reply: Json) -> str:
        """The text of the reply's messages."""
        return text_of_output(reply.get("output"))

    def told(self, text: str) -> list[Json]:
        """A reply comes back as a text or as the item it was."""
        return [{"role": "assistant", "content": text}, message_item("m", text)]

    @property
    def _first(self) -> int:
        """Where the items begin behind `instructions`."""
        return int(bool(self.raw.get("instructions")))


class ResponsesSurface:
    """OpenAI's responses: one choice whose output is a list of items."""

    path = "/v1/responses"

    def read(self, body: bytes, conversation: str | None) -> ResponsesRequest:
        """The request in `body`. Raises MalformedRequest."""
        raw = read_json(body)
        for name in _ELSEWHERE:
            if raw.get(name) is not None:
                raise MalformedRequest(f"{name} {_WHY}", param=name, code="unreadable_input")
        if raw.get("background"):
            raise MalformedRequest(
                "background gives a reply that is fetched later, from where it cannot be judged: leave it out",
                param="background", code="unreadable_output",
            )  # fmt: skip
        instructions = raw.get("instructions")
        if not isinstance(instructions, str | None):
            raise MalformedRequest("instructions must be a string", param="instructions")
        own = [{"role": "system", "content": instructions}] if instructions else []
        messages = [*own, *_messages(raw.get("input"))]
        check_size(messages)
        return request_of(ResponsesRequest, raw, messages, conversation)

    def error(self, message: str, kind: str, code: str, param: str | None = None) -> Json:
        """OpenAI's error object."""
        return error_body(message, kind, code, param)

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """The output as one choice, without token odds. Raises UpstreamError."""
        output = reply.get("output")
        if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
            raise UpstreamError("the upstream's answer has no list of output items", code="upstream_broken")
        message = {"role": "assistant", "output": [_without_odds(item) for item in output]}
        return [{"index": 0, "message": message, "finish_reason": reply.get("status")}]

    def beside(self, request: ChatRequest, reply: Json) -> Json:
        """Everything of the response but its output, its status and what repeats the request."""
        known = echoed(request, reply)
        return {key: reply[key] for key in reply if key not in known and key not in ("output", "status")}

    def said(self, message: Json) -> str:
        """The text of the output's messages."""
        return text_of_output(message.get("output"))

    def mended(self, came: Json, message: Json) -> Json:
        """Reasoning that was redacted goes without its sealed form, which says the same."""
        pairs = zip(came["output"], message["output"], strict=True)
        items = [now if now == then else {**now, **_unsealed(now)} for then, now in pairs]
        return {**message, "output": items}

    def repaired(self, index: int, turn: str, text: str, finish: str) -> Json:
        """A choice of one message."""
        message = {"role": "assistant", "output": [message_item(f"msg_{turn}", text)]}
        why = {"reason": "content_filter"} if finish == "content_filter" else None
        return {"index": 0, "message": message, "finish_reason": _ENDED[finish], "incomplete_details": why}

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """A response with the choice's output."""
        (choice,) = choices
        status = {} if choice["finish_reason"] is None else {"status": choice["finish_reason"]}
        details = {key: choice[key] for key in ("incomplete_details",) if key in choice}
        return {**echoed(request, reply), **beside, **status, **details, "output": choice["message"]["output"]}

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A whole response."""
        base = response_of(request, turn, created)
        return self.whole(request, {}, base, [self.repaired(0, turn, text, finish)])

    def stream(self, request: ChatRequest, turn: str, created: int) -> ResponsesStream:
        """A stream of response events."""
        return ResponsesStream(request, turn, created)


def text_of_output(output: Any) -> str:
    """What the messages among output items say, as one text."""
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    parts = [part for item in items if isinstance(item.get("content"), list) for part in item["content"]]
    said = [part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "output_text"]
    return "".join(text for text in said if isinstance(text, str))


def _messages(given: Any) -> list[Json]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise MalformedRequest("input must be a string or a list with at least one item", param="input")
    return [_message(item, f"input[{at}]") for at, item in enumerate(given)]


def _message(item: Any, where: str) -> Json:
    """An item as a message. Raises MalformedRequest for what is none, and for one that only names another."""
    if not isinstance(item, dict):
        raise MalformedRequest(f"{where} must be an object", param=where)
    kind = item.get("type")
    if kind == "item_reference" or (kind is None and "role" not in item):
        raise MalformedRequest(f"{where} {_WHY}", param=where, code="unreadable_input")
    if "role" in item:
        check_message(item, where)
        return item
    if not isinstance(kind, str):
        raise MalformedRequest(f"{where}.type must be a string", param=f"{where}.type")
    is_spoken = kind in _SPOKEN or kind.endswith("_call")
    return {"role": "assistant" if is_spoken else "tool", **item}


def _without_role(item: Json) -> Json:
    return {key: value for key, value in item.items() if key != "role"}


def _without_odds(item: Json) -> Json:
    content = item.get("content")
    if not isinstance(content, list) or not any(isinstance(part, dict) and part.get("logprobs") for part in content):
        return item
    parts = [{**part, "logprobs": []} if isinstance(part, dict) and "logprobs" in part else part for part in content]
    return {**item, "content": parts}


def _unsealed(item: Json) -> Json:
    return {"encrypted_content": None} if "encrypted_content" in item else {}
