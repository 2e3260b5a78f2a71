"""Real stores: a SQLite file, and Redis on its standard port where it answers (with CI_SERVICES=1 it has to)."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from brain.memory.redis import RedisStore
from brain.memory.sqlite import SqliteStore
from brain.memory.store import Store
from brain.memory.types import ConversationKey

REDIS = "redis://127.0.0.1:6379/0"
NOW = datetime(2026, 11, 26, 20, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def tenant() -> str:
    """A tenant of the test's own, so that nothing in a shared Redis is met."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def key(tenant: str) -> ConversationKey:
    return ConversationKey(tenant, "mila", "c-1")


@pytest.fixture
def redis_url(tenant: str) -> Iterator[str]:
    client = Redis.from_url(REDIS, socket_connect_timeout=1)
    try:
        client.ping()
    except RedisError as error:
        client.close()
        reason = f"no Redis at {REDIS}: {type(error).__name__}"
        if os.environ.get("CI_SERVICES"):
            pytest.fail(f"{reason}, and CI_SERVICES says that there is one")
        pytest.skip(reason)
    yield REDIS
    for place in client.scan_iter(f"*:{tenant}:*"):
        client.delete(place)
    client.close()


@pytest.fixture(params=["sqlite", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store again and again; inside a running loop."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "memory.sqlite3")
    url = request.getfixturevalue("redis_url")
    return lambda: RedisStore(url, timedelta(days=1))


@pytest.fixture
def play() -> Callable[..., None]:
    """Runs `scenario(*stores)` over open stores and closes them."""

    def run(scenario: Callable[..., object], *openers: Callable[[], Store]) -> None:
        async def main() -> None:
            stores = [each() for each in openers]
            try:
                await scenario(*stores)  # type: ignore[misc]
            finally:
                for store in stores:
                    await store.aclose()

        asyncio.run(main())

    return run
