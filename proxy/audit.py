"""The blocked-turn log: one record for one turn that was not simply allowed, durable before the response ends.

Message text lives here, on purpose, and leaves with retention.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from guards.errors import ChaperoneError
from proxy.database import Database, rows

FILE = "audit.sqlite3"
DEFAULT_TENANT = "default"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    turn TEXT PRIMARY KEY, time TEXT NOT NULL, action TEXT NOT NULL, model TEXT NOT NULL,
    conversation TEXT, policy TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_time ON records (time);
"""
_SELECT = "SELECT * FROM records WHERE substr(turn, 1, length(:turn)) = :turn ORDER BY time, turn"
_INSERT = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"


class AuditError(ChaperoneError):
    """The store cannot be read or written. `str` says why without any message text."""


@dataclass(frozen=True, slots=True)
class Record:
    """One turn. `body` holds stages, attempts and texts, as JSON-ready values; `time` is ISO 8601 in UTC."""

    turn: str
    time: str
    action: str
    model: str
    conversation: str | None
    policy: str
    body: dict[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Everything of the record as one object."""
        head = {
            "turn": self.turn,
            "time": self.time,
            "tenant": DEFAULT_TENANT,
            "action": self.action,
            "model": self.model,
        }
        return {**head, "conversation": self.conversation, "policy": self.policy, **self.body}


class AuditStore:
    """The log in `folder`, made where it is missing. Raises AuditError when it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / FILE, schema=_SCHEMA, name="audit store", error=AuditError)

    async def write(self, record: Record) -> None:
        """Returns once the record is on disk. Raises AuditError."""
        row = (
            record.turn, record.time, record.action, record.model, record.conversation, record.policy,
            orjson.dumps(record.body),
        )  # fmt: skip
        await self._database.write(_INSERT, row)

    async def forget_before(self, time: str) -> int:
        """Erases the records before `time` (ISO 8601, UTC) for good; how many there were. Raises AuditError."""
        return await self._database.erase("DELETE FROM records WHERE time < :time", {"time": time})

    def close(self) -> None:
        """Waits for the last write and closes the file."""
        self._database.close()


def read_records(folder: Path, *, turn: str | None = None) -> Iterator[Record]:
    """The records in `folder`, oldest first; with `turn` those whose id starts so. Raises AuditError."""
    path = folder / FILE
    try:
        for turn_id, time, action, model, conversation, policy, body in rows(
            path, _SELECT, {"turn": turn or ""}, error=AuditError
        ):
            yield Record(turn_id, time, action, model, conversation, policy, orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise AuditError(f"{path} cannot be read: {type(error).__name__}") from None
