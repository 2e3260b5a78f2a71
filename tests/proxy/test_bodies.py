"""Bodies are bounded and answers keep their headers on the paths beside the guarded route."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Request

from guards.errors import MalformedRequest
from proxy.answers import Answer
from proxy.bodies import limited, response


def asked(pieces: Sequence[bytes]) -> Request:
    """A request whose body comes in `pieces`."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}, receive)


def test_a_body_within_its_bound_is_read_whole_however_it_is_cut() -> None:
    assert asyncio.run(limited(asked([b"ab", b"", b"cd"]), 4)) == b"abcd"


def test_a_body_beyond_its_bound_is_refused_with_a_413() -> None:
    with pytest.raises(MalformedRequest) as caught:
        asyncio.run(limited(asked([b"abc", b"de"]), 4))
    assert caught.value.status == 413


def test_an_answer_keeps_its_headers_and_gets_the_length_of_its_body() -> None:
    made = response(Answer(207, b"hello", [(b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"999")]))
    assert made.status_code == 207
    assert made.raw_headers == [(b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"5")]
