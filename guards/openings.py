"""Openings: can the words of a growing text be part of a finding, or lead to one?

They stand apart because they are what makes a stream fast: words that open nothing may go out at once, and are not even
shown to the detectors. What is told here is on the safe side. A word that is not plain (a digit, a sign, another
script, letters apart) opens its sentence; so do words that meet the rarest demand of an entry, words that meet all
demands of one together with those shortly before them, and words in which, alone or drawn together, a term may hide.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from guards.detectors.base import Detector, Listener
from guards.detectors.demands import (
    PLAIN_SIGNS,
    Demands,
    Numbered,
    is_common,
    least_weight,
    no,
    ones,
    rarest,
    tokens_of,
)
from guards.fold import fold, lowered
from guards.letters import is_hidden
from guards.remembered import Remembered
from guards.spelled import is_mark, is_number

_LONGEST_KEPT = 48
_WORDS_KEPT = 32_768
_PLAIN_VIEWS = frozenset({"clean", "squeezed"})
REACH = 120  # characters in which what an entry demands must stand together
_ODD_REACH = 80  # characters behind a word that is not plain in which nothing is taken for closed
_LETTERS_APART = 3
_WORDS_OF_A_LETTER = frozenset("ai")
_TELLING = frozenset({"my"})  # common, but what a repair goes on from should not end with it
_MOST_WORDS = 8  # of a term
_TERM_REACH = 64  # characters
_SIGNS_ALONE = frozenset(".-/|")
_JOINED = re.compile(r"[^\W_][.:(][^\W_]")  # `mila.com`, `ig:mila`
_BREAK = re.compile(r"(?<=[^\W_])(?=[\W_]+[^\W_])")  # `insta,ok`, `insta's`: a term may end within a word
_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was read: in lower case as it stands and with held letters let go.

    It `opens` a text by itself. With a bit for each: `meets` are the demands that it meets (`pivots` those that are the
    rarest of an entry), `partners` the pivots that one of them stands with. A term may end in one that `closes`,
    and one of several words begin with what ends in one that `begins`; what it begins with tells nothing where it
    `is_common`. It may have `parts`, what stands in it before a sign. `apart` is how many letters stand one by one in
    it (-1 where others stand beside them). One that `is_odd` may read otherwise than it looks.
    """

    opens: bool
    closes: bool
    begins: bool
    is_common: bool
    is_odd: bool
    is_number: bool
    meets: int
    pivots: int
    partners: int
    low: str = field(repr=False)
    squeezed: str = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)
    letters: str = field(repr=False)
    parts: tuple[str, ...] = field(repr=False)
    apart: int


