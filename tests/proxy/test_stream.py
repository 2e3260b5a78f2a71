"""Streams that break in every way an upstream can break them: no unjudged word goes out, and the end is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records

Begin = Callable[..., Any]
Piece = Callable[[str], bytes]
BROKEN = {
    "junk json": b"data: {nope\n\n",
    "not utf-8": b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
    "no object": b"data: []\n\n",
    "no list of choices": b'data: {"choices": 5}\n\n',
    "a choice that is none": b'data: {"choices": ["x"]}\n\n',
    "a delta that is none": b'data: {"choices": [{"index": 0, "delta": "x"}]}\n\n',
    "cut off in an event": b'data: {"choices": [{"ind',
    "cut off between events": b"",
}


def events_of(text: str) -> list[str]:
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


def said(text: str) -> str:
    """Everything a stream said as content of its first choice."""
    chunks = [json.loads(event) for event in events_of(text) if event != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def last_error(text: str) -> str:
    """The code of the error event a stream ended with."""
    *_, last = events_of(text)
    assert "Traceback" not in text
    return str(json.loads(last)["error"]["code"])


@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_breaks_before_anything_went_out_is_answered_502(
    proxy: Any, upstream: Any, raw: Any, name: str
) -> None:
    upstream.replies = [raw([BROKEN[name]], kind="text/event-stream")]
    reply = proxy.post(stream=True)
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "upstream_broken"


@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_breaks_later_keeps_what_passed_and_ends_with_an_error_event(
    proxy: Any, upstream: Any, raw: Any, piece: Piece, name: str
) -> None:
    upstream.replies = [raw([piece("All is well. And"), BROKEN[name]], kind="text/event-stream")]
    reply = proxy.post(stream=True)
    assert reply.status_code == 200
    assert said(reply.text) == "All is well. And"
    assert last_error(reply.text) == "upstream_broken"
    assert proxy.metric('chaperone_upstream_errors_total{code="upstream_broken"}') == 1


@pytest.mark.parametrize("name", BROKEN)
def test_what_stands_before_a_break_in_the_same_read_goes_out(
    proxy: Any, upstream: Any, raw: Any, piece: Piece, name: str
) -> None:
    upstream.replies = [raw([piece("All is ") + piece("well. And") + BROKEN[name]], kind="text/event-stream")]
    reply = proxy.post(stream=True)
    assert reply.status_code == 200
    assert said(reply.text) == "All is well. And"
    assert last_error(reply.text) == "upstream_broken"


def test_a_violation_behind_what_passed_in_the_same_read_is_repaired_behind_it(
    proxy: Any, upstream: Any, raw: Any, says: Any, piece: Piece
) -> None:
    at_once = b"".join(map(piece, ["All is well. ", "A wombat ", "came by. ", "And left."]))
    upstream.replies = [raw([at_once], kind="text/event-stream"), says("and flowers")]
    text = proxy.text(stream=True)
    assert said(text) == "All is well. and flowers"
    assert events_of(text)[-1] == "[DONE]"


def test_a_violation_in_what_a_broken_stream_left_behind_is_not_released(
    proxy: Any, upstream: Any, raw: Any, says: Any, piece: Piece
) -> None:
    upstream.replies = [raw([piece("All is well. A wombat")], kind="text/event-stream"), says("and flowers")]
    text = proxy.text(stream=True)
    assert said(text) == "All is well. and flowers"
    (record,) = read_records(proxy.data)
    assert record.action == "regenerate"


@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain; charset=utf-8"])
def test_an_answer_that_is_no_stream_is_not_passed_as_one(proxy: Any, upstream: Any, raw: Any, kind: str) -> None:
    upstream.replies = [raw([b'data: {"choices": []}\n\n'], kind=kind)]
    reply = proxy.post(stream=True)
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "upstream_broken"


def test_the_content_type_of_a_stream_is_read_in_any_case(proxy: Any, upstream: Any, raw: Any, piece: Piece) -> None:
    upstream.replies = [raw([piece("fine"), b"data: [DONE]\n\n"], kind="Text/Event-Stream;charset=UTF-8")]
    assert said(proxy.text(stream=True)) == "fine"


def test_an_upstream_that_falls_silent_mid_stream_ends_with_an_error_event(
    begin: Begin, upstream: Any, raw: Any, piece: Piece
) -> None:
    proxy = begin(read_timeout=0.3)
    upstream.replies = [raw([piece("All is well. And")], kind="text/event-stream", hang=True)]
    text = proxy.text(stream=True)
    assert said(text) == "All is well. And"
    assert last_error(text) == "upstream_timeout"
    assert upstream.left.acquire(timeout=10)


def test_an_upstream_that_falls_silent_before_its_first_token_is_answered_504(
    begin: Begin, upstream: Any, raw: Any
) -> None:
    proxy = begin(read_timeout=0.3)
    upstream.replies = [raw([], kind="text/event-stream", hang=True)]
    reply = proxy.post(stream=True)
    assert reply.status_code == 504
    assert reply.json()["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize("status", [200, 201, 203, 206])
def test_a_reply_is_judged_whatever_kind_of_success_the_upstream_calls_it(
    proxy: Any, upstream: Any, raw: Any, says: Any, piece: Piece, status: int
) -> None:
    pieces = [piece("a wombat"), b"data: [DONE]\n\n"]
    upstream.replies = [raw(pieces, status=status, kind="text/event-stream"), says("flowers")]
    reply = proxy.post(stream=True)
    assert said(reply.text) == "flowers"


def test_an_error_event_of_the_upstream_is_passed_on_in_its_place(
    proxy: Any, upstream: Any, raw: Any, piece: Piece
) -> None:
    error = {"error": {"message": "out of a wombat", "code": "server_busy"}}
    pieces = [piece("All is well"), b"data: " + json.dumps(error).encode() + b"\n\n"]
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    text = proxy.text(stream=True)
    shown = [json.loads(event) for event in events_of(text) if event != "[DONE]"]
    assert shown[-1]["error"]["code"] == "server_busy"
    assert shown[0]["choices"][0]["delta"]["content"] == "All is well"
    assert "wombat" not in text


def test_a_stream_without_an_end_mark_but_with_a_finish_is_whole(
    proxy: Any, upstream: Any, raw: Any, piece: Piece
) -> None:
    finish = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
    pieces = [piece("All is well"), b"data: " + json.dumps(finish).encode()]
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    events = events_of(proxy.text(stream=True))
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["choices"][0]["finish_reason"] == "length"


def test_usage_arrives_where_the_upstream_put_it(proxy: Any, upstream: Any, raw: Any, piece: Piece) -> None:
    usage = {"id": "1", "choices": [], "usage": {"total_tokens": 9}}
    pieces = [piece("fine"), b"data: " + json.dumps(usage).encode() + b"\n\n", b"data: [DONE]\n\n"]
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    events = [json.loads(event) for event in events_of(proxy.text(stream=True))[:-1]]
    assert [event["usage"] for event in events if event["choices"] == []] == [{"total_tokens": 9}]


@pytest.mark.parametrize("stream_usage", [True, False])
def test_a_repaired_stream_says_what_was_used_only_when_asked(
    proxy: Any, upstream: Any, says: Any, stream_usage: bool
) -> None:
    upstream.replies = [says("a wombat"), says("flowers")]
    text = proxy.text(stream=True, stream_options={"include_usage": stream_usage})
    counted = [json.loads(event) for event in events_of(text)[:-1] if "usage" in event]
    assert [event["choices"] for event in counted] == [[]] * stream_usage


@pytest.mark.parametrize("framing", ["\r\n", "\r"])
def test_other_line_ends_and_comments_in_the_upstreams_stream_are_understood(
    proxy: Any, upstream: Any, raw: Any, piece: Piece, framing: str
) -> None:
    body = b": ping\n\n" + piece("fi") + b"event: x\n" + piece("ne") + b"data: [DONE]\n\n"
    upstream.replies = [raw([body.replace(b"\n", framing.encode())], kind="text/event-stream")]
    text = proxy.text(stream=True)
    assert said(text) == "fine"
    assert text.endswith("data: [DONE]\n\n")


def test_the_streams_headers_are_the_upstreams_and_ours(proxy: Any, upstream: Any, raw: Any, piece: Piece) -> None:
    headers = [("x-request-id", "abc"), ("cache-control", "public"), ("x-chaperone-turn", "forged")]
    upstream.replies = [raw([piece("fine"), b"data: [DONE]\n\n"], kind="text/event-stream", headers=headers)]
    reply = proxy.post(stream=True)
    assert reply.headers["x-request-id"] == "abc"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-chaperone-turn"] == upstream.headers[0]["x-chaperone-turn"] != "forged"


def test_a_policy_may_end_repaired_streams_with_content_filter(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    folder = make_rules()
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text() + "finish_reason: content_filter\n")
    proxy = begin(rules=folder)
    upstream.replies = [says("a wombat"), says("flowers")]
    events = [json.loads(event) for event in events_of(proxy.text(stream=True))[:-1]]
    assert events[-1]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize(("on_error", "passes"), [("block", False), ("deflect", False), ("allow", True)])
def test_once_judging_a_reply_has_taken_its_time_each_rules_on_error_decides_on_the_rest(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, raw: Any, piece: Piece, on_error: str, passes: bool
) -> None:
    rules = make_rules(deadline=0.1)
    rule = (rules / "animals.yaml").read_text(encoding="utf-8")
    (rules / "animals.yaml").write_text(f"on_error: {on_error}\n{rule}", encoding="utf-8")
    with (rules / "policy.yaml").open("a", encoding="utf-8") as policy:
        policy.write("most_judging: 0.0000001\n")  # the first look takes longer
    proxy = begin(rules=rules)
    sent = [piece("All is well. "), piece("And all goes on. "), b"data: [DONE]\n\n"]
    upstream.replies = [raw(sent, kind="text/event-stream")]
    text = said(proxy.text(stream=True))
    assert text.startswith("All is well. ")
    assert ("And all goes on." in text) is passes
    notes = [note for record in read_records(proxy.data) for note in record.as_json()["notes"]]
    assert "judging: time is up" in notes
