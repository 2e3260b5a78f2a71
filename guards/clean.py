"""Clean: the first view, with compatibility forms, invisible characters, diacritics and look-alikes undone.

A letter of another script becomes Latin only inside a word that mixes scripts, or in a word of look-alikes alone whose
surroundings are Latin, so ordinary Russian, Greek or Chinese never turns into a finding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from guards.letters import is_latin, is_mark, lookalike, simplified
from guards.views import View

_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?。][\"'”’)*_]*\s|\n")
_SURROUNDINGS = 100
_FLAG = re.compile(r"(?<![^\W_]|[\U0001f1e6-\U0001f1ff])[\U0001f1e6-\U0001f1ff]{2}(?![^\W_]|[\U0001f1e6-\U0001f1ff])")


def clean(text: str) -> View:
    """The clean view of `text`. Linear in its length."""
    if text.isascii():
        return View("clean", text)
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
    for at, char in enumerate(text):
        for piece in char if is_mark(char) or at in flags else simplified(char):
            chars.append(piece)
            starts.append(at)
            ends.append(at + 1)
    bare = [at for at, char in enumerate(chars) if not is_mark(char)]
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
        if kept and is_mark(char) and _is_plain(chars[kept[-1]]):
            reach[kept[-1]] = ends[at]
        else:
            kept.append(at)
    return View("clean", "".join(chars[at] for at in kept), [starts[at] for at in kept], [reach[at] for at in kept])


def _is_plain(char: str) -> bool:
    return char.isascii() or char.isspace() or is_latin(char)


def _undo_lookalikes(chars: list[str]) -> None:
    """Replaces look-alike letters in place, where the word or what stands around it is Latin."""
    text = "".join(chars)
    if text.isascii():
        return
    undecided: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        if word[0].isascii():
            continue
        if any(map(is_latin, word[0])):
            _replace_lookalikes(chars, *word.span())
        elif all(map(lookalike, word[0])):
            undecided.append(word.span())
    if undecided:
        _decide_by_surroundings(chars, undecided)


def _replace_lookalikes(chars: list[str], start: int, end: int) -> None:
    for at in range(start, end):
        chars[at] = lookalike(chars[at]) or chars[at]


def _decide_by_surroundings(chars: list[str], words: Sequence[tuple[int, int]]) -> None:
    """Replaces each of `words` around which (a stretch before it, the rest of its sentence) Latin letters prevail.

    The words themselves have no say: that they look Latin is what is in question.
    """
    text = "".join(chars)
    votes = [(1 if is_latin(char) else -1) if char.isalpha() else 0 for char in text]
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
