"""Who writes the prose: one call each for a whole story, a beat, an edit and a plan, as text that streams.

It stands apart as the seam between telling a story and a language model: `ModelWriter` is the DSPy program,
`brain/stories/offline.py` does without a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

import dspy

from brain.guidance import describe, render
from brain.lms.choice import ChosenLM
from brain.lms.tap import Tap
from brain.quiet import language_model, quiet
from brain.stories.beats import Character, relevant
from brain.stories.samples import Samples, place_of
from brain.stories.shapes import Brief, Narrator
from brain.stories.signatures import EditForFlow, NextBeat, PlanBeats, WholeStory

# Tokens for each beat of a call that does not say how many.
BEAT_TOKENS = 250
# Of a long story so far, the end is what the next beat goes on from; in characters.
SO_FAR_SHOWN = 8000
_DEMOS = 2
_OF_PERSONA = ("name", "voice", "platform")


class Writer(Protocol):
    """Writes prose as it comes. All raise dspy.LMError, or dspy.AdapterParseError for nothing at all, at any point;
    closing an iterator early ends its call."""

    def whole(self, brief: Brief) -> AsyncGenerator[str, None]:
        """All beats in one text, as `brain/stories/cut.py` reads it."""

    def beat(self, brief: Brief, index: int, so_far: str, past: Sequence[str]) -> AsyncGenerator[str, None]:
        """The prose of one beat behind `so_far`, unlike the versions in `past`. `index` counts from 0."""

    def edited(self, brief: Brief, proses: Sequence[str]) -> AsyncGenerator[str, None]:
        """The story of these beats again, so that it flows, as one text like that of `whole`."""

    def planned(self, theme: str) -> AsyncGenerator[str, None]:
        """Beats for a theme, one a line."""


class StoryShape(dspy.Adapter):
    """Fields to two messages: who tells the story and how, then what there is to tell. The whole completion is prose,
    so that it can stream as it comes. Examples stand between as user and assistant messages."""

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The chat messages."""
        messages = [("system", render(signature, inputs, _OF_PERSONA))]
        for demo in demos:
            messages += [("user", _told(signature, demo)), ("assistant", demo["prose"])]
        messages.append(("user", _told(signature, inputs)))
        return [{"role": role, "content": text} for role, text in messages]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The completion as it is."""
        return {"prose": completion}


class Storyteller(dspy.Module):
    """The four predictors. One LM call each; keeps nothing between calls."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = dspy.Predict(WholeStory)
        self.beat = dspy.Predict(NextBeat)
        self.edit = dspy.Predict(EditForFlow)
        self.plan = dspy.Predict(PlanBeats)


class ModelWriter:
    """Writes with a language model, in the voice of `narrator`. `defaults` are generation options."""

    def __init__(self, narrator: Narrator, chosen: ChosenLM, defaults: dict[str, Any], samples: Samples) -> None:
        self._program = Storyteller()
        self._persona = {"name": narrator.name, "voice": narrator.voice, "platform": narrator.platform}
        self._chosen = chosen
        self._defaults = {key: value for key, value in defaults.items() if key != "max_tokens"}
        self._samples = samples
        self._adapter = StoryShape()

    def whole(self, brief: Brief) -> AsyncGenerator[str, None]:
        """As of Writer."""
        cast = relevant(brief.characters, "\n".join(brief.beats), brief.so_far)
        return self._streamed(
            self._program.whole,
            _options(brief.temperature, brief.max_tokens, len(brief.beats)),
            characters=_listed(cast),
            so_far=brief.so_far[-SO_FAR_SHOWN:],
            beats=_numbered(brief.beats),
            guidance=brief.guidance,
        )

    def beat(self, brief: Brief, index: int, so_far: str, past: Sequence[str]) -> AsyncGenerator[str, None]:
        """As of Writer."""
        beat = brief.beats[index]
        near = self._samples.beats_like(beat, _DEMOS, place_of(index, len(brief.beats)))[::-1]
        demos = [{"so_far": told.so_far, "beat": told.sample.beat, "prose": told.sample.prose} for told in near]
        return self._streamed(
            self._program.beat,
            _options(brief.temperatures[index], brief.max_tokens, 1),
            demos=demos,
            characters=_listed(relevant(brief.characters, beat, so_far)),
            so_far=so_far[-SO_FAR_SHOWN:],
            to_come=_numbered(brief.beats[index + 1 :]),
            beat=beat,
            past_prose="\n\n".join(past),
            guidance=brief.guidance,
        )

    def edited(self, brief: Brief, proses: Sequence[str]) -> AsyncGenerator[str, None]:
        """As of Writer."""
        options = _options(brief.temperature, brief.max_tokens, len(proses))
        draft = "\n\n".join(f"[{at}] {prose}" for at, prose in enumerate(proses, 1))
        return self._streamed(self._program.edit, options, draft=draft, guidance=brief.guidance)

    def planned(self, theme: str) -> AsyncGenerator[str, None]:
        """As of Writer."""
        return self._streamed(self._program.plan, _options(None, None, 1), theme=theme)

    async def _streamed(self, predict: Any, options: dict[str, Any], **fields: Any) -> AsyncGenerator[str, None]:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        call = asyncio.ensure_future(self._called(queue, predict, options, fields))
        try:
            while (piece := await queue.get()) is not None:
                yield piece
            await call
        finally:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    async def _called(
        self, queue: asyncio.Queue[str | None], predict: Any, options: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        try:
            tap = Tap(self._chosen.engine, queue.put)
            lm = language_model(self._chosen.label.partition("/")[0], tap, **{**self._defaults, **options})
            with quiet(lm, self._adapter):
                await predict.acall(**self._persona, **fields)
        finally:
            queue.put_nowait(None)


def _told(signature: Any, fields: Any) -> str:
    names = [name for name in signature.input_fields if name not in _OF_PERSONA and fields.get(name)]
    return "\n\n".join(f"{describe(signature, name)}\n{fields[name]}" for name in names)


def _options(temperature: float | None, max_tokens: int | None, beats: int) -> dict[str, Any]:
    given = {} if temperature is None else {"temperature": temperature}
    return {**given, "max_tokens": (max_tokens or BEAT_TOKENS) * beats}


def _listed(characters: Sequence[Character]) -> str:
    return "\n".join(": ".join(filter(None, (each.name, each.description))) for each in characters)


def _numbered(beats: Sequence[str]) -> str:
    return "\n".join(f"[{at}] {beat}" for at, beat in enumerate(beats, 1))
