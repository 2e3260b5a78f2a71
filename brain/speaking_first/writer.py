"""What the persona says first, in its voice: written by its language model in one call, or a line of its file.

It stands apart as a DSPy program of its own: there is no message to answer, so nothing of a turn's machinery fits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dspy

from brain.cast import Member
from brain.guidance import describe, render
from brain.lms.choice import OFFLINE
from brain.lms.errors import FAILURES, kind_of
from brain.lms.fallback import Fallback
from brain.memory.recall import recall
from brain.memory.types import Recollection
from brain.persona import last_turns
from brain.quiet import language_model, quiet
from brain.signatures import SpeakFirst
from brain.situation import situation, spoken
from brain.speaking_first.rule import zone_of
from brain.trim import Trim

logger = logging.getLogger(__name__)

# Lines of the persona's file that are tried where what the model wrote may not go out.
_MOST_LINES = 4
_LONGEST = 160  # tokens: it is a short message
_FACTS = 120  # tokens
_TEMPERATURE = 0.8
_NOT_TOLD = ("transcript", "silence", "past_reply", "guidance")


class _Beginning(dspy.Adapter):
    """The chat as it went, and at its end how long ago that was; the whole completion is the message."""

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The chat messages."""
        told = [name for name in signature.input_fields if name not in _NOT_TOLD]
        messages = [("system", render(signature, inputs, told))]
        messages += [(message.role, message.text) for message in inputs["transcript"]]
        messages.append(("system", f"{describe(signature, 'silence')} {inputs['silence']}"))
        return [{"role": role, "content": text} for role, text in messages if text]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The completion as it is."""
        return {"reply": completion.strip()}


_ADAPTER = _Beginning()


async def drafts(member: Member, known: Recollection, now: datetime) -> AsyncIterator[str]:
    """What may be said, the best first, each written when it is asked for: a message by the model, if there is one and
    it answers, then lines of the persona's file that were not said lately."""
    if member.chosen.label != OFFLINE:
        try:
            if text := await _written(member, known, now):
                yield text
        except FAILURES as error:
            logger.warning("the language model wrote nothing to say first: %s", kind_of(error))
    said = {line.text for line in known.lines if line.role == "assistant"}
    lines = member.card.silence.lines if member.card.silence else ()
    # Another one first in each conversation.
    first = known.messages % max(1, len(lines))
    fresh = [line for line in (*lines[first:], *lines[:first]) if line not in said]
    for line in fresh[:_MOST_LINES]:
        yield line


async def _written(member: Member, known: Recollection, now: datetime) -> str:
    """One call of the model. Raises FAILURES."""
    card, silence = member.card, member.card.silence
    transcript = tuple(line.message for line in known.lines)
    turns = last_turns(transcript)
    if not member.voice.is_ready:
        await asyncio.to_thread(member.voice.prepare)
    engine = Fallback([member.chosen], trim=partial(Trim, own=(card.name,)))
    temperature = _TEMPERATURE if card.temperature is None else card.temperature
    lm: Any = language_model("first", engine, temperature=temperature, max_tokens=_LONGEST)
    with quiet(lm, _ADAPTER):
        prediction = await dspy.Predict(SpeakFirst).acall(
            name=card.name,
            voice=card.voice,
            facts=" ".join(member.voice.facts(turns)),
            boundaries=" ".join(card.boundaries),
            platform=card.platform,
            current_time=f"{now:%A} {now:%H:%M}, {now.day} {now:%B %Y}",
            situation=_situation(known, now),
            memory=known.summary,
            fan="\n".join(fact.text for fact in recall(" ".join(turns), known.facts, _FACTS)),
            openers="\n".join(silence.lines if silence else ()),
            transcript=transcript,
            silence=spoken(now - known.last_at) if known.last_at else "",
        )
    return str(prediction.reply)


def _situation(known: Recollection, now: datetime) -> str:
    """The hour of both."""
    notes = situation(
        now, persona_zone=now.tzinfo or UTC, fan_zone=zone_of(known.zone, None), first=known.first_at,
        last=known.last_at, messages=known.messages,
    ).notes  # fmt: skip
    return "; ".join(notes)
