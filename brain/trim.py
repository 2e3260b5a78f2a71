"""Trims what a model writes around or behind the reply: labels, quotes, preambles, and lines spoken for the fan.

It stands apart because it is pure and incremental: text in pieces goes in, what may go out comes back, and every cut of
the same text gives the same reply. What is held back is only what may still become one of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

# Names a model gives to the one it answers; a line that begins with one is not the persona's any more.
FAN_LABELS = ("fan", "user", "human", "them", "subscriber", "customer", "system")
OWN_LABELS = ("assistant", "persona", "ai", "reply", "response")
# No OpenAI-compatible server takes more.
MOST_STOPS = 4
_PATTERNS_KEPT = 64

_END = "\x00"  # stands behind the last character, so that nothing is open there
_QUOTES = {'"': '"', "“": "”", "«": "»"}
# Within so many characters a closing quote shows that the opening one quotes a word and not the reply.
_QUOTED_WORD = 40
_TURN_TOKENS = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<|user|>", "<|system|>", "<|assistant|>",
    "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>",
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
)  # fmt: skip
_SECTIONS = ("instruction", "instructions", "user", "human", "input", "response", "fan", "system")
_OWN_TURN = (
    "<|im_start|>assistant", "<|assistant|>", "<|start_header_id|>assistant<|end_header_id|>", "<s>", "[/INST]",
    "<start_of_turn>model",
)  # fmt: skip
_INTERESTING = re.compile(r"[\n<\[\ufffd]")
_SENTENCE_END = re.compile(r"""(?:[.!?…]+["'”’)\]]*|[^\w\s.,;:'"()\-–—*&@#/<>\[\]+=$%^~|\\`{}])(?=\s|\Z)|\n""")

# Builds a pattern that also matches a text that ends too early to tell: given what must follow, all of it.
_Part = Callable[[str], str]


class Trim:
    """Trims one reply. `feed` returns what may go out, `finish` the rest; `done` once nothing more will go out.

    `fan` and `own` are the names of the two, where they are known, beside those that models use.
    """

    def __init__(self, *, fan: Sequence[str] = (), own: Sequence[str] = ()) -> None:
        self.done = False
        self._own = _label(_names(own, OWN_LABELS))
        self._theirs = _theirs(_names(fan, FAN_LABELS))
        self._held = ""
        self._is_started = False
        self._is_line_start = True
        self._closing = ""

    def feed(self, text: str) -> str:
        """Takes a piece of the reply."""
        return self._read(text.replace(_END, ""))

    def finish(self) -> str:
        """The rest, once the reply is over."""
        out = self._read(_END)
        self.done = True
        return out

    def _read(self, text: str) -> str:
        if self.done:
            return ""
        self._held += text
        if not self._is_started:
            self._is_started = self._begin()
        return self._go_on() if self._is_started else ""

    def _begin(self) -> bool:
        """Drops what stands before the reply; False while that is open."""
        while True:
            self._held = self._held.lstrip()
            if not self._held:
                return False
            length = _thought(self._held)
            if length == 0:
                length = _first_of((_OWN_TURN_PART, self._own, _PREAMBLE), self._held)
            if length is None:
                return False
            if length:
                self._held = self._held[length:]
            elif self._held[0] in _QUOTES and not self._closing:
                is_wrapping = _wraps(self._held)
                if is_wrapping is None:
                    return False
                if not is_wrapping:
                    return True
                self._closing = _QUOTES[self._held[0]]
                self._held = self._held[1:]
            else:
                return True

    def _go_on(self) -> str:
        out: list[str] = []
        while self._held and not self.done:
            step = self._step()
            if step is None:
                break
            released, taken = step
            out.append(released)
            self._held = self._held[taken:]
        return "".join(out)

    def _step(self) -> tuple[str, int] | None:
        """What the next stretch releases and how long it is; None while it is open."""
        if self._is_line_start or self._held[0] == "\n":
            return self._at_line_start()
        first = self._held[0]
        if first in {_END, self._closing, "\ufffd", "<", "["}:
            return self._at_mark(first)
        ends = [match.start()] if (match := _INTERESTING.search(self._held)) else []
        ends += [at for mark in (self._closing, _END) if mark and (at := self._held.find(mark)) >= 0]
        end = min(ends, default=len(self._held))
        return self._held[:end], end

    def _at_mark(self, first: str) -> tuple[str, int] | None:
        """The same where the stretch begins with a character that may be more than itself."""
        if first == _END:
            return self._cut()
        if first == self._closing:
            self._closing = ""
            return "", 1
        if first == "\ufffd":
            return self._broken()
        length = _first_of((_TOKEN,), self._held)
        if length is None:
            return None
        return self._cut() if length else (first, 1)

    def _at_line_start(self) -> tuple[str, int] | None:
        """Line ends go out with the line behind them, where that is the persona's."""
        space = len(self._held) - len(self._held.lstrip())
        rest = self._held[space:]
        if not rest:
            return None
        if rest[0] == _END:
            return self._cut()
        theirs = _first_of((self._theirs,), rest)
        own = _first_of((self._own,), rest)
        if theirs:
            return self._cut()
        if theirs is None or own is None:
            return None
        self._is_line_start = bool(own)
        if own:
            # The label goes, the line end before it stays and is looked at once more.
            self._held = self._held[:space] + rest[own:]
            return "", 0
        return self._held[:space], space

    def _broken(self) -> tuple[str, int] | None:
        """Half a character stands where a reply was cut off: it goes out only when something follows."""
        run = len(self._held) - len(self._held.lstrip("\ufffd"))
        if run == len(self._held):
            return None
        return ("" if self._held[run] == _END else self._held[:run]), run

    def _cut(self) -> tuple[str, int]:
        self.done = True
        return "", len(self._held)


def trimmed(text: str, *, fan: Sequence[str] = (), own: Sequence[str] = ()) -> str:
    """A whole reply, trimmed."""
    trim = Trim(fan=fan, own=own)
    return trim.feed(text) + trim.finish()


def whole_sentences(text: str) -> str:
    """A reply that was cut off for its length, back to its last whole sentence, if that ends in the last half."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends and ends[-1] * 2 >= len(text) else text


def is_finished(text: str) -> bool:
    """True when the text ends with a sentence, a smile or a line."""
    plain = text.rstrip(" \t")
    return not plain or any(match.end() == len(plain) for match in _SENTENCE_END.finditer(plain))


def stops(given: Sequence[str], fan: Sequence[str] = ()) -> list[str]:
    """The stop sequences to send: the request's own, then as many of ours as there is room for."""
    ours = [*(f"\n{name}:" for name in fan), "\nFan:", "\nUser:", "<|im_end|>", "\nHuman:"]
    return list(dict.fromkeys([*given, *ours]))[: max(MOST_STOPS, len(given))]


def _thought(held: str) -> int | None:
    """The length of what a reasoning model thinks aloud before its reply: 0 for nothing, None while that is open."""
    length = _first_of((_THOUGHT,), held)
    if not length:
        return length
    end = held.find(">", held.find("</think", length)) if "</think" in held else -1
    if end < 0:
        return held.index(_END) if _END in held else None
    return end + 1


def _wraps(held: str) -> bool | None:
    """Whether the quote that `held` begins with stands around the whole reply; None while that is open.

    A closing quote near it with text behind shows a quoted word. Without one, a quote is taken for a wrapping one: what
    is lost then is a pair of quotes.
    """
    window = held[1 : _QUOTED_WORD + 1]
    at = window.find(_QUOTES[held[0]])
    if at < 0:
        return True if len(window) == _QUOTED_WORD or _END in window else None
    behind = held[at + 2 :].lstrip()
    return behind[0] == _END if behind else None


def _first_of(parts: Sequence[re.Pattern[str]], text: str) -> int | None:
    """The length of the first that stands at the start of `text`; 0 when none does, None while that is open."""
    for part in parts:
        if match := part.match(text):
            return match.end() if match.lastindex else None
    return 0


def _names(known: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys([*(each.strip().casefold() for each in known), *usual]) if name)


def _word(text: str) -> _Part:
    def build(rest: str) -> str:
        for character in reversed(text):
            rest = rf"(?:{re.escape(character)}{rest}|\Z)"
        return rest

    return build


def _some(characters: str, most: int) -> _Part:
    return lambda rest: rf"{characters}{{0,{most}}}{rest}"


def _one(characters: str) -> _Part:
    return lambda rest: rf"(?:{characters}{rest}|\Z)"


def _ahead(characters: str) -> _Part:
    return lambda rest: rf"(?:(?={characters}){rest}|\Z)"


def _few_words(most: int) -> _Part:
    return lambda rest: rf"(?:[\w'’-]{{1,14}} ){{0,{most}}}(?:{rest}|[\w'’-]{{1,14}}\Z)"


def _either(*parts: _Part) -> _Part:
    return lambda rest: "(?:" + "|".join(part(rest) for part in parts) + ")"


def _row(*parts: _Part) -> _Part:
    def build(rest: str) -> str:
        for part in reversed(parts):
            rest = part(rest)
        return rest

    return build


def _pattern(part: _Part) -> re.Pattern[str]:
    # The empty group is reached only when all of it is there.
    return re.compile(part("()"), re.IGNORECASE)


_DRESS = r"[*_\[(]"
_COLON = _row(_some(r"[*_\])]", 3), _some(" ", 1), _one("[:：]"))
_AFTER_COLON = _row(_some(r"[*_ \t]", 6), _ahead(r"[^*_ \t]"))


# Every turn asks for the same few, and building one takes longer than trimming a reply.
@lru_cache(_PATTERNS_KEPT)
def _label(names: tuple[str, ...]) -> re.Pattern[str]:
    """`Mila:` in its spellings, with the space behind it."""
    return _pattern(_row(_some(_DRESS, 3), _either(*map(_word, names)), _COLON, _AFTER_COLON))


@lru_cache(_PATTERNS_KEPT)
def _theirs(names: tuple[str, ...]) -> re.Pattern[str]:
    """What begins a line that is not the persona's."""
    label = _row(_some(_DRESS, 3), _either(*map(_word, names)), _COLON)
    section = _row(_word("##"), _some("#", 2), _some(" ", 1), _either(*map(_word, _SECTIONS)))
    return _pattern(_either(label, section, *map(_word, _TURN_TOKENS)))


_TOKEN = _pattern(_either(*map(_word, _TURN_TOKENS)))
_THOUGHT = _pattern(_either(_word("<think>"), _word("<thinking>")))
_OWN_TURN_PART = _pattern(_either(*map(_word, _OWN_TURN)))
_NOUN = _either(*map(_word, ("reply", "response", "message", "answer", "text")))
_HERE = _row(_word("here"), _either(_row(_one("['’]"), _word("s ")), _word("s "), _word(" is ")))
_SURE = _row(_either(*map(_word, ("sure", "okay", "certainly", "of course"))), _some("[!,.]", 1), _one(" "))
_TELLING = _row(_HERE, _few_words(3), _NOUN, _some(r"[^:\n.!?\x00]", 40), _one(":"))
_PREAMBLE = _pattern(_either(_TELLING, _row(_SURE, _TELLING)))
