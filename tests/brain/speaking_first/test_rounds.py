"""Rounds: every due silence is delivered once, whoever runs rounds and whatever fails on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from brain.cast import Casting
from brain.memory.memory import Memory
from brain.memory.sqlite import SqliteStore
from brain.speaking_first.guard import Guard
from brain.speaking_first.offers import Offers
from brain.speaking_first.rounds import Rounds
from brain.speaking_first.webhook import Webhook


@asynccontextmanager
async def rounds(world: Any, most: int = 10) -> AsyncIterator[Rounds]:
    """The rounds of one process."""
    casting = Casting(world.settings(), world.clock)
    store = SqliteStore(world.folder / "data" / "memory.sqlite3")
    memory = Memory(store, now=world.clock, budget=1500, kept_for=timedelta(days=365))
    guard, webhook = Guard(world.guard_url), Webhook(world.hook, "sesame", world.clock)
    cast = casting()
    yield Rounds(Offers(memory, guard), lambda: cast.members, webhook, most=most)
    for each in (guard, webhook, memory, casting):
        await each.aclose()  # type: ignore[attr-defined]


def got(world: Any) -> list[tuple[str, str, str]]:
    bodies = [json.loads(body) for _, body in world.receiver.got]
    return [(body["conversation"], body["turn"], body["text"]) for body in bodies]


def test_a_due_silence_is_delivered_in_one_round_and_never_again(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with rounds(world) as each:
            for hours in (0, 0, 49, 1000):
                world.clock.pass_by(hours=hours)
                await each.once()
        ((id, turn, text),) = got(world)
        known = await world.memory.recollect(world.key("c"))
        assert (id, turn, text) == ("c", known.lines[-1].turn, known.lines[-1].text)

    play(scenario)


def test_of_two_processes_that_run_rounds_at_once_one_delivers(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        for id in ("d", "e", "f"):
            await world.talk(id)
        world.clock.pass_by(hours=49)
        async with rounds(world) as first, rounds(world) as second:
            for _ in range(3):
                await asyncio.gather(first.once(), second.once())
        assert sorted(id for id, _, _ in got(world)) == ["c", "d", "e", "f"]

    play(scenario)


def test_a_receiver_that_is_down_gets_the_same_message_when_it_is_up_and_only_once(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = 503
        async with rounds(world) as each:
            await each.once()
            assert each.trouble
            world.clock.pass_by(minutes=2)
        async with rounds(world) as each:  # as after a restart
            await each.once()
            world.receiver.status = 204
            world.clock.pass_by(minutes=5)
            await each.once()
            assert not each.trouble
            world.clock.pass_by(hours=2)
            await each.once()
        assert len(got(world)) == 3
        assert len(set(got(world))) == 1
        assert len(await world.said()) == 2

    play(scenario)


def test_a_receiver_that_is_down_is_tried_less_and_less_often(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = 500
        tried = []
        async with rounds(world) as each:
            for minute in range(120):
                before = len(got(world))
                await each.once()
                tried += [minute] * (len(got(world)) - before)
                world.clock.pass_by(minutes=1)
        assert tried == [0, 1, 3, 7, 15, 31, 63]

    play(scenario)


def test_one_message_that_is_not_taken_ends_the_round(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.talk("d")
        world.clock.pass_by(hours=49)
        world.receiver.status = 500
        async with rounds(world) as each:
            await each.once()
        assert len(got(world)) == 1

    play(scenario)


def test_a_message_that_waits_for_its_receiver_is_dropped_when_the_fan_comes_back(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = 500
        async with rounds(world) as each:
            await each.once()
            await world.talk(text="hey, i'm back")
            world.receiver.status = 200
            world.clock.pass_by(minutes=10)
            await each.once()
        assert len(got(world)) == 1
        assert await world.said() == ["hey you", "hey you"]

    play(scenario)


def test_a_message_that_waits_for_its_receiver_waits_for_the_morning_too(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = 500
        async with rounds(world) as each:
            await each.once()
            world.receiver.status = 200
            world.clock.pass_by(hours=9)  # 22:00
            await each.once()
            assert len(got(world)) == 1
            world.clock.pass_by(hours=11)
            await each.once()
            assert len(got(world)) == 2

    play(scenario)


def test_a_message_that_waits_is_judged_again_by_the_rules_of_that_moment(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = 500
        async with rounds(world) as each:
            await each.once()
            ((_, _, text),) = got(world)
            world.receiver.status, world.guard.flags = 200, {text}
            world.clock.pass_by(minutes=10)
            await each.once()
        assert len(got(world)) == 1
        assert await world.said() == ["hey you"]

    play(scenario)


def test_a_fan_who_answers_before_the_receiver_does_answers_that_message(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        async def answer() -> None:
            world.clock.pass_by(seconds=5)
            await world.talk(text="oh hey!")

        world.receiver.meanwhile = answer
        async with rounds(world) as each:
            await each.once()
        known = await world.memory.recollect(world.key("c"))
        ((_, turn, _),) = got(world)
        assert [line.turn == turn for line in known.lines] == [False, False, True, False, False]

    play(scenario)


def test_a_round_delivers_no_more_than_it_may_and_the_next_one_goes_on(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        for number in range(4):
            world.clock.pass_by(seconds=1)
            await world.talk(f"c{number}")
        world.clock.pass_by(hours=49)
        counts = []
        async with rounds(world, most=2) as each:
            for _ in range(4):
                await each.once()
                counts.append(len(got(world)))
        assert counts == [2, 4, 5, 5]

    play(scenario)


def test_a_guard_that_is_down_is_told_of_once_and_the_rounds_go_on(
    world: Any, play: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: Any) -> None:
        world.guard.status = 500
        async with rounds(world) as each:
            for _ in range(3):
                await each.once()
            assert got(world) == []
            assert "guard" in each.trouble
            world.guard.status = 200
            await each.once()
        assert len(got(world)) == 1

    play(scenario)
    assert caplog.text.count("nothing is said first") == 1


def test_rounds_run_beside_the_service_until_it_ends(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        taken = asyncio.Event()

        async def take() -> None:
            taken.set()

        world.receiver.meanwhile = take
        client = await world.service(proactive_webhook=world.hook, webhook_key="sesame")
        async with asyncio.timeout(20):
            await taken.wait()
        assert (await client.get("/readyz")).json()["speaks_first"] == "on, by webhook"

    play(scenario)


def test_a_night_that_falls_while_the_message_is_judged_keeps_it_until_the_morning(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with rounds(world) as each:
            world.guard.before = lambda: world.clock.pass_by(hours=9)
            await each.once()
            assert got(world) == []
            world.guard.before = lambda: None
            world.clock.pass_by(hours=11)
            await each.once()
            assert len(got(world)) == 1

    play(scenario)
