"""What a request adds to a conversation that is known: it may carry the whole transcript, its end, or only what is new.

It stands apart as a pure function of two lists. Apps cut, edit and regenerate; nobody tells us which. The rule where a
request can be read in two ways: take the reading that loses nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from brain.memory.types import Line
from guards.types import Message, Transcript

# What the proxy puts in the place of a message that may not reach the model again.
WITHHELD = "…"
# A client that repeats thousands of messages is compared by its last ones.
_COMPARED = 400

Entry = Line | Message
"""A line that is known, or a message that is not yet."""


@dataclass(frozen=True, slots=True)
class Merged:
    """`entries` are all that stands now, oldest first; known lines that are missing among them were taken back by the
    client. `transcript` is what to answer."""

    entries: tuple[Entry, ...] = field(repr=False)
    transcript: Transcript = field(repr=False)

    @property
    def new(self) -> Transcript:
        """The messages that were not known."""
        return tuple(entry for entry in self.entries if isinstance(entry, Message))


def merge(stored: Sequence[Line], given: Sequence[Message]) -> Merged:
    """Joins the lines kept of a conversation with the messages of a request, both oldest first.

    A request without a word of the persona carries only what is new, or repeats what went unanswered. Any other is a
    transcript or its end, and lines of ours that it contradicts after a place where both agree were edited or
    regenerated there. Where both agree nowhere, nothing of ours is dropped: only the fan's last messages count as new,
    and the transcript is the client's.
    """
    stored, given = tuple(stored), tuple(given)
    answered = _answered(stored)
    spoken, asking = _split(given)
    agreed = _agreed(stored[:answered], spoken)
    run = _Run(0, 0, 0)
    if not (not spoken or (agreed and agreed == min(answered, len(spoken)))):
        run = _longest_run(stored[:answered], given)
        if run.length > agreed and (run.length > 1 or run.stored + run.length == answered):
            return _following(stored, answered, given, run)
    if spoken and not agreed:
        return Merged((*stored, *asking) if stored else given, given)
    waiting = stored[answered:]
    entries: tuple[Entry, ...] = (*stored, *asking[_overlap(waiting, asking) :])
    return Merged(entries, _messages(entries))


@dataclass(frozen=True, slots=True)
class _Run:
    stored: int
    given: int
    length: int


def _following(stored: tuple[Line, ...], answered: int, given: tuple[Message, ...], run: _Run) -> Merged:
    """Both agree on `run`; behind it the client's version stands. Lines that still wait for their reply are kept: they
    are a turn beside this one."""
    rest, tail = stored[run.stored + run.length : answered], given[run.given + run.length :]
    waiting = stored[answered:]
    spoken, asking = _split(tail)
    matcher = SequenceMatcher(None, [_key(line) for line in rest], [_key(message) for message in spoken], False)
    kept: list[Entry] = list(spoken)
    for block in matcher.get_matching_blocks():
        kept[block.b : block.b + block.size] = rest[block.a : block.a + block.size]
    new = asking[_overlap(waiting, asking) :]
    alike = stored[: run.stored + run.length]
    if not tail:
        # What is asked again is known already, and is still what has to be answered: it stands last.
        again = alike[len(alike) - min(len(_split(given)[1]), run.length) :]
        entries: tuple[Entry, ...] = (*alike[: len(alike) - len(again)], *waiting, *again)
    else:
        entries = (*alike, *kept, *waiting, *new)
    return Merged(entries, _messages(entries))


def _answered(stored: tuple[Line, ...]) -> int:
    """How many lines stand before the fan's last ones without a reply."""
    count = len(stored)
    while count and stored[count - 1].role == "user":
        count -= 1
    return count


def _split(given: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """All up to the persona's last message, and the fan's messages after it."""
    count = len(given)
    while count and given[count - 1].role == "user":
        count -= 1
    return given[:count], given[count:]


def _agreed(stored: tuple[Line, ...], given: tuple[Message, ...]) -> int:
    """How many messages both end with alike."""
    count = 0
    while count < min(len(stored), len(given)) and _same(stored[-1 - count], given[-1 - count]):
        count += 1
    return count


def _overlap(waiting: tuple[Line, ...], asking: tuple[Message, ...]) -> int:
    """How many of the messages `asking` begins with are those that `waiting` ends with."""
    for count in range(min(len(waiting), len(asking)), 0, -1):
        if all(map(_same, waiting[-count:], asking[:count])):
            return count
    return 0


def _longest_run(stored: tuple[Line, ...], given: tuple[Message, ...]) -> _Run:
    """The longest stretch that is alike in both, the latest of several."""
    best, before = _Run(0, 0, 0), dict[int, int]()
    first = max(0, len(given) - _COMPARED)
    for index, line in enumerate(stored):
        here = dict[int, int]()
        for place in range(first, len(given)):
            if _same(line, given[place]):
                length = here[place] = before.get(place - 1, 0) + 1
                if length >= best.length:
                    best = _Run(index + 1 - length, place + 1 - length, length)
        before = here
    return best


def _same(line: Line, message: Message) -> bool:
    return line.role == message.role and (message.text.strip() == WITHHELD or _key(line) == _key(message))


def _key(entry: Entry) -> tuple[str, str]:
    text = entry.text
    # Apps trim, wrap and normalise what they keep; none of that makes another message of it.
    return entry.role, " ".join(text.split() if text.isascii() else unicodedata.normalize("NFC", text).split())


def _messages(entries: Sequence[Entry]) -> Transcript:
    return tuple(entry.message if isinstance(entry, Line) else entry for entry in entries)
