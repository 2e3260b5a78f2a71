"""A stream of `/v1/responses`: its events read as chat's deltas, and written again from what was released.

The text parts of all messages are one text to the guard, `content`; every refusal and reasoning part is one of its own.
Other items are kept until they are whole, judged as structures, and then told event by event as they came. Numbers,
indexes, every `done` and the final response are made here, of what really went out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from guards.errors import UpstreamError
from proxy.alike import Alike
from proxy.sse import named
from proxy.surfaces.base import Arrived, Held
from proxy.surfaces.parts import Fixed, Parts, Text
from proxy.surfaces.response_items import (
    BY_EVENT,
    HOLDERS,
    KINDS,
    Item,
    Kind,
    Piece,
    begun,
    closed,
    finished,
    opened,
    said,
)  # fmt: skip
from proxy.wire import ChatRequest, Json, write_json

_CONTENT = "content"
_SAID_BY_US = frozenset({"output", "status"})
_NO_USAGE: Json = {
    "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
}  # fmt: skip


def echoed(request: ChatRequest, response: Json) -> Json:
    """The fields of a response that only repeat the request: they are the client's own, and no reply."""
    raw = request.raw
    return {key: response[key] for key in response if key in raw and raw[key] == response[key] and key != "output"}


def response_of(request: ChatRequest, turn: str, created: int) -> Json:
    """A response of ours, without its output and status."""
    raw = request.raw
    return {
        "id": f"resp_{turn}", "object": "response", "created_at": created, "model": request.model, "error": None,
        "incomplete_details": None, "instructions": raw.get("instructions"), "metadata": raw.get("metadata") or {},
        "parallel_tool_calls": True, "tool_choice": raw.get("tool_choice") or "auto", "tools": raw.get("tools") or [],
        "usage": _NO_USAGE,
    }  # fmt: skip


