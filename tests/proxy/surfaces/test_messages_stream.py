"""`/v1/messages` streamed: whatever is released or repaired, the client reads one well-formed message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic, BadRequestError

from proxy.audit import read_records

Begin = Callable[..., Any]
Events = Callable[[str], list[dict[str, Any]]]
ASK: Any = {"role": "user", "content": "how was your day?"}
BAD = "Well hello. I saw a wombat in the garden. It was lovely."
GOOD = "I saw nothing but flowers. It was lovely."
LINE = "let's talk about you instead"
THOUGHT = {"type": "thinking", "thinking": "They ask how I am. Fine.", "signature": "sig=="}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"where": "the garden", "n": 3}}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "flowers"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
         "content": [{"type": "web_search_result", "title": "Flowers", "encrypted_content": "x=="}]}  # fmt: skip
CITED = {"type": "text", "text": "Flowers are fine. Yes",
         "citations": [{"type": "char_location", "cited_text": "fine flowers", "document_index": 0}]}  # fmt: skip


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def streamed(proxy: Any, *messages: Any, **more: Any) -> Any:
    """The message as the official client puts it together."""
    asked: Any = {"model": "m", "max_tokens": 50, "messages": list(messages) or [ASK], **more}
    with (
        Anthropic(base_url=proxy.url, api_key="any", max_retries=0) as client,
        client.messages.stream(**asked) as stream,
    ):
        return stream.get_final_message()


def post(proxy: Any, **body: Any) -> str:
    asked = {"model": "m", "max_tokens": 50, "messages": [ASK], "stream": True, **body}
    said: str = proxy.client.post("/v1/messages", json=asked).text
    return said


def well_formed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content blocks of a whole stream, each begun, filled and ended before the next, and one end of it all."""
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert kinds.count("message_start") == kinds.count("message_delta") == 1
    blocks: list[dict[str, Any]] = []
    is_open = False
    for event in events:
        if event["type"] == "content_block_start":
            assert (event["index"], is_open) == (len(blocks), False)
            blocks.append({**event["content_block"], "json": ""})
            is_open = True
        elif event["type"] == "content_block_delta":
            assert (event["index"], is_open) == (len(blocks) - 1, True)
            for key in ("text", "thinking"):
                if key in event["delta"]:
                    blocks[-1][key] += event["delta"][key]
        elif event["type"] == "content_block_stop":
            assert (event["index"], is_open) == (len(blocks) - 1, True)
            is_open = False
    assert not is_open
    return blocks


@pytest.mark.parametrize("streaming", ["sentence", "strict"])
@pytest.mark.parametrize(
    "parts",
    [[text("All is well. And you?")], [THOUGHT, text("All is well."), TOOL],
     [text("Let me look"), SEARCH, FOUND, CITED], [TOOL], [text("")],
     [text("one. "), text("two. "), THOUGHT, text("three")],
     [{"type": "redacted_thinking", "data": "abc+/="}, text("Hi there. Bye")]],
    ids=["text", "thinking and tool", "search", "tool", "empty", "several", "redacted"],
)  # fmt: skip
def test_a_harmless_stream_arrives_equal_in_meaning(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, parts: Any, streaming: str
) -> None:
    proxy = begin(rules=make_rules(streaming=streaming))
    upstream.replies = [says(message={"parts": parts})]
    message = streamed(proxy)
    known = [{key: value for key, value in block.to_dict().items() if value is not None} for block in message.content]
    assert known == parts
    assert message.stop_reason == ("tool_use" if parts[-1] is TOOL else "end_turn")
    assert (message.id, message.model, message.usage.input_tokens, message.usage.output_tokens) == (
        "msg_1", "scripted", 5, 7
    )  # fmt: skip
    assert list(read_records(proxy.data)) == []


def test_a_stream_is_told_in_anthropics_events(proxy: Any, upstream: Any, says: Any, events_of: Events) -> None:
    upstream.replies = [says(message={"parts": [THOUGHT, text("All is well. And"), TOOL]})]
    blocks = well_formed(events_of(post(proxy)))
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert blocks[1]["text"] == "All is well. And"


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize("before", [[], [THOUGHT], [THOUGHT, SEARCH]], ids=["first", "second", "third"])
def test_a_violation_never_leaves_and_the_same_block_goes_on_with_the_repair(
    proxy: Any, upstream: Any, says: Any, events_of: Events, size: int, before: list[Any]
) -> None:
    cuts = [BAD[at : at + size] for at in range(0, len(BAD), size)]
    upstream.replies = [says(cuts=cuts, message={"parts": [*before, text(BAD)]}), says(GOOD)]
    body = post(proxy)
    assert "wombat" not in body
    events = events_of(body)
    blocks = well_formed(events)
    assert [block["type"] for block in blocks] == [*(block["type"] for block in before), "text"]
    assert blocks[-1]["text"] == f"Well hello. {GOOD}"
    delta = next(event for event in events if event["type"] == "message_delta")
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert delta["usage"]["output_tokens"] == 7
    (record,) = read_records(proxy.data)
    assert record.body["final"] == [f"Well hello. {GOOD}"]


