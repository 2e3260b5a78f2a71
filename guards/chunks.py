"""Chunks: what stands between the spaces of a text, cut once for everything that looks at it word by word.

They stand apart because several detectors read the same text in turn, and remember what they know of its words.
"""

from __future__ import annotations

from functools import lru_cache

_LONGEST_KEPT = 48  # what is longer is no word that comes again, and may be anything
_TEXTS_KEPT = 16


@lru_cache(maxsize=_TEXTS_KEPT)
def chunks_of(text: str) -> tuple[tuple[str, ...], bool]:
    """What stands between the spaces of `text`, and whether all of it is short enough to be remembered."""
    chunks = tuple(text.split())
    return chunks, max(map(len, chunks), default=0) <= _LONGEST_KEPT