def message_item(name: str, text: str) -> Json:
    """One message of the assistant's as an output item."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": name, "status": "completed", "role": "assistant", "content": [part]}


class ResponsesStream:
    """The events of one response. Nothing begins before something of it may be said."""

    def __init__(self, request: ChatRequest, turn: str, created: int) -> None:
        self.alike: Alike | None = None
        self._request = request
        self._turn = turn
        self._response = response_of(request, turn, created)
        self._status = "completed"
        self._items: dict[int, Item] = {}
        self._output: list[Json] = []
        self._open: Item | None = None
        self._parts = Parts()
        self._read = 0
        self._told = 0
        self._numbered = 0
        self._ending: list[str] = []
        self._started = False
        self._broken = False
        self._takers: dict[str, Callable[[Json], Arrived]] = {
            "created": self._begun, "in_progress": self._begun, "queued": self._begun,
            "output_item.added": self._added, "output_item.done": self._done,
            "completed": self._over, "incomplete": self._over, "failed": self._over,
            "output_text.annotation.added": lambda data: Arrived(),  # told again of the part as it ends
            "error": lambda data: Arrived(error=data),
        }  # fmt: skip

    def read(self, data: Json) -> Arrived:
        """What an event holds; one of an unknown type is a structure. Raises UpstreamError."""
        word = str(data.get("type", "error" if "error" in data else "")).removeprefix("response.")
        stem, _, last = word.rpartition(".")
        data.pop("obfuscation", None)  # padding, which nobody reads
        if word in self._takers:
            return self._takers[word](data)
        item = self._items.get(data["output_index"]) if isinstance(data.get("output_index"), int) else None
        if item is not None and not item.speaks:
            item.events.append(data)
            return Arrived()
        if stem in BY_EVENT and last in ("delta", "done"):
            return self._said(BY_EVENT[stem], data, item, is_whole=last == "done")
        if stem in HOLDERS and last in ("added", "done"):
            return self._part(data, item, is_whole=last == "done")
        return self._keep(data)

    def take(self, fields: Json) -> None:
        """Takes the response's own fields."""
        self._response |= {key: value for key, value in fields.items() if key not in _SAID_BY_US}

    def alone(self) -> bytes:
        """Nothing: what stands beside goes out with what is said."""
        return b""

    def write(self, out: Json, choice: Held) -> bytes:
        """The events that a released delta lets out."""
        for key, value in out["delta"].items():
            if isinstance(value, str):
                self._parts.say(key, value, choice.held(key))
            else:
                self._parts.passed(key)
        if out["finish_reason"] is None:
            return self._sent(self._parts.flush())
        self._status = "completed" if out["finish_reason"] == "stop" else out["finish_reason"]
        return self._sent(self._parts.rest())

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """The text in the part that is open, or else in a new one, in a message of its own where none is open."""
        events, part = self._parts.cut()
        if part is not None and part.key != _CONTENT:
            events += part.finish(part.said)
            part = None
        if self._open is not None and self._open.kind != "message":
            events += self._closed(self._open)
        if part is None:
            if self._open is None:
                events += self._opened(Item(self._read, message_item(f"msg_{self._turn}", "")))
            assert self._open is not None
            part = self._piece(self._open, KINDS["output_text"], 0).part
            events += part.go()
        events += [*(part.piece(text) if text else []), *part.finish(part.said + text)]
        if self._open is not None:
            events += self._closed(self._open)
        is_filtered = finish == "content_filter"
        self._status = "incomplete" if is_filtered else "completed"
        why = {"reason": "content_filter"} if is_filtered else None
        self._response |= {"error": None, "incomplete_details": why}
        return self._sent(events)

    def told(self, error: Json) -> bytes:
        """The upstream's error, which ends the stream."""
        self._broken = True
        inner = error.get("error")
        return self._numbered_events([{**(inner if isinstance(inner, dict) else error), "type": "error"}])

    def failed(self, error: Json) -> bytes:
        """An error event."""
        told = {key: error["error"].get(key) for key in ("code", "message", "param")}
        return self._numbered_events([{"type": "error", **told}])

    def end(self, cut: bool, usage: dict[str, int]) -> tuple[bytes, bytes]:
        """The final response, with what was said in it."""
        if self._broken:
            return b"", b""
        before = self._sent([], always=True)
        used = {"usage": {**_NO_USAGE, **usage}} if cut else {}
        response = {**self._response, **used, "status": self._status, "output": self._output}
        return before, self._numbered_events([{"type": f"response.{self._status}", "response": response}])

    def _begun(self, data: Json) -> Arrived:
        response = data.get("response")
        if not isinstance(response, dict):
            raise UpstreamError("the upstream's stream begins without a response", code="upstream_broken")
        known = echoed(self._request, response)
        self._response |= known
        beside = {key: response[key] for key in response if key not in known and key not in _SAID_BY_US}
        return Arrived(beside=beside)

    def _added(self, data: Json) -> Arrived:
        start, index = data.get("item"), data.get("output_index")
        if not isinstance(start, dict) or not isinstance(index, int):
            raise UpstreamError("the upstream's output item cannot be read", code="upstream_broken")
        kept: Json = {}
        for item in list(self._items.values()):
            self._finish(item, kept)
        self._begin(index, start)
        return self._arrived(kept)

    def _begin(self, index: int, start: Json) -> Item:
        item = self._items[index] = Item(self._read, start)
        self._read += 1
        if item.speaks:
            self._parts.add(Fixed(partial(self._opened, item)))
        return item

    def _done(self, data: Json) -> Arrived:
        whole, index = data.get("item"), data.get("output_index")
        if not isinstance(whole, dict) or not isinstance(index, int):
            raise UpstreamError("the upstream's output item cannot be read", code="upstream_broken")
        kept: Json = {}
        item = self._items.get(index)
        if item is None:
            item = self._begin(index, whole)
        self._finish(item, kept, whole)
        return self._arrived(kept)

    def _said(self, kind: Kind, data: Json, item: Item | None, *, is_whole: bool) -> Arrived:
        text, at = data.get(kind.key if is_whole else "delta"), data.get(kind.place, 0)
        if item is None or not isinstance(text, str) or not isinstance(at, int):
            raise UpstreamError("the upstream's text cannot be read", code="upstream_broken")
        kept: Json = {}
        piece = item.pieces.get((kind.list, at)) or self._add_piece(item, kind, at, kept)
        self._feed(piece, piece.rest_of(text) if is_whole else text, kept)
        return self._arrived(kept)

    def _part(self, data: Json, item: Item | None, *, is_whole: bool) -> Arrived:
        part = data.get("part")
        kind = KINDS.get(str(part.get("type"))) if isinstance(part, dict) else None
        if item is None or not isinstance(part, dict) or not isinstance(data.get(kind.place if kind else "", 0), int):
            raise UpstreamError("the upstream's part cannot be read", code="upstream_broken")
        if kind is None:
            return self._keep(data)
        kept: Json = {}
        at = data.get(kind.place, 0)
        piece = item.pieces.get((kind.list, at)) or self._add_piece(item, kind, at, kept)
        self._feed(piece, piece.rest_of(part.get(kind.key)), kept)
        if is_whole:
            self._close(piece, part, kept)
        return self._arrived(kept)

    def _over(self, data: Json) -> Arrived:
        arrived = self._begun(data)
        kept: Json = {}
        output = data["response"].get("output")
        for index, whole in enumerate(output if isinstance(output, list) else []):
            if isinstance(whole, dict) and index not in self._items:
                self._begin(index, whole)
            if isinstance(whole, dict):
                self._finish(self._items[index], kept, whole)
        for item in self._items.values():
            self._finish(item, kept)
        word = str(data["type"]).removeprefix("response.")
        return Arrived([{"index": 0, "delta": kept, "finish_reason": word}], arrived.beside, ended=True)

    def _finish(self, item: Item, kept: Json, whole: Json | None = None) -> None:
        """Ends an item; what of it has still to be judged goes into `kept`."""
        if item.is_over:
            return
        item.is_over = True
        key = f"item.{item.number}"
        if not item.speaks:
            item.whole = whole or item.start
            kept[key] = item.structure()
            self._parts.add(Fixed(partial(self._replayed, item), key))
            return
        for kind, at, part in item.parts_of(whole or {}):
            piece = item.pieces.get((kind.list, at)) or self._add_piece(item, kind, at, kept)
            self._feed(piece, piece.rest_of(part.get(kind.key)), kept)
            self._close(piece, part, kept)
        for piece in item.pieces.values():
            self._close(piece, {}, kept)
        item.extras = item.extras_of(whole or {})
        if item.extras:
            kept[key] = item.extras
        self._parts.add(Fixed(partial(self._closed, item), key if item.extras else None))

    def _keep(self, data: Json) -> Arrived:
        """An event that nobody knows waits until what it holds was judged."""
        key = f"event.{self._read}"
        self._read += 1
        self._parts.add(Fixed(lambda: [data], key))
        return self._arrived({key: data})

    def _add_piece(self, item: Item, kind: Kind, at: int, kept: Json) -> Piece:
        for before in item.pieces.values():
            self._close(before, {}, kept)
        piece = item.pieces[(kind.list, at)] = self._piece(item, kind, at)
        self._parts.add(piece.part)
        return piece

    def _feed(self, piece: Piece, text: str, kept: Json) -> None:
        if text and not piece.is_over:
            self._parts.feed(piece.part, text)
            piece.fed += text
            kept[piece.part.key] = kept.get(piece.part.key, "") + text

    def _close(self, piece: Piece, part: Json, kept: Json) -> None:
        if piece.is_over:
            return
        piece.is_over = True
        piece.extras = piece.kind.extras_of(part)
        if piece.extras:
            piece.part.waits = f"part.{self._read}"
            self._read += 1
            kept[piece.part.waits] = piece.extras
        self._parts.close(piece.part)
        if piece.part.key != _CONTENT:
            self._ending.append(piece.part.key)

    def _arrived(self, kept: Json) -> Arrived:
        """What was read, and which of it is whole: every structure, and the texts that ended with it."""
        ending, self._ending = self._ending, []
        over = [*ending, *(key for key, value in kept.items() if not isinstance(value, str))]
        return Arrived([{"index": 0, "delta": kept}] if kept else (), over=over)

    def _piece(self, item: Item, kind: Kind, at: int) -> Piece:
        """A text part of an item, with the events it is told in."""
        name = _CONTENT if kind.channel == _CONTENT else f"{kind.channel}.{item.number}.{at}"
        piece = Piece(kind)
        piece.part = Text(
            name,
            partial(begun, item, piece),
            partial(said, item, piece),
            lambda text: finished(item, piece, text, has_passed=self._parts.has_passed(piece.part.waits)),
        )
        return piece

    def _opened(self, item: Item) -> list[Json]:
        self._open, item.index = item, self._told
        self._told += 1
        return opened(item)

    def _closed(self, item: Item) -> list[Json]:
        self._open = None
        events = closed(item, has_passed=self._parts.has_passed(f"item.{item.number}"))
        self._output.append(events[-1]["item"])
        return events

    def _replayed(self, item: Item) -> list[Json]:
        at, self._told = self._told, self._told + 1
        self._output.append(item.whole)
        added, done = (f"response.output_item.{word}" for word in ("added", "done"))
        events = [{"type": added, "item": item.start}, *item.events, {"type": done, "item": item.whole}]
        return [{**event, "output_index": at} for event in events]

    def _sent(self, events: list[Json], *, always: bool = False) -> bytes:
        if (events or always) and not self._started:
            self._started = True
            begun = {**self._response, "usage": None, "status": "in_progress", "output": []}
            heads = [{"type": f"response.{word}", "response": begun} for word in ("created", "in_progress")]
            return self._numbered_events([*heads, *events])
        return self._numbered_events(events)

    def _numbered_events(self, events: list[Json]) -> bytes:
        first, self._numbered = self._numbered, self._numbered + len(events)
        numbered = [{**event, "sequence_number": at} for at, event in enumerate(events, first)]
        return b"".join(named(str(event.get("type")), write_json(event)) for event in numbered)
