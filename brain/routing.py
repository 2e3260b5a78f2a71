"""Which kind of reply a message of a fan calls for: from a reading to a signature.

It stands apart as the one table between what was read and what the language model is told.
"""

from __future__ import annotations

from typing import Any

from brain.reading import Intent, Reading
from brain.signatures import Comfort, HoldBoundary, Inform, Reply, Tease, TellStory

_BY_INTENT: dict[Intent, Any] = {
    "distress": Comfort,
    "boundary_push": HoldBoundary,
    "story_request": TellStory,
    "purchase": Inform,
    "complaint": Inform,
    "question": Inform,
}
# From this sentiment on, desire is flirting that is meant kindly.
_KIND = 0.2


def route(reading: Reading) -> Any:
    """The signature of the reply, `Reply` or a kind of it: all have the same fields."""
    flirts = reading.emotion == "desire" and reading.sentiment >= _KIND
    if flirts and reading.intent in ("small_talk", "question"):
        return Tease
    return _BY_INTENT.get(reading.intent, Reply)
