"""Examples: what the classifier is taught with, and which of them are kept back to calibrate and score it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from guards.types import Message, Transcript


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message. `speaker` is the role that says it, `context` the turns before it, oldest first."""

    text: str = field(repr=False)
    labels: frozenset[str]
    speaker: str = "user"
    context: Transcript = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: how many layers of the base model, how often over all examples, how often the glance goes over its
    texts, from which random seed."""

    layers: int = 6
    epochs: int = 4
    glance_epochs: int = 8
    seed: int = 0


def spoken_after(turns: Sequence[tuple[str, str]]) -> Transcript:
    """(role, text) pairs as the turns before a message."""
    return tuple(Message(role, text) for role, text in turns)


def kept_back(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Those to teach with, and about `share` of them to measure with: the same for the same seed, whatever their order.

    Examples that share a conversation fall on one side.
    """
    held = [_place(example, seed) < share for example in examples]
    return (
        [example for example, is_held in zip(examples, held, strict=True) if not is_held],
        [example for example, is_held in zip(examples, held, strict=True) if is_held],
    )


def digest_of(examples: Sequence[Example]) -> str:
    """What tells these examples from others; it stands in the card of the model that was taught with them."""
    digest = hashlib.sha256()
    for example in examples:
        turns = [[turn.role, turn.text] for turn in example.context]
        digest.update(json.dumps([example.text, example.speaker, sorted(example.labels), turns]).encode())
    return digest.hexdigest()[:12]


def _place(example: Example, seed: int) -> float:
    """A number in 0..1 that only the seed and how the conversation begins decide."""
    opening = example.context[0].text if example.context else example.text
    digest = hashlib.blake2b(f"{seed}\0{' '.join(opening.casefold().split())}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big") / 2**64