class Openings:
    """What opens a text for the detectors of one snapshot. Immutable; safe to share between threads."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        self._kinds = tuple(detector.opening() for detector in detectors)
        demands = [(rule, tuple(dict.fromkeys(each))) for kind in self._kinds for rule, each in kind.demands]
        self.unbounded = frozenset(rule for rule, needed in demands if not needed)
        self._signs = frozenset(char for kind in self._kinds for char in kind.signs)
        self.ends = tuple(kind.ends for kind in self._kinds if kind.ends is not no)
        self.ends_together = tuple(kind.ends_together for kind in self._kinds if kind.ends_together is not no)
        self._beginnings = frozenset(begin for kind in self._kinds for begin in kind.beginnings)
        self._last_begun = frozenset(begin[at:] for begin in self._beginnings for at in range(len(begin)))
        self._longest = max(map(len, self._beginnings), default=0)
        entries = list(dict.fromkeys(needed for _, needed in demands if needed))
        self._numbered = Numbered(demand for entry in entries for demand in entry)
        self._triggers = 0  # what opens a text by itself
        self._pivots = 0
        self._partners: dict[int, int] = {}  # the pivots that a demand stands with
        self.entries: dict[int, list[int]] = {}  # all that an entry demands, by its pivot
        for entry in entries:
            self._file(entry)
        self._known = Remembered(self._read, _WORDS_KEPT).__getitem__

    def read(self, raw: str) -> Word:
        """What is known of one word; of ordinary ones it is remembered."""
        return self._known(raw) if len(raw) <= _LONGEST_KEPT else self._read(raw)

    def _file(self, entry: Demands) -> None:
        """Enters what one entry demands below its rarest demand."""
        numbers = [self._numbered.number[demand] for demand in entry]
        rare = rarest(entry)
        pivot = self._numbered.number[rare or max(entry, key=least_weight)]
        if rare is not None:
            self._triggers |= 1 << pivot
        self._pivots |= 1 << pivot
        self.entries.setdefault(pivot, []).append(sum(1 << number for number in numbers))
        for number in numbers:
            self._partners[number] = self._partners.get(number, 0) | 1 << pivot

    def _read(self, raw: str) -> Word:
        views = {view.name: lowered(view.text) for view in fold(raw).views}
        low = views["clean"]
        squeezed = views.get("squeezed", low)
        is_odd = not views.keys() <= _PLAIN_VIEWS or is_mark(low) or any(map(_is_foreign, low)) or _is_mixed(raw)
        is_plain = not is_odd and all(map(self._is_plain, low)) and _JOINED.search(low) is None
        tokens = dict.fromkeys([*tokens_of(low), *tokens_of(squeezed)])
        meets = self._numbered.bits_of(tokens, is_plain=is_plain)
        hides = any(kind.hides(token) for token in tokens for kind in self._kinds)
        said, parts = tuple(tokens_of(low)), tuple(low[: gap.end()] for gap in _BREAK.finditer(low))
        partners = 0
        for number in ones(meets):
            partners |= self._partners[number]
        return Word(
            opens=not is_plain or hides or meets & self._triggers != 0,
            closes=not said or any(kind.closes(each) for kind in self._kinds for each in (low, squeezed, *parts)),
            begins=not said or said in self._last_begun,
            is_common=_TELLING.isdisjoint(said) and all(map(is_common, said)),
            is_odd=is_odd,
            is_number=is_number(low),
            meets=meets,
            pivots=meets & self._pivots,
            partners=partners,
            low=low,
            squeezed=squeezed,
            tokens=said,
            letters="".join(said),
            parts=parts,
            apart=_apart(said, low),
        )

    def _is_plain(self, char: str) -> bool:
        if char.isascii():
            return char.isalpha() or char in PLAIN_SIGNS
        return char in PLAIN_SIGNS or (char not in self._signs and (is_hidden(char) or _is_picture(char)))

    def begun(self, said: Sequence[Word]) -> int:
        """With how many of the last words of `said` a term of several words may begin, the common words that it begins
        with aside: every other sentence has them."""
        for size in range(min(self._longest, len(said)), 0, -1):
            begun = said[-size:]
            if tuple(token for word in begun for token in word.tokens) in self._beginnings:
                return next((size - at for at, word in enumerate(begun) if not word.is_common), 0)
        return 0


def _apart(tokens: Sequence[str], low: str) -> int:
    """How many letters, or signs that may be letters, stand one by one in a word; -1 where it has longer tokens."""
    if not tokens:
        return int(bool(low) and _SIGNS_ALONE.issuperset(low))
    return len(tokens) if all(len(token) == 1 for token in tokens) else -1


def _is_mixed(raw: str) -> bool:
    """True for a word with letters of another script, whether or not they look Latin: where scripts change, a term may
    end within it."""
    return not raw.isascii() and any(
        _is_foreign(char) and not unicodedata.name(char, "").startswith("LATIN") for char in raw
    )


def _is_foreign(char: str) -> bool:
    """True for a letter that the clean view has left in another script."""
    return not char.isascii() and char.isalpha()


def _is_picture(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk")


class Watch:
    """What is open in one growing text, word by word."""

    def __init__(self, openings: Openings, before: str = "", listeners: Iterable[Listener] = ()) -> None:
        """`before` is what the same speaker said just before: a finding may begin in it."""
        self._openings = openings
        self._listeners: tuple[Listener, ...] = ()
        self._at = 0
        self._met: deque[tuple[int, Word]] = deque()  # where words that meet a demand end, in what is within reach
        self._live = 0  # pivots that may have been met there
        self._odd_until = 0
        self._said: deque[Word] = deque(maxlen=_MOST_WORDS)
        self._lengths: deque[int] = deque(maxlen=_MOST_WORDS)
        self._letters = self._text = self._squeezed = ""
        self._apart = 0
        self.is_open = self.is_odd = False
        self.words_since = 0
        for word in _WORD.findall(before):
            self.take(word)
        self.end_sentence()
        self._listeners = tuple(listeners)

    @property
    def is_wary(self) -> bool:
        """True where no word may go out before its sentence has been judged."""
        return bool(self._openings.unbounded) or any(listener.is_wary for listener in self._listeners)

    @property
    def may_mean(self) -> bool:
        """True when the sentence so far is worth a look at what it means."""
        return any(listener.is_open for listener in self._listeners)

    def means_nothing(self, *, closely: bool) -> bool:
        """A look at what the sentence so far means, where it is worth one: a glance, and `closely` a dear one too."""
        return all(listener.means_nothing(closely=closely) for listener in self._listeners if listener.is_open)

    @property
    def begun(self) -> int:
        """How many characters at the end may be the beginning of a term, or of a number, or a name spelt letter by
        letter. (One that begins with the word `I` or `a` is not held for that.)"""
        if not self._said:
            return 0
        last = self._said[-1]
        size = (self._openings.begun(tuple(self._said)) if last.begins else 0) or int(last.is_number)
        if last.apart > 0:
            letters = next((at for at, word in enumerate(reversed(self._said)) if word.apart <= 0), len(self._said))
            if letters > 1 or last.letters not in _WORDS_OF_A_LETTER:
                size = max(size, letters)
        return sum(list(self._lengths)[-size:]) if size else 0

    def take(self, piece: str) -> None:
        """Takes the next word with the space behind it.

        `is_open` then says whether a finding may lie in what was said since all was judged, or be led to by it, and
        `words_since` how many words ago that was last so. A sentence that `is_odd` may read otherwise than it looks.
        """
        self._at += len(piece)
        word = self._openings.read(piece.strip())
        self._remember(word, piece)
        if self._opens(word):
            self.is_open, self.words_since = True, 0
        elif self.is_open:
            self.words_since += 1
        is_apart = self._apart >= _LETTERS_APART or self._is_more_of_a_number(word)
        self.is_odd = self.is_odd or word.is_odd or is_apart
        if word.is_odd:
            self._odd_until = self._at + _ODD_REACH
        for listener in self._listeners:
            listener.take(piece)

    def _remember(self, word: Word, piece: str) -> None:
        gap = piece[len(piece.rstrip()) :]
        self._text = (self._text + word.low + gap)[-_TERM_REACH:]
        self._squeezed = (self._squeezed + word.squeezed + gap)[-_TERM_REACH:]
        self._letters = (self._letters + word.letters)[-_TERM_REACH:]
        self._said.append(word)
        self._lengths.append(len(piece))
        self._apart = self._apart + word.apart if word.apart >= 0 else 0
        if word.meets:
            self._met.append((self._at, word))
            self._live |= word.pivots

    def _opens(self, word: Word) -> bool:
        """True when a finding may end with this word, or be led to by it."""
        return (
            word.opens
            or self._at < self._odd_until
            or self._apart >= _LETTERS_APART
            or self._is_more_of_a_number(word)
            or (word.closes and self._ends_term(word))
            or self._ends_apart(word)
            or (word.partners & self._live != 0 and self._meets_all(word))
        )

    def close(self) -> None:
        """All so far has been judged and passed."""
        self.is_open = False

    def end_sentence(self) -> None:
        """The sentence is over and has been judged."""
        self.close()
        self.is_odd = False
        for listener in self._listeners:
            listener.end_sentence()

    def _is_more_of_a_number(self, word: Word) -> bool:
        return word.is_number and any(said.is_number for said in list(self._said)[-3:-1])

    def _ends_term(self, last: Word) -> bool:
        """True when a term, as it stands or with held letters, may end in the `last` word: with it or before a sign."""
        ends, text = self._openings.ends, self._text.rstrip()
        whole = len(text) - len(last.low)
        return (
            any(end(self._text) for end in ends)
            or (self._squeezed != self._text and any(end(self._squeezed) for end in ends))
            or any(end(text[: max(0, whole + len(part))]) for part in last.parts for end in ends)
        )

    def _ends_apart(self, last: Word) -> bool:
        """The same for one that is drawn apart over several words."""
        letters = self._letters
        for end in self._openings.ends_together:
            if end(letters):
                return True
            for part in last.parts:
                more = len(last.letters) - sum(map(len, tokens_of(part)))
                if end(letters[: max(0, len(letters) - more)]):
                    return True
        return False

    def _meets_all(self, last: Word) -> bool:
        """True when all that some entry demands stands in what was said last, and some of it in the `last` word."""
        while self._met and self._met[0][0] <= self._at - REACH:
            self._met.popleft()
        met = self._live = 0
        for _, word in self._met:
            met |= word.meets
            self._live |= word.pivots
        entries = self._openings.entries
        return any(
            needed & met == needed and needed & last.meets
            for pivot in ones(last.partners & self._live)
            for needed in entries[pivot]
        )
