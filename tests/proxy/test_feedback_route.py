"""`/v1/feedback` over real sockets: what is taken, what is refused, and what is erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from proxy.feedback import FILE, read_feedback

TURN = "b9070f4ba8544e7dad6e22c470b79a99"
TALK = [{"role": "user", "content": "hey"}, {"role": "assistant", "content": "hey you"}]


def rate(proxy: Any, **body: Any) -> Any:
    return proxy.client.post("/v1/feedback", json={"turn": TURN, "rating": "up", **body})


def test_a_rating_is_stored_with_the_messages_it_is_about_and_counted(proxy: Any) -> None:
    reply = rate(proxy, text=" lovely ", conversation="c-1", model="mila", messages=TALK)
    assert reply.status_code == 200
    assert {key: reply.json()[key] for key in ("object", "turn", "rating")} == {
        "object": "feedback", "turn": TURN, "rating": "up",
    }  # fmt: skip
    assert reply.json()["id"]
    (stored,) = read_feedback(proxy.data)
    assert (stored.turn, stored.text, stored.conversation, stored.model) == (TURN, "lovely", "c-1", "mila")
    assert stored.as_json()["messages"] == TALK
    assert proxy.metric('chaperone_feedback_total{rating="up"}') == 1


def test_a_turn_that_was_served_can_be_rated_by_the_id_in_its_header(proxy: Any) -> None:
    turn = proxy.post().headers["x-chaperone-turn"]
    assert rate(proxy, turn=turn).status_code == 200
    assert [each.turn for each in read_feedback(proxy.data)] == [turn]


def test_a_second_rating_replaces_the_first(proxy: Any) -> None:
    rate(proxy)
    rate(proxy, rating="down")
    assert [each.rating for each in read_feedback(proxy.data)] == ["down"]


@pytest.mark.parametrize(("thumb", "rating"), [("thumbs_up", "up"), ("👎", "down"), ("down", "down")])
def test_a_thumb_is_understood_in_its_common_spellings(proxy: Any, thumb: str, rating: str) -> None:
    assert rate(proxy, rating=thumb).json()["rating"] == rating


def test_the_conversation_may_be_named_by_the_header_of_a_turn(proxy: Any) -> None:
    proxy.client.post("/v1/feedback", json={"turn": TURN, "rating": "up"}, headers={"x-conversation-id": "c-9"})
    assert [each.conversation for each in read_feedback(proxy.data)] == ["c-9"]


def test_content_parts_are_read_as_text(proxy: Any) -> None:
    parts = [{"type": "text", "text": "hey"}, {"type": "text", "text": "you"}]
    rate(proxy, messages=[TALK[0], {"role": "assistant", "content": parts}])
    (stored,) = read_feedback(proxy.data)
    assert stored.messages[-1].text == "hey\nyou"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"turn": None}, "turn"), ({"turn": ""}, "turn"), ({"turn": "a b"}, "turn"), ({"turn": "x" * 129}, "turn"),
     ({"turn": "a\n"}, "turn"), ({"rating": "sideways"}, "rating"), ({"rating": 1}, "rating"),
     ({"rating": ["up"]}, "rating"), ({"text": "x" * 4001}, "text"), ({"text": 5}, "text"),
     ({"conversation": "c" * 257}, "conversation"), ({"conversation": ""}, "conversation"),
     ({"messages": "hey"}, "messages"), ({"messages": [TALK[0]]}, "messages"), ({"messages": TALK * 26}, "messages"),
     ({"messages": [{"role": "system", "content": "x"}, *TALK]}, "messages.0.role"),
     ({"messages": [{"role": "assistant", "content": "x" * 20_001}]}, "messages.0.content")],
)  # fmt: skip
def test_bad_feedback_is_refused_with_the_place_named_and_never_stored(
    proxy: Any, body: dict[str, Any], param: str
) -> None:
    reply = rate(proxy, **body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert list(read_feedback(proxy.data)) == []


def test_a_body_that_is_no_json_or_too_large_is_refused(proxy: Any) -> None:
    assert proxy.client.post("/v1/feedback", content=b"{").json()["error"]["code"] == "invalid_json"
    assert proxy.client.post("/v1/feedback", content=b" " * 600_000).status_code == 413


def test_a_refusal_never_repeats_what_was_said(proxy: Any) -> None:
    reply = rate(proxy, messages=[{"role": "canary-1", "content": {"canary-2": "canary-3"}}])
    assert reply.status_code == 400
    assert "canary" not in reply.text


def test_feedback_is_erased_by_turn_and_by_conversation(proxy: Any) -> None:
    for turn, conversation in (("t1", "a"), ("t2", "a"), ("t3", "b")):
        rate(proxy, turn=turn, conversation=conversation)
    assert proxy.client.delete("/v1/feedback?turn=t3").json()["deleted"] == 1
    assert proxy.client.delete("/v1/feedback?conversation=a").json()["deleted"] == 2
    assert list(read_feedback(proxy.data)) == []
    assert proxy.client.delete("/v1/feedback").status_code == 400


def test_a_store_that_cannot_be_written_is_a_503_that_says_to_try_again(proxy: Any) -> None:
    with sqlite3.connect(proxy.data / FILE) as other:
        other.execute("DROP TABLE feedback")
    other.close()
    for reply in (rate(proxy, text="hush"), proxy.client.delete("/v1/feedback?turn=t")):
        assert reply.status_code == 503
        assert reply.json()["error"]["code"] == "store_unavailable"
        assert "hush" not in reply.text


def test_what_is_past_its_retention_is_forgotten_when_the_proxy_starts(
    begin: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    proxy = begin()
    rate(proxy)
    proxy.stop_serving()
    with sqlite3.connect(proxy.data / FILE) as other:
        other.execute("UPDATE feedback SET time = '2020-01-01T00:00:00.000+00:00'")
    other.close()
    begin()
    eventually(lambda: not list(read_feedback(proxy.data)))
