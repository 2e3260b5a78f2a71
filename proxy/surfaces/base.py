"""What a guarded surface is: one shape of request, reply, stream and error that a turn can be read from and written in.

It stands apart from the turn: a surface only translates. It judges nothing and does no I/O. A turn works in the words
of chat (messages, choices, deltas); each surface says what these are in its own JSON, and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proxy.alike import Alike
from proxy.wire import ChatRequest, Json


@dataclass(slots=True)
class Arrived:
    """One event of an upstream's stream, in the words of chat.

    `choices` are choice chunks for the hold-backs; `over` the keys of their deltas that are complete with this event;
    `beside` the fields beside the choices, which are judged by themselves; `error` an error the upstream tells of.
    """

    choices: Sequence[Json] = field(default=(), repr=False)
    beside: Json = field(default_factory=dict, repr=False)
    over: Sequence[str] = ()
    error: Json | None = field(default=None, repr=False)
    ended: bool = False


class Held(Protocol):
    """What a stream needs to know of the choice it writes."""

    index: int
    opened: bool

    def held(self, key: str) -> int: ...


class StreamShape(Protocol):
    """One stream of one turn: the upstream's events in, the client's out.

    `read` raises UpstreamError for what is no event of this surface. `take` is handed what may go out of the fields
    beside the choices. What the other methods return is sent as it is; empty bytes are nothing. `alike` knows events
    that add a piece of content as the one before did, and need not be read; None where an event is never only that.
    """

    alike: Alike | None

    def read(self, data: Json) -> Arrived:
        """What an event of the upstream holds."""

    def take(self, fields: Json) -> None:
        """Takes fields beside the choices, as judged; they go out in their place."""

    def alone(self) -> bytes:
        """What goes out for an event without choices."""

    def write(self, out: Json, choice: Held) -> bytes:
        """A choice chunk that may go out."""

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """The rest of a choice that was cut off: `text` behind what was released, and its end."""

    def told(self, error: Json) -> bytes:
        """An error of the upstream, as judged."""

    def failed(self, error: Json) -> bytes:
        """An error of ours in mid-stream; `error` is the surface's error body."""

    def end(self, cut: bool, usage: dict[str, int]) -> tuple[bytes, bytes]:
        """What stands before the end mark, and the end mark. A `cut` stream was cancelled, and says no usage itself."""


class Surface(Protocol):
    """One guarded path. It holds no state, so that one serves every turn."""

    path: str

    def read(self, body: bytes, conversation: str | None) -> ChatRequest:
        """The request in `body`. Raises MalformedRequest naming the parameter at fault."""

    def error(self, message: str, kind: str, code: str, param: str | None = None) -> Json:
        """An error body."""

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """The choices of a whole reply: index, message, finish_reason, what nobody knows. Raises UpstreamError."""

    def beside(self, request: ChatRequest, reply: Json) -> Json:
        """What of a whole reply stands beside its choices and has to be judged."""

    def said(self, message: Json) -> str:
        """The text of a choice's message."""

    def mended(self, came: Json, message: Json) -> Json:
        """A choice's message that was redacted, without what holds only for the message as it `came`."""

    def repaired(self, index: int, turn: str, text: str, finish: str) -> Json:
        """A choice that says `text` and nothing else."""

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """`reply` with other choices, and with `beside` as judged."""

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A whole reply of ours. `created` is in Unix seconds."""

    def stream(self, request: ChatRequest, turn: str, created: int) -> StreamShape:
        """A stream for one turn."""
