"""A client that sends only what is new is judged as if it had sent the conversation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.types import Message
from proxy.recent import Recent, behind
from proxy.wire import CONTEXT, read_request

MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(st.characters(codec="utf-8"), min_size=1)),
    max_size=2 * CONTEXT,
)


@pytest.fixture
def say(begin: Callable[..., Any], make_rules: Callable[..., Path], upstream: Any, says: Any) -> Callable[..., str]:
    """say("hey", "a") is what was done to the one message of a request in conversation a."""
    proxy = begin(rules=make_rules(terms="velvet room", on_input="deflect"))
    upstream.replies = [says("fine")]

    def said(text: str, conversation: str = "", model: str = "m") -> str:
        headers = {"x-conversation-id": conversation} if conversation else {}
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        action: str = proxy.client.post("/v1/chat/completions", json=body, headers=headers).headers[
            "x-chaperone-action"
        ]
        return action

    return said


def test_a_name_split_over_two_requests_of_a_conversation_is_seen(say: Callable[..., str]) -> None:
    assert say("come to the velvet", "a") == "allow"
    assert say("room tonight", "a") == "deflect"


def test_what_was_said_elsewhere_counts_nowhere_else(say: Callable[..., str]) -> None:
    assert say("come to the velvet", "a") == "allow"
    assert say("room tonight", "b") == "allow"
    assert say("room tonight", "a", "other") == "allow"
    assert say("come to the velvet") == "allow"
    assert say("room tonight") == "allow"


@given(MESSAGES, MESSAGES)
def test_what_a_request_holds_stands_last_and_nothing_twice(earlier: list[Message], near: list[Message]) -> None:
    near = near[-CONTEXT:]
    context = behind(earlier, near)
    assert len(context) <= CONTEXT
    assert list(context[len(context) - len(near) :]) == near
    assert not {(each.role, each.text) for each in context[: len(context) - len(near)]} & {
        (each.role, each.text[-400:]) for each in near
    }


def test_only_the_conversations_last_spoken_in_are_known() -> None:
    recent = Recent(2)

    def asked(conversation: str) -> Any:
        return read_request(b'{"model": "m", "messages": [{"role": "user", "content": "hey"}]}', conversation)

    for each in ("a", "b", "a", "c"):
        recent.add(asked(each), ["hi"])
    assert [len(recent.before(asked(each))) for each in ("a", "b", "c")] == [4, 0, 2]
