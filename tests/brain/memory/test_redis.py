"""The Redis store: what is particular to it (what every store does is in test_store)."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from brain.memory.redis import BadAddress, RedisStore
from brain.memory.types import ConversationKey, MemoryDown, Recollection


def test_what_is_kept_leaves_with_its_time(
    redis_url: str, play: Any, key: ConversationKey, tenant: str, now: datetime
) -> None:
    async def scenario(store: RedisStore) -> None:
        known = Recollection(key, "u", 1, now, now)
        await store.change(key, lambda _: (known, None))
        with Redis.from_url(redis_url) as client:
            times = [client.ttl(place) for place in client.scan_iter(f"*:{tenant}:*")]
        assert len(times) == 2
        assert all(86_000 < seconds <= 86_400 for seconds in times)  # type: ignore[operator]
        assert await store.forget_before(now + timedelta(days=9)) == 0

    play(scenario, lambda: RedisStore(redis_url, timedelta(days=1)))


def test_erased_text_is_in_no_key(redis_url: str, play: Any, key: ConversationKey, tenant: str, now: datetime) -> None:
    async def scenario(store: RedisStore) -> None:
        await store.change(key, lambda _: (Recollection(key, "u", 1, now, now, summary="forget-me-not"), None))
        assert await store.erase(key)
        with Redis.from_url(redis_url) as client:
            assert list(client.scan_iter(f"*:{tenant}:*")) == []

    play(scenario, lambda: RedisStore(redis_url, timedelta(days=1)))


def test_a_key_that_holds_something_else_is_memory_down_and_can_be_erased(
    redis_url: str, play: Any, key: ConversationKey, tenant: str
) -> None:
    async def scenario(store: RedisStore) -> None:
        with Redis.from_url(redis_url) as client:
            client.set(f"chaperone:memory:conversation:{tenant}:mila:c-1", "hush-hush")
        with pytest.raises(MemoryDown) as caught:
            await store.read(key)
        assert "hush" not in str(caught.value)
        assert await store.erase(key)
        assert await store.read(key) is None

    play(scenario, lambda: RedisStore(redis_url, timedelta(days=1)))


def test_a_port_where_nobody_listens_is_memory_down(play: Any, key: ConversationKey, now: datetime) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{free.getsockname()[1]}"

    async def scenario(store: RedisStore) -> None:
        with pytest.raises(MemoryDown):
            await store.read(key)
        with pytest.raises(MemoryDown):
            await store.change(key, lambda _: (Recollection(key), None))
        with pytest.raises(MemoryDown):
            await store.erase_user(key.tenant, "u", None)

    play(scenario, lambda: RedisStore(url, timedelta(days=1)))


def test_an_address_that_is_none_says_what_one_looks_like() -> None:
    with pytest.raises(BadAddress, match="redis://"):
        RedisStore("http://127.0.0.1", timedelta(days=1))
