"""Openings: can the words of a growing text be part of a finding, or lead to one?

They stand apart because they are what makes a stream fast: words that open nothing may go out at once, and are not even
shown to the detectors. What is told here is on the safe side. A word that is not plain (a digit, a sign, another
script, letters apart) opens its sentence; so do words that meet the rarest demand of an entry, words that meet all
demands of one together with those shortly before them, and words in which, alone or drawn together, a term may hide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from guards.detectors.base import Detector, Listener
from guards.detectors.demands import PLAIN_SIGNS, Demands, Numbered, least_weight, no, rarest, tokens_of
from guards.fold import fold, lowered
from guards.letters import is_hidden
from guards.spelled import is_mark, is_number

_LONGEST_KEPT = 48
_WORDS_KEPT = 32_768
_PLAIN_VIEWS = frozenset({"clean", "squeezed"})
REACH = 120  # characters in which what an entry demands must stand together
_ODD_REACH = 80  # characters behind a word that is not plain in which nothing is taken for closed
_LETTERS_APART = 3
_WORDS_OF_A_LETTER = frozenset("ai")
_MOST_WORDS = 8  # of a term
_TERM_REACH = 64  # characters
_SIGNS_ALONE = frozenset(".-/|")
_JOINED = re.compile(r"[^\W_][.:(][^\W_]")  # `mila.com`, `ig:mila`
_BREAK = re.compile(r"(?<=[^\W_])(?=[\W_]+[^\W_])")  # `insta,ok`, `insta's`: a term may end within a word
_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was read: in lower case as it stands and with held letters let go.

    It `opens` a text by itself. `meets` are the numbers of the demands that it meets (`pivots` those that are the
    rarest of an entry), `apart` how many letters stand one by one in it (-1 where others stand beside them). One that
    `is_odd` may read otherwise than it looks.
    """

    opens: bool
    is_odd: bool
    is_number: bool
    meets: tuple[int, ...]
    pivots: tuple[int, ...]
    low: str = field(repr=False)
    squeezed: str = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)
    letters: str = field(repr=False)
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
        self._longest = max(map(len, self._beginnings), default=0)
        entries = list(dict.fromkeys(needed for _, needed in demands if needed))
        self._numbered = Numbered(demand for entry in entries for demand in entry)
        self.triggers: set[int] = set()  # what opens a text by itself
        self.pivots: set[int] = set()
        self.partners: dict[int, set[int]] = {}  # the pivots that a demand stands with
        self.completed: dict[tuple[int, int], list[tuple[int, ...]]] = {}
        for entry in entries:
            self._file(entry)
        self._known = lru_cache(maxsize=_WORDS_KEPT)(self._read)

    def read(self, raw: str) -> Word:
        """What is known of one word; of ordinary ones it is remembered."""
        return self._known(raw) if len(raw) <= _LONGEST_KEPT else self._read(raw)

    def _file(self, entry: Demands) -> None:
        """Enters what one entry demands below its rarest demand, alone and with each of the others."""
        numbers = tuple(self._numbered.number[demand] for demand in entry)
        rare = rarest(entry)
        pivot = self._numbered.number[rare or max(entry, key=least_weight)]
        if rare is not None:
            self.triggers.add(pivot)
        for number in numbers:
            self.completed.setdefault((pivot, number), []).append(numbers)
            self.partners.setdefault(number, set()).add(pivot)
        self.pivots.add(pivot)

    def _read(self, raw: str) -> Word:
        views = {view.name: lowered(view.text) for view in fold(raw).views}
        low = views["clean"]
        squeezed = views.get("squeezed", low)
        is_odd = not views.keys() <= _PLAIN_VIEWS or is_mark(low) or any(map(_is_foreign, low)) or _is_mixed(raw)
        is_plain = not is_odd and all(map(self._is_plain, low)) and _JOINED.search(low) is None
        tokens = dict.fromkeys([*tokens_of(low), *tokens_of(squeezed)])
        meets = self._numbered.met_by(tokens, is_plain=is_plain)
        hides = any(kind.hides(token) for token in tokens for kind in self._kinds)
        said = tuple(tokens_of(low))
        return Word(
            opens=not is_plain or hides or not meets.isdisjoint(self.triggers),
            is_odd=is_odd,
            is_number=is_number(low),
            meets=tuple(sorted(meets)),
            pivots=tuple(sorted(meets & self.pivots)),
            low=low,
            squeezed=squeezed,
            tokens=said,
            letters="".join(said),
            apart=_apart(said, low),
        )

    def _is_plain(self, char: str) -> bool:
        if char.isascii():
            return char.isalpha() or char in PLAIN_SIGNS
        return char in PLAIN_SIGNS or (char not in self._signs and (is_hidden(char) or _is_picture(char)))

    def begun(self, said: Sequence[Word]) -> int:
        """With how many of the last words of `said` a term of several words may begin."""
        for size in range(min(self._longest, len(said)), 0, -1):
            if tuple(token for word in said[-size:] for token in word.tokens) in self._beginnings:
                return size
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
        self._last: dict[int, int] = {}
        self._live: dict[int, int] = {}  # pivots that were met, and where
        self._odd_until = 0
        self._said: list[Word] = []
        self._lengths: list[int] = []
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
        size = self._openings.begun(self._said) or int(bool(self._said) and self._said[-1].is_number)
        letters = 0
        for word in reversed(self._said):
            if word.apart <= 0:
                break
            letters += 1
        if letters > 1 or (letters == 1 and self._said[-1].letters not in _WORDS_OF_A_LETTER):
            size = max(size, letters)
        return sum(self._lengths[-size:]) if size else 0

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
        self._said = [*self._said[1 - _MOST_WORDS :], word]
        self._lengths = [*self._lengths[1 - _MOST_WORDS :], len(piece)]
        self._apart = self._apart + word.apart if word.apart >= 0 else 0
        for number in word.meets:
            self._last[number] = self._at
        for number in word.pivots:
            self._live[number] = self._at

    def _opens(self, word: Word) -> bool:
        """True when a finding may end with this word, or be led to by it."""
        return (
            word.opens
            or self._at < self._odd_until
            or self._apart >= _LETTERS_APART
            or self._is_more_of_a_number(word)
            or self._ends_term()
            or self._meets_all(word.meets)
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
        return word.is_number and any(said.is_number for said in self._said[-3:-1])

    def _ends_term(self) -> bool:
        """True when a term, as it stands, with held letters or drawn apart over several words, may end here."""
        openings = self._openings
        return (
            any(ends(self._text) for ends in openings.ends)
            or self._ends_within(self._said[-1].low)
            or (self._squeezed != self._text and any(ends(self._squeezed) for ends in openings.ends))
            or any(ends(self._letters) for ends in openings.ends_together)
        )

    def _ends_within(self, low: str) -> bool:
        """True when a term may end within the last word, where signs part it."""
        openings, text, letters = self._openings, self._text.rstrip(), self._letters
        for gap in _BREAK.finditer(low):
            rest = low[gap.end() :]
            apart = letters[: len(letters) - sum(map(str.isalnum, rest))]
            before = text[: len(text) - len(rest)]
            if any(ends(before) for ends in openings.ends) or any(ends(apart) for ends in openings.ends_together):
                return True
        return False

    def _meets_all(self, met: Sequence[int]) -> bool:
        """True when all that some entry demands stands in what was said last, and some of it in the last word."""
        if not (met and self._live):
            return False
        oldest = self._at - REACH
        self._live = {pivot: at for pivot, at in self._live.items() if at > oldest}
        completed, last = self._openings.completed, self._last
        for number in met:
            partners = self._openings.partners.get(number)
            if partners is None or partners.isdisjoint(self._live):
                continue
            for pivot in partners.intersection(self._live):
                for entry in completed[pivot, number]:
                    if all(last.get(each, oldest) > oldest for each in entry):
                        return True
        return False
