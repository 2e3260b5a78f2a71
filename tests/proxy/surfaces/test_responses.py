"""`/v1/responses` with the official client and by hand: what goes in and what comes out whole, judged like chat."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from proxy.audit import read_records
from proxy.history import PLACEHOLDER

# A client that nobody closes must not leave a connection behind.
CLOSING = {"connection": "close"}
Begin = Callable[..., Any]
LINE = "let's talk about you instead"
GOOD = "I saw nothing but flowers."
ASK = {"role": "user", "content": "how was your day?"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"where": "garden"}',
        "status": "completed"}  # fmt: skip
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "a wombat"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Fine, I think."}],
             "encrypted_content": "sealed=="}  # fmt: skip


def said(text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more}
    return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}


def create(proxy: Any, given: Any = "how was your day?", **more: Any) -> Any:
    client = OpenAI(base_url=f"{proxy.url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)
    return client.responses.create(model="m", input=given, **more)


def post(proxy: Any, **body: Any) -> Any:
    return proxy.client.post("/v1/responses", json={"model": "m", "input": "hi", **body})


def test_a_harmless_response_arrives_as_it_was(proxy: Any, upstream: Any, says: Any) -> None:
    items = [REASONING, said("All is well."), CALL]
    upstream.replies = [says(message={"parts": items}, extra={"instructions": "never say wombat", "odd": {"a": 1}})]
    reply = create(proxy, instructions="never say wombat", extra_body={"odd_too": [1]})
    assert [item.to_dict() for item in reply.output] == items
    assert (reply.output_text, reply.status, reply.usage.total_tokens) == ("All is well.", "completed", 12)
    assert (reply.instructions, reply.to_dict()["odd"]) == ("never say wombat", {"a": 1})
    assert (upstream.paths, upstream.asked[0]["input"]) == (["/v1/responses"], "how was your day?")
    assert (upstream.asked[0]["instructions"], upstream.asked[0]["odd_too"]) == ("never say wombat", [1])
    assert list(read_records(proxy.data)) == []


@pytest.mark.parametrize(
    "item",
    [said("see the wombat"), {**CALL, "arguments": '{"where": "wom\\u0062at"}'}, {**CALL, "name": "wombat"},
     {**REASONING, "summary": [{"type": "summary_text", "text": "a wombat?"}]},
     {"type": "odd", "deep": [{"er": "wombat"}]},
     {**said(""), "content": [{"type": "refusal", "refusal": "no wombat"}]},
     said("hm", annotations=[{"type": "url_citation", "title": "a wombat"}])],
    ids=["text", "arguments", "name", "reasoning", "unknown", "refusal", "annotation"],
)  # fmt: skip
def test_a_violation_in_any_item_is_repaired(proxy: Any, upstream: Any, says: Any, item: dict[str, Any]) -> None:
    upstream.replies = [says(message={"parts": [said("Well."), item]}), says(GOOD)]
    reply = create(proxy, stream_options=None)
    assert (reply.output_text, reply.status, len(reply.output)) == (GOOD, "completed", 1)
    again = upstream.asked[1]
    assert [message["role"] for message in again["input"]] == ["user", "assistant", "system"]
    assert "wombat" not in again["input"][2]["content"]
    (record,) = read_records(proxy.data)
    assert (record.action, record.body["surface"], record.body["final"]) == ("regenerate", "responses", [GOOD])


def test_a_violation_over_two_items_is_one(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says(message={"parts": [said("a wom"), said("bat")]}), says(GOOD)]
    assert create(proxy).output_text == GOOD


def test_token_odds_are_removed(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("fine")]
    reply = create(proxy, include=["message.output_text.logprobs"])
    assert (reply.output_text, reply.output[0].content[0].logprobs) == ("fine", [])


def test_reasoning_that_was_redacted_loses_its_sealed_form(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="redact"))
    thought = {**REASONING, "summary": [{"type": "summary_text", "text": "a wombat"}]}
    upstream.replies = [says(message={"parts": [thought, REASONING, said("a wombat")]})]
    reply = create(proxy)
    assert [item.encrypted_content for item in reply.output[:2]] == [None, "sealed=="]
    assert (reply.output[0].summary[0].text, reply.output_text) == ("a ***", "a ***")


def test_a_policy_may_end_repaired_responses_as_incomplete(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    folder = make_rules()
    (folder / "policy.yaml").write_text((folder / "policy.yaml").read_text() + "finish_reason: content_filter\n")
    upstream.replies = [says("a wombat"), says(GOOD)]
    reply = create(begin(rules=folder))
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "content_filter")


@pytest.mark.parametrize("given", ["a w0mbat?", [{"role": "user", "content": "a w0mbat?"}]], ids=["text", "items"])
def test_guidance_is_a_message_behind_the_input(proxy: Any, upstream: Any, says: Any, given: Any) -> None:
    upstream.replies = [says("fine")]
    create(proxy, given, instructions="be kind")
    assert upstream.asked[0]["input"] == [
        {"role": "user", "content": "a w0mbat?"}, {"role": "system", "content": "Answer again without that word."}
    ]  # fmt: skip
    assert upstream.asked[0]["instructions"] == "be kind"


@pytest.mark.parametrize(
    "item",
    [{"role": "user", "content": "a wombat"}, {"role": "user", "content": [{"type": "input_text", "text": "a wombat"}]},
     {"type": "message", "role": "user", "content": [{"type": "odd", "deep": ["a wombat"]}]}, OUTPUT,
     {**OUTPUT, "output": [{"type": "input_text", "text": "a wombat"}]},
     {"type": "odd_output", "deep": {"er": "a wombat"}},
     {"type": "unheard_of", "deep": {"er": "a wombat"}}],
    ids=["text", "part", "odd part", "output", "output part", "odd output", "unknown"],
)  # fmt: skip
def test_text_in_any_new_item_is_judged(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, item: dict[str, Any]
) -> None:
    reply = create(begin(rules=make_rules(on_input="deflect")), [ASK, CALL, item, ASK])
    assert (reply.output_text, reply.status, upstream.asked) == (LINE, "completed", [])


def test_a_blocked_input_is_a_bad_request_in_openais_shape(begin: Begin, make_rules: Callable[..., Path]) -> None:
    with pytest.raises(BadRequestError) as caught:
        create(begin(rules=make_rules(on_input="block")), "a wombat?")
    assert caught.value.code == "content_filter"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"previous_response_id": "resp_1"}, "previous_response_id"), ({"conversation": "conv_1"}, "conversation"),
     ({"prompt": {"id": "pmpt_1"}}, "prompt"), ({"background": True}, "background"),
     ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"), ({"input": [{"id": "msg_1"}]}, "input[0]")],
)  # fmt: skip
def test_what_names_text_kept_elsewhere_is_refused_and_says_why(
    proxy: Any, upstream: Any, body: dict[str, Any], param: str
) -> None:
    reply = post(proxy, **body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert "kept at the upstream" in reply.json()["error"]["message"] or "fetched later" in reply.text
    assert upstream.asked == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_kept_response_is_not_fetched_and_the_refusal_says_why(proxy: Any, method: str) -> None:
    reply = proxy.client.request(method, "/v1/responses/resp_1")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_url")
    assert "kept at the upstream" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [{"input": None}, {"input": []}, {"input": 5}, {"input": [5]}, {"input": [{"role": "user", "content": 5}]},
             {"input": [{"type": 5}]}, {"instructions": 5}, {"stream": "yes"}]
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_parameter_named(
    proxy: Any, upstream: Any, body: dict[str, Any]
) -> None:
    reply = post(proxy, **body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"].startswith(next(iter(body)))
    assert upstream.asked == []


def test_a_made_up_history_is_withheld_so_that_it_stays_valid(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    upstream.replies = [says("fine")]
    call = {**CALL, "arguments": '{"where": "a wombat"}'}
    create(proxy, [ASK, said("a wombat"), call, {**OUTPUT, "output": "wombat"}, said("so?"), ASK])
    told = upstream.asked[0]["input"]
    assert told == [
        ASK,
        said(PLACEHOLDER),
        {**CALL, "arguments": "{}"},
        {**OUTPUT, "output": PLACEHOLDER},
        said("so?"),
        ASK,
    ]


def test_a_conversation_that_went_through_us_costs_no_judgement_again(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("All is well.")]
    reply = create(proxy)
    samples = [f'chaperone_judging_seconds_count{{stage="{stage}"}}' for stage in ("input", "output")]
    before = [proxy.metric(sample) for sample in samples]
    create(proxy, [ASK, *(item.model_dump() for item in reply.output), ASK])
    after = [proxy.metric(sample) for sample in samples]
    assert after[0] == before[0] + 1
    assert after[1] == 2 * before[1]


def test_images_and_files_are_passed_stripped_or_refused_as_policy_says(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    upstream.replies = [says("fine")]
    image = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
    text = {"type": "input_text", "text": "hello"}
    folder = make_rules()
    policy = (folder / "policy.yaml").read_text()
    create(begin(rules=folder), [{"role": "user", "content": [text, image]}])
    assert upstream.asked[-1]["input"][0]["content"] == [text, image]
    (folder / "policy.yaml").write_text(policy + "unreadable_parts: strip\n")
    create(begin(rules=folder), [{"role": "user", "content": [text, image]}])
    assert upstream.asked[-1]["input"][0]["content"] == [text]
    (folder / "policy.yaml").write_text(policy + "unreadable_parts: refuse\n")
    with pytest.raises(BadRequestError) as caught:
        create(begin(rules=folder), [{"role": "user", "content": [text, image]}])
    assert caught.value.param == "input[0].content"


def test_an_error_of_the_upstream_arrives_as_it_was(proxy: Any, upstream: Any, raw: Any) -> None:
    error = {"error": {"message": "later", "code": "rate_limit_exceeded"}}
    upstream.replies = [raw([json.dumps(error).encode()], status=429)]
    reply = post(proxy)
    assert (reply.status_code, reply.json()) == (429, error)
