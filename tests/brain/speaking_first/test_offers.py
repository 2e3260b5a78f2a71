"""Each step is kept: what happens when a process stops between two of them."""

from __future__ import annotations

from typing import Any

import pytest

from brain.cast import Casting, Member
from brain.speaking_first.guard import Guard, GuardDown
from brain.speaking_first.offers import NotDue, Offers


def parts(world: Any) -> tuple[Member, Guard, Offers]:
    guard = Guard(world.guard_url)
    return Casting(world.settings(), world.clock)().members["nora"], guard, Offers(world.memory, guard)


def test_what_is_prepared_is_nobody_elses_while_it_is_worked_on_and_anybodys_after(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        member, guard, offers = parts(world)
        first = await offers.prepare(member, world.key("c"), "o-1")
        with pytest.raises(NotDue, match="taken"):
            await offers.prepare(member, world.key("c"), "o-2")
        assert (await offers.due(member, limit=9))[0] == []
        world.clock.pass_by(minutes=6)  # whoever prepared it is gone
        assert await offers.prepare(member, world.key("c"), "o-3") == first
        await guard.aclose()

    play(scenario)


def test_a_claim_that_was_never_finished_is_taken_up_by_the_next_one(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        member, guard, offers = parts(world)

        def late() -> None:
            world.clock.pass_by(minutes=6)
            world.guard.before = lambda: setattr(world.guard, "status", 500)

        world.guard.before = late
        world.guard.flags = {"boats", "paint"}
        with pytest.raises(GuardDown):
            await offers.prepare(member, world.key("c"), "o-1")
        world.guard.status, world.guard.before, world.guard.flags = 200, lambda: None, set()
        offer = await offers.prepare(member, world.key("c"), "o-2")
        assert offer.turn == "o-2"
        await guard.aclose()

    play(scenario)


def test_a_fan_who_comes_back_while_it_is_written_is_not_spoken_to_first(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        member, guard, offers = parts(world)
        offer = await offers.prepare(member, world.key("c"), "o-1")
        assert await offers.is_still_due(member, offer)
        await world.talk(text="back!")
        assert not await offers.is_still_due(member, offer)
        with pytest.raises(NotDue):
            await offers.hand_over(member, world.key("c"), "o-1")
        await guard.aclose()

    play(scenario)


def test_a_conversation_that_is_erased_while_it_is_written_stays_erased(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        member, guard, offers = parts(world)
        offer = await offers.prepare(member, world.key("c"), "o-1")
        await world.memory.erase(world.key("c"))
        await offers.confirm(offer, world.clock())
        await offers.put_off(offer, world.clock())
        assert await world.memory.recollect(world.key("c")) is None
        await guard.aclose()

    play(scenario)
