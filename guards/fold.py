"""Fold: one shared stage that undoes disguise, each view with an exact map back to the original offsets.

It stands apart because every detector reads the same views, so that a disguise is undone once and nowhere twice.
What a place reads as depends on a bounded stretch before it and the rest of its sentence, never on what comes later:
a hold-back that releases sentence by sentence relies on it.

Views, in the order they are built (a view that would equal an earlier one is left out, and most texts have only the
first):
    clean     compatibility forms, invisible characters, diacritics and look-alikes undone; case kept
    joined    letters that stand one by one (`i n s t a`, `i.n.s.t.a`) pulled together
    leet      digits and signs inside words read as letters (`1nst@` -> insta); `leet_l` reads 1, ! and | as l
    squeezed  letters held down (`snaaaap`) let go
    spelled   numbers, dots and ats that are written as words (`five five five oh…` -> ☎5550…, `mila dot x` -> mila.x)
    decoded   base64, hexadecimal, binary and character codes read
Misspelt, reversed and rotated words are no views: they are looked up word by word, in detectors/word_table.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guards.clean import clean
from guards.encoded import decoded
from guards.hints import NOTHING, hints_of
from guards.spelled import spelled
from guards.types import Transcript
from guards.views import Folded, View, lowered, rebuilt, replaced

__all__ = ["Folded", "View", "fold", "fold_term", "lowered"]

_CONTRACTED = r"(?<![^\W_]['’])(?![iI]['’][md](?!['’]))"  # no letter by itself: that of `can't`, those of `I'm`
_SPREAD = re.compile(
    rf"(?<![^\W_]){_CONTRACTED}[^\W_](?:[\W_]{{1,3}}[^\W_@$]|[\W_]{{0,2}}?[@$](?=[\W_]|$)){{2,}}(?![^\W_])"
)
_LEET_WORD = re.compile(r"[\w@$!|+]{2,}")
_LEET = str.maketrans("013457896@$+!|", "oieastbgbastii")
_LEET_SIGNS = frozenset("013457896@$+!|")
_LEET_HINT = re.compile(r"[013457896@$+!|][\w@$+]|\w[013457896@$+]")
_ONES = frozenset("1!|")
_HELD = re.compile(r"([a-z])\1\1+", re.IGNORECASE)
_ASCII_WORD = re.compile(r"[A-Za-z]+")
_DOUBLED = frozenset({
    "add", "all", "app", "apps", "ball", "bell", "beer", "book", "boobs", "call", "called", "calling", "cell",
    "coffee", "cool", "dinner", "door", "good", "google", "hello", "hill", "hook", "hookup", "keep", "kiss", "meet",
    "meeting", "meetup", "need", "room", "see", "seeing", "sell", "soon", "street", "sweet", "tell", "tree", "weed",
    "week", "will", "zoom", "facebook", "twitter", "messenger", "reddit", "tomorrow",
})  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


def fold(text: str, speaker: str = "user", context: Transcript = ()) -> Folded:
    """Every view of `text`, said by `speaker` after `context`. Linear in its length. A lone surrogate, which no engine
    can read, counts as U+FFFD."""
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    first = clean(text)
    hints = hints_of(first.text)
    if hints is NOTHING:
        return Folded(text, (first,), speaker, context)
    views = [first]
    joined = _joined(first) if hints.is_spread else None
    if joined is not None:
        views.append(joined)
    if hints.is_leet or joined is not None:
        views.extend(_leet(joined or first))
    readers = ((hints.is_held, _squeezed), (hints.is_spelled, spelled), (hints.is_coded, decoded))
    views.extend(view for is_hinted, read in readers if is_hinted and (view := read(first)) is not None)
    return Folded(text, tuple(views), speaker, context)


def fold_term(term: str) -> str:
    """`term` as it reads in a lower-cased clean view; folding it again changes nothing."""
    read = clean(term).text.lower()
    return read if read == term else fold_term(read)


def _joined(base: View) -> View | None:
    runs = [run.span() for run in _SPREAD.finditer(base.text)]
    if not runs:
        return None

    def keep() -> Iterator[tuple[int, str]]:
        at = 0
        for start, end in runs:
            yield from ((i, base.text[i]) for i in range(at, start))
            yield from ((i, c) for i, c in enumerate(base.text[start:end], start) if c.isalnum() or c in "@$")
            at = end
        yield from ((i, base.text[i]) for i in range(at, len(base.text)))

    return rebuilt("joined", base, keep())


def _leet(base: View) -> list[View]:
    """The leet views of `base`: none when no word mixes letters with leet signs."""
    if _LEET_HINT.search(base.text) is None:
        return []
    text = _LEET_WORD.sub(lambda word: _unleet(word[0]), base.text)
    if text == base.text:
        return []
    views = [View("leet", text, base.starts, base.ends)]
    as_l = "".join("l" if was in _ONES and now == "i" else now for was, now in zip(base.text, text, strict=True))
    if as_l != text:
        views.append(View("leet_l", as_l, base.starts, base.ends))
    return views


def _unleet(word: str) -> str:
    """`word` with leet signs read as letters; punctuation at its edges (`@name`, `wow!!`) stays punctuation.

    One ! or | before a letter is none (`!nsta`), nor is a + at the end (`snapcha+`).
    """
    head = len(word) - len(word.lstrip("@!|+"))
    head = 0 if head == 1 and word[0] in _ONES else head
    tail = len(word.rstrip("!|"))
    core = word[head:tail]
    if not any(c.isascii() and c.isalpha() for c in core) or _LEET_SIGNS.isdisjoint(core):
        return word
    return word[:head] + core.translate(_LEET) + word[tail:]


def _squeezed(base: View) -> View | None:
    """A letter held for three or more reads as one, or as two where that makes an ordinary word (`calllll`)."""
    if _HELD.search(base.text) is None:
        return None
    changes: list[tuple[int, int, str]] = []
    for word in _ASCII_WORD.finditer(base.text):
        kept = 2 if _HELD.sub(r"\1\1", word[0]).lower() in _DOUBLED else 1
        changes.extend((*run.span(), run[1] * kept) for run in _HELD.finditer(base.text, *word.span()))
    return replaced("squeezed", base, changes)
