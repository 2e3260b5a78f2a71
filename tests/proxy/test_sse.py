"""Any framing, cut anywhere, gives the same events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.errors import UpstreamError
from proxy.sse import COMMENT, DONE, END, EventReader, event, named

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
ENDS = st.sampled_from(["\r\n", "\n", "\r"])
OTHER = st.sampled_from([":", ": a comment", "id: 7", "event: message", "retry: 10", "nonsense", "datax: no"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A body and the events in it."""
    end = draw(ENDS)
    body, events = "", []
    for lines in draw(st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=4)):
        for line in lines:
            body += "".join(other + end for other in draw(st.lists(OTHER, max_size=2)))
            space = " " if line.startswith(" ") else draw(st.sampled_from(["", " "]))
            body += f"data:{space}{line}{end}"
        body += end
        events.append("\n".join(lines))
    if body and draw(st.booleans()):
        body = body.removesuffix(end)
        body = body.removesuffix(end) if draw(st.booleans()) else body
    return body.encode(), [data for data in events if data]


@given(streams(), st.data())
def test_every_split_of_every_framing_gives_the_same_events(
    stream: tuple[bytes, list[str]], data: st.DataObject
) -> None:
    body, expected = stream
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    reader = EventReader()
    seen: list[str] = []
    for start, end in zip([0, *places], [*places, len(body)], strict=True):
        seen += reader.feed(body[start:end])
    assert [each for each in seen + reader.finish() if each] == expected


@given(streams())
def test_one_byte_at_a_time_gives_the_same_events(stream: tuple[bytes, list[str]]) -> None:
    body, expected = stream
    reader = EventReader()
    seen = [each for byte in body for each in reader.feed(bytes([byte]))]
    assert seen + reader.finish() == expected


@pytest.mark.parametrize("blank", [b"data:\n\n", b"data\n\n", b": only a comment\n\n", b"\n\n\n", b"event: ping\n\n"])
def test_events_without_data_are_no_events(blank: bytes) -> None:
    reader = EventReader()
    assert reader.feed(blank + b"data: x\n\n") == ["x"]


def test_a_byte_order_mark_before_the_first_event_is_passed_over() -> None:
    assert EventReader().feed("\ufeffdata: x\n\n".encode()) == ["x"]


def test_our_own_events_read_back_and_our_comment_is_none() -> None:
    value = {"text": "two\nlines\r and \u2028 more"}
    reader = EventReader()
    seen = reader.feed(COMMENT + event(json.dumps(value).encode()) + END)
    assert [json.loads(seen[0]), seen[1]] == [value, DONE]


@pytest.mark.parametrize("junk", [b"data: \xff\n\n", b"\xc3\x28", b"data: \xed\xa0\x80\n\n"])
def test_bytes_that_are_not_utf8_are_the_upstreams_fault(junk: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        EventReader().feed(junk)
    assert caught.value.code == "upstream_broken"


@pytest.mark.parametrize("cut", range(13))
def test_events_before_bytes_that_are_not_utf8_arrive_wherever_it_is_cut(cut: int) -> None:
    body = b"data: fi\n\n\xff data: ne\n\n"
    reader = EventReader()
    steps = iter([lambda: reader.feed(body[:cut]), lambda: reader.feed(body[cut:]), reader.finish])
    seen: list[str] = []
    with pytest.raises(UpstreamError):
        seen.extend(event for step in steps for event in step())
    assert seen == ["fi"]


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_an_event_that_never_ends_is_refused_before_it_fills_the_memory(piece: bytes) -> None:
    reader = EventReader()
    with pytest.raises(UpstreamError, match="too large"):
        any(reader.feed(piece) for _ in range(200))


def test_a_named_event_says_its_name_and_none_that_would_break_the_framing() -> None:
    assert named("message_stop", b"{}") == b"event: message_stop\ndata: {}\n\n"
    assert named("odd\ndata: x", b"{}") == b"data: {}\n\n"
