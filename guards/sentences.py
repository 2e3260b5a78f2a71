"""Sentences: the places of a text where a judgement of its meaning is reached, the same for every way it arrives.

They stand apart because meaning is judged at places, never over "the text so far": whatever stood before a place
decides what is judged there and nothing behind it, so that a text that is still growing gets the verdicts of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

END = re.compile(r"[.!?…。！？]+[\"'”’)*_]*\s+|\n\s*")
_SPACE = re.compile(r"\s+")
LONGEST = 200  # characters that are judged together at most
RUN_ON = 140  # characters after which a sentence without an end is judged at the next space
_LONGEST_WORD = 60


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Half-open stretches of `text` to be judged, for each place two: the sentence before it by itself, so that nothing
    said earlier can drown it, and together with as many whole sentences as fit into LONGEST characters. Linear.
    """
    starts = [0]
    for end in _places(text):
        alone = max(starts[-1], end - LONGEST)
        together = next((start for start in starts if end - start <= LONGEST), alone)
        starts = [each for each in starts if end - each <= LONGEST] + [end]
        if text[alone:end].strip():
            yield alone, end
            if together < alone:
                yield together, end


def alone(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of `text` by themselves, half-open, none longer than LONGEST characters. Linear."""
    start = 0
    for end in _places(text):
        if text[start:end].strip():
            yield max(start, end - LONGEST), end
        start = end


def last_of(text: str) -> str:
    """The last sentences of `text` that fit into LONGEST characters, or the end of the last where it does not fit."""
    end = text[-LONGEST:]
    begin = END.search(end) if len(text) > LONGEST else None
    return end[begin.end() :] if begin and begin.end() < len(end) else end


def _places(text: str) -> Iterator[int]:
    at = 0
    for found in END.finditer(text):
        yield from _run_on(text, at, found.end())
        yield found.end()
        at = found.end()
    if at < len(text):
        yield from _run_on(text, at, len(text))
        yield len(text)


def _run_on(text: str, start: int, end: int) -> Iterator[int]:
    """The places inside one long sentence; none depends on where it ends."""
    while end - start > RUN_ON:
        space = _SPACE.search(text, start + RUN_ON, min(end, start + RUN_ON + _LONGEST_WORD))
        start = space.end() if space else start + RUN_ON + _LONGEST_WORD
        if start >= end:
            return
        yield start
