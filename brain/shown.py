"""How much of a conversation a prompt shows, whatever a client or a memory holds.

It stands apart as a pure function. What is not shown is not lost: memory keeps every message whole.
"""

from __future__ import annotations

from guards.types import Message, Transcript

# In characters. Of a longer message the beginning and the end are shown: there people say what they want.
LONGEST_MESSAGE = 6_000
MOST = 24_000
_BETWEEN = " … "


def shown(transcript: Transcript) -> Transcript:
    """The latest messages, as many as fit in MOST characters, none longer than LONGEST_MESSAGE; the last one always."""
    kept: list[Message] = []
    left = MOST
    for message in map(_shortened, reversed(transcript)):
        left -= len(message.text)
        if kept and left < 0:
            break
        kept.append(message)
    return tuple(kept[::-1])


def _shortened(message: Message) -> Message:
    if len(message.text) <= LONGEST_MESSAGE:
        return message
    half = (LONGEST_MESSAGE - len(_BETWEEN)) // 2
    return message._replace(text=f"{message.text[:half].rstrip()}{_BETWEEN}{message.text[-half:].lstrip()}")
