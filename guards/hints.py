"""Hints: which readings a text could have at all, word by word.

They stand apart because they make folding cheap: most words hint at nothing, and what a word hints at is remembered. A
reading that is not hinted at is not there; one that is may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from guards.chunks import chunks_of
from guards.letter_names import SURE_NAMES, names_letter
from guards.remembered import Remembered
from guards.spelled import LEAST_WORDS, mark_stems_in, number_words_in

_WORDS_KEPT = 32_768
_TOKEN = re.compile(r"[^\W_]+")
_LEET_SIGN = re.compile(r"[013457896@$+!|][\w@$+]|\w[013457896@$+]")
_HELD_LETTER = re.compile(r"([a-z])\1\1", re.IGNORECASE)
_CODE = re.compile(r"[\d=]|[a-z][A-Z]|^[.|/-]+$")  # the last: a letter in Morse code
_DIGIT = re.compile(r"\d")
# Counters side by side in one number, so that those of words add up; no text is long enough for one to overflow.
_WIDTH = 32
_COUNT = (1 << _WIDTH) - 1
_SINGLES, _DIGITS, _NAMED, _MARKED, _LEET, _HELD, _CODED, _BARE = range(_WIDTH, 9 * _WIDTH, _WIDTH)
_READ = 2 * _WIDTH  # where those begin of which one is enough
_FEWEST_SPREAD = 3  # letters one by one
_ENDS_WORD = ".,!?"  # hints at nothing behind a plain word


class Hints(NamedTuple):
    """What the words of a text hint at; `is_spread` at letters that stand one by one."""

    is_spread: bool
    is_spelled: bool
    is_leet: bool
    is_held: bool
    is_coded: bool


def hints_of(text: str) -> Hints:
    """What `text` may read as. Linear."""
    chunks, are_short = chunks_of(text)
    each = list(map(_hint if are_short else _looked_at, chunks))
    total = sum(each)
    numbers = total & _COUNT
    is_spread = _count(total, _SINGLES) >= _FEWEST_SPREAD and _are_spread(each)
    if not (total >> _READ or is_spread or numbers >= LEAST_WORDS):
        return NOTHING
    return Hints(
        is_spread=is_spread,
        is_spelled=numbers >= LEAST_WORDS
        or (numbers > 0 and _count(total, _DIGITS) > 0)
        or _count(total, _NAMED) + _count(total, _MARKED) > 0,
        is_leet=_count(total, _LEET) > 0,
        is_held=_count(total, _HELD) > 0,
        is_coded=_count(total, _CODED) > 0,
    )


def _count(total: int, counter: int) -> int:
    return total >> counter & _COUNT


def _are_spread(each: Iterable[int]) -> bool:
    """True where letters that stand alone follow each other, with nothing but signs between them."""
    run = 0
    for hint in each:
        if not hint:
            run = 0
        elif singles := hint >> _SINGLES & _COUNT:
            run += singles
            if run >= _FEWEST_SPREAD:
                return True
        elif not hint >> _BARE:
            run = 0
    return False


def _looked_at(word: str) -> int:
    core = word.rstrip(_ENDS_WORD)
    if len(core) > 1 and core.isascii() and core.isalpha() and core[1:].islower():
        return _in_plain(core.lower())
    low = word.lower()
    tokens = _TOKEN.findall(word)
    singles = sum(len(token) == 1 for token in tokens) + word.count("@") + word.count("$")
    return (
        number_words_in(low)
        + (singles << _SINGLES)
        + ((_DIGIT.search(word) is not None) << _DIGITS)
        + (names_letter(low) << _NAMED)
        + (mark_stems_in(low) << _MARKED)
        + ((_LEET_SIGN.search(word) is not None) << _LEET)
        + ((_HELD_LETTER.search(word) is not None) << _HELD)
        + ((_CODE.search(word) is not None) << _CODED)
        + ((not tokens) << _BARE)
    )


def _in_plain(low: str) -> int:
    """As above, for a word of two or more ASCII letters in lower case."""
    return (
        number_words_in(low)
        + ((low in SURE_NAMES) << _NAMED)
        + (mark_stems_in(low) << _MARKED)
        + ((_HELD_LETTER.search(low) is not None) << _HELD)
    )


NOTHING = Hints(is_spread=False, is_spelled=False, is_leet=False, is_held=False, is_coded=False)
_hint = Remembered(_looked_at, _WORDS_KEPT).__getitem__
