"""From settings to a store: a path is a SQLite file, an address is Redis.

It stands apart as the one table of stores.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from brain.memory.memory import Memory
from brain.memory.sqlite import FILE, SqliteStore
from brain.memory.store import Store
from brain.memory.summarise import Summariser
from brain.settings import PersonaSettings

REDIS = ("redis://", "rediss://", "unix://")


def open_memory(
    settings: PersonaSettings,
    *,
    summariser_of: Callable[[str], Summariser | None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Memory:
    """The memory that the settings ask for; `now` in UTC, the rest see Memory. Opens nothing before the first turn.
    Raises brain.memory.redis.BadAddress."""
    kept_for = timedelta(days=settings.memory_days)
    return Memory(
        store_at(settings.memory, settings.data, kept_for),
        now=now, budget=settings.memory_budget, kept_for=kept_for, summariser_of=summariser_of,
    )  # fmt: skip


def store_at(place: str, data: Path, kept_for: timedelta) -> Store:
    """The store at `place`: an address, a path, or empty for the file in `data`."""
    if not place.startswith(REDIS):
        return SqliteStore(Path(place) if place else data / FILE)
    # Imported here for start-up time: most set-ups never use it.
    from brain.memory.redis import RedisStore  # noqa: PLC0415

    return RedisStore(place, kept_for)