@pytest.mark.parametrize(
    ("bad", "kinds"),
    [({**THOUGHT, "thinking": "Hm, yes. A wombat."}, ["thinking", "text"]),
     ({**TOOL, "input": {"where": "a wombat"}}, ["text"]), ({**TOOL, "name": "wombat"}, ["text"]),
     ({**CITED, "citations": [{"cited_text": "a wombat"}]}, ["text"]), ({"type": "odd", "er": ["wombat"]}, ["text"])],
    ids=["thinking", "tool input", "tool name", "citation", "unknown"],
)  # fmt: skip
def test_a_violation_in_another_block_ends_in_a_text_block(
    proxy: Any, upstream: Any, says: Any, events_of: Events, bad: Any, kinds: list[str]
) -> None:
    upstream.replies = [says(message={"parts": [bad, text("Bye.")]}), says(GOOD)]
    body = post(proxy)
    assert "wombat" not in body
    blocks = well_formed(events_of(body))
    assert [block["type"] for block in blocks] == kinds
    assert blocks[-1]["text"].endswith(GOOD)
    assert "sig==" not in body


def test_a_violation_over_two_text_blocks_is_one(proxy: Any, upstream: Any, says: Any, events_of: Events) -> None:
    upstream.replies = [says(message={"parts": [text("Well now. A wom"), text("bat")]}), says(GOOD)]
    body = post(proxy)
    (block,) = well_formed(events_of(body))
    assert block["text"] == f"Well now. {GOOD}"


def test_a_thinking_that_was_redacted_goes_out_without_its_signature(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    upstream.replies = [says(message={"parts": [{**THOUGHT, "thinking": "a wombat"}, THOUGHT]})]
    told = [block.to_dict() for block in streamed(proxy).content]
    assert [(block["thinking"], block["signature"]) for block in told] == [
        ("a ***", ""), (THOUGHT["thinking"], "sig==")
    ]  # fmt: skip


def test_a_deflected_message_is_an_ordinary_stream(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, events_of: Events
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    message = streamed(proxy, {"role": "user", "content": "a wombat?"})
    assert (message.content[0].text, message.stop_reason, message.model, upstream.asked) == (LINE, "end_turn", "m", [])
    well_formed(events_of(post(proxy, messages=[{"role": "user", "content": "a wombat?"}])))


@pytest.mark.parametrize("on", ["on_input", "on_output"])
def test_what_a_rule_blocks_before_the_first_event_is_a_bad_request(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, on: str
) -> None:
    proxy = begin(rules=make_rules(**{on: "block"}))
    upstream.replies = [says("a wombat")]
    with pytest.raises(BadRequestError):
        streamed(proxy, {"role": "user", "content": "a wombat?"})


def test_an_event_that_nobody_knows_passes_if_its_text_does(
    proxy: Any, upstream: Any, raw: Any, says: Any, events_of: Events
) -> None:
    start = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 1}}}
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    for told, passes in (("flowers", True), ("a wombat", False)):
        events = [start, {"type": "new_kind", "deep": [told]}, stop, {"type": "message_stop"}]
        pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
        upstream.replies = [raw(pieces, kind="text/event-stream"), says(GOOD)]
        body = post(proxy)
        well_formed(events_of(body))
        assert (told in body) == passes
        assert (GOOD in body) != passes


@pytest.mark.parametrize(
    "odd",
    [{"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "a wombat"}},
     {"type": "content_block_delta", "index": [], "delta": 5}, {"type": "content_block_start", "index": 0},
     {"type": "message_start", "message": 5}],
    ids=["delta", "index", "start", "message"],
)  # fmt: skip
def test_events_that_cannot_be_read_are_the_upstreams_error(
    proxy: Any, upstream: Any, raw: Any, odd: dict[str, Any]
) -> None:
    upstream.replies = [raw([f"data: {json.dumps(odd)}\n\n".encode()], kind="text/event-stream")]
    reply = proxy.client.post("/v1/messages", json={"messages": [ASK], "stream": True})
    assert (reply.status_code, reply.json()["error"]["type"]) == (502, "api_error")


@pytest.mark.parametrize("told", [True, False], ids=["told", "broken off"])
def test_a_stream_that_fails_keeps_what_passed_and_ends_with_an_error_event(
    proxy: Any, upstream: Any, raw: Any, says: Any, events_of: Events, told: bool
) -> None:
    whole = upstream.shapes["/v1/messages"](says("All is well. And you"), True).pieces
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "a wombat"}}
    pieces = [*whole[:-3], *([f"event: error\ndata: {json.dumps(error)}\n\n".encode()] if told else [])]
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    events = events_of(post(proxy))
    assert "".join(event["delta"].get("text", "") for event in events if "delta" in event) == "All is well. And you"
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == ("overloaded_error" if told else "api_error")
    assert "wombat" not in json.dumps(events)
