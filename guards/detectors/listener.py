"""The gate as a listener: it hears a sentence word by word and knows at each whether a closer look would be worth it.

It stands apart from the gate because it has a memory: the sum so far, so that a word costs the same however long the
sentence has become.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from guards.clean import clean
from guards.detectors.gate import Gate, words_of
from guards.errors import DetectorError
from guards.remembered import Remembered
from guards.sentences import END, LONGEST, RUN_ON

_PIECES_KEPT = 16_384
_LONGEST_KEPT = 48


@dataclass(frozen=True, slots=True)
class Heard:
    """A word with the space behind it, as it reads: its words for the gate, whether a sentence ends with it, and
    whether one ends before its end."""

    read: str = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    ends: bool
    ends_within: bool


@dataclass(frozen=True, slots=True)
class Looks:
    """What can be asked about a stretch: whether words in it have it `named`; at a glance whether it `is_plain`; dearer
    and surer, whether it `is_dull`; and of one as it was written, which is over, whether it `says_something`, so that
    more will be read together with it. All raise DetectorError."""

    is_named: Callable[[str], bool]
    is_plain: Callable[[str], bool]
    is_dull: Callable[[str], bool]
    says_something: Callable[[str], bool]


class GateListener:
    """Open while the sentence so far, or a part of it that ended before it was judged, is worth a closer look.

    It `is_wary` where everything is, whatever the gate says. Behind a sentence that said something it stays open: what
    comes next is read together with it.
    """

    def __init__(self, gate: Gate, least: float, looks: Looks, *, is_wary: bool) -> None:
        """From the gate's score `least` on a closer look is worth its time."""
        self._gate = gate
        self._least = least
        self._looks = looks
        self._stretch = ""  # as it reads
        self._written = ""
        self.is_wary = is_wary
        self._was_open = False
        self._total = 0.0
        self._count = 0
        self._last = "^"
        self._echo = 0  # characters that may yet be read together with a sentence that said something

    @property
    def is_open(self) -> bool:
        """True when the sentence so far may mean something, by itself or with one that did."""
        return self.is_wary or self._was_open or self._echo > 0 or self._is_open_now()

    def take(self, piece: str) -> None:
        """Hears the next word with the space behind it."""
        heard = _known(piece) if len(piece) <= _LONGEST_KEPT else _heard(piece)
        if not self._stretch and heard.read[:1].isspace():  # a stretch begins where its first word does
            heard = _heard(heard.read.lstrip())
        self._written += piece
        self._stretch += heard.read
        for word in heard.words:
            self._total += self._gate.added(word, self._last)
            self._count += 1
            self._last = word
        self._echo = max(0, self._echo - len(heard.read))
        is_odd = len(self._stretch) > RUN_ON or heard.ends_within
        if heard.ends or is_odd:
            self._was_open = self.is_open or is_odd
            if self._says_something():
                self._echo = LONGEST
            self._begin()

    def means_nothing(self, *, closely: bool) -> bool:
        """A look at the sentence so far; False also where it cannot be taken."""
        if self.is_wary or self._was_open or self._echo > 0:
            return False
        try:
            look = self._looks.is_dull if closely else self._looks.is_plain
            return look(self._stretch.rstrip())
        except DetectorError:
            return False  # what that asks for is decided where the sentence ends

    def end_sentence(self) -> None:
        """The sentence is over and has been judged."""
        self._was_open = False
        self._begin()

    def _is_open_now(self) -> bool:
        if self._count and self._gate.score_of_sum(self._total, self._count, self._last) >= self._least:
            return True
        return self._looks.is_named(self._stretch)

    def _says_something(self) -> bool:
        try:
            return self._looks.says_something(self._written.strip())
        except DetectorError:
            return True

    def _begin(self) -> None:
        self._total, self._count, self._last, self._stretch, self._written = 0.0, 0, "^", "", ""


def _heard(piece: str) -> Heard:
    read = clean(piece).text
    end = END.search(read)
    return Heard(read, tuple(words_of(read)), end is not None, end is not None and end.end() < len(read))


_known = Remembered(_heard, _PIECES_KEPT).__getitem__
