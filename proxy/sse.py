"""Server-sent events: bytes in, event data out, whatever the framing; and back."""

from __future__ import annotations

import codecs
import re

from guards.errors import UpstreamError

DONE = "[DONE]"
COMMENT = b": chaperone is still here\n\n"
_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")
_NAME = re.compile(r"[\w.:-]{1,128}")
_DATA = "data: "
_NEXT = "\n\n" + _DATA
_MAX_EVENT = 4 * 1024 * 1024


class EventReader:
    """Turns chunks of a response body into the data of whole events.

    Understands CRLF, CR and LF, comments, fields it does not need, and data over several lines. Raises UpstreamError
    for bytes that are not UTF-8 and for an event that never ends.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest: list[str] = []
        self._waiting = 0
        self._broken = False
        self._data: list[str] = []
        self._size = 0
        self._is_between = True  # the last event is over, and no line of the next has come

    def feed(self, chunk: bytes) -> list[str]:
        """The data of every event that `chunk` completes; what is wrong behind them is raised by the next call."""
        text = self._decoded(chunk)
        whole = self._whole_events(text) if self._is_between and not self._broken else None
        return self._fed(text) if whole is None else whole

    def _whole_events(self, text: str) -> list[str] | None:
        """The data of `text`, which begins where an event does, where that is nothing but whole events of one line of
        data each, as nearly all is; else None."""
        if not (text.startswith(_DATA) and text.endswith("\n\n")) or "\r" in text or len(text) > _MAX_EVENT:
            return None
        events = text[len(_DATA) : -2].split(_NEXT)
        return None if any(not event or "\n" in event for event in events) else events

    def _fed(self, text: str) -> list[str]:
        lines: list[str] = []
        if "\n" in text or "\r" in text or self._rest_ends_line():
            text = "".join([*self._rest, text])
            *lines, text = _LINE_END.split(text) if "\r" in text else text.split("\n")
            self._rest, self._waiting = [], 0
        self._rest.append(text)
        self._waiting += len(text)
        if self._waiting > _MAX_EVENT:
            raise UpstreamError("the upstream's event is too large", code="upstream_broken")
        events = [event for line in lines if (event := self._line(line)) is not None]
        self._is_between = text == "" and not self._data
        if self._broken and not events:
            raise _not_utf8()
        return events

    def finish(self) -> list[str]:
        """The data of an event that the end of the body completes."""
        if self._broken:
            raise _not_utf8()
        lines = ["".join(self._rest).rstrip("\r"), ""]
        self._rest = []
        return [event for line in lines if (event := self._line(line)) is not None]

    def _rest_ends_line(self) -> bool:
        """True when what waits ends in a CR, which an LF may still belong to."""
        return bool(self._rest) and self._rest[-1].endswith("\r")

    def _decoded(self, chunk: bytes) -> str:
        if self._broken:
            raise _not_utf8()
        try:
            return self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            self._broken = True
            return error.object[: error.start].decode()

    def _line(self, line: str) -> str | None:
        if not line:
            event = "\n".join(self._data)
            self._data, self._size = [], 0
            return event or None
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
            self._size += len(value)
            if self._size > _MAX_EVENT:
                raise UpstreamError("the upstream's event is too large", code="upstream_broken")
        return None


def _not_utf8() -> UpstreamError:
    return UpstreamError("the upstream's stream is not UTF-8", code="upstream_broken")


def event(data: bytes) -> bytes:
    """One event whose data is a line of JSON."""
    return b"data: " + data + b"\n\n"


def named(name: str, data: bytes) -> bytes:
    """One event with a name, as Anthropic and the Responses API send them; what cannot be a name is left out."""
    head = b"event: " + name.encode() + b"\n" if _NAME.fullmatch(name) else b""
    return head + event(data)


END = event(DONE.encode())
