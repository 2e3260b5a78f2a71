"""Words of one meaning as one feature: "kill", "matar" and "umbringen" are kin, and so are "refund" and "scam".

It stands apart as a table of words with a reader: what a few thousand examples cannot teach about seven languages is
written down once, and two kin near each other ("me" and "die", "you" and "kill") say more than either alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "models" / "kin.txt"
_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_SHORTEST_STEM = 2
# How many words further the second of a pair may stand.
_REACH = 4


class Kin:
    """The table in `file`: a line is a name, a colon and its words; `*` stands for any ending, `_` for a space."""

    def __init__(self, file: Path = _FILE) -> None:
        self._words: dict[str, set[int]] = {}
        self._stems: dict[str, set[int]] = {}
        self.names: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            name, colon, words = line.partition(":")
            if not colon or line.startswith("#"):
                continue
            for word in words.split():
                table = self._stems if word.endswith("*") else self._words
                table.setdefault(fold(word.rstrip("*").replace("_", " ")), set()).add(len(self.names))
            self.names.append(name)
        self._longest = max(map(len, self._stems), default=0)
        self._stem_kin = lru_cache(maxsize=8192)(self._by_stem)

    @property
    def size(self) -> int:
        """How many features there are: each name, and each ordered pair of names."""
        return len(self.names) * (len(self.names) + 1)

    def features(self, text: str) -> list[int]:
        """The numbers, each once, of the kin in `text` and of their pairs, below `size`."""
        count = len(self.names)
        found: set[int] = set()
        before: list[frozenset[int]] = []
        for kin in self._of_tokens(_TOKEN.findall(fold(text))):
            found |= kin
            for earlier in before[-_REACH:]:
                found.update(count + first * count + second for first in earlier for second in kin)
            before.append(kin)
        return sorted(found)

    def _of_tokens(self, tokens: list[str]) -> Iterator[frozenset[int]]:
        for at, token in enumerate(tokens):
            kin = self._stem_kin(token)
            for length in (2, 3):
                phrase = self._words.get(" ".join(tokens[at : at + length])) if at + length <= len(tokens) else None
                if phrase:
                    kin = kin | phrase
            yield kin

    def _by_stem(self, word: str) -> frozenset[int]:
        kin = set(self._words.get(word, ()))
        for length in range(_SHORTEST_STEM, min(len(word), self._longest) + 1):
            kin |= self._stems.get(word[:length], set())
        return frozenset(kin)


def fold(text: str) -> str:
    """Lower case, without accents, with plain apostrophes."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(char for char in apart if not unicodedata.combining(char))
