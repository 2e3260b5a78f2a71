"""Ends and spelling of what a statement names: where a place, a name or a list of things stops, and how it is written.

It stands apart because every statement cuts its words out of loose typing in the same few ways.
"""

from __future__ import annotations

import re

from brain.memory.vocabulary import ENDS, GOOD_THE, NO_NAMES, NO_PLACES, NO_TASTES, listed

_SMALL = listed("of on upon the de la le in under by and del les")
_DANGLING = listed("a an the in at of to on from near with for about into my and or like around over")
_TURNED = {
    "my": "their",
    "mine": "theirs",
    "me": "them",
    "myself": "themselves",
    "our": "their",
    "am": "are",
    "i": "they",
}
_TITLES = listed("mr mrs ms sir miss lady lord captain princess prince king queen dr lil little big")
# No digits and no underscores: with them it is a handle.
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|['-])*")
# What follows a place and is none of it.
_WHEN = listed("last next this originally recently permanently soon again about ago years months weeks again later")
_YOU = listed("you u ya ur your yours")


def words_until(rest: str, most: int, also: frozenset[str] = frozenset()) -> list[str]:
    """The words of `rest` up to where it stops being about one thing, at most `most` of them."""
    words: list[str] = []
    for word in rest.split()[:most]:
        if word.casefold().strip(",") in ENDS or word.casefold() in also or not any(map(str.isalnum, word)):
            break
        words.append(word.strip(",;:"))
    while words and words[-1].casefold() in _DANGLING:
        words.pop()
    return words


def turned(words: list[str]) -> str:
    """Words as they read when somebody else speaks of the fan."""
    return " ".join(_TURNED.get(word.casefold(), word) for word in words)


def place(rest: str) -> str:
    """A place that `rest` begins with; empty when it names none."""
    words = words_until(rest, 7, _WHEN)
    if not words or any(map(str.isdigit, "".join(words))):
        return ""  # a number makes a distance of it, a time, or an address
    first = words[0].casefold()
    if first in NO_PLACES and not (first in ("a", "an", "the") and _is_thing(words)):
        return ""
    if first in ("a", "an", "the"):
        return turned(words)
    return " ".join(
        word if word.casefold() in _SMALL and index else _risen(word) if word.casefold() not in _SMALL else word
        for index, word in enumerate(words)
    )


def _is_thing(words: list[str]) -> bool:
    return len(words) > 1 and words[1].casefold() not in NO_PLACES


def name(rest: str) -> str:
    """A name that `rest` begins with, as names are written; empty when there is none."""
    words = rest.split()
    if not words or not _NAME.fullmatch(words[0].strip(",")) or words[0].casefold() in (NO_NAMES - _TITLES) | ENDS:
        return ""
    taken = [words[0]]
    for word in words[1:3]:
        titled = taken[-1].casefold() in _TITLES and _NAME.fullmatch(word)
        if not titled and not (word[0].isupper() and _NAME.fullmatch(word) and not word.isupper()):
            break
        taken.append(word)
    if len(taken) == 1 and taken[0].casefold() in _TITLES & NO_NAMES:
        return ""
    second = rest.split()[len(taken) : len(taken) + 2]
    if len(second) == 2 and second[0] in ("and", "&") and _NAME.fullmatch(second[1]) and _is_name(second[1]):
        taken += ["and", second[1]]
    return " ".join(word if word == "and" else _risen(word) for word in taken)


def _is_name(word: str) -> bool:
    return word.casefold() not in NO_NAMES | ENDS | _SMALL


def things(rest: str, most: int = 5) -> str:
    """One or two things ("pizza and cold beer") that `rest` begins with; empty when it is about nothing that can be
    kept, or about the one who is talked to."""
    first = words_until(rest, most)
    if not first or _is_vague(first):
        return ""
    told = len(" ".join(first).split())
    after = rest.split()[told:]
    if after and after[0].casefold() in _YOU:
        return ""
    if len(after) > 1 and after[0] in ("and", "&", "or"):
        second = words_until(" ".join(after[1:]), 4)
        follows = after[1 + len(second) :]
        if second and not _is_vague(second) and not (follows and follows[0].casefold() in _YOU):
            return f"{turned(first)} {after[0]} {turned(second)}"
    return turned(first)


def _is_vague(words: list[str]) -> bool:
    lowered = [word.casefold() for word in words]
    if _YOU & set(lowered):
        return True
    if lowered[0] == "the":
        return not (len(words) > 1 and (lowered[1] in GOOD_THE or words[1][0].isupper()))
    if lowered[0] == "to":
        return len(words) < 2 or lowered[1] in ("see", "hear", "know", "think", "say", "be", "imagine", "watch", "chat")
    return lowered[0] in NO_TASTES


def head(text: str) -> str:
    """The word that a thing is known by: "cold pizza" -> "pizza", "playing guitar" -> "guitar"."""
    return re.split(r" (?:and|or|&|of|with|in|on) ", text)[0].split()[-1].casefold() if text else ""


def risen(words: list[str]) -> str:
    """Words as names are written."""
    return " ".join(_risen(word) for word in words)


def _risen(word: str) -> str:
    return word[0].upper() + word[1:] if word.islower() else word
