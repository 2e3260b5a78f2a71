"""Sample conversations parted in two: examples that a persona may be shown, and turns that nobody has shown it.

It stands apart because evaluation and optimizers must part alike: whole conversations fall on one side, so that no
example says what comes next in a turn to be measured.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from brain.conversations import Conversation, Conversations
from guards.types import Message, Transcript

# The share of the conversations that is kept from the persona.
HELD_OUT = 0.25

_ROLES = {"fan": "user", "persona": "assistant"}


@dataclass(frozen=True, slots=True)
class HeldTurn:
    """A transcript that ends with a fan's line, and what the creator really `said` to it."""

    transcript: Transcript = field(repr=False)
    said: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parted:
    """The conversations to show, and those held out."""

    shown: Conversations
    held: Conversations

    def turns(self, *, seed: int, limit: int) -> tuple[HeldTurn, ...]:
        """At most `limit` of the held-out turns, drawn from all their conversations alike for the same seed."""
        return turns_of(self.held, seed=seed, limit=limit)


def parted(conversations: Conversations, *, seed: int = 0) -> Parted | None:
    """The conversations on either side, the same for the same seed whatever their order; None where there are too few
    to have some on both."""
    whole = conversations.conversations
    ordered = sorted(range(len(whole)), key=lambda at: _hash(seed, "side", whole[at].id, whole[at].title))
    count = max(1, round(HELD_OUT * len(whole)))
    shown, held = (
        Conversations(conversations=tuple(whole[at] for at in sorted(part)))
        for part in (ordered[count:], ordered[:count])
    )
    return Parted(shown, held) if shown.exchanges() and held.exchanges() else None


def turns_of(conversations: Conversations, *, seed: int, limit: int) -> tuple[HeldTurn, ...]:
    """At most `limit` turns of `conversations`, the same for the same seed."""
    found = [
        (_hash(seed, "turn", each.id, str(at)), HeldTurn(_transcript(each, at), each.turns[at].text))
        for each in conversations.conversations
        for at in range(1, len(each.turns), 2)
    ]
    return tuple(turn for _, turn in sorted(found, key=lambda pair: pair[0])[:limit])


def _transcript(conversation: Conversation, end: int) -> Transcript:
    return tuple(Message(_ROLES[line.role], line.text) for line in conversation.turns[:end])


def _hash(seed: int, *parts: str) -> str:
    return hashlib.blake2b("\0".join([str(seed), *parts]).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
