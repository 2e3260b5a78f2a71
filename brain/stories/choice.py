"""Who tells a persona's stories: the language model that speaks for it, or without one the offline stand-in.

It stands apart as the one place that knows both writers.
"""

from __future__ import annotations

from typing import Any

from brain.lms.choice import OFFLINE, ChosenLM
from brain.stories.offline import OfflineWriter
from brain.stories.samples import Samples
from brain.stories.shapes import Narrator
from brain.stories.teller import Teller
from brain.stories.writer import ModelWriter


def teller_of(
    narrator: Narrator, chosen: ChosenLM, defaults: dict[str, Any], samples: Samples, *, delay: float
) -> Teller:
    """A teller with the engine that was chosen for the persona. `defaults` are generation options; `delay` is the pause
    before each word of the offline stand-in, in seconds."""
    if chosen.label == OFFLINE:
        return Teller(OfflineWriter(samples, delay))
    return Teller(ModelWriter(narrator, chosen, defaults, samples))
