"""What every store does: nothing is lost, nothing is shared, what is erased is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from brain.memory.store import Store, read_back, written
from brain.memory.types import ConversationKey, Fact, Feeling, Line, MemoryDown, Recollection

Opener = Callable[[], Store]
ODD = [
    "a/b",
    "a%2Fb",
    "%",
    "_",
    "..",
    "a:b",
    "b",
    "a",
    "A",
    "é",
    "e\u0301",
    "*",
    "[a]",
    "{a}",
    "a\x00b",
    "日本 🐕",
    "' OR 1=1 --",
    "a\nb",
]


def said(known: Recollection | None, key: ConversationKey, text: str, now: datetime, **more: Any) -> Recollection:
    known = known or Recollection(key)
    line = Line("user", text, now, f"t-{known.messages}")
    return replace(known, lines=(*known.lines, line), messages=known.messages + 1, last_at=now, **more)


async def add(store: Store, key: ConversationKey, text: str, now: datetime, **more: Any) -> None:
    await store.change(key, lambda known: (said(known, key, text, now, **more), None))


def texts(known: Recollection | None) -> list[str]:
    return [line.text for line in known.lines] if known else []


def test_a_recollection_reads_back_as_it_was(key: ConversationKey, now: datetime) -> None:
    known = Recollection(
        key, "u", 2, now, now, "close", "a summary\nof two lines",
        (Fact("their dog is called Biscuit", "t", "name:dog"),),
        (Line("user", "héllo 😀", now, "t"), Line("assistant", "hi", now, "t", "seen")), "Europe/Berlin", ("distress",),
        0.25, (Feeling("t", -0.5),), ("t",),
    )  # fmt: skip
    assert read_back(written(known)) == known


def test_what_cannot_be_read_back_is_not_quoted() -> None:
    with pytest.raises(MemoryDown) as caught:
        read_back(b'{"key": "hush-hush"}')
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_is_kept_is_there_when_the_store_is_opened_again(
    open_store: Opener, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def keep(store: Store) -> None:
        assert await store.read(key) is None
        await add(store, key, "hey", now)

    async def look(store: Store) -> None:
        assert texts(await store.read(key)) == ["hey"]

    play(keep, open_store)
    play(look, open_store)


def test_changes_that_come_together_are_all_kept(
    open_store: Opener, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(one: Store, other: Store) -> None:
        await asyncio.gather(*(add((one, other)[n % 2], key, f"m{n}", now) for n in range(40)))
        assert sorted(texts(await one.read(key))) == sorted(f"m{n}" for n in range(40))

    play(scenario, open_store, open_store)


def test_a_change_that_raises_changes_nothing_and_its_neighbours_go_on(
    open_store: Opener, play: Any, key: ConversationKey, now: datetime
) -> None:
    def fail(_: Recollection | None) -> tuple[None, None]:
        raise ZeroDivisionError

    async def scenario(store: Store) -> None:
        outcomes = await asyncio.gather(
            add(store, key, "a", now), store.change(key, fail), add(store, key, "b", now), return_exceptions=True
        )
        assert [type(each) for each in outcomes] == [type(None), ZeroDivisionError, type(None)]
        assert texts(await store.read(key)) == ["a", "b"]

    play(scenario, open_store)


def test_a_change_that_wants_nothing_makes_no_conversation(open_store: Opener, play: Any, key: ConversationKey) -> None:
    async def scenario(store: Store) -> None:
        assert await store.change(key, lambda known: (known, "answer")) == "answer"
        assert await store.read(key) is None

    play(scenario, open_store)


def test_ids_are_taken_to_the_letter(open_store: Opener, play: Any, tenant: str, now: datetime) -> None:
    keys = [ConversationKey(tenant, persona, id) for persona in ("mila", "mi:la", "mila:a") for id in ODD]

    async def scenario(store: Store) -> None:
        for number, key in enumerate(keys):
            await add(store, key, f"secret {number}", now)
        for number, key in enumerate(keys):
            assert texts(await store.read(key)) == [f"secret {number}"]
        for key in keys[::2]:
            assert await store.erase(key)
        left = [texts(await store.read(key)) for key in keys]
        assert left == [[] if number % 2 == 0 else [f"secret {number}"] for number in range(len(keys))]

    play(scenario, open_store)


def test_a_tenant_sees_nothing_of_another(open_store: Opener, play: Any, tenant: str, now: datetime) -> None:
    mine, theirs = ConversationKey(tenant, "mila", "c"), ConversationKey(f"{tenant}:x", "mila", "c")

    async def scenario(store: Store) -> None:
        await add(store, mine, "mine", now, user="u")
        assert await store.read(theirs) is None
        assert await store.erase_user(theirs.tenant, "u", None) == 0
        assert not await store.erase(theirs)
        assert texts(await store.read(mine)) == ["mine"]

    play(scenario, open_store)


def test_a_user_is_erased_with_one_persona_or_with_all(
    open_store: Opener, play: Any, tenant: str, now: datetime
) -> None:
    keys = [ConversationKey(tenant, persona, id) for persona in ("mila", "nora") for id in ("1", "2")]

    async def scenario(store: Store) -> None:
        for key in keys:
            await add(store, key, "hey", now, user="u%")
        await add(store, ConversationKey(tenant, "mila", "3"), "other", now, user="uu")
        assert await store.erase_user(tenant, "u_", None) == 0
        assert await store.erase_user(tenant, "u%", "nora") == 2
        assert await store.erase_user(tenant, "u%", None) == 2
        assert await store.erase_user(tenant, "u%", None) == 0
        assert texts(await store.read(ConversationKey(tenant, "mila", "3"))) == ["other"]

    play(scenario, open_store)


def test_an_id_that_another_user_has_since_is_not_erased_with_the_first(
    open_store: Opener, play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        await add(store, key, "first", now, user="a")
        await store.erase(key)
        await add(store, key, "second", now, user="b")
        assert await store.erase_user(key.tenant, "a", None) == 0
        assert texts(await store.read(key)) == ["second"]

    play(scenario, open_store)


async def silence(store: Store, key: ConversationKey, now: datetime, **more: Any) -> None:
    lines = (Line("user", "hey", now, "t"), Line("assistant", "hey you", now, "t"))
    await store.change(key, lambda _: (Recollection(key, messages=2, last_at=now, lines=lines, **more), None))


def test_open_silences_are_found_by_their_beginning_the_longest_first(
    open_store: Opener, play: Any, tenant: str, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        keys = [ConversationKey(tenant, "mila", f"c-{number}") for number in range(5)]
        for number, key in enumerate(keys):
            await silence(store, key, now + timedelta(hours=number))
        await silence(store, ConversationKey(tenant, "theo", "c-9"), now + timedelta(hours=2))
        between = (tenant, "mila", now + timedelta(hours=1), now + timedelta(hours=3))
        assert await store.silent(*between, limit=9) == keys[1:4]
        assert await store.silent(*between, limit=1, offset=1) == keys[2:3]

    play(scenario, open_store)


def test_a_silence_that_is_closed_or_erased_is_found_no_more(
    open_store: Opener, play: Any, tenant: str, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        closed, erased, left = (ConversationKey(tenant, "mila", id) for id in ("closed", "erased", "left"))
        for key in (closed, erased, left):
            await silence(store, key, now, user="u" if key is left else None)
        await add(store, closed, "back again", now)
        await store.erase(erased)
        assert await store.silent(tenant, "mila", now, now, limit=9) == [left]
        await store.erase_user(tenant, "u", None)
        assert await store.silent(tenant, "mila", now, now, limit=9) == []

    play(scenario, open_store)


def test_a_users_conversations_are_found_with_whichever_persona_and_nobody_elses(
    open_store: Opener, play: Any, tenant: str, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        for persona, id, user in (("mila", "a", "u"), ("theo", "b", "u"), ("mila", "c", "v")):
            await silence(store, ConversationKey(tenant, persona, id), now, user=user)
        assert {known.key.id for known in await store.of_user(tenant, "u")} == {"a", "b"}
        assert await store.of_user(tenant, "nobody") == []

    play(scenario, open_store)
