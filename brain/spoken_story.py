"""A story that a fan asks for in a chat, told as the reply: beat by beat, as it is written.

It stands apart as the seam between the stories' teller and a chat's speaker: to whoever listens it is a reply like any.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from brain.chat import Asked, Json
from brain.lms.errors import FAILURES
from brain.occasion import STORY
from brain.speaker import Speaker, Spoken
from brain.stories.beats import asks
from brain.stories.teller import Teller


def wanted_story(asked: Asked) -> str:
    """What a fan says who asks for a story that is to be begun; empty for every other turn.

    A story that has been begun goes on in the chat itself, and so does one that must be told in another way: both need
    what was said before.
    """
    last = asked.transcript[-1] if asked.transcript else None
    is_asked = last is not None and last.role == "user" and asked.occasion.kind == STORY and not asked.guidance
    return last.text if last is not None and is_asked and asks(last.text) else ""


async def story_pieces(
    teller: Teller, speaker: Speaker, asked: Asked, options: Json
) -> AsyncGenerator[str | Spoken, None]:
    """The pieces of the story that `asked` asks for, then the Spoken as a whole, like those of Speaker.pieces. Where
    its language model fails before the first of them, the speaker answers instead; one that breaks off trails off.
    Raises as the speaker does."""
    bounds = {name: options.get(name) for name in ("temperature", "max_tokens")}
    out = ""
    try:
        async with aclosing(teller.asked_for(wanted_story(asked), **bounds)) as pieces:
            async for piece in pieces:
                out += piece
                yield piece
        if out:
            yield Spoken(out)
            return
    except FAILURES:
        if out:
            ended = speaker.ended(asked, out)
            if ended is None:
                raise
            yield ended.text[len(out) :]
            yield ended
            return
    async with aclosing(speaker.pieces(asked, options)) as rest:
        async for each in rest:
            yield each
