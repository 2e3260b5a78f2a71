"""The line that stands in for a reply nobody could write, and the end of one that broke off.

It stands apart as pure text work: the lines are the persona's own, so that a failure reads as a turn of the talk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from brain.chat import Asked
from brain.guidance import released_in
from brain.trim import is_finished

# What shows that a text was left in mid-sentence.
TRAILING = "…"


def stand_in(asked: Asked, pools: Iterable[Sequence[str]]) -> str:
    """A line of the first pool that has one not said in this conversation, the same for the same turn.

    When all were said, one of the first pool; empty when there are no lines at all. It goes on from what the fan has
    seen already, where the guidance says so.
    """
    filled = [pool for pool in pools if pool]
    if not filled:
        return ""
    said = [message.text for message in asked.transcript if message.role == "assistant"] + [asked.past_reply]
    fresh = ([line for line in pool if not any(line in text for text in said)] for pool in filled)
    lines = next(filter(None, fresh), list(filled[0]))
    last = next((message.text for message in reversed(asked.transcript) if message.role == "user"), "")
    line = lines[_number(last, len(asked.transcript)) % len(lines)]
    return line if is_finished(released_in(asked.guidance)) else f"{TRAILING} {line}"


def closing(text: str) -> str:
    """What is sent behind a text that broke off: nothing behind a whole sentence, else the mark that it trails off.

    No other line is put behind half a sentence: it was not written for it, and seldom reads on from it.
    """
    return "" if is_finished(text) else TRAILING


def _number(*parts: object) -> int:
    """The same in every process for the same parts."""
    seed = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest(), "big")
