"""`/v1/completions` with the official client and by hand: prompts in, texts out, judged like chat."""

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
BAD = "Well hello. I saw a wombat in the garden. It was lovely."
GOOD = "I saw nothing but flowers. It was lovely."
LINE = "let's talk about you instead"


def client(proxy: Any) -> OpenAI:
    return OpenAI(base_url=f"{proxy.url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)


def text_of(proxy: Any, *, stream: bool, prompt: Any = "how was your day?", **more: Any) -> tuple[str, list[Any]]:
    """What the first choice says through the official client, and its finishes."""
    asked = {"model": "m", "prompt": prompt, **more}
    if not stream:
        choice = client(proxy).completions.create(**asked).choices[0]
        return choice.text, [choice.finish_reason]
    chunks = list(client(proxy).completions.create(**asked, stream=True))
    assert {chunk.object for chunk in chunks} == {"text_completion"}
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == 0]
    return "".join(choice.text for choice in choices), [each.finish_reason for each in choices if each.finish_reason]


both = pytest.mark.parametrize("stream", [False, True])


@both
def test_a_harmless_completion_arrives_as_it_was(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says("All is well. And you?")]
    assert text_of(proxy, stream=stream, temperature=0, extra_body={"odd": [1]}) == (
        "All is well. And you?",
        ["length"],
    )
    assert upstream.paths == ["/v1/completions"]
    assert (upstream.asked[0]["odd"], upstream.asked[0]["prompt"]) == ([1], "how was your day?")
    assert list(read_records(proxy.data)) == []


@both
def test_a_violation_is_repaired_within_the_completion(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says(BAD), says(GOOD)]
    text, finishes = text_of(proxy, stream=stream, n=1, best_of=3)
    assert (text, finishes) == (f"Well hello. {GOOD}" if stream else GOOD, ["stop"])
    again = upstream.asked[1]
    assert (again["stream"], "best_of" in again) == (False, False)
    assert "wombat" not in again["prompt"]
    assert again["prompt"].endswith("how was your day?" + ("Well hello. " if stream else ""))
    (record,) = read_records(proxy.data)
    assert (record.action, record.body["surface"]) == ("regenerate", "completions")


@both
def test_every_choice_is_guarded_by_itself_and_keeps_its_number(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(choices=["all good here.", "see the wombat?"]), says(GOOD)]
    made = client(proxy).completions.create(model="m", prompt="hi", n=2, stream=stream)
    texts = {0: "", 1: ""}
    for whole in made if stream else [made]:
        for choice in whole.choices:
            texts[choice.index] += choice.text
    assert texts == {0: "all good here.", 1: GOOD}


@both
def test_token_odds_are_removed(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says("fine", message={"text_offset": [0]})]
    body = proxy.client.post("/v1/completions", json={"prompt": "hi", "logprobs": 3, "stream": stream}).text
    assert '"logprobs":null' in body.replace(" ", "")
    assert "token_logprobs" not in body
    assert '"tokens"' not in body


@both
def test_a_steered_prompt_has_its_guidance_in_front(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says("no animals")]
    assert text_of(proxy, stream=stream, prompt=["got a w0mbat?"])[0] == "no animals"
    assert upstream.asked[0]["prompt"] == ["Answer again without that word.\n\ngot a w0mbat?"]


@both
def test_the_prompt_is_echoed_by_us_without_guidance_and_judged_with_the_reply(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(" fine")]
    assert text_of(proxy, stream=stream, prompt="I am", echo=True)[0] == "I am fine"
    assert upstream.asked[0]["echo"] is False
    upstream.replies = [says("bat."), says(GOOD)]
    text, _ = text_of(proxy, stream=stream, prompt="So. It is a wom", echo=True)
    assert "wombat" not in text
    assert text.endswith(GOOD)


@both
def test_the_suffix_is_judged_and_written_back(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_input="redact"))
    upstream.replies = [says("fine")]
    text_of(proxy, stream=stream, prompt="a wombat", suffix="the wombat ran")
    assert (upstream.asked[0]["prompt"], upstream.asked[0]["suffix"]) == ("a ***", "the *** ran")


@both
def test_a_deflected_prompt_is_answered_in_a_completion_without_the_model(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    assert text_of(proxy, stream=stream, prompt="a wombat?") == (LINE, ["stop"])
    assert upstream.asked == []


@both
def test_a_blocked_prompt_is_a_bad_request(begin: Begin, make_rules: Callable[..., Path], stream: bool) -> None:
    proxy = begin(rules=make_rules(on_input="block"))
    with pytest.raises(BadRequestError) as caught:
        text_of(proxy, stream=stream, prompt="a wombat?")
    assert caught.value.code == "content_filter"


@both
def test_a_blocked_reply_is_a_bad_request(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_output="block"))
    upstream.replies = [says("a wombat")]
    with pytest.raises(BadRequestError) as caught:
        text_of(proxy, stream=stream)
    assert caught.value.code == "content_filter"


@pytest.mark.parametrize("prompt", [None, 5, [], [1, 2], [[1, 2]], ["a", "b"]], ids=str)
def test_tokens_and_several_prompts_are_refused_with_the_parameter_named(
    proxy: Any, upstream: Any, prompt: Any
) -> None:
    with pytest.raises(BadRequestError) as caught:
        client(proxy).completions.create(model="m", prompt=prompt)
    assert caught.value.param == "prompt"
    assert upstream.asked == []


@both
def test_an_error_of_the_upstream_arrives_as_it_was(proxy: Any, upstream: Any, raw: Any, stream: bool) -> None:
    error = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    upstream.replies = [raw([json.dumps(error).encode()], status=400)]
    with pytest.raises(BadRequestError) as caught:
        text_of(proxy, stream=stream)
    assert caught.value.code == "context_length_exceeded"


def test_unknown_text_in_a_choice_is_judged_like_text(proxy: Any, upstream: Any, raw: Any) -> None:
    choice = {"index": 0, "text": "fine", "finish_reason": "stop", "thoughts": {"deep": ["a wombat"]}}
    upstream.replies = [raw([json.dumps({"choices": [choice]}).encode()])]
    reply = proxy.client.post("/v1/completions", json={"prompt": "hi"})
    assert "wombat" not in reply.text
    assert reply.json()["choices"][0]["text"] == "fine"
