"""The table of statements: what a line of it is, and what several of its patterns are made of.

It stands apart so that each part of the table needs only this.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from brain.memory.vocabulary import MONTHS

Made = tuple[str, str] | None
"""What a pattern found: the fact in the third person and its kind; None when it is none after all."""
Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], Made]]

I_AM = r"(?:\bi'?m|\bi am|^am)"
DAY = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{MONTHS})|(?:{MONTHS}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?|"
    r"\d{1,2}[/.]\d{1,2})\b"
)


def rule(pattern: str, make: Callable[[re.Match[str]], Made]) -> Rule:
    """One line of the table; letter case does not count."""
    return re.compile(pattern, re.IGNORECASE), make


def any_of(*lists: str) -> str:
    """One alternative out of lists of words, each joined by |; the longer one where two begin alike."""
    return "|".join(sorted({re.escape(each) for part in lists for each in part.split("|")}, key=len, reverse=True))
