"""Letter names: `eff bee` read as fb, `ess see` as sc.

At least two names in a row, at least one of which is hardly ever a word of its own: `oh dear`, `you see` stay words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SURE_NAMES = {
    "bee": "b", "cee": "c", "dee": "d", "eff": "f", "ef": "f", "gee": "g", "aitch": "h", "haitch": "h", "jay": "j",
    "kay": "k", "ell": "l", "em": "m", "ess": "s", "tee": "t", "vee": "v", "wye": "y", "zee": "z", "zed": "z",
}  # fmt: skip
_ALSO_WORDS = {
    "ay": "a", "aye": "a", "be": "b", "see": "c", "sea": "c", "ee": "e", "eye": "i", "el": "l", "en": "n", "oh": "o",
    "owe": "o", "pee": "p", "pea": "p", "cue": "q", "queue": "q", "ar": "r", "are": "r", "es": "s", "tea": "t",
    "you": "u", "yoo": "u", "ex": "x", "why": "y",
}  # fmt: skip
_NAMES = SURE_NAMES | _ALSO_WORDS
_WORDS = frozenset("aio")  # single letters that are words: beside them two sure names are asked for
_HINT = re.compile(rf"\b(?:{'|'.join(SURE_NAMES)})\b")
_NAME = "|".join(sorted(_NAMES, key=len, reverse=True))
_ONE = rf"(?:double[ -]?(?:you|yoo|u)|{_NAME}|[a-z])"
_RUN = re.compile(rf"\b{_ONE}(?:[ .-]{_ONE}){{1,11}}\b")
_PIECE = re.compile(rf"double[ -]?(?:you|yoo|u)\b|\b(?:{_NAME}|[a-z])\b")


def names_letter(word: str) -> bool:
    """True when lower-case `word` holds a name of a letter that is hardly ever a word of its own."""
    return _HINT.search(word) is not None


def letter_names(low: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, letters) of every run of letter names in lower-case `low`. Linear."""
    if _HINT.search(low) is None:
        return
    for run in _RUN.finditer(low):
        names = _PIECE.findall(run[0])
        sure = sum(name in SURE_NAMES for name in names)
        if len(names) > 1 and sure > (not _WORDS.isdisjoint(names)):
            yield run.start(), run.end(), "".join("w" if len(n) > 5 else _NAMES.get(n, n) for n in names)
