"""Replies that are not streamed: each choice judged, what is broken refused, what is unknown masked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records

Begin = Callable[..., Any]


def completion(text: Any = "fine", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], **more}


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"no", b"[]", b'"text"', b"{}", b'{"choices": 5}', b'{"choices": ["x"]}', b'{"choices": [{"message": "x"}]}',
     b'{"choices": [{}]}', b"\xff\xfe", b'{"choices": ' + b"[" * 5000],
)  # fmt: skip
def test_an_answer_that_is_no_completion_is_answered_502(proxy: Any, upstream: Any, raw: Any, body: bytes) -> None:
    upstream.replies = [raw([body])]
    reply = proxy.post()
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "upstream_broken"
    assert "Traceback" not in reply.text


def test_an_answer_that_passes_arrives_byte_for_byte(proxy: Any, upstream: Any, raw: Any) -> None:
    body = as_bytes(completion("fine", odd=[1, 2.50, 123456789012345678901234567890]))
    upstream.replies = [raw([body], headers=[("x-request-id", "abc")])]
    reply = proxy.post()
    assert reply.content == body
    assert reply.headers["x-request-id"] == "abc"


@pytest.mark.parametrize("status", [201, 203, 206])
def test_a_reply_is_judged_whatever_kind_of_success_the_upstream_calls_it(
    proxy: Any, upstream: Any, raw: Any, says: Any, status: int
) -> None:
    upstream.replies = [raw([as_bytes(completion("a wombat"))], status=status), says("flowers")]
    assert proxy.post().json()["choices"][0]["message"]["content"] == "flowers"


def test_an_upstream_that_falls_silent_in_its_body_is_answered_504(begin: Begin, upstream: Any, raw: Any) -> None:
    proxy = begin(read_timeout=0.3)
    upstream.replies = [raw([b'{"choices": [{"message": {"content": "a secret'], hang=True)]
    reply = proxy.post()
    assert reply.status_code == 504
    assert reply.json()["error"]["code"] == "upstream_timeout"
    assert "secret" not in reply.text


def test_an_answer_that_is_cut_off_is_answered_502(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([as_bytes(completion())], headers=[("content-length", "100000")])]
    assert proxy.post().status_code == 502


def test_unknown_text_around_the_reply_is_masked_and_the_reply_stays(proxy: Any, upstream: Any, raw: Any) -> None:
    body = completion("fine", summary={"deep": ["see the wombat there"]})
    body["choices"][0]["provider_note"] = "wombat!"
    upstream.replies = [raw([as_bytes(body)])]
    reply = proxy.post()
    assert "wombat" not in reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "fine"
    assert reply.json()["summary"]["deep"][0].startswith("see the ")
    (record,) = read_records(proxy.data)
    assert record.action == "redact"
    assert record.body["final"] == ["fine"]


def test_the_tokens_probabilities_do_not_tell_what_was_redacted(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, raw: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    body = completion("see the wombat")
    body["choices"][0]["logprobs"] = {"content": [{"token": "wombat", "logprob": -0.1}]}
    upstream.replies = [raw([as_bytes(body)])]
    reply = proxy.post()
    assert "wombat" not in reply.text
    assert reply.json()["choices"][0]["logprobs"] is None


def test_content_in_parts_is_judged_part_by_part(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, raw: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    parts = [{"type": "text", "text": "see the wombat"}, {"type": "text", "text": "and the tree"}]
    upstream.replies = [raw([as_bytes(completion(parts))])]
    shown = proxy.post().json()["choices"][0]["message"]["content"]
    assert [part["text"] for part in shown] == ["see the ***", "and the tree"]


def test_the_final_action_stands_in_the_header(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("a wombat"), says("flowers")]
    assert proxy.post().headers["x-chaperone-action"] == "regenerate"
    assert proxy.post().headers["x-chaperone-action"] == "allow"
