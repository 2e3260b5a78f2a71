"""Fold: one shared stage that undoes disguise, each view with an exact map back to the original offsets.

It stands apart because every detector reads the same views, so that a disguise is undone once and nowhere twice.
Folding is script-aware: a letter of another script becomes Latin only inside a word that mixes scripts, or in a word
of look-alikes alone whose surroundings are Latin, so ordinary Russian, Greek or Chinese never turns into a finding.
What a place reads as depends on a bounded stretch before it and the rest of its sentence, never on what comes later:
a hold-back that releases sentence by sentence relies on it.

Views, in the order they are built (a view that would equal an earlier one is left out):
    clean    compatibility forms, invisible characters, diacritics and look-alikes undone; case kept
    joined   letters that stand one by one (`i n s t a`, `i.n.s.t.a`) pulled together
    leet     digits and signs inside words read as letters (`1nst@` -> insta); `leet_l` reads 1, ! and | as l
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from confusable_homoglyphs.confusables import confusables_data

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_NAMED_LETTER = re.compile(
    r"^(?:NEGATIVE )?(?:CIRCLED|SQUARED|CROSSED NEGATIVE SQUARED)? ?LATIN (?:SMALL |CAPITAL )?LETTER "
    r"(?:SMALL )?(?:CAPITAL )?([A-Z])$"
)
_WORD = re.compile(r"[^\W\d_]+")
_SPREAD = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,3}[^\W_@$]|[\W_]{0,2}?[@$](?=[\W_]|$)){2,}(?![^\W_])")
_LEET_WORD = re.compile(r"[\w@$!|+]{2,}")
_LEET = str.maketrans("013457896@$+!|", "oieastbgbastii")
_LEET_SIGNS = frozenset("013457896@$+!|")
_ONES = frozenset("1!|")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SENTENCE_END = re.compile(r"[.!?。][\"'”’)*_]*\s|\n")
_SURROUNDINGS = 100


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text.

    `starts` and `ends` give, for each character here, the half-open original offsets it came from; None means that
    the view has the original's own offsets.
    """

    name: str
    text: str = field(repr=False)
    starts: Sequence[int] | None = field(default=None, repr=False)
    ends: Sequence[int] | None = field(default=None, repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original half-open span of `text[start:end]`; `start < end`."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, slots=True)
class Folded:
    """A text with its views. `text` is the original; `views[0]` is always `clean`."""

    text: str = field(repr=False)
    views: tuple[View, ...]

    def is_word(self, position: int) -> bool:
        """True when the original character at `position` belongs to a Latin word or number."""
        return 0 <= position < len(self.text) and _is_wordish(self.text[position])

    def before(self, start: int) -> int:
        """The nearest visible position before `start`, or -1."""
        return next((at for at in range(start - 1, -1, -1) if not _is_hidden(self.text[at])), -1)

    def after(self, end: int) -> int:
        """The nearest visible position from `end` on, or the text's length."""
        return next((at for at in range(end, len(self.text)) if not _is_hidden(self.text[at])), len(self.text))


def fold(text: str) -> Folded:
    """Every view of `text`. Linear in its length. A lone surrogate, which no engine can read, counts as U+FFFD."""
    text = _SURROGATE.sub("\ufffd", text)
    clean = _clean(text)
    views = [clean]
    joined = _joined(clean)
    if joined is not None:
        views.append(joined)
    views.extend(_leet(joined or clean))
    return Folded(text, tuple(views))


def fold_term(term: str) -> str:
    """`term` as it reads in a lower-cased clean view; folding it again changes nothing."""
    read = _clean(term).text.lower()
    return read if read == term else fold_term(read)


def lowered(text: str) -> str:
    """Lower case that keeps every offset (a letter whose lower case is longer stays)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


@lru_cache(maxsize=8192)
def _simplified(char: str) -> str:
    """What one character reads as, before look-alikes: '' for an invisible one."""
    if _INVISIBLE.match(char):
        return ""
    named = None if char.isascii() else _NAMED_LETTER.match(unicodedata.name(char, ""))
    if named:
        return named[1].lower()
    plain = unicodedata.normalize("NFKD", char)
    if _is_latin(plain[0]):
        return "".join(c for c in plain if not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", char)


@lru_cache(maxsize=8192)
def _is_mark(char: str) -> bool:
    """True for a visible mark that stands over, under or around the character before it."""
    return not char.isascii() and unicodedata.category(char)[0] == "M" and not _INVISIBLE.match(char)


def _is_hidden(char: str) -> bool:
    return not char.isascii() and (_is_mark(char) or _INVISIBLE.match(char) is not None)


@lru_cache(maxsize=8192)
def _is_latin(char: str) -> bool:
    return (char.isascii() and char.isalpha()) or "LATIN" in unicodedata.name(char, "")


@lru_cache(maxsize=8192)
def _is_wordish(char: str) -> bool:
    first = _simplified(char)[:1]
    return first.isalnum() and (first.isdigit() or _is_latin(first))


@lru_cache(maxsize=8192)
def _lookalike(char: str) -> str | None:
    """The ASCII letter that a letter of another script (or an odd Latin one) looks like; None when there is none."""
    if char.isascii():
        return None
    targets: list[str] = [entry["c"] for entry in confusables_data.get(char, [])]
    letters = [target for target in targets if len(target) == 1 and target.isascii() and target.isalpha()]
    if not letters:
        return None
    return letters[0].upper() if char.isupper() else letters[0].lower()


def _clean(text: str) -> View:
    if text.isascii():
        return View("clean", text)
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for at, char in enumerate(text):
        for piece in char if _is_mark(char) else _simplified(char):
            chars.append(piece)
            starts.append(at)
            ends.append(at + 1)
    bare = [at for at, char in enumerate(chars) if not _is_mark(char)]
    letters = [chars[at] for at in bare]
    _undo_lookalikes(letters)
    if len(bare) == len(chars):
        return View("clean", "".join(letters), starts, ends)
    for at, letter in zip(bare, letters, strict=True):
        chars[at] = letter
    return _undecorated(chars, starts, ends)


def _undecorated(chars: Sequence[str], starts: Sequence[int], ends: Sequence[int]) -> View:
    """The clean view without the marks on Latin letters, ASCII signs and spaces, where they are decoration only."""
    kept: list[int] = []
    reach = list(ends)
    for at, char in enumerate(chars):
        if kept and _is_mark(char) and _is_plain(chars[kept[-1]]):
            reach[kept[-1]] = ends[at]
        else:
            kept.append(at)
    return View("clean", "".join(chars[at] for at in kept), [starts[at] for at in kept], [reach[at] for at in kept])


def _is_plain(char: str) -> bool:
    return char.isascii() or char.isspace() or _is_latin(char)


def _undo_lookalikes(chars: list[str]) -> None:
    """Replaces look-alike letters in place, where the word or what stands around it is Latin."""
    text = "".join(chars)
    if text.isascii():
        return
    undecided: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        if word[0].isascii():
            continue
        if any(map(_is_latin, word[0])):
            _replace_lookalikes(chars, *word.span())
        elif all(map(_lookalike, word[0])):
            undecided.append(word.span())
    if undecided:
        _decide_by_surroundings(chars, undecided)


def _replace_lookalikes(chars: list[str], start: int, end: int) -> None:
    for at in range(start, end):
        chars[at] = _lookalike(chars[at]) or chars[at]


def _decide_by_surroundings(chars: list[str], words: Sequence[tuple[int, int]]) -> None:
    """Replaces each of `words` around which (a stretch before it, the rest of its sentence) Latin letters prevail.

    The words themselves have no say: that they look Latin is what is in question.
    """
    text = "".join(chars)
    votes = [(1 if _is_latin(char) else -1) if char.isalpha() else 0 for char in text]
    for start, end in words:
        votes[start:end] = [0] * (end - start)
    balance = list(accumulate(votes, initial=0))
    sentence = 0
    for start, end in words:
        if sentence < end:
            ending = _SENTENCE_END.search(text, end)
            sentence = ending.end() if ending else len(text)
        if balance[sentence] > balance[max(0, start - _SURROUNDINGS)]:
            _replace_lookalikes(chars, start, end)


def _rebuilt(name: str, base: View, keep: Iterator[tuple[int, str]]) -> View:
    pairs = list(keep)
    spans = [base.span(at, at + 1) for at, _ in pairs]
    return View(name, "".join(c for _, c in pairs), [start for start, _ in spans], [end for _, end in spans])


def _joined(clean: View) -> View | None:
    runs = [run.span() for run in _SPREAD.finditer(clean.text)]
    if not runs:
        return None

    def keep() -> Iterator[tuple[int, str]]:
        at = 0
        for start, end in runs:
            yield from ((i, clean.text[i]) for i in range(at, start))
            yield from ((i, c) for i, c in enumerate(clean.text[start:end], start) if c.isalnum() or c in "@$")
            at = end
        yield from ((i, clean.text[i]) for i in range(at, len(clean.text)))

    return _rebuilt("joined", clean, keep())


def _leet(base: View) -> list[View]:
    """The leet views of `base`: none when no word mixes letters with leet signs."""
    if _LEET_SIGNS.isdisjoint(base.text):
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
