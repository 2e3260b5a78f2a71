"""What a fan saw is told to the persona service where it is not what the persona said, and to no other upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

NORA = [("x-chaperone-persona", "nora")]
DONE = b"data: [DONE]\n\n"


def whole(raw: Any, text: str, headers: Any = NORA) -> Any:
    message = {"role": "assistant", "content": text}
    body = {"id": "x", "model": "nora", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return raw([json.dumps(body).encode()], headers=headers)


def streamed(raw: Any, piece: Any, *texts: str, hang: bool = False) -> Any:
    end = [] if hang else [piece(""), DONE]
    return raw([*map(piece, texts), *end], kind="text/event-stream", headers=NORA, hang=hang)


def told(upstream: Any) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """The corrections: path, body, headers."""
    sent = zip(upstream.paths, upstream.asked, upstream.headers, strict=True)
    return [each for each in sent if "/conversations/" in each[0]]


CONVERSATION = {"metadata": {"conversation_id": "c"}}


@pytest.mark.parametrize("is_streamed", [False, True])
def test_after_a_repair_the_persona_is_told_what_the_fan_saw(
    proxy: Any, upstream: Any, raw: Any, piece: Any, eventually: Any, is_streamed: bool
) -> None:
    first = streamed(raw, piece, "hello. ", "a wombat") if is_streamed else whole(raw, "a wombat")
    upstream.replies = [first, whole(raw, "a bear"), whole(raw, "ok")]
    response = proxy.post(stream=is_streamed, **CONVERSATION)
    eventually(lambda: told(upstream))
    [(path, body, headers)] = told(upstream)
    turn = response.headers["x-chaperone-turn"]
    assert path == f"/v1/conversations/c/turns/{turn}"
    assert body == {"reply": "hello. a bear" if is_streamed else "a bear", "model": "nora"}
    assert headers["x-chaperone-turn"] == turn
    attempts = [each["x-chaperone-turn"] for each in upstream.headers]
    assert set(attempts) == {turn}
    assert "x-chaperone-persona" not in response.headers


def test_an_id_travels_whatever_its_characters(proxy: Any, upstream: Any, raw: Any, eventually: Any) -> None:
    upstream.replies = [whole(raw, "a wombat"), whole(raw, "a bear"), whole(raw, "ok")]
    proxy.post(metadata={"conversation_id": "a/b ?é%2F"})
    eventually(lambda: told(upstream))
    [(path, _, _)] = told(upstream)
    assert path.startswith("/v1/conversations/a%2Fb%20%3F%C3%A9%252F/turns/")


def test_nothing_is_told_of_a_reply_that_passed_nor_without_an_id_nor_to_another_upstream(
    proxy: Any, upstream: Any, raw: Any
) -> None:
    upstream.replies = [whole(raw, "a bear")]
    proxy.post(**CONVERSATION)
    upstream.replies = [whole(raw, "a wombat"), whole(raw, "a bear")]
    proxy.post()
    upstream.replies = [whole(raw, "a wombat", []), whole(raw, "a bear", [])]
    proxy.post(**CONVERSATION)
    upstream.replies = [whole(raw, "a bear")]
    proxy.post(**CONVERSATION)
    assert told(upstream) == []


def test_a_deflection_is_what_the_fan_saw(proxy: Any, upstream: Any, raw: Any, eventually: Any) -> None:
    upstream.replies = [whole(raw, "a wombat"), whole(raw, "a wombat"), whole(raw, "wombat"), whole(raw, "ok")]
    said = proxy.post(**CONVERSATION).json()["choices"][0]["message"]["content"]
    eventually(lambda: told(upstream))
    assert said == "let's talk about you instead"
    assert told(upstream)[0][1]["reply"] == said


def test_a_client_that_leaves_saw_what_had_gone_out(
    proxy: Any, upstream: Any, raw: Any, piece: Any, eventually: Any
) -> None:
    upstream.replies = [streamed(raw, piece, "good morning. ", "and a wom", hang=True), whole(raw, "ok")]
    body = {"model": "nora", "messages": [{"role": "user", "content": "hey"}], "stream": True, **CONVERSATION}
    with proxy.client.stream("POST", "/v1/chat/completions", json=body) as response:
        next(chunk for chunk in response.iter_text() if "morning" in chunk)
    eventually(lambda: told(upstream))
    assert told(upstream)[0][1]["reply"].strip() == "good morning."


def test_the_next_turn_waits_for_it_and_a_persona_service_that_hangs_costs_the_fan_no_reply(
    proxy: Any, upstream: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    hangs = raw([], hang=True)
    upstream.replies = [whole(raw, "a wombat"), whole(raw, "a bear"), hangs, whole(raw, "next")]
    assert "a bear" in proxy.text(**CONVERSATION)
    assert "next" in proxy.text(**CONVERSATION)
    assert [path.split("/")[2] for path in upstream.paths] == ["chat", "chat", "conversations", "chat"]
    assert "was not told" in caplog.text
    assert "bear" not in caplog.text


def test_a_persona_service_that_refuses_it_is_told_of_without_a_word(
    proxy: Any, upstream: Any, raw: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.replies = [whole(raw, "a wombat"), whole(raw, "a bear"), raw([b"{}"], status=503)]
    assert "a bear" in proxy.text(**CONVERSATION)
    eventually(lambda: "answered 503" in caplog.text)
    assert "bear" not in caplog.text


@pytest.fixture
def flagging(begin: Any, make_rules: Any) -> Any:
    """A proxy whose rule deflects the fan's wombats and flags who speaks of them."""
    folder = make_rules(on_input="deflect")
    rule = folder / "animals.yaml"
    rule.write_text(rule.read_text().replace("feedback:", "flag: keeper\nfeedback:"))
    return begin(rules=folder)


def test_a_flag_waits_until_the_persona_service_knows_the_conversation(
    flagging: Any, upstream: Any, raw: Any, eventually: Any
) -> None:
    fan = [{"role": "user", "content": "my wombat says hi"}]
    flagging.post(messages=fan, **CONVERSATION)
    assert not upstream.asked
    upstream.replies = [whole(raw, "a bear"), raw([b"{}"], status=404), whole(raw, "a bear"), raw([b"{}"])]
    for sent in (1, 2):
        flagging.post(**CONVERSATION)
        eventually(lambda sent=sent: len(told(upstream)) == sent)
    upstream.replies = [whole(raw, "a bear")]
    flagging.post(**CONVERSATION)
    for path, body, _ in told(upstream):
        assert (path, body) == ("/v1/conversations/c/flags", {"flags": ["keeper"], "model": "m"})
    assert len(told(upstream)) == 2


def test_no_other_upstream_is_told_of_flags(flagging: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [whole(raw, "a bear", [])]
    flagging.post(messages=[{"role": "user", "content": "my wombat says hi"}], **CONVERSATION)
    flagging.post(**CONVERSATION)
    assert not told(upstream)
