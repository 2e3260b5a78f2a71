"""One reply as the several short messages a persona would send, cut while it is still being written.

It stands apart because it is pure and incremental: every cut of the same text gives the same messages. Only white space
waits, until it is known what stands behind it.
"""

from __future__ import annotations

import re
import unicodedata

BLANK_LINE = "\n\n"
# Beyond these a reply is no flurry of messages any more, and its lines stay together.
MOST_MESSAGES = 4
SENTENCES = 2

_WORD = re.compile(r"(\s*)(\S+)")
_ENDS = re.compile(r"""(?:[^\W\d_]{2}\.|(?<!\.)[!?][!?.]*)["'”’)*]*\Z""")
_SHORT = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "vs.", "etc."})


class Break(str):
    """The blank line between two messages, told apart from one that is text."""

    __slots__ = ()


class Bubbles:
    """Cuts one reply at its blank lines, and in a block of more sentences than SENTENCES behind every SENTENCES of
    them, into at most MOST_MESSAGES messages."""

    def __init__(self) -> None:
        self._held = ""
        self._word = ""
        self._is_over = False
        self._sentences = 0
        self._messages = 1

    def feed(self, text: str) -> list[str]:
        """Takes a piece; returns what may go out, a Break between messages."""
        self._held += text
        out: list[str] = []
        plain = ""
        while match := _WORD.match(self._held):
            space, word = match.groups()
            gap = self._gap(space, word) if space else ""
            if isinstance(gap, Break):
                out += [plain, gap]
                plain = word
            else:
                plain += gap + word
            self._word = word if space else self._word + word
            self._held = self._held[match.end() :]
        return [piece for piece in (*out, plain) if piece]

    def finish(self) -> list[str]:
        """The white space at the end."""
        held, self._held = self._held, ""
        return [held] if held else []

    def _gap(self, space: str, word: str) -> str:
        """What stands between the word before and the one that begins with `word`."""
        is_blank = space.count("\n") > 1
        is_smile = _is_smile(self._word)
        self._is_over = bool(self._word) and (self._is_over if is_smile else _ends(self._word))
        # A smile belongs to the sentence before it.
        if self._is_over and not _is_smile(word[0]):
            self._sentences += 1
        elif not is_blank:
            return space
        if not is_blank and self._sentences < SENTENCES:
            return space
        return self._break(space, is_blank=is_blank) if self._word else space

    def _break(self, space: str, *, is_blank: bool) -> str:
        if self._messages == MOST_MESSAGES:
            return "\n" if is_blank else space
        self._messages += 1
        self._sentences = 0
        return Break(BLANK_LINE)


def in_messages(text: str) -> str:
    """A whole reply with a blank line between its messages."""
    bubbles = Bubbles()
    return "".join(bubbles.feed(text) + bubbles.finish())


def _ends(word: str) -> bool:
    return bool(_ENDS.search(word)) and word.casefold() not in _SHORT


def _is_smile(word: str) -> bool:
    return bool(word) and all(unicodedata.category(each) in ("So", "Sk", "Mn", "Cf") for each in word)
