"""One turn's headers and its record: everything an operator needs, and nothing a fan may know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records

Begin = Callable[..., Any]
FLAGGED = [{"role": "user", "content": "so, a w0mbat?"}]


def test_a_turn_names_itself_its_policy_and_its_action(proxy: Any, upstream: Any) -> None:
    first, second = proxy.post(), proxy.post(messages=FLAGGED, stream=True)
    ids = [reply.headers["x-chaperone-turn"] for reply in (first, second)]
    assert len(set(ids)) == 2
    assert [headers["x-chaperone-turn"] for headers in upstream.headers] == ids
    assert first.headers["x-chaperone-policy"] == proxy.app.services.policies.guard.version
    assert [reply.headers["x-chaperone-action"] for reply in (first, second)] == ["allow", "steer"]


def test_rules_are_named_only_where_the_operator_asked_for_it(begin: Begin) -> None:
    assert "x-chaperone-rules" not in begin().post(messages=FLAGGED).headers
    telling = begin(rule_headers=True)
    assert telling.post(messages=FLAGGED).headers["x-chaperone-rules"] == "animals"
    assert telling.post().headers["x-chaperone-rules"] == ""


def test_a_record_says_what_was_found_where_by_what_and_under_which_rules(proxy: Any) -> None:
    reply = proxy.client.post(
        "/v1/chat/completions",
        json={"model": "some-model", "messages": FLAGGED},
        headers={"x-conversation-id": "fan-7"},
    )
    (record,) = read_records(proxy.data)
    assert (record.turn, record.policy) == (reply.headers["x-chaperone-turn"], reply.headers["x-chaperone-policy"])
    assert (record.action, record.model, record.conversation) == ("steer", "some-model", "fan-7")
    assert datetime.fromisoformat(record.time).utcoffset() is not None
    assert record.body["surface"] == "chat"
    (judged,) = record.body["stages"]["input"]
    assert judged["text"] == FLAGGED[0]["content"]
    assert judged["place"] == "messages[0].content"
    (finding,) = judged["findings"]
    text = FLAGGED[0]["content"]
    assert text[finding["start"] : finding["end"]] == finding["text"] == "w0mbat"
    assert (finding["rule"], finding["view"]) == ("animals", "leet")
    assert record.body["final"] == ["hello there"]
    assert set(record.body["timings_ms"]) >= {"judging_input", "upstream", "total"}


def test_a_turn_that_is_only_logged_is_recorded_and_passes_unchanged(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="log", on_output="log"))
    upstream.replies = [says("yes, a wombat")]
    reply = proxy.post(messages=FLAGGED)
    assert reply.json()["choices"][0]["message"]["content"] == "yes, a wombat"
    assert upstream.asked[0]["messages"] == FLAGGED
    (record,) = read_records(proxy.data)
    assert record.action == "log"
    assert len(record.body["stages"]["input"]) == len(record.body["stages"]["output"]) == 1


def test_a_turn_is_judged_to_its_end_by_the_rules_it_began_with(
    proxy: Any, upstream: Any, raw: Any, says: Any, piece: Callable[[str], bytes], eventually: Any
) -> None:
    before = proxy.app.services.policies.guard.version
    upstream.replies = [raw([piece("All is well. ")], kind="text/event-stream", hang=True), says("fine")]
    with proxy.client.stream("POST", "/v1/chat/completions", json={"messages": FLAGGED, "stream": True}) as reply:
        arriving = reply.iter_raw()
        next(arriving)
        rule = proxy.rules / "animals.yaml"
        rule.write_text(rule.read_text().replace("[wombat]", "[wombat, quokka]"))
        eventually(lambda: proxy.app.services.policies.guard.version != before)
    eventually(lambda: list(read_records(proxy.data)))
    assert [record.policy for record in read_records(proxy.data)] == [before]


def test_a_very_long_message_is_judged_to_its_last_word(proxy: Any) -> None:
    messages = [{"role": "user", "content": "lorem ipsum " * 5000 + "wombat"}]
    assert proxy.post(messages=messages).headers["x-chaperone-action"] == "steer"


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_is_judged_in_the_light_of_what_was_said_before(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says("b a t, as you know"), says("something else")]
    said = [{"role": "assistant", "content": "my favourite is the w o m"}, {"role": "user", "content": "the what?"}]
    assert "b a t" not in proxy.text(messages=said, stream=stream)
    assert len(upstream.asked) == 2


@pytest.fixture
def of_tenants(begin: Begin, make_rules: Callable[..., Path]) -> Any:
    """A proxy that releases sentence by sentence, and to the tenant `luna` whole replies."""
    rules = make_rules(streaming="sentence")
    with (rules / "policy.yaml").open("a", encoding="utf-8") as policy:
        policy.write("tenants: {luna: {streaming: strict}, sol: {most_held: 300}}\n")
    return begin(rules=rules)


@pytest.mark.parametrize(("tenant", "together"), [("luna", True), ("sol", False), (None, False)])
def test_a_tenants_replies_are_released_as_the_policy_says_for_it(
    of_tenants: Any, upstream: Any, raw: Any, piece: Callable[[str], bytes], tenant: str | None, together: bool
) -> None:
    sent = [piece("All is well here. "), piece("And there it is, too."), b"data: [DONE]\n\n"]
    upstream.replies = [raw(sent, kind="text/event-stream")]
    reply = of_tenants.client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "hi"}], "stream": True},
        headers={"x-chaperone-tenant": tenant} if tenant else {},
    )  # fmt: skip
    assert reply.status_code == 200
    assert ("All is well here. And there" in reply.text) is together


def test_a_record_says_whose_fan_it_was(of_tenants: Any) -> None:
    for headers in ({"x-chaperone-tenant": "luna"}, {}):
        of_tenants.client.post("/v1/chat/completions", json={"messages": FLAGGED}, headers=headers)
    assert sorted(record.as_json()["tenant"] for record in read_records(of_tenants.data)) == ["default", "luna"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/stories/abc"])
def test_a_tenant_that_the_policy_does_not_name_is_refused(of_tenants: Any, upstream: Any, path: str) -> None:
    ask = {"json": {"messages": FLAGGED}} if "chat" in path else {}
    method = "POST" if ask else "GET"
    reply = of_tenants.client.request(method, path, headers={"x-chaperone-tenant": "secret"}, **ask)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "unknown_tenant"
    assert "secret" not in reply.text
    assert upstream.headers == []
