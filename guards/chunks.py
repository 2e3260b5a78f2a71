"""Chunks: what stands between the spaces of a text, cut once for everything that looks at it word by word.

They stand apart because several detectors read the same text in turn, and remember what they know of its words.
"""

from __future__ import annotations

from functools import lru_cache

_LONGEST_KEPT = 48  # what is longer is no word that comes again, and may be anything
_TEXTS_KEPT = 16
_LONGEST_TEXT_KEPT = 4_000
Chunks = tuple[tuple[str, ...], bool]


def chunks_of(text: str) -> Chunks:
    """What stands between the spaces of `text`, and whether all of it is short enough to be remembered."""
    return _known(text) if len(text) <= _LONGEST_TEXT_KEPT else _cut(text)


def _cut(text: str) -> Chunks:
    chunks = tuple(text.split())
    return chunks, max(map(len, chunks), default=0) <= _LONGEST_KEPT


_known = lru_cache(maxsize=_TEXTS_KEPT)(_cut)
