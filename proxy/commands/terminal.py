"""What goes to a terminal: text and JSON without a character that could steer it, as texts of strangers are shown."""

from __future__ import annotations

import json
from typing import Any


def plain(text: str) -> str:
    """`text` with every control and format character replaced."""
    return "".join(char if char.isprintable() else "�" for char in text)


def json_line(value: Any) -> str:
    """`value` as one line of JSON that says the same, those characters escaped and all others as they are."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
