"""The word table: terms found in words that are misspelt, reversed, rotated (rot13), short of vowels or doubled.

It stands apart from the automaton because these disguises change the letters themselves: each word of a text is looked
up by what it could have been. Near misses are found by deletion neighbourhoods (a term and a word within one edit share
a string from which each lost at most one letter), so the cost does not grow with the number of terms.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[^\W\d_]{4,40}")
_RUN = re.compile(r"([a-z])\1+")
_SHORTEST_TURNED = 5
_SHORTEST_NEAR = 7
_SHORTEST_SWAPPED = 4
_FEWEST_BONES = 5
_WITHOUT_VOWELS = dict.fromkeys(map(ord, "aeiou"))


class WordTable:
    """The terms of one word, by index, and the words that are none of them although they look like one."""

    def __init__(self, terms: Iterable[tuple[int, str]], unlike: Iterable[str]) -> None:
        words = {text: index for index, text in terms if text.isascii() and text.isalpha()}
        known = words.keys() | set(unlike)
        self._known = known | {f"{word}s" for word in known}
        self._turned: dict[str, tuple[int, str]] = {}
        self._squeezed: dict[str, int] = {}
        self._bones: dict[str, str] = {}
        self._near: dict[str, list[str]] = {}
        self._index = words
        for word, index in words.items():
            for disguise, hidden in _mangled(word):
                self._turned.setdefault(hidden, (index, disguise))
            self._squeezed.setdefault(_squeeze(word), index)
            self._squeezed.setdefault(_squeeze(f"{word}s"), index)
            if len(word) >= _SHORTEST_NEAR:
                if len(bones := _bones(word)) >= _FEWEST_BONES:
                    self._bones.setdefault(bones, word)
                for short in _shortened(word):
                    self._near.setdefault(short, []).append(word)
        self._edges = {word[0] + word[-1] for word in self._squeezed}
        long = [word for word in words if len(word) >= _SHORTEST_NEAR]
        sizes = [(word, len(word) + more, *_edges(len(word) + more)) for word in long for more in (-1, 0, 1)]
        self._starts = {(word[:start], size) for word, size, start, _ in sizes}
        self._ends = {(word[0], word[-end:], size) for word, size, _, end in sizes}

    def hides(self, word: str) -> bool:
        """True when lower-case `word` hides a term."""
        return _WORD.fullmatch(word) is not None and self._looked_up(word) is not None

    def hides_in(self, text: str) -> bool:
        """True when a word of lower-case `text` hides a term."""
        return any(self._looked_up(word) is not None for word in _WORD.findall(text))

    def find(self, text: str) -> Iterator[tuple[int, str, int, int]]:
        """(index, disguise, start, end) of every word of lower-case `text` that hides a term. Linear."""
        for place in _WORD.finditer(text):
            if (hit := self._looked_up(place[0])) is not None:
                yield (*hit, *place.span())

    def _looked_up(self, word: str) -> tuple[int, str] | None:
        if word in self._turned and word not in self._known:
            return self._turned[word]
        if len(set(word)) < len(word) and word[0] + word[-1] in self._edges and _RUN.search(word) is not None:
            squeezed = _squeeze(word)
            if squeezed in self._squeezed and word not in self._known:
                return self._squeezed[squeezed], "squeezed"
        full = self._bones.get(_bones(word))
        if full is not None and word not in self._known and _is_within(word, full):
            return self._index[full], "vowelless"
        size = len(word)
        start, end = _edges(size)
        if (word[:start], size) in self._starts or (word[0], word[-end:], size) in self._ends:
            return self._near_miss(word)
        return None

    def _near_miss(self, word: str) -> tuple[int, str] | None:
        if word in self._known:
            return None
        for short in _shortened(word):
            for term in self._near.get(short, ()):
                if term[0] == word[0] and _is_one_edit(term, word):
                    return self._index[term], "near"
        return None


def _mangled(word: str) -> Iterator[tuple[str, str]]:
    """(disguise, what `word` becomes): backwards, rotated, with two neighbours swapped."""
    if len(word) >= _SHORTEST_TURNED:
        yield "reversed", word[::-1]
        yield "rot13", codecs.encode(word, "rot13")
    if _SHORTEST_SWAPPED <= len(word) < _SHORTEST_NEAR:
        for at in range(1, len(word) - 1):
            yield "near", word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _edges(size: int) -> tuple[int, int]:
    """How many letters at its beginning, or else at its end, no one edit changes in a word of `size` letters."""
    return 3 + (size > 7), 3 + (size > 8)


def _bones(word: str) -> str:
    """What is left of `word` without the vowels behind its first letter."""
    return word[0] + word[1:].translate(_WITHOUT_VOWELS)


def _is_within(word: str, full: str) -> bool:
    """True when `word` is `full` with letters left out."""
    rest = iter(full)
    return len(word) < len(full) and all(letter in rest for letter in word)


def _squeeze(word: str) -> str:
    return _RUN.sub(r"\1", word)


def _shortened(word: str) -> list[str]:
    """`word`, and `word` without each one of its letters."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def _is_one_edit(one: str, other: str) -> bool:
    """True when a letter changed, added or left out, or two neighbours swapped, make `one` of `other`."""
    if len(one) != len(other):
        short, long = sorted((one, other), key=len)
        return short in _shortened(long)
    apart = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(apart) == 2:
        first, second = apart
        return second == first + 1 and one[first] == other[second] and one[second] == other[first]
    return len(apart) == 1
