"""`/ws/chat` over real sockets: one guarded turn a message, told in frames, and nothing beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from proxy.audit import read_records
from proxy.sockets import ChatSockets

Begin = Callable[..., Any]


def opened(proxy: Any, path: str = "/ws/chat", **options: Any) -> ClientConnection:
    return connect(proxy.url.replace("http", "ws", 1) + path, proxy=None, **options)


def send(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps({"type": "message", **frame}))


def hear(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return frame


def answer(socket: ClientConnection, text: str, **more: Any) -> tuple[list[str], dict[str, Any]]:
    """The messages that come back for one, and the frame that ends them."""
    send(socket, text=text, **more)
    messages = [""]
    while (frame := hear(socket))["type"] in ("delta", "break"):
        if frame["type"] == "break":
            messages.append("")
        else:
            messages[-1] += frame["text"]
    return messages, frame


def refused(proxy: Any, path: str = "/ws/chat", **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught, opened(proxy, path, **options):
        pass
    return caught.value.response.status_code, json.loads(caught.value.response.body or b"")["error"]["code"]


def test_a_message_is_answered_in_deltas_with_a_break_between_messages(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says(cuts=["long. ", "the kiln won.\n", "\n", "and yours?"])]
    with opened(proxy) as socket:
        messages, done = answer(socket, "how was your day?")
    assert messages == ["long. the kiln won.", "and yours?"]
    assert done["type"] == "done"
    assert done["action"] == "allow"
    assert len(done["turn"]) == 32


def test_the_connection_keeps_its_conversation(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("hey you"), says("toast")]
    with opened(proxy) as socket:
        _, first = answer(socket, "hey")
        _, second = answer(socket, "dinner?")
    assert [(said["role"], said["content"]) for said in upstream.asked[1]["messages"]] == [
        ("user", "hey"), ("assistant", "hey you"), ("user", "dinner?"),
    ]  # fmt: skip
    ids = {headers["x-conversation-id"] for headers in upstream.headers}
    assert ids == {first["conversation"]} == {second["conversation"]}


def test_two_connections_share_nothing(proxy: Any, upstream: Any) -> None:
    with opened(proxy) as one, opened(proxy) as other:
        _, mine = answer(one, "my secret")
        _, theirs = answer(other, "hey")
    assert mine["conversation"] != theirs["conversation"]
    assert len(upstream.asked[1]["messages"]) == 1


def test_conversation_and_model_may_be_named_with_the_handshake_or_a_message(proxy: Any, upstream: Any) -> None:
    with opened(proxy, "/ws/chat?conversation=c-1&model=mila") as socket:
        answer(socket, "hey")
        answer(socket, "hey", conversation="c-2", model="nora")
    assert [headers["x-conversation-id"] for headers in upstream.headers] == ["c-1", "c-2"]
    assert [body["model"] for body in upstream.asked] == ["mila", "nora"]
    assert len(upstream.asked[1]["messages"]) == 1  # another conversation begins anew


def test_a_violation_is_repaired_before_the_fan_sees_any_of_it_and_stands_in_the_log(
    proxy: Any, upstream: Any, says: Any
) -> None:
    upstream.replies = [says("Sure. Look at my wombat."), says("Ask me something else.")]
    with opened(proxy, "/ws/chat?conversation=c-7") as socket:
        (message,), done = answer(socket, "hey")
    assert "wombat" not in message
    assert "Ask me something else." in message
    (record,) = read_records(proxy.data, turn=done["turn"])
    assert (record.action, record.conversation) == ("regenerate", "c-7")


def test_a_message_that_is_deflected_never_reaches_the_upstream(
    begin: Begin, make_rules: Callable[..., Any], upstream: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    with opened(proxy) as socket:
        (message,), done = answer(socket, "a wombat?")
    assert (message, done["action"]) == ("let's talk about you instead", "deflect")
    assert upstream.asked == []


def test_a_message_that_a_rule_blocks_is_an_error_and_the_conversation_goes_on_without_it(
    begin: Begin, make_rules: Callable[..., Any], upstream: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="block"))
    with opened(proxy) as socket:
        _, blocked = answer(socket, "a wombat?")
        assert (blocked["type"], blocked["error"]["code"]) == ("error", "content_filter")
        _, done = answer(socket, "hey")
    assert done["type"] == "done"
    assert [said["content"] for said in upstream.asked[0]["messages"]] == ["hey"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [(429, b'{"error": {"message": "slow down", "type": "x", "code": "busy"}}', "busy"), (500, b"<html>", "upstream")],
)
def test_an_error_of_the_upstream_is_an_error_frame_and_the_socket_stays_open(
    proxy: Any, upstream: Any, raw: Any, says: Any, status: int, body: bytes, told: str
) -> None:
    upstream.replies = [raw([body], status=status), says("hey you")]
    with opened(proxy) as socket:
        _, error = answer(socket, "hey")
        assert error["type"] == "error"
        assert told in error["error"]["code"]
        assert answer(socket, "hey again")[0] == ["hey you"]


def test_a_stream_that_breaks_off_is_an_error_frame(proxy: Any, upstream: Any, raw: Any, piece: Any) -> None:
    upstream.replies = [raw([piece("all is well. ")], kind="text/event-stream")]
    with opened(proxy) as socket:
        _, end = answer(socket, "hey")
    assert end["type"] == "error"


@pytest.mark.parametrize(
    ("frame", "param"),
    [('{"type": "message"}', "text"), ('{"type": "message", "text": " "}', "text"), ('{"type": "shout"}', "type"),
     ('{"type": "message", "text": ["a"]}', "text"), ("{}", "type"), ("[1]", None), ("{", None), (b"\x00\xff", None),
     ('{"type": "message", "text": "a", "model": 5}', "model"),
     ('{"type": "message", "text": "a", "conversation": "a\\r\\nx: y"}', "conversation")],
)  # fmt: skip
def test_a_frame_that_cannot_be_read_is_refused_in_words_and_the_socket_stays_open(
    proxy: Any, upstream: Any, frame: str | bytes, param: str | None
) -> None:
    with opened(proxy) as socket:
        socket.send(frame)
        told = hear(socket)
        assert told["type"] == "error"
        assert told["error"]["param"] == param
        assert upstream.asked == []
        assert answer(socket, "hey")[1]["type"] == "done"


def test_a_second_message_while_one_is_answered_is_refused_and_the_first_goes_on(
    proxy: Any, upstream: Any, raw: Any, piece: Any
) -> None:
    upstream.replies = [raw([piece("all is well. and so on. ")], kind="text/event-stream", hang=True)]
    with opened(proxy) as socket:
        send(socket, text="hey")
        assert hear(socket)["type"] == "delta"
        send(socket, text="hello?")
        while (frame := hear(socket))["type"] == "delta":
            pass
        assert frame["error"]["code"] == "turn_in_progress"
    assert len(upstream.asked) == 1


def test_a_client_that_leaves_takes_its_turn_with_it(
    proxy: Any, upstream: Any, raw: Any, piece: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [raw([piece("all is well. and so on. ")], kind="text/event-stream", hang=True)]
    with opened(proxy) as socket:
        send(socket, text="hey")
        assert hear(socket)["type"] == "delta"
    assert upstream.left.acquire(timeout=20)
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)


def test_a_ping_is_answered(proxy: Any) -> None:
    with opened(proxy) as socket:
        socket.send('{"type": "ping"}')
        assert hear(socket) == {"type": "pong"}


def test_a_frame_that_is_too_large_closes_the_connection(proxy: Any) -> None:
    with opened(proxy) as socket:
        send(socket, text="x" * 300_000)
        with pytest.raises(ConnectionClosedError) as caught:
            socket.recv(timeout=20)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_pages_of_another_origin_are_refused_and_our_own_are_not(proxy: Any) -> None:
    assert refused(proxy, origin="https://evil.example") == (403, "origin_not_allowed")
    assert refused(proxy, origin="null") == (403, "origin_not_allowed")
    with opened(proxy, origin=proxy.url) as socket:
        assert answer(socket, "hey")[1]["type"] == "done"


@pytest.mark.parametrize("allowed", ["https://app.example", "https://b.example https://app.example", "*"])
def test_an_operator_may_allow_other_origins(begin: Begin, allowed: str) -> None:
    with opened(begin(ws_origins=allowed), origin="https://app.example") as socket:
        assert answer(socket, "hey")[1]["type"] == "done"


def test_no_other_path_is_a_socket(proxy: Any) -> None:
    assert refused(proxy, "/v1/chat/completions") == (404, "unknown_url")
    assert refused(proxy, "/ws/chat?conversation=a%0D%0Ab") == (400, "invalid_request")


def test_the_clients_key_goes_to_the_upstream_and_the_handshakes_own_headers_do_not(proxy: Any, upstream: Any) -> None:
    with opened(proxy, additional_headers={"authorization": "Bearer k"}) as socket:
        answer(socket, "hey")
    (told,) = upstream.headers
    assert told["authorization"] == "Bearer k"
    assert not [name for name in told if name.startswith("sec-websocket") or name == "upgrade"]


def test_a_long_conversation_carries_its_latest_messages_along(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("y" * 60_000)]
    with opened(proxy) as socket:
        for number in range(4):
            answer(socket, f"{number} " + "word " * 10_000)
    last = upstream.asked[-1]["messages"]
    assert last[-1]["content"].startswith("3 ")
    assert sum(len(said["content"]) for said in last) <= 256 * 1024
    assert len(last) < 7


def test_a_connection_beyond_the_most_is_refused_as_busy() -> None:
    told: list[dict[str, Any]] = []

    async def nobody(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("no turn may be served")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {"type": "websocket", "path": "/ws/chat", "query_string": b"", "headers": []}
    asyncio.run(ChatSockets(nobody, origins=(), most=0, new_id=lambda: "c")(scope, receive, send))
    assert [message["type"] for message in told] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert told[0]["status"] == 503
    assert json.loads(told[1]["body"])["error"]["code"] == "overloaded"


def test_what_a_connection_says_of_its_fan_comes_with_each_turn(proxy: Any, upstream: Any) -> None:
    with opened(proxy, "/ws/chat?user_id=ann&time_zone=Europe/Berlin") as socket:
        for _ in range(2):
            answer(socket, "hey")
    assert [body["metadata"] for body in upstream.asked] == [{"user_id": "ann", "time_zone": "Europe/Berlin"}] * 2
    assert refused(proxy, "/ws/chat?time_zone=%00") == (400, "invalid_request")
