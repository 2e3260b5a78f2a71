"""A persona without a language model still tells stories; one with a model tells them with it."""

from __future__ import annotations

import asyncio

from brain.lms.choice import OFFLINE, ChosenLM
from brain.stories.choice import teller_of
from brain.stories.samples import Samples
from brain.stories.shapes import Brief, Narrator
from brain.stories.teller import Done


def test_the_offline_engine_has_a_stand_in_that_tells_stories(samples: Samples) -> None:
    teller = teller_of(Narrator("Nora", "Warm.", "OnlyFans"), ChosenLM(OFFLINE, None), {}, samples, delay=0)

    async def told() -> list[str]:
        story = teller.tell(Brief(("Ole finds a boat",), (None,)), "whole")
        return [each.prose async for each in story if isinstance(each, Done)]

    assert asyncio.run(told()) == ["so, ole finds a boat. ole blinked. it was a tuesday."]
