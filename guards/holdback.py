"""Hold-back: what of a growing reply may be released. Pure feed/finish; it is asked before any byte goes out.

The invariant: what has been released never holds text that an enforced rule withholds. Verdicts are reached at places
in the text (the end of a sentence that leaves nothing open), never at the edges of chunks, so that every cut of the
same text gives the same verdict and the same released prefix.

`strict` releases the whole reply at its end, `sentence` each sentence at its end, `adaptive` each word that opens
nothing as soon as it is complete. A sentence in which something is open waits for its end, or, where only its meaning
is in question, for the next look at that.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from guards.openings import REACH, Watch
from guards.redact import redact
from guards.types import Action, Kind, Streaming, Verdict

_SPACE = re.compile(r"\s")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)*_]*$")
_CLOSING_WORD = re.compile(r"(?:^|[\s\"'“‘(*_])[^\W\d_][^\W\d_'’]+[^\w@$]*$")
_LONGEST_CLOSE = 60
_OVERLAP = 240
_NOTHING = Verdict("output")
_COMES_TO_NOTHING = 2  # words after which what was open is judged before its sentence ends
_TAIL = 64  # characters that stay held where a place had to be made
_REREAD = 2_000  # characters of a reply that is read as a whole at its end
MOST_HELD = 1_000


class Judge(Protocol):
    """Gives the verdict for a text at the output stage, by all detectors or those of one kind. A text that `is_inside`
    the reply is not its beginning."""

    def __call__(self, text: str, *, kind: Kind = "all", is_inside: bool = False) -> Verdict: ...


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
    `watch` says which words open nothing; without one, or with one that is wary, `adaptive` is `sentence`. At most
    `most_held` characters are held (but for `strict`): where no sentence ends by then, a place is made.
    """

    def __init__(
        self, judge: Judge, policy: Streaming, watch: Watch | None = None, *, most_held: int = MOST_HELD
    ) -> None:
        self._judge = judge
        self._policy = policy
        self._watch = watch if policy == "adaptive" and watch and not watch.is_wary else None
        self._most_held = max(most_held, 2 * _TAIL)
        self._text = ""
        self._sent = 0
        self._seen = 0
        self._shown: list[str] = []
        self._windows = deque([0])
        self._closed = False
        self._over = False
        self._unclear: tuple[int, int, int] | None = None  # the stretch that waits for its verdict, and what it lets go
        self._has_opened = self._watch is None
        self._clear: list[int] = []  # ends of words up to which all may go, but for the beginning of a term
        self._words = 0  # of the sentence so far
        self._is_doubtful = False  # something was found in the sentence, which its end will decide
        self._next_look = 0  # the word at which its meaning is looked at again

    @property
    def released(self) -> str:
        """Everything released so far, as it went out."""
        return "".join(self._shown)

    @property
    def pending(self) -> str:
        """Everything fed and not released."""
        return self._text[self._sent :]

    def feed(self, text: str) -> list[Step]:
        """Takes the next piece; what may go out, or the violation that ends the reply."""
        if self._closed:
            return []
        self._text += text
        return self._go_on()

    def finish(self) -> list[Step]:
        """The reply is over: judges what is left."""
        self._over = True
        return self._go_on()

    def settle(self, verdict: Verdict) -> list[Step]:
        """Takes the verdict that the last `Unclear` step asked for, and goes on."""
        if self._unclear is None:
            raise ValueError("no stretch waits for a verdict")
        (start, end, upto), self._unclear = self._unclear, None
        return [self._judged(start, end, upto, verdict), *self._go_on()]

    def _go_on(self) -> list[Step]:
        """Steps up to what is held, the violation, or the first stretch that is unclear."""
        steps = self._words_in() if self._policy != "strict" else []
        if self._over and not self._is_halted and self._sent < len(self._text):
            steps.append(self._last_step())
        self._closed = self._closed or (self._over and self._unclear is None)
        return steps

    @property
    def _is_halted(self) -> bool:
        return self._closed or self._unclear is not None

    def _words_in(self) -> list[Step]:
        """Steps for every word that is complete and was not taken yet, and where too much is held."""
        steps: list[Step] = []
        while not self._is_halted:
            space = _SPACE.search(self._text, self._seen)
            reach = space.end() if space else len(self._text)
            if reach > self._sent + self._most_held:
                steps.append(self._forced())
                continue
            if space is None:
                break
            start, self._seen = self._seen, reach
            if self._ends_sentence(space):
                steps.append(self._sentence_over(start, reach))
            elif self._watch is not None and (released := self._word_over(self._watch, start, reach)):
                steps.append(released)
        return steps

    def _ends_sentence(self, space: re.Match[str]) -> bool:
        """True at the end of a sentence that leaves nothing open (no number, handle or letters one by one)."""
        before = self._text[max(self._windows[-1], space.start() - _LONGEST_CLOSE) : space.start()]
        ended = space[0] == "\n" or _SENTENCE_END.search(before)
        return bool(ended and _CLOSING_WORD.search(before))

    def _sentence_over(self, start: int, end: int) -> Step:
        is_closed = self._watch is not None and not self._opened_by(self._watch, self._text[start:end])
        step = self._step(self._window_start(), end, is_closed=is_closed)
        if self._watch is not None:
            self._watch.end_sentence()
        self._words = self._next_look = 0
        self._clear = []
        self._is_doubtful = False
        return step

    def _word_over(self, watch: Watch, start: int, end: int) -> Released | None:
        """The words of a sentence that is not over, as far as they are sure to open nothing."""
        self._words += 1
        if self._opened_by(watch, self._text[start:end]) and not self._leads_nowhere(watch, start, end):
            return None
        if watch.may_mean and not self._means_nothing(watch):
            return None
        # What a term may begin with stays held; what stands before it goes as far as it was itself found to be clear.
        self._clear.append(end)
        begun = watch.begun
        upto = end if begun == 0 else max([each for each in self._clear if each <= end - begun], default=0)
        self._clear = [each for each in self._clear if each > upto]
        return self._released(upto, _NOTHING, self._text[self._sent : upto]) if upto > self._sent else None

    def _leads_nowhere(self, watch: Watch, start: int, end: int) -> bool:
        """True when what was open has come to nothing: some words on, all so far is judged, and passes."""
        if watch.words_since < _COMES_TO_NOTHING or not _CLOSING_WORD.search(self._text[start:end].rstrip()):
            return False
        if self._is_doubtful or watch.is_odd:
            return False
        begin = self._text.rfind(" ", 0, max(0, self._sent - REACH)) + 1
        self._is_doubtful = not self._passes(begin, end, "places")
        if not self._is_doubtful:
            watch.close()
        return not self._is_doubtful

    def _opened_by(self, watch: Watch, word: str) -> bool:
        watch.take(word)
        self._has_opened = self._has_opened or watch.is_open
        return watch.is_open

    def _means_nothing(self, watch: Watch) -> bool:
        """A glance at what the sentence so far means, and after ever more words a closer look. Only its end can say
        that it is withheld."""
        if watch.means_nothing(closely=False):
            return True
        if self._words < self._next_look:
            return False
        self._next_look = self._words + self._words // 2 + 1
        return watch.means_nothing(closely=True)

    def _passes(self, start: int, end: int, kind: Kind) -> bool:
        verdict = self._judge(self._text[start:end], kind=kind, is_inside=start > 0)
        return verdict.action <= Action.LOG and not verdict.gray

    def _forced(self) -> Step:
        """A place where none came: judged up to the most that may be held, and its end held on to. What goes out is
        judged as it stands, too."""
        start, end = self._window_start(), self._sent + self._most_held
        self._has_opened = True
        verdict = self._judge(self._text[start : end - _TAIL], is_inside=start > 0)
        if verdict.action > Action.REDACT or verdict.gray:
            return self._step(start, end - _TAIL)
        return self._step(start, end, upto=end - _TAIL)

    def _last_step(self) -> Step:
        """The rest of the reply; all of it is read once more where anything in it was open."""
        if self._watch is not None:
            self._opened_by(self._watch, self._text[self._seen :])
        is_reread = self._has_opened and len(self._text) <= _REREAD
        start = 0 if is_reread else self._window_start()
        return self._step(start, len(self._text), is_closed=not self._has_opened)

    def _step(self, start: int, end: int, upto: int | None = None, *, is_closed: bool = False) -> Step:
        judged = self._text[start:end]
        verdict = self._judge(judged, kind="meaning" if is_closed else "all", is_inside=start > 0)
        if verdict.gray:
            self._unclear = (start, end, end if upto is None else upto)
            return Unclear(verdict, judged)
        return self._judged(start, end, end if upto is None else upto, verdict)

    def _judged(self, start: int, end: int, upto: int, verdict: Verdict) -> Step:
        judged = self._text[start:end]
        if verdict.action > Action.REDACT:
            self._closed = True
            return Withheld(verdict, judged)
        self._windows.append(upto)
        return self._released(upto, verdict, judged, start)

    def _released(self, upto: int, verdict: Verdict, judged: str, start: int = 0) -> Released:
        piece = self._text[self._sent : upto]
        if verdict.action is Action.REDACT:
            shift = start - self._sent
            masks = [(max(0, a + shift), min(b + shift, len(piece))) for a, b in verdict.masks]
            piece = redact(piece, [(a, b) for a, b in masks if a < b])
        self._sent = upto
        self._shown.append(piece)
        return Released(piece, verdict, judged)

    def _window_start(self) -> int:
        """Where judging begins: at least _OVERLAP back in the released text, where a sentence begins.

        Anywhere else, what an earlier judgement read in its sentence could look like the beginning of a message.
        """
        while len(self._windows) > 1 and self._windows[1] <= self._sent - _OVERLAP:
            self._windows.popleft()
        return self._windows[0]
