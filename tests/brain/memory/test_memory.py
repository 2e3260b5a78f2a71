"""Memory as a turn uses it, over real stores: nothing lost, nothing leaked, summaries beside the replies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dspy
import pytest

from brain.memory.memory import Memory
from brain.memory.recall import recall
from brain.memory.sqlite import SqliteStore
from brain.memory.store import Store
from brain.memory.summary import weight
from brain.memory.types import ConversationKey, Line, MemoryDown
from guards.types import Message

Scenario = Callable[[Memory], Awaitable[None]]


def fan(text: str) -> list[Message]:
    return [Message("user", text)]


async def turn(memory: Memory, key: ConversationKey, number: int, text: str, reply: str = "ok", **more: Any) -> None:
    await memory.begin(key, f"t{number}", fan(text), **more)
    await memory.answer(key, f"t{number}", reply)


def over(store: Store, now: datetime, **more: Any) -> Memory:
    return Memory(store, now=lambda: now, **{"budget": 1500, "kept_for": timedelta(days=365), **more})


@pytest.fixture
def file(tmp_path: Path) -> Callable[[], Store]:
    return lambda: SqliteStore(tmp_path / "memory.sqlite3")


def test_a_fact_told_in_message_3_is_there_in_message_35_and_after_a_restart(
    open_store: Callable[[], Store], play: Any, key: ConversationKey, now: datetime
) -> None:
    async def talk(store: Store) -> None:
        memory = over(store, now, budget=100)
        for number in range(17):
            await turn(
                memory, key, number, "my dogs called biscuit" if number == 1 else f"just some talk number {number}"
            )
        await memory.settled()

    async def look(store: Store) -> None:
        memory = over(store, now, budget=100)
        begun = await memory.begin(key, "t99", fan("do you remember my dog?"))
        assert (begun.before.messages, begun.before.stage) == (34, "")
        [fact] = recall("do you remember my dog?", begun.facts, 7)
        assert (fact.text, fact.turn) == ("their dog is called Biscuit", "t1")

    play(talk, open_store)
    play(look, open_store)


def test_turns_of_one_conversation_that_come_together_lose_nothing_of_each_other(
    open_store: Callable[[], Store], play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(one: Store, other: Store) -> None:
        memories = over(one, now), over(other, now)
        await asyncio.gather(*(turn(memories[n % 2], key, n, f"message {n}", f"reply {n}") for n in range(20)))
        known = await memories[0].recollect(key)
        assert known is not None
        assert known.messages == 40
        said = {line.turn: [] for line in known.lines} | {}
        for line in known.lines:
            said[line.turn].append(line.text)
        assert said == {f"t{n}": [f"message {n}", f"reply {n}"] for n in range(20)}

    play(scenario, open_store, open_store)


def test_two_fans_share_nothing(open_store: Callable[[], Store], play: Any, tenant: str, now: datetime) -> None:
    """One id under two personas and two tenants, one user in two conversations, and ids that look alike."""
    keys = [
        ConversationKey(each, persona, id)
        for each in (tenant, f"{tenant}:2")
        for persona in ("mila", "nora")
        for id in ("c", "C", "c ", "c%", "c/1", "..")
    ]

    async def scenario(store: Store) -> None:
        memory = over(store, now, budget=100)
        for number, key in enumerate(keys):
            for each in range(8):
                await turn(
                    memory, key, each, f"my dog is called Secret{number:02}x{each}", f"word{number:02} " * 5, user="u"
                )
        await memory.settled()
        for number, key in enumerate(keys):
            begun = await memory.begin(key, "new", fan("hey"))
            seen = f"{begun.transcript[0].text} {begun.before.summary} {[fact.text for fact in begun.facts]}"
            seen += " ".join(message.text for message in begun.transcript)
            assert f"Secret{number:02}x" in seen
            assert not [other for other in range(len(keys)) if other != number and f"{other:02}x" in seen]
            assert not [other for other in range(len(keys)) if other != number and f"word{other:02}" in seen]

    play(scenario, open_store)


def test_what_the_fan_saw_replaces_what_was_written(play: Any, file: Any, key: ConversationKey, now: datetime) -> None:
    async def scenario(store: Store) -> None:
        memory = over(store, now)
        await turn(memory, key, 1, "hey", "withheld")
        assert await memory.correct(key, "t1", "seen")
        assert not await memory.correct(key, "t2", "seen")
        assert not await memory.correct(replace(key, id="c-2"), "t1", "seen")
        known = await memory.recollect(key)
        assert known is not None
        assert [line.text for line in known.lines] == ["hey", "seen"]

    play(scenario, file)


def test_a_reply_on_its_way_does_not_bring_an_erased_conversation_back(
    open_store: Callable[[], Store], play: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        memory = over(store, now)
        await memory.begin(key, "t1", fan("hey"), user="u")
        assert await memory.erase(key)
        await memory.answer(key, "t1", "hi")
        assert not await memory.correct(key, "t1", "seen")
        assert await memory.recollect(key) is None
        await memory.begin(key, "t2", fan("new"), user="u")
        await memory.answer(key, "t1", "late")
        known = await memory.recollect(key)
        assert known is not None
        assert [line.text for line in known.lines] == ["new"]

    play(scenario, open_store)


def test_a_user_is_forgotten_everywhere(play: Any, file: Any, key: ConversationKey, now: datetime) -> None:
    async def scenario(store: Store) -> None:
        memory = over(store, now)
        await turn(memory, key, 1, "hey", user="u")
        await turn(memory, replace(key, persona="nora"), 1, "hey", user="u")
        assert await memory.erase_user(key.tenant, "u", "nora") == 1
        assert await memory.erase_user(key.tenant, "u") == 1

    play(scenario, file)


def test_old_conversations_leave_with_their_time(play: Any, file: Any, key: ConversationKey, now: datetime) -> None:
    async def scenario(store: Store) -> None:
        await turn(over(store, now - timedelta(days=31)), key, 1, "old")
        await turn(over(store, now), replace(key, id="c-2"), 1, "new")
        async with over(store, now, kept_for=timedelta(days=30)).kept() as _:
            while await store.read(key):
                await asyncio.sleep(0.01)
            assert await store.read(replace(key, id="c-2"))

    play(scenario, file)


def test_texts_that_utf8_cannot_hold_are_kept_all_the_same(
    play: Any, file: Any, key: ConversationKey, now: datetime
) -> None:
    async def scenario(store: Store) -> None:
        await turn(over(store, now), key, 1, "a\ud800b", "c\udfffd")
        known = await store.read(key)
        assert known is not None
        assert [line.text for line in known.lines] == ["a?b", "c?d"]

    play(scenario, file)


def test_a_summary_is_written_beside_the_replies_and_by_one_call_at_a_time(
    play: Any, file: Any, key: ConversationKey, now: datetime
) -> None:
    calls: list[tuple[str, list[str]]] = []
    let_go = asyncio.Event()

    async def slow(summary: str, lines: Sequence[Line], _: int) -> str:
        calls.append((summary, [line.text for line in lines]))
        await let_go.wait()
        return f"summary {len(calls)}."

    async def scenario(store: Store) -> None:
        memory = over(store, now, budget=100, summariser_of=lambda _: slow)
        for number in range(30):
            await turn(memory, key, number, f"message number {number} is here", "so it is and so be it")
        assert len(calls) == 1
        known = await memory.recollect(key)
        assert known is not None
        assert (known.summary, len(known.lines)) == ("", 60)
        let_go.set()
        await memory.settled()
        known = await memory.recollect(key)
        assert known is not None
        assert (known.summary, known.messages) == ("summary 1.", 60)
        assert [line.text for line in known.lines] == _texts(30)[len(calls[0][1]) :]
        await turn(memory, key, 30, "one more")
        await memory.settled()
        assert calls[1][0] == "summary 1."

    play(scenario, file)


def _texts(turns: int) -> list[str]:
    return [text for number in range(turns) for text in (f"message number {number} is here", "so it is and so be it")]


def test_while_the_model_fails_lines_are_kept_until_an_extract_takes_over(
    play: Any, file: Any, key: ConversationKey, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(summary: str, lines: Sequence[Line], _: int) -> str:
        raise dspy.LMServerError("canary")

    async def scenario(store: Store) -> None:
        memory, heaviest = over(store, now, budget=100, summariser_of=lambda _: broken), 0.0
        for number in range(40):
            await turn(memory, key, number, f"canary number {number} is here", "so it is and so be it")
            await memory.settled()
            known = await memory.recollect(key)
            assert known is not None
            heaviest = max(heaviest, weight(known.lines))
            if not known.summary:
                assert len(known.lines) == known.messages
        assert known.summary
        assert 100 < heaviest <= 230

    with caplog.at_level(logging.DEBUG):
        play(scenario, file)
    assert "canary" not in caplog.text
    assert "not summed up" in caplog.text


def test_an_end_in_the_middle_of_a_summary_loses_nothing(
    play: Any, file: Any, key: ConversationKey, now: datetime
) -> None:
    async def endless(summary: str, lines: Sequence[Line], _: int) -> str:
        await asyncio.Event().wait()
        return ""

    async def scenario(store: Store) -> None:
        memory = over(store, now, budget=100, summariser_of=lambda _: endless)
        for number in range(20):
            await turn(memory, key, number, f"message number {number} is here", "so it is and so be it")
        await memory.aclose()

    async def look(store: Store) -> None:
        known = await store.read(key)
        assert known is not None
        assert [line.text for line in known.lines] == _texts(20)

    play(scenario, file)
    play(look, file)


def test_a_store_that_is_down_is_one_error_that_quotes_nothing(
    tmp_path: Path, key: ConversationKey, now: datetime
) -> None:
    async def scenario() -> None:
        (tmp_path / "file").write_text("in the way")
        memory = over(SqliteStore(tmp_path / "file" / "memory.sqlite3"), now)
        for step in (
            memory.begin(key, "t1", fan("hush")), memory.answer(key, "t1", "hush"), memory.correct(key, "t1", "hush"),
            memory.recollect(key),
        ):  # fmt: skip
            with pytest.raises(MemoryDown) as caught:
                await step
            assert "hush" not in str(caught.value)
        await memory.aclose()

    asyncio.run(scenario())


def test_new_turns_have_ids_of_their_own() -> None:
    assert Memory.new_turn() != Memory.new_turn()
