"""Tells a story: beats in, prose out, beat for beat as it is written, in the modes whole and sequential.

It stands apart as the place where a mode becomes calls to a writer: how many, with what before them, and what happens
where a writer leaves beats out. It knows no HTTP and no language model.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import dspy

from brain.stories.beats import beats_of, theme_of
from brain.stories.cut import Cutter
from brain.stories.shapes import Brief, Mode, joined
from brain.stories.signatures import NextBeat
from brain.stories.writer import Writer
from guards.errors import MalformedRequest

# How often a beat is written anew when it comes out as a version that was not wanted.
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of a beat's prose; beats come in order."""

    beat: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """A beat is told; `prose` is all of it."""

    beat: int
    prose: str = field(repr=False)


Told = Delta | Done


class Teller:
    """Tells stories with `writer`; one instance serves all."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def tell(self, brief: Brief, mode: Mode) -> AsyncGenerator[Told, None]:
        """The story, each beat as deltas and then as done. Raises as the writer does, at any point.

        One call for a whole story, one a beat for a sequential one, and one more where it has a second pass. A call
        that leaves out the last beats of a story is followed by one for each of them.
        """
        if mode == "whole" and len(brief.beats) > 1:
            draft = self._filled(self._writer.whole(brief), brief, [])
        else:
            draft = self._rest(brief, [])
        async with aclosing(draft if brief.passes == 1 else self._edited(brief, draft)) as told:
            async for each in told:
                yield each

    async def one(self, brief: Brief, index: int, so_far: str, past: Sequence[str]) -> AsyncGenerator[Told, None]:
        """One beat, unlike every version in `past`. Raises as the writer does, dspy.AdapterParseError where no prose
        comes, and MalformedRequest (409) where only such versions do."""
        for _ in range(_TRIES):
            prose = ""
            async with aclosing(_unlike(past, _alone(self._writer.beat(brief, index, so_far, past)))) as pieces:
                async for piece in pieces:
                    prose += piece
                    yield Delta(index, piece)
            if prose:
                yield Done(index, prose)
                return
        if not past:
            raise dspy.AdapterParseError("StoryShape", NextBeat, "")
        raise MalformedRequest(
            "the language model writes this beat the same way again: raise its temperature", status=409,
            code="same_prose", param="temperature",
        )  # fmt: skip

    async def asked_for(
        self, text: str, *, temperature: float | None = None, max_tokens: int | None = None
    ) -> AsyncGenerator[str, None]:
        """The story that a fan's message asks for, as the pieces of a chat reply: the beats it spells out, or those
        planned for its theme. One call, and one before it for a plan. `max_tokens` bounds the story. Raises as
        the writer does."""
        beats = beats_of(text)
        if len(beats) < 2:
            plan = "".join([piece async for piece in self._writer.planned(theme_of(text) or text)])
            beats = beats_of(plan) or beats or [text]
        last = -1
        each_beat = max_tokens and max(1, max_tokens // len(beats))
        brief = Brief(tuple(beats), (None,) * len(beats), temperature=temperature, max_tokens=each_beat)
        async with aclosing(self.tell(brief, "whole")) as told:
            async for each in told:
                if isinstance(each, Delta):
                    if 0 <= last < each.beat:
                        yield "\n\n"
                    last = each.beat
                    yield each.text

    async def _rest(self, brief: Brief, proses: list[str]) -> AsyncGenerator[Told, None]:
        """The beats behind `proses`, one call each, taken up there as they are told."""
        past = [brief.past_prose] if brief.past_prose else []
        for index in range(len(proses), len(brief.beats)):
            so_far = joined([brief.so_far, *proses])
            async with aclosing(self.one(brief, index, so_far, past)) as told:
                async for each in told:
                    if isinstance(each, Done):
                        proses.append(each.prose)
                    yield each

    async def _filled(
        self, pieces: AsyncGenerator[str, None], brief: Brief, draft: Sequence[str]
    ) -> AsyncGenerator[Told, None]:
        """A text of all beats, cut; the beats it leaves out are taken from `draft`, or else written by themselves."""
        proses: list[str] = []
        async with aclosing(_stretches(pieces, len(brief.beats))) as stretches:
            async for beat, text in stretches:
                if beat == len(proses):
                    if proses:
                        yield Done(beat - 1, proses[-1])
                    proses.append("")
                proses[-1] += text
                yield Delta(beat, text)
        if proses:
            yield Done(len(proses) - 1, proses[-1])
        for beat, prose in list(enumerate(draft))[len(proses) :]:
            proses.append(prose)
            yield Delta(beat, prose)
            yield Done(beat, prose)
        async with aclosing(self._rest(brief, proses)) as told:
            async for each in told:
                yield each

    async def _edited(self, brief: Brief, draft: AsyncGenerator[Told, None]) -> AsyncGenerator[Told, None]:
        """The draft after its second pass. An edit that fails before it has begun leaves the draft as it is."""
        async with aclosing(draft) as told:
            proses = [each.prose async for each in told if isinstance(each, Done)]
        has_begun = False
        try:
            async with aclosing(self._filled(self._writer.edited(brief, proses), brief, proses)) as edited:
                async for each in edited:
                    has_begun = True
                    yield each
        except (dspy.LMError, dspy.AdapterParseError):
            if has_begun:
                raise
            for beat, prose in enumerate(proses):
                yield Delta(beat, prose)
                yield Done(beat, prose)


async def _stretches(pieces: AsyncGenerator[str, None], count: int) -> AsyncGenerator[tuple[int, str], None]:
    cutter = Cutter(count)
    async with aclosing(pieces):
        async for piece in pieces:
            for stretch in cutter.feed(piece):
                yield stretch
    for stretch in cutter.finish():
        yield stretch


async def _alone(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The text of a single beat, without a number before it."""
    async with aclosing(_stretches(pieces, 1)) as stretches:
        async for _, text in stretches:
            yield text


async def _unlike(past: Sequence[str], pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The pieces, once they say something that no version in `past` says; nothing where they never do."""
    held, differs = "", not past
    async with aclosing(pieces):
        async for piece in pieces:
            held += piece
            differs = differs or not any(_folded(each).startswith(_folded(held)) for each in past)
            if differs:
                yield held
                held = ""


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


async def whole(told: AsyncIterator[Told], count: int) -> list[str]:
    """The proses of `count` beats that are told to the end; what was not told is empty."""
    proses = [""] * count
    async for each in told:
        if isinstance(each, Done):
            proses[each.beat] = each.prose
    return proses
