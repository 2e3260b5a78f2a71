"""Whether a fan asks not to be written to: "stop texting me", "leave me alone", "schreib mir nicht mehr".

It stands apart as a question with dear mistakes on one side alone: who is left alone without having asked misses a
message, who asked and is written to is right to be angry.
"""

from __future__ import annotations

import re

_READ = 4000
_WRITE = r"(?:messag|text|writ|contact|msg|dm|pm|ping|bother|spam|bug|annoy|talk|pester|email|hit)(?:t?ing|e|in|in')?"
_ME = r"(?:\s+to)?(?:\s+up)?\s+me\b(?!\s+(?:off|a|an|the|one)\b)"
_YOU = r"(?:you|u)"
# Where such a request begins. "you don't text me" and "why did you stop texting me" ask for the opposite.
_ASKED = (
    r"(?:^|[.,;:!?\n—–-]|\b(?:please|pls|plz|just|so|and|but|ok|okay|then|now|(?:could|can|will|would) (?:you|u)|"
    r"(?:you|u) (?:should|need to)|want you to|seriously|fucking|babe|look|said|to|hey))\s*"
)
_ENGLISH = (
    rf"{_ASKED}(?:stop|quit|no more)\s+{_WRITE}{_ME}",
    rf"{_ASKED}(?:don'?t|do not|never)\s+(?:ever\s+)?{_WRITE}{_ME}",
    rf"{_ASKED}(?:stop calling|(?:don'?t|do not|never) (?:ever )?call)\s+me(?:\s+(?:again|any ?more|ever))?\W*$",
    r"\bleave\s+me\s+(?:alone|be\b|in peace)",
    r"\blose my number\b",
    rf"\b(?:i'?m|i am)\s+(?:gonna\s+|going to\s+)?block(?:ing)? {_YOU}\b",
    r"\bno more (?:messages|texts|dms)\b",
    r"^\W*unsubscribe\W*$",
    rf"\bi (?:don'?t|do not) want (?:to hear from {_YOU}|(?:any )?(?:more )?(?:messages|texts) from {_YOU})\b",
    rf"\bi (?:don'?t|do not) want {_YOU} to {_WRITE}{_ME}",
)
_OTHERS = (
    r"\bschreibe?\s+mi(?:r|ch)\s+(?:bitte\s+)?(?:nicht|nie)\b",
    r"\blass\s+mich\s+in\s+ruhe\b",
    r"\bno\s+me\s+(?:escribas|hables|molestes)\b",
    r"\bd[ée]jame\s+en\s+paz\b",
    r"\bm['’ ]\s*écri[st]\s+(?:plus|pas)\b",
    r"\blaisse[- ]moi\s+tranquille\b",
    r"\bnon\s+(?:mi\s+scrivere|scrivermi)\b",
    r"\blasciami\s+(?:in\s+pace|stare)\b",
    r"\bnão\s+me\s+(?:escreva|escrevas|mande mensagens)\b",
)
_LEAVE = re.compile("|".join((*_ENGLISH, *_OTHERS)), re.IGNORECASE)


def asks_to_be_left_alone(text: str) -> bool:
    """True where a fan's message asks that nobody writes to them."""
    return _LEAVE.search(text[:_READ].replace("’", "'")) is not None
