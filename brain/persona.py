"""The persona as a DSPy program: the situation, examples of its voice and the real transcript in one chat-shaped call.

It stands apart from the service that speaks HTTP: a program can be evaluated, optimised and saved without one.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import dspy

from brain.guidance import render
from brain.occasion import PLAIN, Occasion
from brain.signatures import Comfort, HoldBoundary, Inform, Reply, Tease, TellStory
from brain.voice import TURN_WEIGHTS, Voice
from guards.types import Transcript

# Fields that are chat messages of their own; every other input is told in the system message.
_AS_MESSAGES = ("transcript", "past_reply", "guidance")
_TURNS = len(TURN_WEIGHTS)
# Which predictor writes which kind of reply.
_PREDICTORS = {
    "Reply": "reply", "Comfort": "comfort", "Tease": "tease", "Inform": "inform", "TellStory": "tell_story",
    "HoldBoundary": "hold_boundary",
}  # fmt: skip


class ChatShape(dspy.Adapter):
    """Fields to a chat as models know it, and the whole completion as the reply, so that it can stream as it comes.

    System message (instructions and situation), examples as user and assistant messages, the transcript's turns, then
    the undelivered reply and the guidance about it, where there are any.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The chat messages."""
        told = [name for name in signature.input_fields if name not in _AS_MESSAGES]
        messages = [("system", render(signature, inputs, told))]
        for demo in demos:
            messages += [("user", demo["fan"]), ("assistant", demo["reply"])]
        messages += [(message.role, message.text) for message in inputs["transcript"]]
        messages += [("assistant", inputs.get("past_reply", "")), ("system", inputs.get("guidance", ""))]
        return [{"role": role, "content": text} for role, text in messages if text]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The completion as it is."""
        return {"reply": completion}


class Persona(dspy.Module):
    """Answers a fan in the persona's voice, with a predictor for each kind of reply. One LM call per turn; keeps
    nothing between turns."""

    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self.reply = voice.compile(dspy.Predict(Reply))
        self.comfort = voice.compile(dspy.Predict(Comfort))
        self.tease = voice.compile(dspy.Predict(Tease))
        self.inform = voice.compile(dspy.Predict(Inform))
        self.tell_story = voice.compile(dspy.Predict(TellStory))
        self.hold_boundary = voice.compile(dspy.Predict(HoldBoundary))
        self._voice = voice
        self._card = voice.card

    async def aforward(
        self,
        *,
        transcript: Transcript,
        now: datetime,
        instructions: str = "",
        past_reply: str = "",
        guidance: str = "",
        occasion: Occasion = PLAIN,
    ) -> dspy.Prediction:
        """A prediction with `reply`, the text of the persona's next message.

        `transcript` holds the messages of roles user (the fan) and assistant (the persona), with at least one of the
        fan; `now` is the persona's local time; `instructions` are the client's own; `occasion` is what else is known.
        Raises dspy.LMError.
        """
        turns = last_turns(transcript)
        if not self._voice.is_ready:
            await asyncio.to_thread(self._voice.prepare)
        predict = getattr(self, _PREDICTORS[occasion.kind])
        prediction: dspy.Prediction = await predict.acall(
            turns=turns,
            name=self._card.name,
            voice=self._card.voice,
            facts=" ".join(self._voice.facts(turns)),
            boundaries=" ".join(self._card.boundaries),
            platform=self._card.platform,
            current_time=f"{now:%A} {now:%H:%M}, {now.day} {now:%B %Y}",
            conversation_length="" if occasion.situation else length_of(transcript),
            **occasion.fields(),
            client_instructions=instructions,
            transcript=transcript,
            past_reply=past_reply,
            guidance=guidance,
        )
        return prediction


def last_turns(transcript: Transcript) -> tuple[str, ...]:
    """The text of the fan's latest message, then of those before it, the latest first; empty when there is none."""
    last = max((at for at, message in enumerate(transcript) if message.role == "user"), default=-1)
    return tuple(message.text for message in transcript[max(0, last - _TURNS + 1) : last + 1][::-1])


def length_of(transcript: Transcript) -> str:
    """How long the conversation is, in messages and words."""
    words = sum(len(message.text.split()) for message in transcript)
    return f"{len(transcript)} messages, {words} words"
