"""The try-it page, and what only an operator sees: the key is asked for, and goes nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Begin = Callable[..., Any]
KEY = "sésame-7"
PATH = "/console/conversations/c%2F1?model=mila"


def bearer(key: str) -> dict[str, bytes]:
    return {"authorization": b"Bearer " + key.encode()}


@pytest.fixture
def operated(begin: Begin) -> Any:
    return begin(operator_key=KEY)


def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(proxy: Any) -> None:
    reply = proxy.client.get("/chat")
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert "://" not in reply.text.replace("http://www.w3.org/", "")


def test_an_operator_sees_what_the_upstream_knows_of_the_conversation(operated: Any, upstream: Any) -> None:
    reply = operated.client.get(PATH, headers=bearer(KEY))
    assert reply.status_code == 200
    assert reply.json()["object"] == "list"  # whatever the upstream says of it
    assert reply.headers["cache-control"] == "no-store"
    assert upstream.fetched_paths == ["/v1/conversations/c%2F1?model=mila"]


def test_the_operators_key_never_reaches_the_upstream(operated: Any, upstream: Any) -> None:
    operated.client.get(PATH, headers={**bearer(KEY), "cookie": "a=b", "x-api-key": "k"})
    (told,) = upstream.fetched
    assert not {"authorization", "cookie", "x-api-key"} & set(told)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({}, 401, "operator_key_missing"), ({"authorization": KEY.encode()}, 401, "operator_key_missing"),
     ({"authorization": b"Basic x"}, 401, "operator_key_missing"), (bearer("guess"), 403, "operator_key_wrong"),
     (bearer(KEY + "x"), 403, "operator_key_wrong")],
)  # fmt: skip
def test_without_the_key_nothing_is_shown_and_nothing_is_asked(
    operated: Any, upstream: Any, headers: Any, status: int, code: str
) -> None:
    reply = operated.client.get(PATH, headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]["code"] == code
    assert upstream.fetched == []


def test_where_no_key_is_set_nobody_is_an_operator(proxy: Any, upstream: Any) -> None:
    for headers in ({}, bearer("None")):
        reply = proxy.client.get(PATH, headers=headers)
        assert reply.status_code == 403
        assert reply.json()["error"]["code"] == "no_operator_key"
    assert upstream.fetched == []


@pytest.mark.parametrize("path", ["/console/conversations/%2e%2e", "/console/conversations/%2e"])
def test_no_other_path_of_the_upstream_is_reached(operated: Any, upstream: Any, path: str) -> None:
    assert operated.client.get(path, headers=bearer(KEY)).status_code == 404
    assert upstream.fetched == []


def test_an_upstream_that_is_down_is_a_502(begin: Begin) -> None:
    proxy = begin(operator_key=KEY, upstream="http://127.0.0.1:1/v1")
    reply = proxy.client.get(PATH, headers=bearer(KEY))
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "upstream_unavailable"


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [(404, 404, "conversation_not_found"), (405, 404, "conversation_not_found"), (500, 502, "upstream_error")],
)
def test_what_the_upstream_does_not_know_is_said_in_our_words(
    operated: Any, upstream: Any, raw: Any, status: int, told: int, code: str
) -> None:
    upstream.fetching = raw([b"<html>secret</html>"], status=status)
    reply = operated.client.get(PATH, headers=bearer(KEY))
    assert (reply.status_code, reply.json()["error"]["code"]) == (told, code)
    assert "secret" not in reply.text
