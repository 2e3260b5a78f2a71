"""The gate as a listener: it hears a sentence word by word and knows at each whether a closer look would be worth it.

It stands apart from the gate because it has a memory: the sum so far, so that a word costs the same however long the
sentence has become.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from guards.clean import clean
from guards.detectors.gate import Gate, words_of
from guards.errors import DetectorError
from guards.sentences import RUN_ON

_END = re.compile(r"[.!?…。！？]+[\"'”’)*_]*\s+$|\n")


class GateListener:
    """Open while the sentence so far, or a part of it that ended before it was judged, is worth a closer look.

    It `is_wary` where everything is, whatever the gate says.
    """

    def __init__(
        self, gate: Gate, is_plain: Callable[[str], bool], is_dull: Callable[[str], bool], *, is_wary: bool
    ) -> None:
        """True of a stretch that means nothing are `is_plain`, at a glance, and `is_dull`, dear and surer."""
        self._gate = gate
        self._is_plain = is_plain
        self._is_dull = is_dull
        self._stretch = ""
        self.is_wary = is_wary
        self._was_open = False
        self._total = 0.0
        self._count = 0
        self._last = "^"
        self._length = 0

    @property
    def is_open(self) -> bool:
        """True when the transformer would look at the sentence so far."""
        return self.is_wary or self._was_open or self._is_open_now()

    def take(self, piece: str) -> None:
        """Hears the next word with the space behind it."""
        read = clean(piece).text
        self._stretch += read
        for word in words_of(read):
            self._total += self._gate.added(word, self._last)
            self._count += 1
            self._last = word
        self._length += len(piece)
        if _END.search(piece) or self._length > RUN_ON:
            self._was_open = self._was_open or self._is_open_now() or self._length > RUN_ON
            self._begin()

    def means_nothing(self, *, closely: bool) -> bool:
        """A look at the sentence so far; False also where it cannot be taken."""
        if self.is_wary or self._was_open:
            return False
        try:
            look = self._is_dull if closely else self._is_plain
            return look(self._stretch.rstrip())
        except DetectorError:
            return False  # what that asks for is decided where the sentence ends

    def end_sentence(self) -> None:
        """The sentence is over and has been judged."""
        self._was_open = False
        self._begin()

    def _is_open_now(self) -> bool:
        return self._count > 0 and self._gate.sum_is_open(self._total, self._count, self._last)

    def _begin(self) -> None:
        self._total, self._count, self._last, self._length, self._stretch = 0.0, 0, "^", 0, ""
