"""Output items of a streamed response while they are put together again: what came, what was said, and their events.

It stands apart from the stream, which orders and judges: here is only what an item and its text parts look like.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy.leaves import is_name
from proxy.surfaces.parts import Text
from proxy.wire import Json

_OF_ITEM = frozenset({"id", "type", "role", "status", "content", "summary"})
_SPEAK = frozenset({"message", "reasoning"})
_PLACES = frozenset({"sequence_number", "output_index", "content_index", "summary_index"})
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_NEVER = frozenset({"type", "text", "refusal", "logprobs"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of text part: its type, the words of its events, and the text of the guard's that it belongs to."""

    type: str
    event: str
    key: str
    holder: str
    place: str
    channel: str
    list: str

    def empty(self) -> Json:
        """A part of this kind before anything was said."""
        odds: Json = {"annotations": [], "logprobs": []} if self.type == "output_text" else {}
        return {"type": self.type, self.key: "", **odds}

    def extras_of(self, part: Json) -> Json:
        """What a part says beside its text."""
        return {key: value for key, value in part.items() if key not in _NEVER and value not in _EMPTY}


KINDS = {
    kind.type: kind
    for kind in (
        Kind("output_text", "output_text", "text", "content_part", "content_index", "content", "content"),
        Kind("refusal", "refusal", "refusal", "content_part", "content_index", "refusal", "content"),
        Kind("reasoning_text", "reasoning_text", "text", "content_part", "content_index", "reasoning", "content"),
        Kind("summary_text", "reasoning_summary_text", "text", "reasoning_summary_part", "summary_index", "summary",
             "summary"),
    )
}  # fmt: skip
BY_EVENT = {kind.event: kind for kind in KINDS.values()}
HOLDERS = frozenset(kind.holder for kind in KINDS.values())


@dataclass(slots=True)
class Piece:
    """One text part of an item: `fed` is what the upstream said of it."""

    kind: Kind
    part: Text = field(init=False)
    index: int = 0
    fed: str = field(default="", repr=False)
    extras: Json = field(default_factory=dict, repr=False)
    is_over: bool = False

    def rest_of(self, whole: Any) -> str:
        """What `whole` says that has not been fed yet; nothing where it says something else."""
        return whole[len(self.fed) :] if isinstance(whole, str) and whole.startswith(self.fed) else ""


class Item:
    """One output item: as it began, every event since, and how it is told. `speaks` where its texts are streamed."""

    def __init__(self, number: int, start: Json) -> None:
        self.number = number
        self.start = start
        self.kind = str(start.get("type"))
        self.speaks = self.kind in _SPEAK
        self.index = 0
        self.events: list[Json] = []
        self.pieces: dict[tuple[str, int], Piece] = {}
        self.whole: Json = start
        self.extras: Json = {}
        self.is_over = False
        self.is_changed = False
        self.id = start["id"] if is_name(start.get("id")) else f"item_{number}"
        self.told: Json = {"id": self.id, "type": self.kind, "status": "in_progress"}
        self.told |= {"role": "assistant", "content": []} if self.kind == "message" else {"summary": []}

    def parts_of(self, whole: Json) -> Iterator[tuple[Kind, int, Json]]:
        """The text parts of the whole item, with their places."""
        for name in ("summary", "content"):
            parts = whole.get(name)
            for at, part in enumerate(parts if isinstance(parts, list) else []):
                kind = KINDS.get(str(part.get("type"))) if isinstance(part, dict) else None
                if kind is not None:
                    yield kind, at, part

    def extras_of(self, whole: Json) -> Json:
        """What the whole item says beside its text parts, parts of an unknown kind among it."""
        fields = {key: value for key, value in whole.items() if key not in _OF_ITEM and value not in _EMPTY}
        content = whole.get("content")
        parts = content if isinstance(content, list) else []
        odd = [part for part in parts if not isinstance(part, dict) or str(part.get("type")) not in KINDS]
        return {**fields, **({"content": odd} if odd else {})}

    def structure(self) -> Json:
        """The item as a client puts it together, to be judged: pieces of one text are one text."""
        pieces: dict[str, str] = {}
        odd: list[Any] = []
        for event in self.events:
            for key, value in event.items():
                if key in ("type", "item_id") and is_name(value):
                    continue
                if isinstance(value, str):
                    pieces[f"{key}_pieces"] = pieces.get(f"{key}_pieces", "") + value
                elif key not in _PLACES or not isinstance(value, int):
                    odd.append({key: value})
        began = {} if self.start == self.whole else {"began": self.start}
        return {**began, "item": self.whole, **pieces, **({"odd": odd} if odd else {})}


def opened(item: Item) -> list[Json]:
    """How an item begins."""
    return [{"type": "response.output_item.added", "output_index": item.index, "item": copy.deepcopy(item.told)}]


def closed(item: Item, *, has_passed: bool) -> list[Json]:
    """How an item ends; `has_passed` where what it says beside its texts was released."""
    extras = dict(item.extras) if has_passed else {}
    if item.is_changed:
        extras.pop("encrypted_content", None)  # it says the same as the text that was changed
    item.told["status"] = "completed"
    if "content" in extras:
        item.told.setdefault("content", []).extend(extras.pop("content"))
    return [{"type": "response.output_item.done", "output_index": item.index, "item": {**item.told, **extras}}]


def begun(item: Item, piece: Piece) -> list[Json]:
    """How a text part begins."""
    parts = item.told.setdefault(piece.kind.list, [])
    piece.index = len(parts)
    parts.append(piece.kind.empty())
    return [_event(item, piece, f"{piece.kind.holder}.added", part=piece.kind.empty())]


def said(item: Item, piece: Piece, text: str) -> list[Json]:
    """A stretch of a text part."""
    odds: Json = {"logprobs": []} if piece.kind.type == "output_text" else {}
    return [_event(item, piece, f"{piece.kind.event}.delta", delta=text, **odds)]


def finished(item: Item, piece: Piece, text: str, *, has_passed: bool) -> list[Json]:
    """How a text part ends that said `text`; `has_passed` where what it says beside was released."""
    part: Json = item.told[piece.kind.list][piece.index]
    part |= {**(piece.extras if has_passed else {}), piece.kind.key: text}
    item.is_changed = item.is_changed or text != piece.fed
    notes = part.get("annotations")
    events = [
        _event(item, piece, "output_text.annotation.added", annotation_index=at, annotation=note)
        for at, note in enumerate(notes if isinstance(notes, list) else [])
    ]
    odds: Json = {"logprobs": []} if piece.kind.type == "output_text" else {}
    events.append(_event(item, piece, f"{piece.kind.event}.done", **{piece.kind.key: text}, **odds))
    return [*events, _event(item, piece, f"{piece.kind.holder}.done", part=dict(part))]


def _event(item: Item, piece: Piece, word: str, **fields: Any) -> Json:
    place = {"item_id": item.id, "output_index": item.index, piece.kind.place: piece.index}
    return {"type": f"response.{word}", **place, **fields}
