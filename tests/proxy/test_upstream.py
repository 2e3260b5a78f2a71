"""The seam to the model API: its answers as they are, its failures as errors that say what to tell the client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from guards.errors import UpstreamError
from proxy.upstream import Reply, Upstream, succeeded


def sent(url: str, judge: Callable[[Reply], Any] | None = None, **options: Any) -> Any:
    """What `judge` makes of one reply (its whole body unless told otherwise)."""

    async def once() -> Any:
        async with Upstream(url, **options) as upstream:
            reply = await upstream.send("POST", "/chat/completions", {"x-one": "1"}, b'{"a": 1}')
            return await judge(reply) if judge else (reply.status, dict(reply.headers), await reply.read())

    return asyncio.run(once())


def failure(url: str, **options: Any) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        sent(url, **options)
    return caught.value


@pytest.fixture
def silent() -> Iterator[str]:
    """A place that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_a_request_arrives_as_given_and_the_reply_as_it_was(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"to", b"gether"], status=418, kind="text/odd", headers=[("X-Two", "2")])]
    status, headers, body = sent(upstream.url + "/")
    assert (status, body) == (418, b"together")
    assert (headers["content-type"], headers["x-two"]) == ("text/odd", "2")
    assert upstream.asked == [{"a": 1}]
    assert upstream.headers[0]["x-one"] == "1"


def test_a_configured_key_takes_the_place_of_any_other(upstream: Any) -> None:
    sent(upstream.url, key="sesame")
    assert upstream.headers[0]["authorization"] == "Bearer sesame"


@pytest.mark.parametrize(
    ("credential", "value"), [("authorization", "Bearer sesame"), ("x-api-key", "sesame")], ids=["bearer", "x-api-key"]
)
def test_a_configured_key_goes_where_the_surface_wants_it_and_no_key_of_the_client_with_it(
    upstream: Any, credential: str, value: str
) -> None:
    async def once() -> None:
        headers = {"authorization": "Bearer mine", "x-api-key": "mine", "api-key": "mine", "x-one": "1"}
        async with Upstream(upstream.url, key="sesame") as seam:
            (await seam.send("POST", "/messages", headers, b"{}", credential=credential)).close()

    asyncio.run(once())
    (told,) = upstream.headers
    assert told[credential] == value
    assert "mine" not in "".join(told.values())
    assert told["x-one"] == "1"


def test_a_redirect_is_not_followed(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b""], status=307, headers=[("location", "http://127.0.0.1:1/stolen")])]
    assert sent(upstream.url)[0] == 307


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://no.such.host.invalid/v1", "nonsense", "http://[::bad/v1"]
)
def test_a_place_that_cannot_be_reached_is_502(url: str) -> None:
    assert (failure(url).status, failure(url).code) == (502, "upstream_unavailable")


def test_a_place_that_never_answers_is_504(silent: str) -> None:
    error = failure(silent, read=0.2)
    assert (error.status, error.code) == (504, "upstream_timeout")


def test_a_place_that_stops_in_its_body_is_504(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"half"], hang=True)]
    error = failure(upstream.url, read=0.2)
    assert (error.status, error.code) == (504, "upstream_timeout")


def test_a_body_that_breaks_off_is_502(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"half"], headers=[("content-length", "100")])]
    error = failure(upstream.url)
    assert (error.status, error.code) == (502, "upstream_broken")


def test_an_answer_that_is_not_http_is_502(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b""], headers=[("content-length", "many")])]
    assert failure(upstream.url).status == 502


def test_closing_a_reply_ends_the_call_at_the_upstream(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"one"], hang=True)]

    async def first_and_close(reply: Reply) -> bytes:
        while piece := await reply.more():
            reply.close()
            return piece
        return b""

    assert sent(upstream.url, first_and_close) == b"one"
    assert upstream.left.acquire(timeout=10)


def test_no_error_quotes_what_was_sent(silent: str) -> None:
    for url in (silent, "http://127.0.0.1:1/v1"):
        assert '{"a"' not in str(failure(url, read=0.2))


def test_every_kind_of_success_is_one(upstream: Any, raw: Any) -> None:
    async def judged(reply: Reply) -> bool:
        reply.close()
        return succeeded(reply)

    for status, success in ((200, True), (203, True), (299, True), (302, False), (404, False), (500, False)):
        upstream.replies = [raw([b"x"], status=status)]
        assert sent(upstream.url, judged) is success


def test_an_answer_larger_than_the_limit_is_502(upstream: Any, raw: Any) -> None:
    upstream.replies = [raw([b"x" * 1000, b"y" * 1000])]

    async def ask() -> None:
        async with Upstream(upstream.url, max_reply=1500) as seam:
            await (await seam.send("POST", "/chat/completions", {}, b"{}")).read()

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(ask())
    assert caught.value.status == 502
