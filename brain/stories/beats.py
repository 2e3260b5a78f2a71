"""Beats and characters as plain text: what a message asks to be told, and who is in it.

It stands apart as pure functions of text, which need no language model: they decide what one is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MAX_BEATS = 40
# Fewer words than this make no beat: what stands between two commas is then a detail of the beat before it.
_FEWEST_WORDS = 3
_ASKING = re.compile(
    r"^.{0,60}?\b(?:tell|write|give|make up|read|spin)\b.{0,20}?\b(?:story|tale|bedtime story)\b"
    r"(?:\s+(?:please|pls|babe|again))*\s*(?:about|of|where|in which|with|:|,|-|–|—)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED = re.compile(r"(?:^|\n|\s)\s*(?:\(?\d{1,2}[.):]|[-*•])\s+(?=\S)")
_ARROWS = re.compile(r"\s*(?:->|=>|→|➜|⇒|»)\s*")
_LINES = re.compile(r"\s*\n+\s*")
_THEN = re.compile(r"[,;.]?\s*\b(?:and\s+then|then|after\s+that|afterwards|next|finally|in\s+the\s+end)\b,?\s*", re.I)
_COMMAS = re.compile(r"\s*(?:[;]|(?<=[.!?])\s|,(?:\s*and\b)?)\s*")
_MARKS = re.compile(r"^[\s,.;:\-–—]+|[\s,;:\-–—]+$")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_EVERYBODY = frozenset({"everyone", "everybody", "all", "together", "crew", "gang"})
# Words of a description that say nothing about who is meant.
_PLAIN = frozenset({
    "about", "after", "again", "also", "always", "another", "because", "been", "before", "being", "both", "comes",
    "could", "does", "doesn", "down", "each", "from", "gets", "goes", "good", "have", "having", "here", "hers",
    "herself", "himself", "into", "just", "keeps", "likes", "little", "look", "looks", "loves", "made", "makes",
    "many", "more", "most", "much", "never", "nice", "only", "other", "over", "quite", "really", "said", "same",
    "says", "sees", "should", "small", "some", "still", "such", "tall", "than", "that", "their", "them", "then",
    "there", "these", "they", "thing", "this", "those", "through", "time", "under", "until", "very", "wants",
    "well", "went", "were", "what", "when", "where", "which", "while", "whose", "will", "with", "without", "would",
    "year", "years", "young", "your",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody in a story."""

    name: str = field(repr=False)
    description: str = field(default="", repr=False)


def beats_of(text: str) -> list[str]:
    """The beats that a message spells out: its numbered lines, its arrows, its lines, its "then"s, else its commas.

    The words that ask for a story are left out. One beat or none means that the message names a theme at most, which
    has to be planned. At most MAX_BEATS.
    """
    told = theme_of(text)
    for cut in (_NUMBERED, _ARROWS, _LINES, _THEN):
        beats = _cleaned(cut.split(told))
        if len(beats) > 1:
            return beats[:MAX_BEATS]
    pieces = _cleaned(_COMMAS.split(told))
    return pieces[:MAX_BEATS] if all(len(each.split()) >= _FEWEST_WORDS for each in pieces) else _cleaned([told])


def asks(text: str) -> bool:
    """True for a message that asks for a story of its own, and not for more of one."""
    return bool(_ASKING.match(text.strip()))


def theme_of(text: str) -> str:
    """What a message asks to be told about, without the words that ask."""
    return _MARKS.sub("", _ASKING.sub("", text.strip(), count=1))


def relevant(characters: Sequence[Character], beat: str, so_far: str = "") -> list[Character]:
    """The characters that are named or meant in the beat or in the story so far, in their order.

    A name counts whole or by a part of it; a description counts by a telling word of it ("the barista"); "everyone"
    means all.
    """
    words = set(_words(f"{beat} {so_far}"))
    if words & _EVERYBODY & set(_words(beat)):
        return list(characters)
    return [each for each in characters if words & (_named(each.name) | _meant(each.description))]


def _named(name: str) -> set[str]:
    parts = _words(name)
    return set(parts) if len(parts) == 1 else {part for part in parts if len(part) > 2}


def _meant(description: str) -> set[str]:
    return {word for word in _words(description) if len(word) > 3 and word not in _PLAIN}


def _words(text: str) -> list[str]:
    """The words, folded, each without the 's that makes it somebody's."""
    return [re.sub(r"['’]s$", "", word.casefold()) for word in _WORD.findall(text)]


def _cleaned(pieces: Iterable[str | None]) -> list[str]:
    return [clean for piece in pieces if (clean := _MARKS.sub("", piece or ""))]
