"""Memory in Redis, for several machines.

It stands apart as the only place that knows Redis. A conversation is one key, a user's conversations are one set, a
persona's open silences one sorted set; changes are optimistic transactions, and retention is Redis' own expiry, renewed
with every change.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from brain.memory.openings import open_since
from brain.memory.store import Change, Result, read_back, written
from brain.memory.types import ConversationKey, MemoryDown, Recollection
from guards.errors import ChaperoneError

_PREFIX = "chaperone:memory"
_PATIENCE = 2.0  # seconds that a turn may wait for Redis
_TRIES = 200


class BadAddress(ChaperoneError):
    """The address is none that Redis can be reached at; the message says what one looks like."""


class RedisStore:
    """A Store at `url` (redis://, rediss://, unix://), which forgets a conversation `retention` after its last change.

    Opens no connection before it is used. Raises BadAddress.
    """

    def __init__(self, url: str, retention: timedelta) -> None:
        try:
            self._redis: Any = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        except ValueError:
            raise BadAddress("memory: use an address such as redis://127.0.0.1:6379/0") from None
        self._seconds = max(1, int(retention.total_seconds()))
        # Turns of one conversation in this process wait for each other instead of undoing each other's attempts.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, key: ConversationKey) -> Recollection | None:
        """What is known. Raises MemoryDown."""
        async with _asked():
            return _known(await self._redis.get(_place(key)))

    async def change(self, key: ConversationKey, change: Change[Result]) -> Result:
        """Applies a change; returns once Redis has it. Raises MemoryDown, and what `change` raises."""
        place = _place(key)
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock, _asked(), self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_TRIES):
                await pipe.watch(place)
                known = _known(await pipe.get(place))
                wanted, result = change(known)
                if wanted is None or wanted is known:
                    return result
                pipe.multi()
                self._write(pipe, place, wanted)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return result
        raise MemoryDown("others change this conversation all the time")

    async def erase(self, key: ConversationKey) -> bool:
        """Forgets a conversation. Raises MemoryDown."""
        return await self._erase(key, None)

    async def erase_user(self, tenant: str, user: str, persona: str | None) -> int:
        """Forgets a user. Raises MemoryDown."""
        index = _index(tenant, user)
        async with _asked():
            members = await self._redis.smembers(index)
        keys = [ConversationKey(tenant, *json.loads(member)) for member in members]
        erased = [await self._erase(key, user) for key in keys if persona in (None, key.persona)]
        return sum(erased)

    async def of_user(self, tenant: str, user: str) -> list[Recollection]:
        """A user's conversations. Raises MemoryDown."""
        async with _asked():
            members = await self._redis.smembers(_index(tenant, user))
            keys = [ConversationKey(tenant, *json.loads(member)) for member in members]
            bodies = await self._redis.mget([_place(key) for key in keys]) if keys else []
        found = [read_back(body) for body in bodies if body]
        # An id may have been given to another user since.
        return [known for known in found if known.user == user]

    async def silent(
        self, tenant: str, persona: str, after: datetime, before: datetime, *, limit: int, offset: int = 0
    ) -> list[ConversationKey]:
        """Open silences. Raises MemoryDown."""
        bounds = (after.timestamp(), before.timestamp())
        async with _asked():
            ids = await self._redis.zrangebyscore(_silences(tenant, persona), *bounds, start=offset, num=limit)
        return [ConversationKey(tenant, persona, id.decode()) for id in ids]

    async def forget_before(self, moment: datetime) -> int:
        """Nothing to do: Redis forgets by itself."""
        return 0

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()

    async def _erase(self, key: ConversationKey, user: str | None) -> bool:
        """Forgets a conversation and its place among its user's; with `user` only if it is that user's still, as an id
        may have been given to another one since."""
        place = _place(key)
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock, _asked(), self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_TRIES):
                await pipe.watch(place)
                owner, there = _owner(await pipe.get(place))
                wanted = there and user in (None, owner)
                pipe.multi()
                if wanted:
                    pipe.delete(place)
                    pipe.zrem(_silences(key.tenant, key.persona), key.id)
                if left := user or owner:
                    pipe.srem(_index(key.tenant, left), _member(key))
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return wanted
        raise MemoryDown("others change this conversation all the time")

    def _write(self, pipe: Any, place: str, known: Recollection) -> None:
        pipe.set(place, written(known), ex=self._seconds)
        self._mark(pipe, known)
        if known.user:
            index = _index(known.key.tenant, known.user)
            pipe.sadd(index, _member(known.key))
            pipe.expire(index, self._seconds)

    def _mark(self, pipe: Any, known: Recollection) -> None:
        """Puts a conversation among the open silences, or takes it out; those of conversations that have expired leave
        with it."""
        silences = _silences(known.key.tenant, known.key.persona)
        if since := open_since(known):
            pipe.zadd(silences, {known.key.id: since.timestamp()})
            pipe.zremrangebyscore(silences, "-inf", since.timestamp() - self._seconds)
            pipe.expire(silences, self._seconds)
        else:
            pipe.zrem(silences, known.key.id)


@asynccontextmanager
async def _asked() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise MemoryDown(f"Redis cannot be asked: {type(error).__name__}") from None


def _known(body: bytes | None) -> Recollection | None:
    return read_back(body) if body else None


def _owner(body: bytes | None) -> tuple[str | None, bool]:
    """Whose conversation it is, and whether there is one. One that cannot be read can be erased all the same."""
    if body is None:
        return None, False
    try:
        return read_back(body).user, True
    except MemoryDown:
        return None, True


def _member(key: ConversationKey) -> str:
    return json.dumps([key.persona, key.id])


def _place(key: ConversationKey) -> str:
    return ":".join((_PREFIX, "conversation", *(quote(part, safe="") for part in (key.tenant, key.persona, key.id))))


def _index(tenant: str, user: str) -> str:
    return ":".join((_PREFIX, "user", quote(tenant, safe=""), quote(user, safe="")))


def _silences(tenant: str, persona: str) -> str:
    return ":".join((_PREFIX, "silences", quote(tenant, safe=""), quote(persona, safe="")))
