"""What the fan newly said is judged once, with what went before; what cannot be read passes, is stripped or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records

Begin = Callable[..., Any]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/wombat.png"}}
PART = {"type": "text", "text": "look"}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def with_policy(folder: Path, line: str) -> Path:
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text() + line + "\n")
    return folder


def test_what_has_been_answered_acts_on_nothing_again(proxy: Any, upstream: Any) -> None:
    messages = [user("a wombat"), assistant("oh my"), user("anyway, hello")]
    assert proxy.post(messages=messages).headers["x-chaperone-action"] == "allow"
    assert upstream.asked[0]["messages"] == messages
    assert list(read_records(proxy.data)) == []


def test_every_message_since_the_last_answer_is_judged_whoever_says_it_but_the_system(proxy: Any) -> None:
    for role in ("user", "tool", "function", "someone"):
        messages = [assistant("hi"), {"role": role, "content": "a wombat"}, user("so?")]
        assert proxy.post(messages=messages).headers["x-chaperone-action"] == "steer"
    for role in ("system", "developer"):
        messages = [{"role": role, "content": "never say wombat"}, user("so?")]
        assert proxy.post(messages=messages).headers["x-chaperone-action"] == "allow"


@pytest.mark.parametrize(
    "message",
    [
        user([PART, {"type": "text", "text": "a wombat"}]),
        {**user("hi"), "name": "wombat"},
        {**user("hi"), "tool_result": {"rows": [["a wombat"]]}},
    ],
)
def test_text_anywhere_in_a_message_is_judged(proxy: Any, message: dict[str, Any]) -> None:
    assert proxy.post(messages=[message]).headers["x-chaperone-action"] == "steer"
    (record,) = read_records(proxy.data)
    assert record.body["stages"]["input"][0]["place"].startswith("messages[0].")


def test_a_word_split_over_two_messages_is_seen(proxy: Any) -> None:
    messages = [user("my favourite is the w o m"), assistant("go on"), user("b a t, you know")]
    assert proxy.post(messages=messages).headers["x-chaperone-action"] == "steer"


def test_a_steered_turn_carries_each_feedback_once(proxy: Any, upstream: Any) -> None:
    proxy.post(messages=[user("a wombat"), user("one more wombat")])
    assert upstream.asked[0]["messages"][2:] == [{"role": "system", "content": "Answer again without that word."}]


def test_only_the_part_that_is_redacted_is_changed(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="redact"))
    proxy.post(messages=[user([PART, {"type": "text", "text": "a wombat", "odd": [1]}]), user("hello")])
    redacted = {"type": "text", "text": "a ***", "odd": [1]}
    assert upstream.asked[0]["messages"] == [user([PART, redacted]), user("hello")]


def test_images_pass_unless_the_policy_says_otherwise(proxy: Any, upstream: Any) -> None:
    proxy.post(messages=[user([PART, IMAGE])])
    assert upstream.asked[0]["messages"] == [user([PART, IMAGE])]


def test_images_can_be_stripped(begin: Begin, make_rules: Callable[..., Path], upstream: Any) -> None:
    proxy = begin(rules=with_policy(make_rules(), "unreadable_parts: strip"))
    proxy.post(messages=[user("hi"), user([IMAGE, PART])])
    assert upstream.asked[0]["messages"] == [user("hi"), user([PART])]


@pytest.mark.parametrize("stream", [False, True])
def test_images_can_be_refused(begin: Begin, make_rules: Callable[..., Path], upstream: Any, stream: bool) -> None:
    proxy = begin(rules=with_policy(make_rules(), "unreadable_parts: refuse"))
    reply = proxy.post(messages=[user("hi"), user([PART, IMAGE])], stream=stream)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "unreadable_part"
    assert reply.json()["error"]["param"] == "messages[1].content"
    assert upstream.asked == []


def test_a_beginning_of_the_answer_is_judged_with_what_it_answers(proxy: Any) -> None:
    for messages in ([user("hi"), assistant("a wombat")], [user("a wombat"), assistant("well")]):
        assert proxy.post(messages=messages).headers["x-chaperone-action"] == "steer"
