"""The guarded route under bad input, failing upstreams, full houses, lost clients and defects: always a safe answer."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from brain.regenerate import Regenerator
from proxy.audit import FILE, read_records

Begin = Callable[..., Any]
Eventually = Callable[[Callable[[], Any]], None]
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


def error_of(reply: httpx.Response) -> dict[str, Any]:
    """The error object, after a look that it is OpenAI's and shows nothing of our insides."""
    assert reply.headers["content-type"] == "application/json"
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in reply.text
    assert ".py" not in reply.text
    return error


class Brittle(Regenerator):
    """A regenerator with a defect whose message quotes text."""

    async def regenerate(self, **given: Any) -> Any:
        raise ZeroDivisionError(given["rejected"])


@pytest.mark.parametrize("body", [b"", b"{", b"no json", b'{"messages": [}', b"\xff\xfe\xfd", b"[" * 100_000])
def test_broken_json_is_answered_400(proxy: Any, upstream: Any, body: bytes) -> None:
    reply = proxy.client.post(CHAT, content=body)
    assert reply.status_code == 400
    assert error_of(reply)["code"] in ("invalid_json", "invalid_request")
    assert upstream.asked == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": 1, "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"model": []}, "model"),
        ({"stream": "true"}, "stream"),
        ({"n": "three"}, "n"),
    ],
)
def test_a_value_of_the_wrong_type_is_answered_400_with_its_parameter(
    proxy: Any, upstream: Any, body: dict[str, Any], param: str
) -> None:
    reply = proxy.post(**body)
    assert reply.status_code == 400
    assert error_of(reply)["param"] == param
    assert upstream.asked == []


@pytest.mark.parametrize("odd", [{"type": ["image_url"]}, {"type": {}}, {"type": None, "text": 5}, {}])
def test_a_content_part_of_an_odd_kind_is_no_defect(proxy: Any, odd: dict[str, Any]) -> None:
    assert proxy.post(messages=[{"role": "user", "content": [odd]}]).status_code == 200


@pytest.mark.parametrize("path", [CHAT, "/v1/moderations"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_ten_megabytes_is_answered_413(proxy: Any, upstream: Any, path: str, chunked: bool) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"x" * 1_000_000] * 10

    reply = proxy.client.post(path, content=pieces() if chunked else b"x" * 10_000_000)
    assert reply.status_code == 413
    assert error_of(reply)["code"] == "body_too_large"
    assert upstream.asked == []
    assert proxy.post().status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_is_down_is_answered_502(begin: Begin, stream: bool) -> None:
    proxy = begin(upstream="http://127.0.0.1:1/v1")
    reply = proxy.post(stream=stream)
    assert reply.status_code == 502
    assert error_of(reply)["code"] == "upstream_unavailable"
    assert proxy.metric('chaperone_upstream_errors_total{code="upstream_unavailable"}') == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (429, "application/json", b'{"error": {"message": "slow down", "code": "rate_limit"}, "odd": 1}'),
        (500, "text/html", b"<h1>Oops</h1>"),
        (401, "application/json", b'{"error":   "who are you"}'),
    ],
)
def test_an_upstreams_errors_arrive_as_they_were(
    proxy: Any, upstream: Any, raw: Any, stream: bool, status: int, kind: str, body: bytes
) -> None:
    headers = [("retry-after", "7"), ("x-ratelimit-remaining", "0")]
    upstream.replies = [raw([body], status=status, kind=kind, headers=headers)]
    reply = proxy.post(stream=stream)
    assert (reply.status_code, reply.content) == (status, body)
    assert reply.headers["content-type"] == kind
    assert (reply.headers["retry-after"], reply.headers["x-ratelimit-remaining"]) == ("7", "0")


def test_when_all_places_are_taken_the_next_turn_is_told_when_to_come_back(
    begin: Begin, upstream: Any, raw: Any, says: Any, piece: Callable[[str], bytes], eventually: Eventually
) -> None:
    proxy = begin(max_turns=1)
    upstream.replies = [raw([piece("Hold on. ")], hang=True, kind="text/event-stream"), says("welcome")]
    with proxy.client.stream("POST", CHAT, json={"messages": HELLO, "stream": True}) as first:
        arriving = first.iter_raw()
        assert b"Hold on" in next(arriving)
        for stream in (False, True):
            refused = proxy.post(stream=stream)
            assert refused.status_code == 503
            assert error_of(refused)["code"] == "overloaded"
            assert int(refused.headers["retry-after"]) > 0
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)
    assert "welcome" in proxy.text()


def test_a_client_that_leaves_mid_stream_takes_nothing_with_it(
    proxy: Any, upstream: Any, raw: Any, says: Any, piece: Callable[[str], bytes], eventually: Eventually
) -> None:
    upstream.replies = [raw([piece("All is well here. ")], kind="text/event-stream", hang=True), says("hello again")]
    body = {"messages": [{"role": "user", "content": "show me a wombat"}], "stream": True}
    with proxy.client.stream("POST", CHAT, json=body) as reply:
        arriving = reply.iter_raw()
        assert b"All is well" in next(arriving)
        assert proxy.metric("chaperone_open_turns") == 1
    assert upstream.left.acquire(timeout=10)
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)
    assert proxy.post().json()["choices"][0]["message"]["content"] == "hello again"
    (record,) = read_records(proxy.data)
    assert record.action == "steer"
    assert record.body["final"] == ["All is well here. "]
    assert record.body["notes"]


