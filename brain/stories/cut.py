"""A story's text cut into its beats, as it is written: `[2] …` begins the second beat.

It stands apart as value in, value out: pieces of text in, stretches of beats out, whatever the model made of its
orders. A text without numbers can only be cut once all of it is known, so nothing of it comes out before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Stretch = tuple[int, str]

_NUMBER = re.compile(r"\*{0,2}\[\s*(?:beat\s*)?\d{1,2}\s*\]\*{0,2}[:.]?\s*", re.IGNORECASE)
# What may still become a number once more is written.
_OPEN = re.compile(r"\*{0,2}\[?\s*(?:b(?:e(?:a(?:t\s*)?)?)?)?\d{0,2}\s*\]?\*{0,2}[:.]?\s*", re.IGNORECASE)
_LONGEST_NUMBER = 16
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"'”’)]*(?=\s|\Z)|\Z)", re.DOTALL)
_BLANK = re.compile(r"\n\s*\n")


class Cutter:
    """Cuts one text into at most `count` beats, numbered from 0. `feed` and `finish` give stretches in order.

    A number begins the next beat whatever it says, so that beats never go back; one too many is left out. The text of
    a single beat needs no number.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._at = 0 if count == 1 else -1
        self._waiting = ""
        self._has_said = False  # true once the beat in hand has a text
        self._is_numbered: bool | None = True if count == 1 else None

    def feed(self, piece: str) -> Iterator[Stretch]:
        """What `piece` lets out."""
        self._waiting += piece
        if self._is_numbered is None:
            head = self._waiting.lstrip()
            if _NUMBER.match(head):
                self._is_numbered = True
            elif not _OPEN.fullmatch(head):
                self._is_numbered = False
        if self._is_numbered:
            yield from self._cut(is_end=False)

    def finish(self) -> Iterator[Stretch]:
        """What is left once the text is whole."""
        if self._is_numbered:
            yield from self._cut(is_end=True)
        else:
            yield from enumerate(spread(self._waiting, self._count))

    def _cut(self, *, is_end: bool) -> Iterator[Stretch]:
        while (number := _NUMBER.search(self._waiting)) and (is_end or number.end() < len(self._waiting)):
            yield from self._said(self._waiting[: number.start()].rstrip())
            self._waiting = self._waiting[number.end() :]
            if self._at + 1 == self._count:
                self._waiting = "\n\n" + self._waiting
            elif self._at < 0 or self._has_said:
                self._at, self._has_said = self._at + 1, False
        closed = len(self._waiting.rstrip()) if is_end else _open_from(self._waiting)
        text, self._waiting = self._waiting[:closed], self._waiting[closed:]
        yield from self._said(text)

    def _said(self, text: str) -> Iterator[Stretch]:
        if text.strip():
            yield self._at, text if self._has_said else text.lstrip()
            self._has_said = True


def _open_from(text: str) -> int:
    """Where the tail begins that may still turn out to be a number, or the space before one."""
    bracket = text.rfind("[", max(0, len(text) - _LONGEST_NUMBER))
    end = bracket if bracket >= 0 and _OPEN.fullmatch(text, bracket) else len(text)
    return len(text[:end].rstrip().rstrip("*").rstrip())


def spread(text: str, count: int) -> list[str]:
    """A text without numbers as at most `count` beats: its paragraphs where there are as many, neighbours joined where
    there are more, its sentences dealt out where there are fewer. Shorter than `count` where the text is."""
    paragraphs = [each.strip() for each in _BLANK.split(text) if each.strip()]
    if len(paragraphs) >= count:
        return ["\n\n".join(group) for group in _dealt(paragraphs, count)]
    sentences = [each.strip() for each in _SENTENCE.findall(text) if each.strip()]
    return [" ".join(group) for group in _dealt(sentences, min(count, len(sentences)))]


def _dealt(pieces: list[str], count: int) -> list[list[str]]:
    """Neighbours in `count` groups of nearly as many each, the larger ones last."""
    ends = [len(pieces) * (at + 1) // count for at in range(count)]
    return [pieces[start:end] for start, end in zip([0, *ends], ends, strict=False)]
