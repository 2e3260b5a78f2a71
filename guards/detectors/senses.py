"""Senses: what must stand beside a word before it counts (`snap` after `my`, never before `out of it`).

Many names are also words. An entry of a lexicon says which neighbours make one a name; that is looked up in the few
words before and behind it, within its sentence, so that it costs the same in a text of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from guards.fold import fold_term, lowered
from guards.letters import is_dressed_up, is_hidden
from guards.policy import Sense

_REACH = 48
_NEAR = 3
_SHORTEST_DRESSED_UP = 4
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[:=@?!>/&*^$]")
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’)*_]*\s|\n")
_HELD = re.compile(r"([a-z])\1\1+")
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u052f]{2}")
_ANY = "*"
Phrase = tuple[str, ...]


class Evidence:
    """One entry's evidence, compiled."""

    def __init__(self, sense: Sense) -> None:
        self._before = _Phrases(_flat(sense.before))
        self._after = _Phrases(_flat(sense.after))
        self._near = frozenset(token for phrase in _flat(sense.near) for token in _tokens(fold_term(phrase)))
        self._never = _Phrases(_flat(sense.never))
        self._forms = frozenset(sense.forms) if sense.case else None
        self._is_asked = bool(sense.before or sense.after or sense.near)

    def speaks_for(self, text: str, start: int, end: int, *, is_odd: bool = False) -> bool:
        """True when what stands beside `text[start:end]`, or that it `is_odd`, makes it a name; a part of a word is
        none, nor what stands beside a phrase of `never`."""
        if _runs_on(text, start) or _runs_on(text, end):
            return False
        if self._forms is not None and text[start:end] not in self._forms:
            return False
        before, after = _tokens_before(text, start), _tokens_after(text, end)
        if self._never.end(before) or self._never.begin(after):
            return False
        if is_odd or not self._is_asked or self._before.end(before) or self._after.begin(after):
            return True
        return not self._near.isdisjoint(before[-_NEAR:]) or not self._near.isdisjoint(after[:_NEAR])


def stands_out(text: str, start: int, end: int) -> bool:
    """True where most of the letters in `text[start:end]` are dressed up and the words beside it, in its sentence, are
    plain: hardly anybody writes an ordinary word so. A letter or two may be a sign of mathematics."""
    letters = [char for char in text[start:end] if not is_hidden(char)]
    if len(letters) < _SHORTEST_DRESSED_UP or 2 * sum(map(is_dressed_up, letters)) < len(letters):
        return False
    beside = [each for each in (*_tokens_before(text, start)[-1:], *_tokens_after(text, end)[:1]) if each[0].isalnum()]
    return bool(beside) and all(map(str.isascii, beside))


def _runs_on(text: str, at: int) -> bool:
    """True inside a Greek or Cyrillic word; Latin words are the lexicon's to check, others have no edges."""
    return 0 < at < len(text) and bool(_GREEK_OR_CYRILLIC.match(text, at - 1))


class _Phrases:
    """Phrases of one to four tokens, `*` being any one token."""

    def __init__(self, phrases: Iterable[str]) -> None:
        tokens = {_tokens(fold_term(phrase)) for phrase in phrases}
        self._plain = frozenset(phrase for phrase in tokens if _ANY not in phrase)
        self._open = [phrase for phrase in tokens if _ANY in phrase]
        self._lengths = sorted({len(phrase) for phrase in self._plain})

    def begin(self, tokens: Phrase) -> bool:
        """True when one of them stands at the beginning of `tokens`."""
        return any(tokens[:length] in self._plain for length in self._lengths) or any(
            _fits(phrase, tokens[: len(phrase)]) for phrase in self._open
        )

    def end(self, tokens: Phrase) -> bool:
        """True when one of them stands at the end of `tokens`."""
        return any(tokens[-length:] in self._plain for length in self._lengths) or any(
            _fits(phrase, tokens[-len(phrase) :]) for phrase in self._open
        )


def _fits(phrase: Phrase, tokens: Phrase) -> bool:
    return len(phrase) == len(tokens) and all(a in (_ANY, b) for a, b in zip(phrase, tokens, strict=True))


def _flat(phrases: Sequence[str | list[str]]) -> list[str]:
    return [phrase for each in phrases for phrase in ([each] if isinstance(each, str) else each)]


def _tokens(text: str) -> Phrase:
    return tuple(token.replace("'", "").replace("’", "") if len(token) > 1 else token for token in _TOKEN.findall(text))


def _tokens_before(text: str, start: int) -> Phrase:
    """The tokens of the sentence before `start`; `^` is its beginning."""
    first = max(0, start - _REACH)
    stretch = _let_go(text[first:start])
    ends = [end.end() for end in _SENTENCE_END.finditer(stretch)]
    tokens = _tokens(stretch[ends[-1] :] if ends else stretch)
    return ("^", *tokens) if ends or first == 0 else tokens[1:]


def _tokens_after(text: str, end: int) -> Phrase:
    """The tokens of the sentence from `end` on; `$` is its end."""
    stretch = _let_go(text[end : end + _REACH])
    stop = _SENTENCE_END.search(stretch)
    tokens = _tokens(stretch[: stop.end()] if stop else stretch)
    return (*tokens, "$") if stop or end + _REACH >= len(text) else tokens[:-1]


def _let_go(stretch: str) -> str:
    return _HELD.sub(r"\1", lowered(stretch))
