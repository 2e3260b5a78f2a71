"""OpenAI's chat JSON in and out: what is refused, with the parameter named, and what is kept as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.errors import MalformedRequest, UpstreamError
from guards.types import Message
from proxy.wire import (
    carries_media,
    content_of,
    read_json,
    read_reply,
    read_request,
    text_of,
    without_media,
    write_json,
)

HELLO = {"role": "user", "content": "hello"}
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=9)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def request(**body: Any) -> Any:
    return read_request(json.dumps({"model": "m", "messages": [HELLO], **body}).encode(), None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {"role": "user"}}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [HELLO, "hello"]}, "messages[1]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": 5, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": {"text": "x"}}]}, "messages[0].content"),
        ({"messages": [HELLO, {"role": "user", "content": ["x"]}]}, "messages[1].content"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": True}, "n"),
        ({"n": "2"}, "n"),
        ({"n": 1.5}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"model": 5}, "model"),
        ({"model": None}, "model"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_parameter_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        request(**body)
    assert caught.value.param == param
    assert caught.value.status == 400
    assert param in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"nope", b'{"a": NaN}', b'{"a": 1e999}', b"\xff", b'{"a": "\xc3("}'])
def test_a_body_that_is_not_json_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_json(body)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="object"):
        read_json(body)


@pytest.mark.parametrize("depth", [500, 1000, 5000])
def test_json_nested_beyond_reason_is_refused_on_both_sides(depth: int) -> None:
    body = b'{"a":' * depth + b"1" + b"}" * depth
    with pytest.raises(MalformedRequest):
        read_json(body)
    with pytest.raises(UpstreamError):
        read_reply(body)


def test_many_messages_are_no_deep_nesting() -> None:
    assert len(request(messages=[HELLO] * 3000).messages) == 3000


@given(st.dictionaries(st.text(max_size=8).map(lambda name: f"x{name}"), JSON, max_size=4))
def test_unknown_fields_are_sent_on_as_they_came(extra: dict[str, Any]) -> None:
    asked = request(**extra)
    sent = json.loads(write_json(asked.with_messages(asked.messages)))
    assert sent == {"model": "m", "messages": [HELLO], **extra}


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**40])
@pytest.mark.parametrize("beside", ["", f"chatcmpl-{'0' * 22}", f"id{'12' * 30}", "1" * 25])
def test_whole_numbers_of_any_size_survive(number: int, beside: str) -> None:
    sent = json.loads(write_json(request(id=beside, deep=[number], user_id=number).raw))
    assert (sent["user_id"], sent["deep"]) == (number, [number])


@pytest.mark.parametrize("cut", [r"\ud83d", r"\ude00", r"\ud83dx\ude00"])
def test_half_an_emoji_is_neither_refused_nor_passed_on(cut: str) -> None:
    body = '{"model": "m", "messages": [{"role": "user", "content": "wow CUT!"}], "odd": "😀"}'.replace("CUT", cut)
    asked = read_request(body.encode(), None)
    text = asked.messages[0]["content"]
    assert text.startswith("wow ")
    assert text.endswith("!")
    text.encode("utf-8")
    assert json.loads(write_json(asked.raw))["odd"] == "😀"
    assert read_reply(body)["messages"][0]["content"] == text


def test_only_what_nobody_has_answered_yet_is_new_and_the_system_is_never_judged() -> None:
    asked = request(messages=[
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "developer", "content": "more rules"},
        {"role": "tool", "content": "three", "tool_call_id": "t"},
        {"role": "user", "content": [{"type": "text", "text": "four"}]},
    ])  # fmt: skip
    assert [(at, leaf.text) for at, leaf in asked.new_texts()] == [(4, "three"), (5, "four")]
    assert asked.context(2) == [Message("system", "rules"), Message("user", "one")]


def test_one_more_answer_is_asked_for_whole_and_single() -> None:
    asked = request(n=3, stream=True, stream_options={"include_usage": True}, temperature=0.5)
    body = asked.once_more([HELLO, HELLO])
    assert body == {"model": "m", "messages": [HELLO, HELLO], "n": 1, "stream": False, "temperature": 0.5}
    assert asked.raw["n"] == 3


def test_a_conversations_id_comes_from_the_header_else_from_the_metadata() -> None:
    body = json.dumps({"messages": [HELLO], "metadata": {"conversation_id": "meta"}}).encode()
    assert read_request(body, "header").conversation == "header"
    assert read_request(body, None).conversation == "meta"
    assert request(metadata={"conversation_id": 5}).conversation is None
    assert request(metadata="odd").conversation is None


@pytest.mark.parametrize("body", [b"[]", b"oops", b"", b"1", b"\xff\xfe"])
def test_an_upstreams_answer_that_is_no_json_object_is_its_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_reply(body)
    assert caught.value.code == "upstream_broken"


def test_a_requests_repr_shows_no_text() -> None:
    assert "hello" not in repr(request())


def test_the_text_of_content_is_its_text_parts_whatever_else_is_there() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"text": 5}, "x", {"text": "b"}]
    assert text_of(parts) == "a\nb"
    assert (text_of("plain"), text_of(None), text_of(5)) == ("plain", "", "")


def test_media_is_seen_and_can_be_left_out() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x"}}
    message = {"role": "user", "content": [{"type": "text", "text": "look"}, image]}
    assert carries_media(message)
    assert without_media(message) == {"role": "user", "content": [{"type": "text", "text": "look"}]}
    assert not carries_media(HELLO)
    assert without_media(HELLO) == HELLO


@pytest.mark.parametrize("odd", [{}, {"choices": []}, {"choices": [5]}, {"choices": [{"message": 5}]}, {"choices": 5},
                                 {"choices": [{"message": {"content": None}}]}])  # fmt: skip
def test_an_answer_without_content_is_an_empty_one(odd: dict[str, Any]) -> None:
    assert content_of(odd) == ""
