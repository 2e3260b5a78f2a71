"""The proxy in front of a scripted upstream, with the official client: what is repaired, how often, and what leaks."""

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
BAD = "Well hello. I saw a wombat in the garden today. It was lovely."
GOOD = "I saw nothing but flowers today. It was lovely."
ASK: list[Any] = [{"role": "user", "content": "how was your day?"}]


def client(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)


def cuts(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def streamed(url: str) -> tuple[str, list[str | None]]:
    chunks = list(client(url).chat.completions.create(model="m", messages=ASK, stream=True))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    return "".join(choice.delta.content or "" for choice in choices), [choice.finish_reason for choice in choices]


@pytest.mark.parametrize("streaming", ["sentence", "strict"])
def test_a_violating_stream_is_repaired_on_the_first_attempt_whatever_its_chunks(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path], streaming: str
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(streaming=streaming))
    for size in (1, 3, 7, 200):
        upstream.replies = [says(BAD, cuts=cuts(BAD, size)), says(GOOD)]
        text, finishes = streamed(running.url)
        assert "wombat" not in text
        assert text == (f"Well hello. {GOOD}" if streaming == "sentence" else GOOD)
        assert [finish for finish in finishes if finish] == ["stop"]


def test_the_record_shows_the_attempt_its_feedback_and_its_verdict(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says(BAD), says("One more wombat."), says(GOOD)]
    reply = client(running.url).chat.completions.with_raw_response.create(model="m", messages=ASK)
    assert reply.parse().choices[0].message.content == GOOD
    (record,) = read_records(running.data)
    assert record.turn == reply.headers["x-chaperone-turn"]
    assert record.action == reply.headers["x-chaperone-action"] == "regenerate"
    (output,) = record.body["stages"]["output"]
    assert output["text"] == BAD
    assert [finding["text"] for finding in output["findings"]] == ["wombat"]
    first, second = record.body["attempts"]
    assert first["verdict"]["rules"] == ["animals"]
    assert first["feedback"] == "Answer again without that word."
    assert second["verdict"]["action"] == "allow"
    assert record.body["final"] == [GOOD]


def test_each_attempt_goes_to_the_same_upstream_with_the_transcript_and_the_text_before_it(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says(BAD), says("One more wombat."), says(GOOD)]
    client(running.url).chat.completions.create(model="m", messages=ASK, temperature=0.3, extra_body={"odd": {"a": 1}})
    assert len(upstream.asked) == 3
    assert {headers["x-chaperone-turn"] for headers in upstream.headers} == {upstream.headers[0]["x-chaperone-turn"]}
    for body, before in zip(upstream.asked[1:], [BAD, "One more wombat."], strict=True):
        assert body["messages"][:1] == ASK
        assert body["messages"][1] == {"role": "assistant", "content": before}
        assert body["messages"][2]["role"] == "system"
        assert "wombat" not in body["messages"][2]["content"]
        assert (body["temperature"], body["odd"], body["model"]) == (0.3, {"a": 1}, "m")


@pytest.mark.parametrize("stream", [False, True])
def test_after_the_last_attempt_the_fan_gets_a_deflection_as_an_ordinary_turn(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path], stream: bool
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says("wombat wombat wombat", cuts=cuts("wombat wombat wombat", 4))]
    if stream:
        text, finishes = streamed(running.url)
        assert finishes[-1] == "stop"
    else:
        reply = client(running.url).chat.completions.create(model="m", messages=ASK)
        text = reply.choices[0].message.content or ""
        assert reply.choices[0].finish_reason == "stop"
    assert text == "let's talk about you instead"
    assert len(upstream.asked) == 3
    (record,) = read_records(running.data)
    assert record.action == "deflect"
    assert len(record.body["attempts"]) == 2


def test_a_violating_stream_is_cancelled_at_the_upstream_at_once(
    start: Any, upstream: Any, says: Any, raw: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"content": "a wombat! yes "}, "finish_reason": None}]}  # fmt: skip
    piece = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    upstream.replies = [raw([piece], kind="text/event-stream", hang=True), says(GOOD)]
    assert streamed(running.url)[0] == GOOD
    assert upstream.left.acquire(timeout=10)


