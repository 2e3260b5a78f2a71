"""Where one message of a reply ends and the next begins: at a blank line, however the reply was cut on its way.

It stands apart as every frontend that shows messages needs the same answer. What the persona service cuts a reply into
is the blank lines' to say; this reads them, whoever wrote them.
"""

from __future__ import annotations

import re

_SPACE = re.compile(r"(\s+)")


class Bubbles:
    """Takes a reply in pieces and gives its text back, with None where another message begins.

    Space is held until a word follows it: only then is it known to be a break, and at the end it is nothing.
    """

    def __init__(self) -> None:
        self._held = ""
        self._begun = False

    def feed(self, text: str) -> list[str | None]:
        """What `text` adds: texts to append to the message that is open, None for its end."""
        parts = _SPACE.split(self._held + text)
        self._held = ""
        if len(parts) > 1 and not parts[-1]:
            self._held = parts[-2]
            parts = parts[:-2]
        out: list[str | None] = []
        now: list[str] = []
        for at, part in enumerate(parts):
            if at % 2 == 0:
                self._begun = self._begun or bool(part)
                now.append(part)
            elif self._begun and part.count("\n") > 1:
                out += ["".join(now), None]
                now = []
            elif self._begun:
                now.append(part)
        return [piece for piece in [*out, "".join(now)] if piece != ""]


def split(reply: str) -> list[str]:
    """The messages of a whole reply, none of them empty."""
    messages = [""]
    for piece in Bubbles().feed(reply):
        if piece is None:
            messages.append("")
        else:
            messages[-1] += piece
    return [message for message in messages if message]
