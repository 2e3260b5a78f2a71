"""Remembered: what was read off single words, for those that come again.

It stands apart because every word of every text is looked up in some of these. The least recently used of a cache would
be better to forget, but to keep their order each look-up has to write, in memory that is far apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Remembered(dict[str, T]):
    """What `read` makes of a word, by the word. It forgets all where it would come to hold more than `size` words."""

    def __init__(self, read: Callable[[str], T], size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size

    def __missing__(self, word: str) -> T:
        value = self._read(word)
        if len(self) >= self._size:
            self.clear()
        self[word] = value
        return value