def test_a_flagged_input_is_steered_and_the_guidance_stands_behind_the_transcript(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says("no animals here")]
    messages: list[Any] = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "got a w0mb4t?"}]
    reply = client(running.url).chat.completions.with_raw_response.create(model="m", messages=messages)
    assert reply.parse().choices[0].message.content == "no animals here"
    assert reply.headers["x-chaperone-action"] == "steer"
    (body,) = upstream.asked
    assert body["messages"][:2] == messages
    assert body["messages"][2] == {"role": "system", "content": "Answer again without that word."}


def test_what_nobody_objects_to_passes_untouched_both_ways(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says("fine", extra={"odd_field": {"deep": [1, "two"]}, "service_tier": "x"})]
    reply = client(running.url).chat.completions.create(model="m", messages=ASK, extra_body={"my_field": [1, None]})
    assert upstream.asked[0]["my_field"] == [1, None]
    assert reply.model_dump()["odd_field"] == {"deep": [1, "two"]}
    assert reply.usage is not None
    assert reply.usage.total_tokens == 3
    assert list(read_records(running.data)) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "I could mention the wombat."},
        {"refusal": "no wombat for you"},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function",
                         "function": {"name": "tell", "arguments": '{"what": "wom\\u0062at or wombat"}'}}]},
        {"unheard_of": {"deep": ["a wombat"]}},
    ],
)  # fmt: skip
def test_text_in_any_part_of_a_reply_is_judged_like_content(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path], message: dict[str, Any], stream: bool
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says("hm", message=message), says(GOOD)]
    if stream:
        chunks = client(running.url).chat.completions.create(model="m", messages=ASK, stream=True)
        seen = json.dumps([chunk.model_dump() for chunk in chunks])
    else:
        seen = client(running.url).chat.completions.create(model="m", messages=ASK).model_dump_json()
    assert "wombat" not in seen
    assert "flowers" in seen


def test_every_choice_is_guarded_by_itself(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules())
    upstream.replies = [says(choices=["all good here.", "see the wombat?"]), says(GOOD)]
    reply = client(running.url).chat.completions.create(model="m", messages=ASK, n=2)
    assert [choice.message.content for choice in reply.choices] == ["all good here.", GOOD]
    upstream.replies = [says(choices=["all good here.", "see the wombat?"]), says(GOOD)]
    texts = {0: "", 1: ""}
    for chunk in client(running.url).chat.completions.create(model="m", messages=ASK, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == {0: "all good here.", 1: GOOD}


@pytest.mark.parametrize("stream", [False, True])
def test_a_rule_that_blocks_answers_400_in_openais_shape_and_names_no_rule(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path], stream: bool
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(on_input="block", on_output="block"))
    upstream.replies = [says("look, a wombat", cuts=["look, a wom", "bat"])]
    for content in ("tell me about the wombat", "how was your day?"):
        with pytest.raises(BadRequestError) as caught:
            list(client(running.url).chat.completions.create(
                model="m", messages=[{"role": "user", "content": content}], stream=stream))  # type: ignore[call-overload]  # fmt: skip
        assert caught.value.code == "content_filter"
        assert "animals" not in str(caught.value.body)
    assert len(upstream.asked) == 1
    assert [record.action for record in read_records(running.data)] == ["block", "block"]


def test_redaction_masks_the_span_and_leaves_the_rest(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(on_input="redact", on_output="redact"))
    upstream.replies = [says(BAD, cuts=cuts(BAD, 5))]
    text, _ = streamed(running.url)
    assert text == BAD.replace("wombat", "***")
    client(running.url).chat.completions.create(model="m", messages=[{"role": "user", "content": "my WOMBAT, sir"}])
    assert upstream.asked[-1]["messages"] == [{"role": "user", "content": "my ***, sir"}]
