"""A stream of `/v1/messages`: Anthropic's events read as chat's deltas, and written again from what was released.

All text blocks are one text to the guard, `content`; each thinking block is one of its own. Every other block is kept
until it is whole, judged as a structure, and then told event by event as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from guards.errors import UpstreamError
from proxy.alike import Alike
from proxy.leaves import is_name
from proxy.sse import named
from proxy.surfaces.base import Arrived, Held
from proxy.surfaces.parts import Fixed, Parts, Text
from proxy.wire import ChatRequest, Json, write_json

_CONTENT = "content"
_START = "content_block_start"
_DELTA = "content_block_delta"
_STOP = "content_block_stop"
_SAID_BY_US = frozenset({"type", "role", "content", "stop_reason", "stop_sequence", "usage"})
_TEXTS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}
_PLAIN = frozenset({"type", "text", "thinking", "signature", "citations"})


def stop_reason(finish: str) -> str:
    """A policy's finish_reason in Anthropic's words."""
    return "refusal" if finish == "content_filter" else "end_turn"


class Block:
    """One content block of the upstream's: as it began, and every delta since."""

    def __init__(self, number: int, start: Json) -> None:
        self.number = number
        self.start = start
        self.kind = str(start.get("type"))
        self.deltas: list[Json] = []
        self.signature = ""
        self.thought = ""
        self.part: Text | None = None

    def whole(self) -> Json:
        """The block as a client puts it together, to be judged: pieces of one text are one text."""
        pieces: dict[str, str] = {}
        odd: list[Any] = []
        for delta in self.deltas:
            for key, value in delta.items():
                if isinstance(value, str) and key != "type":
                    pieces[f"{key}_pieces"] = pieces.get(f"{key}_pieces", "") + value
                elif key != "type" or not is_name(value):
                    odd.append({key: value})
        kept = {} if self.part else self.start
        sealed = {"signature": self.signature} if self.signature else {}
        return {**kept, **pieces, **sealed, **({"odd": odd} if odd else {})}


