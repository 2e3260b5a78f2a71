"""From settings to a persona that speaks first: whom it asks, whom it tells, and what of it is on.

It stands apart as the one place where its parts are put together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from brain.cast import Member
from brain.memory.memory import Memory
from brain.settings import PersonaSettings
from brain.speaking_first.guard import Guard
from brain.speaking_first.offers import Offers
from brain.speaking_first.rounds import Rounds
from brain.speaking_first.webhook import Webhook
from guards.errors import ChaperoneError

logger = logging.getLogger(__name__)


class BadWebhook(ChaperoneError):
    """The webhook cannot be used as it is set; the message says what to set."""


class SpeakingFirst:
    """What speaks first in a service. `offers` is None where nothing would judge what is said."""

    def __init__(
        self,
        settings: PersonaSettings,
        memory: Memory,
        members: Callable[[], Mapping[str, Member]],
        now: Callable[[], datetime],
    ) -> None:
        """`now` gives the time, in any zone. Raises BadWebhook."""
        self._guard = Guard(settings.guard_url) if settings.guard_url else None
        self.offers = Offers(memory, self._guard) if self._guard else None
        self._webhook = _webhook(settings, now)
        self.rounds: Rounds | None = None
        if self.offers and self._webhook:
            self.rounds = Rounds(self.offers, members, self._webhook, most=settings.proactive_per_minute)

    @property
    def state(self) -> str:
        """For operators: whether and how messages of this kind go out."""
        if self.offers is None:
            return "off: without guard_url nothing would judge what the persona says first"
        if self.rounds is None:
            return "on, by polling"
        return f"on, by webhook, in trouble: {self.rounds.trouble}" if self.rounds.trouble else "on, by webhook"

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Meanwhile messages go out; `stop` is set before the end."""
        if self._webhook and self.offers is None:
            logger.warning("the persona does not speak first: set guard_url, the base URL of the proxy")
        rounds = asyncio.create_task(self.rounds.run(stop)) if self.rounds else None
        try:
            yield
        finally:
            if rounds:
                rounds.cancel()
                await asyncio.gather(rounds, return_exceptions=True)
            for each in (self._guard, self._webhook):
                if each:
                    await each.aclose()


def _webhook(settings: PersonaSettings, now: Callable[[], datetime]) -> Webhook | None:
    if not settings.proactive_webhook:
        return None
    if not settings.proactive_webhook.startswith(("http://", "https://")):
        raise BadWebhook("proactive_webhook: use an address that begins with http:// or https://")
    if settings.webhook_key is None:
        raise BadWebhook("proactive_webhook: set CHAPERONE_WEBHOOK_KEY too, by which its receiver knows us")
    try:
        return Webhook(
            settings.proactive_webhook, settings.webhook_key.get_secret_value(), lambda: now().astimezone(UTC)
        )
    except ValueError as error:
        raise BadWebhook(f"CHAPERONE_WEBHOOK_KEY: {error}") from None
