"""Which headers travel, and that ours cannot be forged."""

from __future__ import annotations

from typing import Any

from proxy.headers import decoded, to_client, to_upstream


def test_header_names_are_read_in_lower_case_and_of_a_repeated_one_the_last_counts() -> None:
    assert decoded([(b"X-One", b"1"), (b"x-one", b"2"), (b"X-Two", b"caf\xe9")]) == {"x-one": "2", "x-two": "café"}


def test_the_clients_credentials_travel_and_what_belongs_to_the_connection_does_not() -> None:
    given = {"authorization": "Bearer k", "openai-organization": "o", "host": "h", "connection": "close",
             "content-length": "9", "accept-encoding": "gzip", "transfer-encoding": "chunked"}  # fmt: skip
    sent = to_upstream(given, "turn-1")
    assert sent["authorization"] == "Bearer k"
    assert sent["openai-organization"] == "o"
    assert {"host", "connection", "content-length", "transfer-encoding"}.isdisjoint(sent)
    assert sent["accept-encoding"] == "identity"


def test_nobody_outside_can_set_our_headers() -> None:
    sent = to_upstream({"x-chaperone-turn": "forged", "x-chaperone-action": "allow"}, "turn-1")
    assert sent["x-chaperone-turn"] == "turn-1"
    assert "x-chaperone-action" not in sent
    assert to_client([("x-chaperone-policy", "forged"), ("x-ratelimit-remaining", "3")]) == [
        (b"x-ratelimit-remaining", b"3")
    ]


def test_repeated_headers_of_the_upstream_all_arrive() -> None:
    cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert to_client(cookies) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_header_values_that_are_not_latin_arrive_byte_for_byte(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b'{"error": "busy"}'], status=429, headers=[("x-note", "こんにちは")])]
    reply = proxy.post()
    assert reply.status_code == 429
    assert dict(reply.headers.raw)[b"x-note"].decode() == "こんにちは"
