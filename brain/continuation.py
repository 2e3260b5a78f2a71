"""How a new text goes on from what was already released: R + new read as one text, with R left as it is.

It stands apart because it is pure text work with rules worth reading: nothing doubled, nothing glued, nothing replayed.
"""

from __future__ import annotations

import re
import unicodedata

# What closes or continues a word or clause, and so never takes a space before it.
_CLINGS = re.compile(r"[.,!?;:…%)\]}’”»'\"]")
_OPENS = re.compile(r"[(\[{‘“«#@/\-]$")
# Fewer repeated words than this are more likely to be meant ("ha ha") than replayed.
_FEWEST_REPLAYED_WORDS = 3


def follow(released: str, answer: str) -> str:
    """What must be sent after `released` so that the two read as one text; empty when `answer` adds nothing.

    A model asked to go on often starts over: an `answer` that begins with `released` (spacing and capitals aside), or
    with the last words of it, loses that beginning and is joined exactly where the model itself went on. Otherwise the
    two are parted by one space, unless `released` ends or `answer` begins with a line break (kept), `answer` begins
    with punctuation that clings, or both sides are written without spaces (Chinese, Japanese).
    """
    answer = answer.rstrip()
    if not released:
        return answer.lstrip()
    replayed = _replayed(released, answer)
    rest = answer[replayed:]
    if not rest.strip():
        return ""
    if released[-1].isspace():
        return rest.lstrip()
    return rest if replayed and not rest[0].isspace() else _gap(released, rest) + rest.lstrip()


def _replayed(released: str, answer: str) -> int:
    """How many characters at the start of `answer` say again what `released` ends with."""
    words = released.split()
    for first in range(max(1, len(words) - _FEWEST_REPLAYED_WORDS + 1)):
        if match := re.match(r"\s*" + r"\s+".join(map(re.escape, words[first:])), answer, re.IGNORECASE):
            return match.end()
    return 0


def _gap(released: str, rest: str) -> str:
    lead = rest[: len(rest) - len(rest.lstrip())]
    if "\n" in lead:
        return lead
    first = rest.lstrip()[0]
    clings = bool(_CLINGS.match(first)) or bool(_OPENS.search(released))
    return "" if clings or (_is_unspaced(released[-1]) and _is_unspaced(first)) else " "


def _is_unspaced(character: str) -> bool:
    return unicodedata.category(character) == "Lo" and unicodedata.east_asian_width(character) == "W"
