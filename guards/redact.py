"""Redact: masks spans. Pure; overlapping spans become one mask."""

from __future__ import annotations

from collections.abc import Iterable

MASK = "***"


def redact(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` with every half-open span replaced by one mask."""
    pieces: list[str] = []
    at = 0
    for start, end in merged(spans):
        pieces += [text[at:start], MASK]
        at = end
    return "".join([*pieces, text[at:]])


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """`spans` in order, overlapping and touching ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
