"""Letters: what one character is and reads as, by Unicode's own data.

It stands at the bottom of folding: nothing here looks at a neighbour, so every answer is remembered.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs.confusables import confusables_data

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_NAMED_LETTER = re.compile(
    r"^(?:NEGATIVE )?(?:CIRCLED|SQUARED|CROSSED NEGATIVE SQUARED)? ?LATIN (?:SMALL |CAPITAL )?LETTER "
    r"(?:SMALL )?(?:CAPITAL )?([A-Z])$"
)
_STROKED_LETTER = re.compile(r"^LATIN (?:SMALL|CAPITAL) LETTER (?:DOTLESS )?([A-Z])(?: WITH [A-Z ]+)?$")
_FIRST_INDICATOR, _LAST_INDICATOR = "\U0001f1e6", "\U0001f1ff"


@lru_cache(maxsize=8192)
def simplified(char: str) -> str:
    """What one character reads as, before look-alikes: '' for an invisible one."""
    if _INVISIBLE.match(char):
        return ""
    if char.isascii():
        return char
    if is_indicator(char):
        return chr(ord(char) - ord(_FIRST_INDICATOR) + ord("a"))
    if named := _NAMED_LETTER.match(unicodedata.name(char, "")):
        return named[1].lower()
    plain = unicodedata.normalize("NFKD", char)
    if is_latin(plain[0]):
        return _unstroked("".join(c for c in plain if not unicodedata.combining(c)))
    return unicodedata.normalize("NFKC", char)


def _unstroked(letters: str) -> str:
    """`letters`, or the letter under the stroke, hook or tail of one that has no decomposition (`ł`, `ø`, `ı`)."""
    stroked = _STROKED_LETTER.match(unicodedata.name(letters, "")) if len(letters) == 1 else None
    if stroked is None:
        return letters
    return stroked[1] if letters.isupper() else stroked[1].lower()


def is_indicator(char: str) -> bool:
    """True for one of the regional indicator letters that make flags in pairs."""
    return _FIRST_INDICATOR <= char <= _LAST_INDICATOR


@lru_cache(maxsize=8192)
def is_mark(char: str) -> bool:
    """True for a visible mark that stands over, under or around the character before it."""
    return not char.isascii() and unicodedata.category(char)[0] == "M" and not _INVISIBLE.match(char)


def is_hidden(char: str) -> bool:
    """True for what takes no place of its own in a line: marks and invisible characters."""
    return not char.isascii() and (is_mark(char) or _INVISIBLE.match(char) is not None)


@lru_cache(maxsize=8192)
def is_latin(char: str) -> bool:
    """True for a letter of the Latin script."""
    return (char.isascii() and char.isalpha()) or "LATIN" in unicodedata.name(char, "")


@lru_cache(maxsize=8192)
def is_wordish(char: str) -> bool:
    """True for what a Latin word or number is made of; a flag is none."""
    if is_indicator(char):
        return False
    first = simplified(char)[:1]
    return first.isalnum() and (first.isdigit() or is_latin(first))


@lru_cache(maxsize=8192)
def lookalike(char: str) -> str | None:
    """The ASCII letter that a letter of another script (or an odd Latin one) looks like; None when there is none."""
    if char.isascii():
        return None
    targets: list[str] = [entry["c"] for entry in confusables_data.get(char, [])]
    letters = [target for target in targets if len(target) == 1 and target.isascii() and target.isalpha()]
    if not letters:
        return None
    return letters[0].upper() if char.isupper() else letters[0].lower()


@lru_cache(maxsize=8192)
def is_dressed_up(char: str) -> bool:
    """True for what stands for an ASCII letter and is none that a language writes it with: one in another style, in a
    circle, full-width, or of another script that looks the same."""
    if char.isascii() or is_hidden(char):
        return False
    name = unicodedata.name(char, "")
    if name.startswith("LATIN ") and "SMALL CAPITAL" not in name:
        return False
    plain = lookalike(char) or simplified(char)
    return len(plain) == 1 and plain.isascii() and plain.isalpha()


def without_accents(text: str) -> str:
    """`text` with plain ASCII letters where the clean view has them: what an operator wrote, in the letters that are
    read."""
    return text if text.isascii() else "".join(map(_without_accent, text))


def _without_accent(char: str) -> str:
    plain = simplified(char) if char.isalpha() else char
    return plain if len(plain) == 1 and plain.isascii() else char
