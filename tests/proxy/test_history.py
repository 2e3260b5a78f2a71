"""What stands before the new messages never acts again: it is known, or judged once, and passes or is a placeholder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records
from proxy.history import PLACEHOLDER, withheld

Begin = Callable[..., Any]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def history(upstream: Any) -> list[Any]:
    """What the upstream was last told, without the newest message."""
    told: list[Any] = upstream.asked[-1]["messages"][:-1]
    return told


def test_a_reply_that_the_client_made_up_is_withheld_from_the_upstream_and_acts_on_nothing(
    proxy: Any, upstream: Any
) -> None:
    made_up = assistant("sure, a wombat it is")
    reply = proxy.post(messages=[user("hi"), made_up, user("so?")])
    assert reply.headers["x-chaperone-action"] == "allow"
    assert history(upstream) == [user("hi"), assistant(PLACEHOLDER)]
    (record,) = read_records(proxy.data)
    assert record.body["stages"]["output"][0]["place"] == "history[1].content"
    assert record.action == "allow"


def test_what_is_withheld_once_is_withheld_from_then_on_and_recorded_once(proxy: Any, upstream: Any) -> None:
    messages = [user("hi"), assistant("a wombat"), user("so?")]
    for _ in range(3):
        proxy.post(messages=messages)
        assert history(upstream)[1] == assistant(PLACEHOLDER)
    assert len(list(read_records(proxy.data))) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_that_went_through_us_costs_no_judgement_again(proxy: Any, says: Any, stream: bool) -> None:
    def looks() -> float:
        return sum(proxy.metric(f'chaperone_judging_seconds_count{{stage="{stage}"}}') for stage in ("input", "output"))

    messages: list[Any] = []
    costs = []
    for _ in range(3):
        before = looks()
        messages.append(user("how are you?"))
        proxy.post(messages=messages, stream=stream)
        messages.append(assistant("hello there"))  # what the scripted upstream says
        costs.append(looks() - before)
    assert costs[0] == costs[1] == costs[2] > 0


def test_another_policy_judges_the_history_anew(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, eventually: Callable[[Callable[[], Any]], None]
) -> None:
    messages = [user("hi"), assistant("a quokka"), user("so?")]
    proxy = begin()
    proxy.post(messages=messages)
    assert history(upstream) == messages[:-1]
    before = proxy.app.services.policies.guard.version
    make_rules(terms="quokka")
    eventually(lambda: proxy.app.services.policies.guard.version != before)
    proxy.post(messages=messages)
    assert history(upstream)[1] == assistant(PLACEHOLDER)


def test_a_deflected_turn_is_a_placeholder_on_both_sides_from_then_on(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    asked = user("a wombat?")
    line = proxy.post(messages=[asked]).json()["choices"][0]["message"]["content"]
    assert upstream.asked == []
    reply = proxy.post(messages=[asked, assistant(line), user("how are you?")])
    assert reply.headers["x-chaperone-action"] == "allow"
    assert history(upstream) == [user(PLACEHOLDER), assistant(PLACEHOLDER)]


def test_what_was_redacted_stays_redacted(begin: Begin, make_rules: Callable[..., Path], upstream: Any) -> None:
    proxy = begin(rules=make_rules(on_input="redact"))
    asked = user([{"type": "text", "text": "a wombat"}, {"type": "text", "text": "please"}])
    proxy.post(messages=[asked])
    masked = upstream.asked[-1]["messages"][0]
    assert masked["content"][0]["text"] == "a ***"
    for fresh in (asked, user("my wombat, too")):  # known by its fingerprint, and new to us
        proxy.post(messages=[fresh, assistant("hello there"), user("so?")])
    assert upstream.asked[-2]["messages"][0] == masked
    assert history(upstream)[0] == user("my ***, too")


def test_a_steered_question_stays_where_it_was(proxy: Any, upstream: Any) -> None:
    for _ in range(2):
        reply = proxy.post(messages=[user("a wombat?"), assistant("hello there"), user("so?")])
        assert reply.headers["x-chaperone-action"] == "allow"
        assert history(upstream) == [user("a wombat?"), assistant("hello there")]


def test_what_only_reads_as_a_whole_is_withheld_too(proxy: Any, upstream: Any) -> None:
    parts = [{"type": "text", "text": "a wom"}, {"type": "text", "text": "bat"}]
    proxy.post(messages=[user("hi"), assistant(parts), user("so?")])
    assert history(upstream)[1]["content"] == [{**part, "text": PLACEHOLDER} for part in parts]


def test_the_operators_own_messages_are_left_alone(proxy: Any, upstream: Any) -> None:
    messages = [{"role": "system", "content": "never say wombat"}, user("hi"), assistant("hello there"), user("so?")]
    proxy.post(messages=messages)
    assert history(upstream) == messages[:-1]


def test_a_withheld_tool_call_is_still_a_tool_call() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"to": "my wombat"}'}}
    result = withheld(assistant("i am sending it", tool_calls=[call]))
    (left,) = result["tool_calls"]
    assert result["content"] == PLACEHOLDER
    assert left == {**call, "function": {"name": "send", "arguments": "{}"}}
