"""Stories without a language model: each beat retold plainly, with remarks from the sample stories.

It stands apart so that `/v1/stories` answers on a laptop without key or network. It is a stand-in and reads like one:
it says what happens, in the persona's manner, and invents nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from brain.stories.beats import Character, relevant
from brain.stories.samples import Place, Samples, Told, place_of
from brain.stories.shapes import Brief

_NEAR = 4
_MOST_VERSIONS = 64
_WORD = re.compile(r"\s*\S+\s*")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+")
_FIRST = re.compile(r"^[A-Z][\w’-]+(?=\s+(?:and\s+[A-Z]|[a-z]+s\b))")
_SOMETHING = re.compile(
    r"^(?:an?|the|my|his|her|their)\s+((?:\w+\s)??\w+?)(?=\s+(?:who|that|and|in|on|at|is|\w+s)\b|$)"
)
_OPENINGS: dict[Place, tuple[str, ...]] = {
    "first": ("so, ", "right: ", "okay, "),
    "middle": ("then ", "and then ", "next, "),
    "last": ("in the end ", "and at last ", "finally "),
}
WHO = "{who}"
THEME = "{theme}"


class OfflineWriter:
    """Implements Writer. The same beat comes out the same way until a version of it was not wanted. `delay` is the
    pause before each word, in seconds."""

    def __init__(self, samples: Samples, delay: float) -> None:
        self._samples = samples
        self._delay = delay

    async def whole(self, brief: Brief) -> AsyncGenerator[str, None]:
        """As of Writer."""
        for index in range(len(brief.beats)):
            yield f"[{index + 1}] " if index == 0 else f"\n\n[{index + 1}] "
            async for word in self.beat(brief, index, "", ()):
                yield word

    async def beat(self, brief: Brief, index: int, so_far: str, past: Sequence[str]) -> AsyncGenerator[str, None]:
        """As of Writer."""
        is_told_off = bool(brief.guidance and past)
        versions = (self._retold(brief, index, version, is_told_off) for version in range(_MOST_VERSIONS))
        prose = next((each for each in versions if not any(each in known for known in past)), "")
        async for word in self._said(prose):
            yield word

    async def edited(self, brief: Brief, proses: Sequence[str]) -> AsyncGenerator[str, None]:
        """The draft as it is: there is nobody here to read it again."""
        async for word in self._said("\n\n".join(f"[{at}] {prose}" for at, prose in enumerate(proses, 1))):
            yield word

    async def planned(self, theme: str) -> AsyncGenerator[str, None]:
        """The arc of the sample story most like the theme; the theme itself without one."""
        story = self._samples.story_like(theme)
        beats = [beat.replace(THEME, theme) for beat in story.arc] if story else [theme]
        async for word in self._said("\n".join(f"{at}. {beat}" for at, beat in enumerate(beats, 1))):
            yield word

    async def _said(self, text: str) -> AsyncGenerator[str, None]:
        for word in _WORD.findall(text):
            await asyncio.sleep(self._delay)
            yield word

    def _retold(self, brief: Brief, index: int, version: int, is_told_off: bool) -> str:
        """The beat in one sentence, and two remarks. Where guidance says what was wrong with the beat's own words,
        remarks alone."""
        beat = brief.beats[index]
        place = place_of(index, len(brief.beats))
        remarks = _remarks(self._samples.beats_like(beat, _NEAR, place), who_is_in(beat, brief.characters))
        first = version + index
        chosen = list(dict.fromkeys(remarks[(first * 2 + at) % len(remarks)] for at in range(2))) if remarks else []
        if is_told_off and chosen:
            return " ".join(chosen)
        openings = _OPENINGS[place]
        told = openings[first % len(openings)] + _in_mid_sentence(beat) + "."
        is_lower = bool(chosen) and all(remark == remark.lower() for remark in remarks if WHO not in remark)
        return " ".join([told.lower() if is_lower else told[0].upper() + told[1:], *chosen])


def who_is_in(beat: str, characters: Sequence[Character]) -> str:
    """Whom a beat is about, as a sentence may call them; empty when it does not say."""
    if cast := relevant(characters, beat):
        return cast[0].name
    if name := _FIRST.search(beat) or _NAME.search(beat):
        return name[0]
    something = _SOMETHING.search(beat.lower())
    return f"the {something[1]}" if something else ""


def _remarks(near: Sequence[Told], who: str) -> list[str]:
    """The remarks of these sample beats, the nearest beat's first; those about somebody only where there is one."""
    asides = [aside for told in near for aside in told.sample.asides]
    return [aside.replace(WHO, who.lower() if aside.islower() else who) for aside in asides if who or WHO not in aside]


def _in_mid_sentence(beat: str) -> str:
    text = beat.strip().rstrip(".!,;:… ")
    is_name = bool(_FIRST.search(text)) or text.split(" ")[0].isupper()
    return text if is_name else text[:1].lower() + text[1:]
