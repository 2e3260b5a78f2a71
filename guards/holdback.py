"""Hold-back: what of a growing reply may be released. Pure feed/finish; it is asked before any byte goes out.

The invariant: what has been released never holds text that an enforced rule withholds. Verdicts are reached at places
in the text (the end of a sentence that leaves nothing open), never at the edges of chunks, so that every cut of the
same text gives the same verdict and the same released prefix.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from guards.redact import redact
from guards.types import Action, Verdict

Judge = Callable[[str], Verdict]

_SPACE = re.compile(r"\s")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)*_]*$")
_CLOSING_WORD = re.compile(r"(?:^|[\s\"'“‘(*_])[^\W\d_][^\W\d_'’]+[^\w@$]*$")
_LONGEST_CLOSE = 60
_OVERLAP = 240


@dataclass(frozen=True, slots=True)
class Released:
    """Text that may go out now, as it may go out (redacted where a rule asks for it).

    `verdict` is about `judged`, the stretch that was looked at: this text and some of what went before.
    """

    text: str = field(repr=False)
    verdict: Verdict
    judged: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A violation: nothing more of this reply may go out. `verdict` is about `judged`, as above."""

    verdict: Verdict
    judged: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unclear:
    """A stretch that only a judge can tell about. Nothing goes out until `settle` is told the verdict in force."""

    verdict: Verdict
    judged: str = field(repr=False)


Step = Released | Withheld | Unclear


class HoldBack:
    """The withheld tail of one channel of one reply.

    `judge` gives the verdict for a text at the output stage; one with gray findings halts the reply until `settle`.
    """

    def __init__(self, judge: Judge, policy: Literal["strict", "sentence"]) -> None:
        self._judge = judge
        self._policy = policy
        self._text = ""
        self._sent = 0
        self._seen = 0
        self._shown: list[str] = []
        self._windows = deque([0])
        self._closed = False
        self._over = False
        self._unclear: tuple[int, int] | None = None  # the stretch that waits for its verdict

    @property
    def released(self) -> str:
        """Everything released so far, as it went out."""
        return "".join(self._shown)

    @property
    def pending(self) -> str:
        """Everything fed and not released."""
        return self._text[self._sent :]

    def feed(self, text: str) -> Iterator[Step]:
        """Takes the next piece; yields what may go out, or the violation that ends the reply."""
        if self._closed:
            return
        self._text += text
        yield from self._go_on()

    def finish(self) -> Iterator[Step]:
        """The reply is over: judges what is left."""
        self._over = True
        yield from self._go_on()

    def settle(self, verdict: Verdict) -> Iterator[Step]:
        """Takes the verdict that the last `Unclear` step asked for, and goes on."""
        if self._unclear is None:
            raise ValueError("no stretch waits for a verdict")
        (start, end), self._unclear = self._unclear, None
        yield self._judged(start, end, verdict)
        yield from self._go_on()

    def _go_on(self) -> Iterator[Step]:
        """Steps up to what is held, the violation, or the first stretch that is unclear."""
        if self._policy != "strict":
            for end in self._new_ends():
                if self._is_halted:
                    return
                yield self._step(self._window_start(), end)
        if self._over and not self._is_halted and self._sent < len(self._text):
            yield self._step(0, len(self._text))
        self._closed = self._closed or (self._over and self._unclear is None)

    @property
    def _is_halted(self) -> bool:
        return self._closed or self._unclear is not None

    def _new_ends(self) -> Iterator[int]:
        """Ends of sentences not looked at yet that leave nothing open (no number, handle or letters one by one)."""
        while not self._is_halted:
            space = _SPACE.search(self._text, self._seen)
            self._seen = space.end() if space else len(self._text)
            if space is None:
                return
            start = max(self._sent, space.start() - _LONGEST_CLOSE)
            before = self._text[start : space.start()]
            ended = space[0] == "\n" or _SENTENCE_END.search(before)
            if ended and _CLOSING_WORD.search(before):
                yield space.end()

    def _step(self, start: int, end: int) -> Step:
        judged = self._text[start:end]
        verdict = self._judge(judged)
        if verdict.gray:
            self._unclear = (start, end)
            return Unclear(verdict, judged)
        return self._judged(start, end, verdict)

    def _judged(self, start: int, end: int, verdict: Verdict) -> Step:
        judged = self._text[start:end]
        if verdict.action > Action.REDACT:
            self._closed = True
            return Withheld(verdict, judged)
        piece = self._text[self._sent : end]
        if verdict.action is Action.REDACT:
            shift = start - self._sent
            piece = redact(piece, [(max(0, a + shift), b + shift) for a, b in verdict.masks if b + shift > 0])
        self._sent = end
        self._shown.append(piece)
        self._windows.append(end)
        return Released(piece, verdict, judged)

    def _window_start(self) -> int:
        """Where judging begins: at least _OVERLAP back in the released text, where a sentence begins.

        Anywhere else, what an earlier judgement read in its sentence could look like the beginning of a message.
        """
        while len(self._windows) > 1 and self._windows[1] <= self._sent - _OVERLAP:
            self._windows.popleft()
        return self._windows[0]
