"""`/v1/messages` with the official client and by hand: what goes in and what comes out whole, judged like chat."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic, BadRequestError, InternalServerError

from proxy.audit import read_records
from proxy.history import PLACEHOLDER

Begin = Callable[..., Any]
LINE = "let's talk about you instead"
ASK = {"role": "user", "content": "how was your day?"}
GOOD = "I saw nothing but flowers."
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"where": "garden"}}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


def create(proxy: Any, *messages: Any, **more: Any) -> Any:
    asked: Any = {"model": "m", "max_tokens": 50, "messages": list(messages) or [ASK], **more}
    with Anthropic(base_url=proxy.url, api_key="mine", max_retries=0) as client:
        return client.messages.create(**asked)


def post(proxy: Any, **body: Any) -> Any:
    return proxy.client.post("/v1/messages", json={"model": "m", "max_tokens": 50, "messages": [ASK], **body})


def test_a_harmless_message_arrives_as_it_was(proxy: Any, upstream: Any, says: Any) -> None:
    thought = {"type": "thinking", "thinking": "What to say?", "signature": "sig=="}
    parts = [thought, {"type": "text", "text": "All is well."}, TOOL]
    upstream.replies = [says(message={"parts": parts}, extra={"odd": {"a": 1}})]
    reply = create(proxy, system="be kind", extra_body={"odd": [1]})
    assert [block.to_dict() for block in reply.content] == parts
    assert (reply.stop_reason, reply.usage.output_tokens, reply.to_dict()["odd"]) == ("tool_use", 7, {"a": 1})
    assert (upstream.paths, upstream.asked[0]["odd"]) == (["/v1/messages"], [1])
    assert (upstream.asked[0]["system"], upstream.asked[0]["messages"]) == ("be kind", [ASK])
    assert list(read_records(proxy.data)) == []


def test_the_clients_headers_travel_and_a_configured_key_takes_the_place_of_its_key(
    begin: Begin, upstream: Any, says: Any
) -> None:
    upstream.replies = [says("fine")]
    sent = {
        "x-api-key": "mine",
        "authorization": "Bearer mine",
        "anthropic-beta": "x",
        "anthropic-version": "2023-06-01",
    }
    for options, key in (({}, "mine"), ({"upstream_key": "sesame"}, "sesame")):
        proxy = begin(**options)
        proxy.client.post("/v1/messages", json={"messages": [ASK]}, headers=sent)
        told = upstream.headers[-1]
        assert (told["x-api-key"], told["anthropic-beta"], told["anthropic-version"]) == (key, "x", "2023-06-01")
        assert ("authorization" in told) == (not options)


@pytest.mark.parametrize(
    "part",
    [{"type": "text", "text": "see the wombat"}, {**TOOL, "input": {"where": ["the wombat"]}},
     {**TOOL, "name": "wombat"}, {"type": "thinking", "thinking": "a wombat?", "signature": "s"},
     {"type": "odd", "deep": [{"er": "a wombat"}]},
     {"type": "text", "text": "hm", "citations": [{"type": "char_location", "cited_text": "wombat"}]}],
    ids=lambda part: part["type"],
)  # fmt: skip
def test_a_violation_in_any_block_is_repaired(proxy: Any, upstream: Any, says: Any, part: dict[str, Any]) -> None:
    upstream.replies = [says(message={"parts": [{"type": "text", "text": "Well."}, part]}), says(GOOD)]
    reply = create(proxy, system=[{"type": "text", "text": "be kind"}])
    assert [block.to_dict() for block in reply.content] == [{"type": "text", "text": GOOD}]
    assert reply.stop_reason == "end_turn"
    again = upstream.asked[1]
    assert again["system"] == [{"type": "text", "text": "be kind"}]
    assert [message["role"] for message in again["messages"]] == ["user", "assistant", "user"]
    assert "wombat" not in again["messages"][2]["content"]
    (record,) = read_records(proxy.data)
    assert (record.action, record.body["surface"]) == ("regenerate", "messages")


def test_a_violation_over_two_blocks_is_one(proxy: Any, upstream: Any, says: Any) -> None:
    parts = [{"type": "text", "text": "a wom"}, {"type": "text", "text": "bat"}]
    upstream.replies = [says(message={"parts": parts}), says(GOOD)]
    assert create(proxy).content[0].text == GOOD


def test_a_thinking_that_was_redacted_loses_its_signature(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    thoughts = [{"type": "thinking", "thinking": f"a {word}", "signature": "s"} for word in ("wombat", "flower")]
    upstream.replies = [says(message={"parts": thoughts})]
    blocks = [block.to_dict() for block in create(proxy).content]
    assert [(block["thinking"], block["signature"]) for block in blocks] == [("a ***", ""), ("a flower", "s")]


def test_a_policy_may_end_repaired_messages_as_a_refusal(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    folder = make_rules()
    (folder / "policy.yaml").write_text((folder / "policy.yaml").read_text() + "finish_reason: content_filter\n")
    upstream.replies = [says("a wombat"), says(GOOD)]
    assert create(begin(rules=folder)).stop_reason == "refusal"


@pytest.mark.parametrize(
    "system", [None, "be kind", [{"type": "text", "text": "be kind"}]], ids=["no", "text", "blocks"]
)
def test_guidance_goes_behind_the_system_text(proxy: Any, upstream: Any, says: Any, system: Any) -> None:
    upstream.replies = [says("fine")]
    asked = {"system": system} if system else {}
    create(proxy, {"role": "user", "content": [{"type": "text", "text": "a w0mbat?"}]}, **asked)
    told = json.dumps(upstream.asked[0]["system"])
    assert told.endswith(('Answer again without that word."', 'Answer again without that word."}]'))
    assert ("be kind" in told) == bool(system)
    assert len(upstream.asked[0]["messages"]) == 1


@pytest.mark.parametrize("block", [
    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a wombat"},
    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a wombat"}]},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a wombat"}},
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a wombat"}]}},
    {"type": "odd", "deep": {"er": "a wombat"}},
], ids=["tool_result", "tool_result blocks", "document", "document blocks", "odd"])  # fmt: skip
def test_text_in_any_block_of_a_new_message_is_judged(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, block: dict[str, Any]
) -> None:
    reply = create(begin(rules=make_rules(on_input="deflect")), ASK, {"role": "user", "content": [block]})
    assert (reply.content[0].text, reply.stop_reason, upstream.asked) == (LINE, "end_turn", [])


def test_a_blocked_message_is_a_bad_request_in_anthropics_shape(begin: Begin, make_rules: Callable[..., Path]) -> None:
    proxy = begin(rules=make_rules(on_input="block"))
    with pytest.raises(BadRequestError):
        create(proxy, {"role": "user", "content": "a wombat?"})
    error = post(proxy, messages=[{"role": "user", "content": "a wombat?"}]).json()
    assert error == {
        "type": "error", "error": {"type": "invalid_request_error", "message": "this turn was blocked by policy"}
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", [{"messages": []}, {"messages": "x"}, {"messages": [{"role": "user", "content": 5}]}, {"system": 5},
             {"system": ["x"]}, {"stream": "yes"}]
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_anthropics_shape(proxy: Any, upstream: Any, body: dict[str, Any]) -> None:
    reply = post(proxy, **body)
    assert (reply.status_code, reply.json()["type"]) == (400, "error")
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert next(iter(body)) in reply.json()["error"]["message"]
    assert upstream.asked == []


def test_a_made_up_history_is_withheld_so_that_it_stays_valid(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    upstream.replies = [says("fine")]
    made_up = [{"type": "thinking", "thinking": "a wombat!", "signature": "s"}, {"type": "text", "text": "a wombat"},
               {**TOOL, "input": {"where": "wombat"}, "cache_control": {"type": "ephemeral", "ttl": "5m"}}]  # fmt: skip
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a wombat"}
    create(proxy, ASK, {"role": "assistant", "content": made_up}, {"role": "user", "content": [result]},
           {"role": "assistant", "content": "so?"}, ASK, system="be kind")  # fmt: skip
    told = upstream.asked[0]["messages"]
    assert told[1]["content"] == [
        {"type": "text", "text": PLACEHOLDER},
        {**TOOL, "input": {"where": PLACEHOLDER}, "cache_control": {"type": "ephemeral", "ttl": "5m"}},
    ]
    assert told[2]["content"] == [{**result, "content": PLACEHOLDER}]
    assert told[3:] == [{"role": "assistant", "content": "so?"}, ASK]


def test_a_conversation_that_went_through_us_costs_no_judgement_again(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("All is well.")]
    reply = create(proxy)
    samples = [f'chaperone_judging_seconds_count{{stage="{stage}"}}' for stage in ("input", "output")]
    before = [proxy.metric(sample) for sample in samples]
    create(proxy, ASK, {"role": "assistant", "content": [block.model_dump() for block in reply.content]}, ASK)
    assert [proxy.metric(sample) for sample in samples] == [number + 1 for number in before]


def test_media_is_passed_stripped_or_refused_as_policy_says_wherever_it_stands(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    upstream.replies = [says("fine")]
    written = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "see"}, IMAGE]}
    asked = {"role": "user", "content": [IMAGE, result, written]}
    folder = make_rules()
    policy = (folder / "policy.yaml").read_text()
    create(begin(rules=folder), asked)
    assert upstream.asked[-1]["messages"] == [asked]
    (folder / "policy.yaml").write_text(policy + "unreadable_parts: strip\n")
    create(begin(rules=folder), asked)
    stripped = {**result, "content": [{"type": "text", "text": "see"}]}
    assert upstream.asked[-1]["messages"] == [{"role": "user", "content": [stripped, written]}]
    (folder / "policy.yaml").write_text(policy + "unreadable_parts: refuse\n")
    with pytest.raises(BadRequestError):
        create(begin(rules=folder), asked)


@pytest.mark.parametrize("status", [400, 529])
def test_an_error_of_the_upstream_arrives_as_it_was(proxy: Any, upstream: Any, raw: Any, status: int) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}
    upstream.replies = [raw([json.dumps(error).encode()], status=status)]
    reply = post(proxy)
    assert (reply.status_code, reply.json()) == (status, error)


def test_an_upstream_that_is_not_there_is_an_api_error(begin: Begin) -> None:
    with pytest.raises(InternalServerError) as caught:
        create(begin(upstream="http://127.0.0.1:1/v1"))
    assert caught.value.body["error"]["type"] == "api_error"
