"""The reader on duty: the local model's reading of a message and, where that is unsure, a language model's.

It stands apart from `reading`, which needs no model server, as the one place that may spend a call on a reading: none
unless it was given a language model, at most one a message, never beyond the deadline, never about distress, and never
with an error: without an answer the local reading holds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from dataclasses import replace
from typing import Any

import dspy

from brain.judging import LineAdapter, Unparsable
from brain.lms.errors import FAILURES, kind_of
from brain.quiet import language_model, quiet
from brain.reading import EMOTIONS, INTENTS, Reading, ReadingModel
from brain.signatures import ReadFan
from guards.types import Transcript

logger = logging.getLogger(__name__)

# Below this confidence the local reading is unsure.
GRAY = 0.5
# Seconds for a second opinion: the fan waits.
DEADLINE = 2.0
MESSAGES_SHOWN = 6
LONGEST_SHOWN = 600

_OBJECT = re.compile(r"\{[^{}]*\}")


class Reader:
    """Reads messages; one instance serves all turns.

    `engine` is an AsyncEngine as in `brain/lms`, which stays the caller's to close; without one (the default) no call
    is ever made.
    """

    def __init__(self, model: ReadingModel, engine: Any = None, *, deadline: float = DEADLINE) -> None:
        self._model = model
        self._deadline = deadline
        self._ask = dspy.Predict(ReadFan)
        self._adapter = ReadingAdapter()
        self._lm: Any = engine and language_model("reader", engine, temperature=0.0, max_tokens=80)

    async def read(self, text: str, context: Transcript = ()) -> Reading:
        """The reading of `text`, said by the fan after `context`. Raises nothing for what a model or its server does;
        cancelling it ends the call."""
        local = self._model.read(text)
        if not self._lm or local.intent == "distress" or local.confidence >= GRAY:
            return local
        try:
            second = await self._second(text, context)
            return replace(second, distress_possible=local.distress_possible or second.distress_possible)
        except FAILURES as error:
            logger.warning("a message could not be read by the language model: %s", kind_of(error))
        except (Unparsable, TimeoutError) as error:
            logger.warning("a message could not be read by the language model: %s", type(error).__name__)
        return local

    async def _second(self, text: str, context: Transcript) -> Reading:
        shown = [{each.role: each.text[-LONGEST_SHOWN:]} for each in context[-MESSAGES_SHOWN:]]
        with quiet(self._lm, self._adapter):
            async with asyncio.timeout(self._deadline):
                answer = await self._ask.acall(transcript=shown, message=text[-LONGEST_SHOWN:])
        is_distress = answer["intent"] == "distress"
        return Reading(answer["intent"], answer["emotion"], answer["sentiment"], 1.0, distress_possible=is_distress)


class ReadingAdapter(LineAdapter):
    """The same short question as the judge's, answered with one line of JSON."""

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """Intent, emotion and sentiment. Raises Unparsable where one is missing or unheard of."""
        found = _OBJECT.findall(completion)
        try:
            answer = json.loads(found[-1])
            intent, emotion, sentiment = answer["intent"], answer["emotion"], float(answer["sentiment"])
        except (IndexError, KeyError, TypeError, ValueError, RecursionError):
            raise Unparsable from None
        if intent not in INTENTS or emotion not in EMOTIONS or not math.isfinite(sentiment):
            raise Unparsable
        return {"intent": intent, "emotion": emotion, "sentiment": min(1.0, max(-1.0, sentiment))}