class MessagesStream:
    """The events of one message. Nothing begins before something of it may be said."""

    def __init__(self, request: ChatRequest, turn: str) -> None:
        self.alike: Alike | None = None
        self._message: Json = {
            "id": f"msg_{turn}", "type": "message", "role": "assistant", "model": request.model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 0, "output_tokens": 0},
        }  # fmt: skip
        self._usage: Json = {"output_tokens": 0}
        self._beside_stop: Json = {}
        self._stop: Json = {"stop_reason": None, "stop_sequence": None}
        self._blocks: dict[int, Block] = {}
        self._parts = Parts()
        self._read = 0
        self._told = 0
        self._started = False
        self._closing = False
        self._pings = False
        self._broken = False
        self._takers: dict[str, Callable[[Json], Arrived]] = {
            "message_start": self._start, _START: self._begin, _DELTA: self._go_on, _STOP: self._finish,
            "message_delta": self._close, "message_stop": lambda data: Arrived(ended=True), "ping": self._ping,
            "error": lambda data: Arrived(error=data),
        }  # fmt: skip

    def read(self, data: Json) -> Arrived:
        """What an event holds; one of an unknown type is a structure. Raises UpstreamError."""
        take = self._takers.get(str(data.get("type")))
        return take(data) if take is not None else self._keep([data], data)

    def take(self, fields: Json) -> None:
        """Takes the message's own fields, and its usage so far."""
        rest = {key: value for key, value in fields.items() if key not in _SAID_BY_US}
        usage = {"usage": fields["usage"]} if isinstance(fields.get("usage"), dict) else {}
        if self._closing:
            self._beside_stop |= rest
            self._usage = usage.get("usage", self._usage)
        else:
            self._message |= {**rest, **usage}

    def alone(self) -> bytes:
        """A ping, once the message has begun."""
        pings, self._pings = self._pings and self._started, False
        return _sent([{"type": "ping"}]) if pings else b""

    def write(self, out: Json, choice: Held) -> bytes:
        """The events that a released delta lets out."""
        for key, value in out["delta"].items():
            if isinstance(value, str):
                self._parts.say(key, value, choice.held(key))
            else:
                self._parts.passed(key)
        told = {key: value for key, value in out.items() if key not in ("index", "delta", "logprobs", "finish_reason")}
        self._stop |= told
        if out["finish_reason"] is None:
            return self._opened(self._parts.flush())
        reason = out["finish_reason"]
        self._stop["stop_reason"] = "end_turn" if reason == "stop" else reason
        return self._opened(self._parts.rest())

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """The text in the block that is open, or else in a new one."""
        events, part = self._parts.cut()
        if part is not None and part.key != _CONTENT:
            events += part.finish(part.said)
            part = None
        if part is None and (text or not (self._started or events)):
            part = self._text_part(Block(0, {"type": "text"}))
            events += part.go()
        if part is not None:
            events += [*(part.piece(text) if text else []), *part.finish(part.said + text)]
        self._stop = {"stop_reason": stop_reason(finish), "stop_sequence": None}
        return self._opened(events)

    def told(self, error: Json) -> bytes:
        """The upstream's error, which ends the stream."""
        self._broken = True
        return _sent([{**error, "type": "error"}])

    def failed(self, error: Json) -> bytes:
        """An error event."""
        return _sent([error])

    def end(self, cut: bool, usage: dict[str, int]) -> tuple[bytes, bytes]:
        """`message_delta` with the reason and the usage, and `message_stop`."""
        if self._broken:
            return b"", b""
        before = self._opened([], always=True)
        used = {**self._message["usage"], **usage} if cut else self._usage
        delta = {"type": "message_delta", "delta": self._stop, "usage": used, **self._beside_stop}
        return before + _sent([delta]), _sent([{"type": "message_stop"}])

    def _start(self, data: Json) -> Arrived:
        message = data.get("message")
        if not isinstance(message, dict):
            raise UpstreamError("the upstream's stream begins without a message", code="upstream_broken")
        return Arrived(beside={key: value for key, value in message.items() if key not in _SAID_BY_US - {"usage"}})

    def _ping(self, data: Json) -> Arrived:
        self._pings = True
        return Arrived()

    def _begin(self, data: Json) -> Arrived:
        start, index = data.get("content_block"), data.get("index")
        if not isinstance(start, dict) or not isinstance(index, int):
            raise UpstreamError("the upstream's content block cannot be read", code="upstream_broken")
        over = self._finished(list(self._blocks))
        block = self._blocks[index] = Block(self._read, start)
        self._read += 1
        delta: Json = {}
        if block.kind in _TEXTS and not any(start[key] for key in start.keys() - _PLAIN):
            block.part = self._text_part(block)
            self._parts.add(block.part)
            delta = self._piece(block, start.get(_TEXTS[block.kind][1]) or "")
            if start.get("citations"):
                block.deltas += [{"type": "citations_delta", "citation": each} for each in start["citations"]]
        return _arrived({**over, **delta}, tuple(over))

    def _go_on(self, data: Json) -> Arrived:
        delta, index = data.get("delta"), data.get("index")
        block = self._blocks.get(index) if isinstance(index, int) else None
        if not isinstance(delta, dict) or block is None:
            raise UpstreamError("the upstream's content block cannot be read", code="upstream_broken")
        kind, key = _TEXTS.get(block.kind, ("", ""))
        if block.part is not None and delta.get("type") == kind and isinstance(delta.get(key), str):
            return _arrived(self._piece(block, delta[key]), ())
        if block.part is not None and delta.get("type") == "signature_delta":
            block.signature += str(delta.get("signature"))
        else:
            block.deltas.append(delta)
        return Arrived()

    def _finish(self, data: Json) -> Arrived:
        over = self._finished([data["index"]] if isinstance(data.get("index"), int) else [])
        return _arrived(over, tuple(over))

    def _close(self, data: Json) -> Arrived:
        self._closing = True
        beside = {key: value for key, value in data.items() if key not in ("type", "delta")}
        delta = data.get("delta")
        if not isinstance(delta, dict) or delta.get("stop_reason") is None:
            return Arrived(beside=beside)
        over = self._finished(list(self._blocks))
        told = {key: value for key, value in delta.items() if key != "stop_reason"}
        choice = {**told, "index": 0, "delta": over, "finish_reason": delta["stop_reason"]}
        return Arrived([choice], beside)

    def _finished(self, indexes: list[int]) -> Json:
        """Ends blocks: the structures that are whole now and have to be judged, by their keys."""
        kept: Json = {}
        for block in [self._blocks.pop(index) for index in indexes if index in self._blocks]:
            key = f"block.{block.number}"
            if block.part is None:
                self._parts.add(Fixed(partial(self._replayed, block), key))
            elif block.deltas or block.signature:
                block.part.waits = key
            if block.part is not None:
                self._parts.close(block.part)
            if block.part is None or block.part.waits:
                kept[key] = block.whole()
            if block.part is not None and block.part.key != _CONTENT:
                kept.setdefault(block.part.key, "")
        return kept

    def _keep(self, events: list[Json], value: Any) -> Arrived:
        """Events that nobody knows wait until what they hold was judged."""
        key = f"event.{self._read}"
        self._read += 1
        self._parts.add(Fixed(lambda: events, key))
        return _arrived({key: value}, (key,))

    def _piece(self, block: Block, text: str) -> Json:
        if block.part is None or not text:
            return {}
        self._parts.feed(block.part, text)
        block.thought += text if block.part.key != _CONTENT else ""
        return {block.part.key: text}

    def _text_part(self, block: Block) -> Text:
        """The block as a part of `content`, or of a thinking text of its own."""
        kind, key = _TEXTS[block.kind]
        empty = {"type": block.kind, key: "", **({"signature": ""} if kind == "thinking_delta" else {})}

        def begin() -> list[Json]:
            self._told += 1
            return [{"type": _START, "index": self._told - 1, "content_block": empty}]

        def delta(value: Json) -> Json:
            return {"type": _DELTA, "index": self._told - 1, "delta": value}

        def finish(said: str) -> list[Json]:
            passed = block.part is not None and self._parts.has_passed(block.part.waits)
            events = [delta(each) for each in block.deltas] if passed else []
            if passed and block.signature and said == block.thought:
                events.append(delta({"type": "signature_delta", "signature": block.signature}))
            return [*events, {"type": _STOP, "index": self._told - 1}]

        name = _CONTENT if block.kind == "text" else f"thinking.{block.number}"
        return Text(name, begin, lambda text: [delta({"type": kind, key: text})], finish)

    def _replayed(self, block: Block) -> list[Json]:
        at, self._told = self._told, self._told + 1
        deltas = [{"type": _DELTA, "index": at, "delta": delta} for delta in block.deltas]
        return [{"type": _START, "index": at, "content_block": block.start}, *deltas, {"type": _STOP, "index": at}]

    def _opened(self, events: list[Json], *, always: bool = False) -> bytes:
        if (not events and not always) or self._started:
            return _sent(events)
        self._started = True
        return _sent([{"type": "message_start", "message": self._message}, *events])


def _arrived(delta: Json, over: tuple[str, ...]) -> Arrived:
    return Arrived([{"index": 0, "delta": delta}] if delta else (), over=over)


def _sent(events: list[Json]) -> bytes:
    return b"".join(named(str(event.get("type")), write_json(event)) for event in events)
