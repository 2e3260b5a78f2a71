"""Nothing that could steer a terminal, and JSON that says the same."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.commands.terminal import json_line, plain

TEXT = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ["\x1b[2J", "\x9b", "\x7f", "\u202e", "\U000e0041", "é😀"]
)


@given(TEXT)
def test_a_shown_text_has_no_control_characters_and_keeps_the_others(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert [new for old, new in zip(text, shown, strict=True) if old.isprintable()] == [
        c for c in text if c.isprintable()
    ]


@given(st.recursive(TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_a_line_of_json_reads_back_as_it_was_and_is_printable(value: object) -> None:
    line = json_line(value)
    assert line.isprintable()
    assert json.loads(line) == value


def test_ordinary_text_stays_readable_in_json() -> None:
    assert json_line({"a": "héllo 😀 中"}) == '{"a": "héllo 😀 中"}'
