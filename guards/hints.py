"""Hints: which readings a text could have at all, word by word.

They stand apart because they make folding cheap: most words hint at nothing, and what a word hints at is remembered. A
reading that is not hinted at is not there; one that is may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from guards.chunks import chunks_of
from guards.letter_names import names_letter
from guards.spelled import LEAST_WORDS, mark_stems_in, number_words_in

_WORDS_KEPT = 32_768
_TOKEN = re.compile(r"[^\W_]+")
_LEET = re.compile(r"[013457896@$+!|][\w@$+]|\w[013457896@$+]")
_HELD = re.compile(r"([a-z])\1\1", re.IGNORECASE)
_CODE = re.compile(r"[\d=]|[a-z][A-Z]|^[.|/-]+$")  # the last: a letter in Morse code
_DIGIT = re.compile(r"\d")
# Counters side by side in one number, so that those of words add up; one that overflows only hints at too much.
_SINGLE, _LETTER, _MARK, _LEETED, _HOLDS, _DIGITS, _CODED = (1 << shift for shift in (16, 32, 40, 48, 56, 64, 72))
_COUNT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Hints:
    """What the words of a text hint at; `singles` are letters that stand alone."""

    singles: int
    is_spelled: bool
    is_leet: bool
    is_held: bool
    is_coded: bool


def hints_of(text: str) -> Hints:
    """What `text` may read as. Linear."""
    chunks, are_short = chunks_of(text)
    total = sum(map(_hint if are_short else _looked_at, chunks))
    numbers, has_digits = total & _COUNT, total >> 64 & 0xFF > 0
    return Hints(
        singles=total >> 16 & _COUNT,
        is_spelled=numbers >= LEAST_WORDS or (numbers > 0 and has_digits) or total >> 32 & _COUNT > 0,
        is_leet=total >> 48 & 0xFF > 0,
        is_held=total >> 56 & 0xFF > 0,
        is_coded=total >> 72 > 0,
    )


def _looked_at(word: str) -> int:
    low = word.lower()
    singles = sum(len(token) == 1 for token in _TOKEN.findall(word)) + word.count("@") + word.count("$")
    return (
        number_words_in(low)
        + _SINGLE * singles
        + _LETTER * names_letter(low)
        + _MARK * mark_stems_in(low)
        + _LEETED * (_LEET.search(word) is not None)
        + _HOLDS * (_HELD.search(word) is not None)
        + _DIGITS * (_DIGIT.search(word) is not None)
        + _CODED * (_CODE.search(word) is not None)
    )


_hint = lru_cache(maxsize=_WORDS_KEPT)(_looked_at)
