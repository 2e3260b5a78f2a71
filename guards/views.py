"""Views: the readings of a text, each with the way back to the original's offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from guards.letters import is_hidden, is_wordish
from guards.types import Transcript


class View(NamedTuple):
    """One reading of a text.

    `starts` and `ends` give, for each character here, the half-open original offsets it came from; None means that
    the view has the original's own offsets. (A tuple, as Folded is: every text that is looked at makes some.)
    """

    name: str
    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def __repr__(self) -> str:
        return f"View(name={self.name!r})"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original half-open span of `text[start:end]`; `start < end`."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


class Folded(NamedTuple):
    """A text with its views. `text` is the original; `views[0]` is always `clean`.

    `speaker` is the role that says it, and `context` the turns before it, oldest first, for what only they explain.
    """

    text: str
    views: tuple[View, ...]
    speaker: str = "user"
    context: Transcript = ()

    def __repr__(self) -> str:
        return f"Folded(views={self.views!r}, speaker={self.speaker!r})"

    @property
    def original(self) -> View:
        """The text as it stands, as a view."""
        return View("text", self.text)

    def is_word(self, position: int) -> bool:
        """True when the original character at `position` belongs to a Latin word or number."""
        return 0 <= position < len(self.text) and is_wordish(self.text[position])

    def before(self, start: int) -> int:
        """The nearest visible position before `start`, or -1."""
        if self.text.isascii():
            return start - 1
        return next((at for at in range(start - 1, -1, -1) if not is_hidden(self.text[at])), -1)

    def after(self, end: int) -> int:
        """The nearest visible position from `end` on, or the text's length."""
        if self.text.isascii():
            return min(end, len(self.text))
        return next((at for at in range(end, len(self.text)) if not is_hidden(self.text[at])), len(self.text))


def lowered(text: str) -> str:
    """Lower case that keeps every offset (a letter whose lower case is longer stays)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def rebuilt(name: str, base: View, keep: Iterable[tuple[int, str]]) -> View:
    """A view of single characters, each with the position in `base` that it comes from."""
    pairs = list(keep)
    spans = [base.span(at, at + 1) for at, _ in pairs]
    return View(name, "".join(c for _, c in pairs), [start for start, _ in spans], [end for _, end in spans])


def replaced(name: str, base: View, changes: Iterable[tuple[int, int, str]]) -> View:
    """`base` with each half-open stretch of it read as other text, all of whose characters come from that stretch.

    The changes are in order, apart from each other, and none of them is empty.
    """
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0

    def keep(start: int, end: int) -> None:
        pieces.append(base.text[start:end])
        starts.extend(range(start, end) if base.starts is None else base.starts[start:end])
        ends.extend(range(start + 1, end + 1) if base.ends is None else base.ends[start:end])

    for start, end, text in changes:
        keep(at, start)
        first, last = base.span(start, end)
        pieces.append(text)
        starts.extend([first] * len(text))
        ends.extend([last] * len(text))
        at = end
    keep(at, len(base.text))
    return View(name, "".join(pieces), starts, ends)
