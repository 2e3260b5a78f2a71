"""`/v1/responses` streamed: whatever is released or repaired, the client reads one well-formed response."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from proxy.audit import read_records

# A client that nobody closes must not leave a connection behind.
CLOSING = {"connection": "close"}
Begin = Callable[..., Any]
Events = Callable[[str], list[dict[str, Any]]]
BAD = "Well hello. I saw a wombat in the garden. It was lovely."
GOOD = "I saw nothing but flowers. It was lovely."
LINE = "let's talk about you instead"
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "status": "completed",
        "arguments": '{"where": "the garden", "n": 3}'}  # fmt: skip
REASONING = {"type": "reasoning", "id": "rs_1", "status": "completed", "encrypted_content": "sealed==",
             "summary": [{"type": "summary_text", "text": "They ask. I am fine"}],
             "content": [{"type": "reasoning_text", "text": "Say so. Yes"}]}  # fmt: skip
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x y"}}


def said(*texts: str, name: str = "msg_1", **more: Any) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more} for text in texts]
    return {"type": "message", "id": name, "status": "completed", "role": "assistant", "content": parts}


REFUSAL = {**said(), "content": [{"type": "refusal", "refusal": "I would rather not. Sorry"}]}
NOTED = said("Flowers are fine. Yes", annotations=[{"type": "url_citation", "title": "Flowers", "start_index": 0}])


def streamed(proxy: Any, given: Any = "how was your day?", **more: Any) -> Any:
    """The final response that the official client gives, its text being the one of the deltas."""
    client = OpenAI(base_url=f"{proxy.url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)
    asked: Any = {"model": "m", "input": given, **more}
    text = ""
    with client.responses.stream(**asked) as stream:
        for event in stream:
            text += event.delta if event.type == "response.output_text.delta" else ""
        final = stream.get_final_response()
    assert final.output_text == text
    return final


def post(proxy: Any, **body: Any) -> str:
    said: str = proxy.client.post("/v1/responses", json={"model": "m", "input": "hi", "stream": True, **body}).text
    return said


def well_formed(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The final response of a whole stream in which every item and part is begun, filled and ended before the next."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete", "response.failed")
    items: list[Any] = []
    open_item, open_part, text = None, None, ""
    for event in events[2:-1]:
        word = event["type"].removeprefix("response.")
        if word == "output_item.added":
            assert (open_item, event["output_index"]) == (None, len(items))
            open_item = event["item"]["id"]
        elif word == "output_item.done":
            assert (open_item, open_part, event["output_index"]) == (event["item"]["id"], None, len(items))
            items.append(event["item"])
            open_item = None
        else:
            assert (event["item_id"], event["output_index"]) == (open_item, len(items))
            if word.endswith("part.added"):
                assert open_part is None
                open_part, text = event["part"]["type"], ""
            elif word.endswith("part.done"):
                assert text == event["part"].get("text", event["part"].get("refusal"))
                open_part = None
            elif word.endswith(".delta") and "function" not in word:
                text += event["delta"]
            elif word.endswith((".done", "text.done")) and "function" not in word:
                assert text == event.get("text", event.get("refusal"))
    assert (open_item, open_part) == (None, None)
    final: dict[str, Any] = events[-1]["response"]
    assert final["output"] == items
    assert final["status"] == kinds[-1].removeprefix("response.")
    return final


@pytest.mark.parametrize("streaming", ["sentence", "strict"])
@pytest.mark.parametrize(
    "parts",
    [[said("All is well. And you?")], [REASONING, said("All is well."), CALL], [CALL], [SEARCH, NOTED], [REFUSAL],
     [said("One. Two", "three. Four")], [said("Look"), SEARCH, said("there. Yes", name="msg_2")], [said("")]],
    ids=["text", "reasoning and call", "call", "annotated", "refusal", "parts", "items", "empty"],
)  # fmt: skip
def test_a_harmless_stream_arrives_equal_in_meaning(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, events_of: Events, parts: Any,
    streaming: str,
) -> None:  # fmt: skip
    proxy = begin(rules=make_rules(streaming=streaming))
    upstream.replies = [says(message={"parts": parts})]
    final = streamed(proxy)
    told = json.loads(json.dumps([item.to_dict() for item in final.output]).replace(', "parsed": null', ""))
    told = [{key: value for key, value in item.items() if value is not None and value != "null"} for item in told]
    assert [{**item, "content": None} for item in told] == [{**item, "content": None} for item in parts]
    assert [item.get("content") for item in told] == [item.get("content") for item in parts]
    assert (final.id, final.status, final.usage.total_tokens) == ("resp_1", "completed", 12)
    well_formed(events_of(post(proxy)))
    assert list(read_records(proxy.data)) == []


@pytest.mark.parametrize("size", [1, 3, 200])
@pytest.mark.parametrize("before", [[], [REASONING], [REASONING, SEARCH], [said("Hm. Yes.", name="msg_0")]], ids=len)
def test_a_violation_never_leaves_and_the_same_part_goes_on_with_the_repair(
    proxy: Any, upstream: Any, says: Any, events_of: Events, size: int, before: list[Any]
) -> None:
    cuts = [] if before else [BAD[at : at + size] for at in range(0, len(BAD), size)]
    upstream.replies = [says(cuts=cuts, message={"parts": [*before, said(BAD)]}), says(GOOD)]
    body = post(proxy)
    assert "wombat" not in body
    final = well_formed(events_of(body))
    assert [item["type"] for item in final["output"]] == [*(item["type"] for item in before), "message"]
    assert final["output"][-1] == said(f"Well hello. {GOOD}")
    assert (final["status"], final["usage"]["output_tokens"]) == ("completed", 7)
    (record,) = read_records(proxy.data)
    assert record.body["final"][0].endswith(f"Well hello. {GOOD}")


@pytest.mark.parametrize(
    "bad",
    [{**REASONING, "summary": [{"type": "summary_text", "text": "Hm, yes. A wombat."}]},
     {**REASONING, "content": [{"type": "reasoning_text", "text": "Hm, yes. A wombat."}]},
     {**CALL, "arguments": '{"a": "wom\\u0062at"}'}, {**CALL, "name": "wombat"},
     {**SEARCH, "action": {"query": "wombat"}},
     {**REFUSAL, "content": [{"type": "refusal", "refusal": "Well, no. No wombat."}]},
     said("Hm", annotations=[{"title": "a wombat"}]), {**said("Hm"), "odd": {"er": "a wombat"}},
     {**said(), "content": [{"type": "summary_text", "text": "a wombat"}]}],
    ids=["summary", "reasoning", "arguments", "name", "search", "refusal", "annotation", "item", "odd part"],
)  # fmt: skip
def test_a_violation_in_another_item_ends_in_a_message(
    proxy: Any, upstream: Any, says: Any, events_of: Events, bad: Any
) -> None:
    upstream.replies = [says(message={"parts": [bad, said("Bye.", name="msg_9")]}), says(GOOD)]
    body = post(proxy)
    assert "wombat" not in body
    final = well_formed(events_of(body))
    assert final["output"][-1]["type"] == "message"
    assert final["output"][-1]["content"][-1]["text"].endswith(GOOD)
    assert "sealed==" not in body
    assert "Bye" not in body


def test_a_violation_over_two_parts_is_one(proxy: Any, upstream: Any, says: Any, events_of: Events) -> None:
    for parts in ([said("Well now. A wom", "bat")], [said("Well now. A wom"), said("bat", name="msg_2")]):
        upstream.replies = [says(message={"parts": parts}), says(GOOD)]
        final = well_formed(events_of(post(proxy)))
        assert final["output"] == [said(f"Well now. {GOOD}")]


def test_reasoning_that_was_redacted_goes_out_without_its_sealed_form(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, events_of: Events
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    upstream.replies = [
        says(message={"parts": [{**REASONING, "summary": [{"type": "summary_text", "text": "a wombat"}]}, REASONING]})
    ]
    first, second = well_formed(events_of(post(proxy)))["output"]
    assert (first["summary"][0]["text"], "encrypted_content" in first) == ("a ***", False)
    assert second["encrypted_content"] == "sealed=="


def test_token_odds_and_padding_are_removed(proxy: Any, upstream: Any, says: Any, events_of: Events) -> None:
    upstream.replies = [says("fine. Yes")]
    events = events_of(post(proxy, top_logprobs=3))
    assert all(event["logprobs"] == [] for event in events if "logprobs" in event)
    assert '"token"' not in json.dumps(events)


def test_a_response_that_comes_only_at_its_end_is_streamed_all_the_same(
    proxy: Any, upstream: Any, raw: Any, says: Any, events_of: Events
) -> None:
    for text, arrives in (("All is well.", "All is well."), (BAD, GOOD)):
        events = upstream.shapes["/v1/responses"](says(text), True).pieces
        upstream.replies = [raw([events[0], events[-1]], kind="text/event-stream"), says(GOOD)]
        final = well_formed(events_of(post(proxy)))
        assert final["output"][0]["content"][0]["text"].endswith(arrives)


@pytest.mark.parametrize("status", ["incomplete", "failed"])
def test_another_end_arrives_as_it_was(proxy: Any, upstream: Any, says: Any, events_of: Events, status: str) -> None:
    details = {"incomplete_details": {"reason": "max_output_tokens"}, "error": {"code": "x", "message": "hm"}}
    upstream.replies = [says("All is well. And", extra={"status": status, **details})]
    final = well_formed(events_of(post(proxy)))
    assert final["output"][0]["content"][0]["text"] == "All is well. And"
    assert {key: final[key] for key in details} == details


def test_a_policy_may_end_repaired_streams_as_incomplete(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, events_of: Events
) -> None:
    folder = make_rules()
    (folder / "policy.yaml").write_text((folder / "policy.yaml").read_text() + "finish_reason: content_filter\n")
    upstream.replies = [says(BAD), says(GOOD)]
    final = well_formed(events_of(post(begin(rules=folder))))
    assert (final["status"], final["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_a_deflected_input_is_an_ordinary_stream(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, events_of: Events
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    final = streamed(proxy, "a wombat?")
    assert (final.output_text, final.status, final.model, upstream.asked) == (LINE, "completed", "m", [])
    well_formed(events_of(post(proxy, input="a wombat?")))


@pytest.mark.parametrize("on", ["on_input", "on_output"])
def test_what_a_rule_blocks_before_the_first_event_is_a_bad_request(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, on: str
) -> None:
    proxy = begin(rules=make_rules(**{on: "block"}))
    upstream.replies = [says("a wombat")]
    with pytest.raises(BadRequestError) as caught:
        streamed(proxy, "a wombat?")
    assert caught.value.code == "content_filter"


def test_an_event_that_nobody_knows_passes_if_its_text_does(
    proxy: Any, upstream: Any, raw: Any, says: Any, events_of: Events
) -> None:
    for told, passes in (("flowers", True), ("a wombat", False)):
        first, *rest = upstream.shapes["/v1/responses"](says("Fine."), True).pieces
        odd = {"type": "response.new_kind.delta", "deep": [told]}
        upstream.replies = [
            raw([first, f"data: {json.dumps(odd)}\n\n".encode(), *rest], kind="text/event-stream"), says(GOOD)
        ]  # fmt: skip
        events = events_of(post(proxy))
        assert any(event["type"] == odd["type"] for event in events) == passes
        assert (GOOD in json.dumps(events)) != passes
        assert "wombat" not in json.dumps(events)


@pytest.mark.parametrize(
    "odd",
    [{"type": "response.created"}, {"type": "response.output_item.added", "item": 5},
     {"type": "response.output_item.done"},
     {"type": "response.output_text.delta", "output_index": 3, "delta": "a wombat"},
     {"type": "response.content_part.added", "output_index": 0, "part": 5},
     {"type": "response.completed", "response": 5}],
    ids=lambda odd: odd["type"],
)  # fmt: skip
def test_events_that_cannot_be_read_are_the_upstreams_error(
    proxy: Any, upstream: Any, raw: Any, odd: dict[str, Any]
) -> None:
    upstream.replies = [raw([f"data: {json.dumps(odd)}\n\n".encode()], kind="text/event-stream")]
    reply = proxy.client.post("/v1/responses", json={"input": "hi", "stream": True})
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_broken")


@pytest.mark.parametrize("told", [True, False], ids=["told", "broken off"])
def test_a_stream_that_fails_keeps_what_passed_and_ends_with_an_error_event(
    proxy: Any, upstream: Any, raw: Any, says: Any, events_of: Events, told: bool
) -> None:
    whole = upstream.shapes["/v1/responses"](says("All is well. And you"), True).pieces
    error = {"type": "error", "code": "server_error", "message": "a wombat", "param": None, "sequence_number": 3}
    pieces = [*whole[:-4], *([f"event: error\ndata: {json.dumps(error)}\n\n".encode()] if told else [])]
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    events = events_of(post(proxy))
    assert "".join(event.get("delta", "") for event in events) == "All is well. And you"
    assert (events[-1]["type"], events[-1]["code"]) == ("error", "server_error" if told else "upstream_broken")
    assert events[-1]["sequence_number"] == len(events) - 1
    assert "wombat" not in json.dumps(events)


def test_an_error_event_reaches_the_official_client(proxy: Any, upstream: Any, raw: Any) -> None:
    pieces = [b'data: {"error": {"message": "later", "code": "busy"}}\n\n']
    upstream.replies = [raw(pieces, kind="text/event-stream")]
    client = OpenAI(base_url=f"{proxy.url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)
    told = list(client.responses.create(model="m", input="hi", stream=True))
    assert [event.type for event in told] == ["error"]