def test_a_client_that_leaves_during_a_repair_leaves_a_record_and_no_running_call(
    proxy: Any, upstream: Any, raw: Any, says: Any, eventually: Eventually
) -> None:
    upstream.replies = [says("Fine so far. A wombat sat there."), raw([], hang=True)]
    with proxy.client.stream("POST", CHAT, json={"messages": HELLO, "stream": True}) as reply:
        arriving = reply.iter_raw()
        assert b"Fine so far" in next(arriving)
        eventually(lambda: len(upstream.asked) == 2)
    assert upstream.left.acquire(timeout=10)
    eventually(lambda: list(read_records(proxy.data)))
    (record,) = read_records(proxy.data)
    (judged,) = record.body["stages"]["output"]
    assert judged["rules"] == ["animals"]
    assert record.body["final"] == ["Fine so far. "]
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)


def test_a_client_that_leaves_within_its_own_request_is_no_turn(
    proxy: Any, upstream: Any, eventually: Eventually
) -> None:
    def half() -> Iterator[bytes]:
        yield b'{"messages": ['
        raise InterruptedError

    with pytest.raises(InterruptedError):
        proxy.client.post(CHAT, content=half())
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)
    assert proxy.post().status_code == 200
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_that_cannot_be_recorded_is_not_given_out_and_nothing_is_lost(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    database = sqlite3.connect(proxy.data / FILE)
    (table,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'records'").fetchone()
    with database:
        database.execute("DROP TABLE records")
    upstream.replies = [says("a wombat"), says("flowers")]
    reply = proxy.post(stream=stream)
    if stream:
        assert "audit_unavailable" in reply.text
        assert "[DONE]" not in reply.text
    else:
        assert reply.status_code == 503
        assert error_of(reply)["code"] == "audit_unavailable"
        assert int(reply.headers["retry-after"]) > 0
        assert "flowers" not in reply.text
    upstream.replies = [says("nothing to record")]
    assert proxy.post().status_code == 200
    with database:
        database.execute(table)
    database.close()
    upstream.replies = [says("a wombat"), says("flowers")]
    assert "flowers" in proxy.post(stream=stream).text
    assert len(list(read_records(proxy.data))) == 1


def test_a_blocked_turn_that_cannot_be_recorded_is_not_forwarded_either(proxy: Any, upstream: Any) -> None:
    with sqlite3.connect(proxy.data / FILE) as database:
        database.execute("DROP TABLE records")
    database.close()
    reply = proxy.post(messages=[{"role": "user", "content": "a wombat"}])
    assert reply.status_code == 503
    assert error_of(reply)["code"] == "audit_unavailable"


@pytest.mark.parametrize("stream", [False, True])
def test_a_defect_of_ours_ends_in_a_safe_answer_a_record_and_a_line_without_text(
    begin: Begin, upstream: Any, says: Any, caplog: pytest.LogCaptureFixture, eventually: Eventually, stream: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    proxy = begin(parts={"regenerator": Brittle(clock=lambda: 0.0)})
    upstream.replies = [says("my secret wombat")]
    reply = proxy.post(stream=stream)
    assert reply.status_code == 500
    assert error_of(reply)["code"] == "internal_error"
    assert "secret" not in reply.text
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text
    (record,) = read_records(proxy.data)
    assert any("ZeroDivisionError" in note for note in record.body["notes"])
    eventually(lambda: proxy.metric("chaperone_open_turns") == 0)


def test_a_defect_in_the_middle_of_a_stream_ends_it_with_an_error_event(begin: Begin, upstream: Any, says: Any) -> None:
    proxy = begin(parts={"regenerator": Brittle(clock=lambda: 0.0)})
    upstream.replies = [says("All is well. My secret wombat.")]
    events = [line.removeprefix("data: ") for line in proxy.text(stream=True).splitlines() if line]
    assert "All is well" in events[0]
    assert json.loads(events[-1])["error"]["code"] == "internal_error"
    assert not any("secret" in event for event in events)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("on_input", ["deflect", "block"])
def test_a_turn_that_input_rules_end_never_reaches_the_upstream(
    begin: Begin, make_rules: Callable[..., Any], upstream: Any, on_input: str, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_input=on_input))
    messages = [{"role": "user", "content": "a wombat"}]
    reply = proxy.post(messages=messages, stream=stream, stream_options={"include_usage": True})
    assert upstream.asked == []
    if on_input == "block":
        assert (reply.status_code, error_of(reply)["code"]) == (400, "content_filter")
    elif stream:
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None, "stop"]
        assert events[-1]["choices"] == []
        assert reply.text.endswith("data: [DONE]\n\n")
        assert reply.headers["x-chaperone-action"] == "deflect"
    else:
        assert reply.json()["choices"][0]["message"]["content"] == "let's talk about you instead"
    assert [record.action for record in read_records(proxy.data)] == [on_input]


def test_an_answer_of_our_own_names_its_turn(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"not json"])]
    answer = proxy.post()
    assert answer.status_code == 502
    assert answer.headers["x-chaperone-turn"]
    assert answer.headers["x-chaperone-policy"]
