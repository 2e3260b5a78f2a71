"""The parts of a native stream in their order, while the texts of some of them still wait in a hold-back.

A stream that names its parts (content blocks, output items) may begin one only when the one before is over. What is
released comes in another order: a text sentence by sentence and late, a structure when it is whole. Here both meet: a
part goes out when it may and everything before it has gone. Several parts may be one text to the guard; which stretch
of it is whose is kept here. It judges nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from proxy.wire import Json

Events = list[Json]


@dataclass(slots=True)
class Fixed:
    """Events that go out as they are: with what follows, or where `waits` is set, once that structure is released."""

    make: Callable[[], Events]
    waits: str | None = None


@dataclass(slots=True)
class Text:
    """One text part. `begin`, `piece` and `finish` give its events; `finish` is handed all that was said of it.

    `key` is the text it is a stretch of, from `start` to `end` in what the upstream sent; `waits` a structure of its
    own that has to be released before it is finished.
    """

    key: str
    begin: Callable[[], Events]
    piece: Callable[[str], Events]
    finish: Callable[[str], Events]
    start: int = 0
    end: int | None = None
    waits: str | None = None
    begun: bool = False
    said: str = field(default="", repr=False)
    ready: list[str] = field(default_factory=list, repr=False)

    def go(self) -> Events:
        """The events of what is ready."""
        begin = [] if self.begun else self.begin()
        self.begun = True
        pieces, self.ready = self.ready, []
        self.said += "".join(pieces)
        return [*begin, *(event for piece in pieces for event in self.piece(piece))]


class Parts:
    """Everything of one choice that has not gone out yet."""

    def __init__(self) -> None:
        self._parts: deque[Fixed | Text] = deque()
        self._lead: Events = []
        self._fed: dict[str, int] = {}
        self._released: dict[str, int] = {}
        self._passed: set[str] = set()

    def add(self, part: Fixed | Text) -> None:
        """Takes the next part; a text begins where its key's text has come to."""
        if isinstance(part, Text):
            part.start = self._fed.get(part.key, 0)
        self._parts.append(part)

    def feed(self, part: Text, text: str) -> None:
        """Notes a piece of the part's text that is on its way through the hold-back."""
        self._fed[part.key] = self._fed.get(part.key, 0) + len(text)

    def close(self, part: Text) -> None:
        """The upstream has said all of the part."""
        if part.end is None:
            part.end = self._fed.get(part.key, 0)

    def say(self, key: str, text: str, held: int) -> None:
        """Takes released text of `key`, of which `held` characters of what was fed still wait."""
        start = self._released.get(key, 0)
        end = self._released[key] = self._fed.get(key, 0) - held
        reach = [part for part in self._parts if isinstance(part, Text) and part.key == key and _reaches(part, start)]
        if len(text) != end - start:  # redacted: its places are lost, so it stays with the part it begins in
            for part in reach[:1]:
                part.ready.append(text)
            return
        for part in reach:
            piece = text[max(0, part.start - start) : None if part.end is None else max(0, part.end - start)]
            if piece:
                part.ready.append(piece)

    def passed(self, key: str) -> None:
        """Takes a structure that was released."""
        self._passed.add(key)

    def has_passed(self, key: str | None) -> bool:
        """True when the structure was released."""
        return key in self._passed

    def flush(self) -> Events:
        """The events that may go out now. Fixed ones wait for something to say, so that nothing begins too early."""
        return [event for group in self._going() for event in group]

    def rest(self) -> Events:
        """The events of all that is left, at the regular end."""
        for part in self._parts:
            if isinstance(part, Text):
                self.close(part)
        events = self.flush()
        lead, self._lead = self._lead, []
        return [*events, *lead]

    def cut(self) -> tuple[Events, Text | None]:
        """Ends the parts where the reply was cut off: the events of what was released, and the part that is open."""
        events = self.flush()
        parts = list(self._parts)
        last = max((at for at, part in enumerate(parts) if isinstance(part, Text) and _has_said(part)), default=-1)
        self._parts.clear()
        if last < 0:
            return [*events, *self._led()], None
        for part in parts[:last]:
            if isinstance(part, Text):
                events += [*self._led(), *part.go(), *part.finish(part.said)]
            elif part.waits is None:
                self._lead += part.make()
        open_part = parts[last]
        assert isinstance(open_part, Text)
        return [*events, *self._led(), *open_part.go()], open_part

    def _going(self) -> Iterator[Events]:
        while self._parts:
            part = self._parts[0]
            if isinstance(part, Text):
                over = self._is_over(part)
                if part.ready or (over and not part.begun):
                    yield [*self._led(), *part.go()]
                if not over:
                    return
                yield part.finish(part.said)
            elif part.waits is None:
                self._lead += part.make()
            elif part.waits in self._passed:
                yield [*self._led(), *part.make()]
            else:
                return
            self._parts.popleft()

    def _led(self) -> Events:
        lead, self._lead = self._lead, []
        return lead

    def _is_over(self, part: Text) -> bool:
        if part.end is None or (part.waits is not None and part.waits not in self._passed):
            return False
        return self._released.get(part.key, 0) >= part.end


def _reaches(part: Text, start: int) -> bool:
    return part.end is None or part.end > start


def _has_said(part: Text) -> bool:
    return part.begun or bool(part.ready)
