"""What fans thought of a reply: the store of thumbs, words and the messages they are about.

Message text lives here, on purpose, and leaves with retention or when it is erased. It stands apart from the
blocked-turn log because it is given, not observed: what stands here is what a client says was said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from guards.errors import ChaperoneError
from proxy.database import Database, rows

FILE = "feedback.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
    turn TEXT PRIMARY KEY, time TEXT NOT NULL, rating TEXT NOT NULL, model TEXT NOT NULL, conversation TEXT,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS feedback_by_time ON feedback (time);
CREATE INDEX IF NOT EXISTS feedback_by_conversation ON feedback (conversation);
"""
_INSERT = "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)"
_ERASE = "DELETE FROM feedback WHERE turn = :turn OR conversation = :conversation"

Rating = Literal["up", "down"]


class FeedbackError(ChaperoneError):
    """The store cannot be read or written. `str` says why without any message text."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a rated turn."""

    role: Literal["user", "assistant"]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Feedback:
    """One rating of one turn. `messages` end in the rated reply, or are empty where the client did not send them;
    `text` is what the fan wrote about it; `time` is ISO 8601 in UTC."""

    turn: str
    time: str
    rating: Rating
    model: str = ""
    conversation: str | None = None
    text: str = field(default="", repr=False)
    messages: tuple[Said, ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """Everything of it as one object."""
        head = {"turn": self.turn, "time": self.time, "rating": self.rating, "model": self.model}
        return {**head, "conversation": self.conversation, **self.body()}

    def body(self) -> dict[str, Any]:
        """Its texts."""
        return {"text": self.text, "messages": [{"role": said.role, "content": said.text} for said in self.messages]}


class FeedbackStore:
    """The feedback in `folder`, made where it is missing. Raises FeedbackError when it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / FILE, schema=_SCHEMA, name="feedback store", error=FeedbackError)

    async def write(self, given: Feedback) -> None:
        """Returns once it is on disk, in the place of what stood there for the same turn. Raises FeedbackError."""
        row = (given.turn, given.time, given.rating, given.model, given.conversation, orjson.dumps(given.body()))
        await self._database.write(_INSERT, row)

    async def erase(self, *, turn: str = "", conversation: str = "") -> int:
        """Erases what was said about a turn and in a conversation for good; how much it was. Raises FeedbackError."""
        return await self._database.erase(_ERASE, {"turn": turn, "conversation": conversation})

    async def forget_before(self, time: str) -> int:
        """Erases what is older than `time` (ISO 8601, UTC) for good; how much it was. Raises FeedbackError."""
        return await self._database.erase("DELETE FROM feedback WHERE time < :time", {"time": time})

    def close(self) -> None:
        """Waits for the last write and closes the file."""
        self._database.close()


def read_feedback(folder: Path) -> Iterator[Feedback]:
    """The feedback in `folder`, oldest first. Raises FeedbackError."""
    path = folder / FILE
    try:
        for turn, time, rating, model, conversation, body in rows(
            path, "SELECT * FROM feedback ORDER BY time, turn", {}, error=FeedbackError
        ):
            texts = orjson.loads(body)
            messages = tuple(Said(said["role"], said["content"]) for said in texts["messages"])
            yield Feedback(turn, time, rating, model, conversation, texts["text"], messages)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise FeedbackError(f"{path} cannot be read: {type(error).__name__}") from None
