"""The words of memory: what is known of one conversation, and under which key.

It stands at the bottom of `brain/memory`: everything there exchanges these shapes, and nothing here does any work. All
of it but the keys is what a fan said or led to, so it stays out of every `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from guards.errors import ChaperoneError, MalformedRequest
from guards.types import Message, Transcript

DEFAULT_TENANT = "default"
LONGEST_ID = 512

Origin = Literal["given", "reply", "seen"]
"""Whence a line comes: the client's messages, our reply as it was written, or the reply as the fan really saw it."""


class MemoryDown(ChaperoneError):
    """The store cannot be asked. What was being written is written whole or not at all; a turn goes on without memory.
    `str` says why without any message text."""


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Whose conversation it is. Two keys that differ in any part never share anything.

    `id` is the client's own, and every character of it counts. Raises guards.errors.MalformedRequest for a part that is
    empty, longer than LONGEST_ID characters, or not encodable.
    """

    tenant: str
    persona: str
    id: str

    def __post_init__(self) -> None:
        for part in (self.tenant, self.persona, self.id):
            checked(part, "conversation id")


def checked(id: str, name: str) -> str:
    """`id` if it can be one; `name` says in the error which it is. Raises MalformedRequest."""
    if not id or len(id) > LONGEST_ID:
        raise MalformedRequest(f"{name}: use 1 to {LONGEST_ID} characters", code="invalid_id", param="id")
    if any("\ud800" <= character <= "\udfff" for character in id):
        raise MalformedRequest(f"{name}: use characters that UTF-8 can encode", code="invalid_id", param="id")
    return id


@dataclass(frozen=True, slots=True)
class Line:
    """One message that was said. `at` is in UTC, `turn` the id of the turn that brought it."""

    role: str
    text: str = field(repr=False)
    at: datetime
    turn: str
    origin: Origin = "given"

    @property
    def message(self) -> Message:
        """The line without when and where it was said."""
        return Message(self.role, self.text)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known about the fan, ready for a prompt: "their dog is called Biscuit", from turn `turn`.

    Of two facts of one `kind` the later one holds; those of kind `""` stand beside each other.
    """

    text: str = field(repr=False)
    turn: str
    kind: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Feeling:
    """What one turn adds to the emotion score."""

    turn: str
    change: float


OpeningState = Literal["claimed", "written", "given", "withheld"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The persona speaking first, once in a silence: the one that began at `since`.

    `claimed`: somebody writes its message. `written`: it may go out and waits in `text`. `given`: it stands among the
    lines, by `turn`. `withheld`: there will be none. Before `until` nobody else works on it; `tries` counts how often
    it could not be handed over.
    """

    turn: str
    since: datetime
    until: datetime
    state: OpeningState = "claimed"
    text: str = field(default="", repr=False)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is known of one conversation.

    `messages` counts all that was said, also what has gone into `summary` since; `lines` are the messages still kept
    word for word, oldest first. `stage` is the present one, `reached` the farthest so far. `emotion` is the sum of what
    turns added (what it means, and its bounds, are the stages' business). `settled` is the part of it whose turns
    nothing can change any more, `feelings` the rest. `turns` are the ids of the last turns, which may still be repeated
    or corrected. `opening` is the last time the persona spoke first, or was about to. Times are in UTC.
    """

    key: ConversationKey
    user: str | None = None
    messages: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    stage: str = ""
    summary: str = field(default="", repr=False)
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    lines: tuple[Line, ...] = field(default=(), repr=False)
    zone: str | None = None
    flags: tuple[str, ...] = ()
    settled: float = 0.0
    feelings: tuple[Feeling, ...] = field(default=(), repr=False)
    turns: tuple[str, ...] = field(default=(), repr=False)
    opening: Opening | None = None
    reached: str = ""

    @property
    def emotion(self) -> float:
        """What all turns added, together."""
        return self.settled + sum(feeling.change for feeling in self.feelings)


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that memory knows of.

    `before` is what was known when it came: without anything this turn itself has added, also when it is a repeated
    attempt, so that the silence before it is `now - before.last_at`. `facts` are all that are known now, those of this
    turn's own messages among them. `transcript` is what to answer: recent lines, then what is `new`.
    """

    key: ConversationKey
    turn: str
    before: Recollection
    facts: tuple[Fact, ...] = field(repr=False)
    transcript: Transcript = field(repr=False)
    new: Transcript = field(repr=False)
