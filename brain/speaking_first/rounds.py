"""The round by which a webhook's messages go out: every minute, so many, one after the other.

It stands apart as what runs beside the turns: it ends with the service, and no failure ends it before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import UTC

from brain.cast import Member
from brain.memory.memory import Memory
from brain.memory.types import MemoryDown, Recollection
from brain.speaking_first.guard import GuardDown
from brain.speaking_first.offers import SCAN, NotDue, Offers
from brain.speaking_first.webhook import Webhook

logger = logging.getLogger(__name__)

_PERIOD = 60.0  # seconds


class _ReceiverDown(Exception):
    """The receiver took a message not: the others can wait for the next round."""


class Rounds:
    """Looks for due silences of all `members`, and delivers at most `most` messages a round."""

    def __init__(
        self, offers: Offers, members: Callable[[], Mapping[str, Member]], webhook: Webhook, *, most: int
    ) -> None:
        self._offers = offers
        self._members = members
        self._webhook = webhook
        self._most = most
        self._places: dict[str, int] = {}  # of each persona's silences, where the next round goes on
        self.trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Rounds until `stop` is set."""
        while not stop.is_set():
            await self.once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PERIOD)

    async def once(self) -> None:
        """One round."""
        left = self._most
        try:
            for member in self._members().values():
                left -= await self._of(member, left)
        except (GuardDown, MemoryDown) as error:
            self._troubled(str(error))
        except _ReceiverDown:
            self._troubled("the webhook's receiver takes no message")
        except Exception as error:  # noqa: BLE001 - an edge of its own: a defect here must not end the rounds
            self._troubled(f"a defect: {type(error).__name__}")
        else:
            self.trouble = ""

    async def _of(self, member: Member, most: int) -> int:
        """One persona's share; how many silences were taken up."""
        persona = member.card.model_id
        place = self._places.get(persona, 0)
        if most <= 0:
            return 0
        found, more = await self._offers.due(member, limit=most, offset=place)
        self._places[persona] = place if len(found) == most else place + SCAN if more else 0
        for known in found:
            await self._deliver(member, known)
        return len(found)

    async def _deliver(self, member: Member, known: Recollection) -> None:
        """Raises GuardDown, MemoryDown and _ReceiverDown."""
        try:
            offer = await self._offers.prepare(member, known.key, Memory.new_turn())
        except NotDue:
            return
        if not await self._offers.is_still_due(member, offer):
            return
        at = member.clock().astimezone(UTC)
        if not await self._webhook.deliver(offer):
            await self._offers.put_off(offer, at)
            raise _ReceiverDown
        await self._offers.confirm(offer, at)

    def _troubled(self, why: str) -> None:
        if why != self.trouble:
            logger.warning("nothing is said first: %s", why)
        self.trouble = why
