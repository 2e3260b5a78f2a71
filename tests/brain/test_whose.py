"""Whose turn a request is: header before body, and nothing where it is not said."""

from __future__ import annotations

from typing import Any

import pytest

from brain.chat import ChatRequest
from brain.whose import Whose, whose

BODY: dict[str, Any] = {"model": "nora", "messages": [{"role": "user", "content": "hey"}]}


def found(headers: dict[str, str] | None = None, **body: Any) -> Whose:
    return whose(ChatRequest.model_validate({**BODY, **body}), headers or {})


def test_a_request_that_says_nothing_is_nobody_s() -> None:
    assert found() == Whose()


def test_the_body_says_whose_it_is() -> None:
    metadata = {"conversation_id": "c", "user_id": "u", "time_zone": "Europe/Berlin"}
    assert found(metadata=metadata) == Whose("c", None, "u", "Europe/Berlin")


def test_headers_are_stronger_than_the_body_and_user_than_its_metadata() -> None:
    headers = {"x-conversation-id": "h", "x-chaperone-turn": "t", "x-time-zone": "Asia/Tokyo"}
    metadata = {"conversation_id": "c", "user_id": "m", "time_zone": "Europe/Berlin"}
    assert found(headers, user="u", metadata=metadata) == Whose("h", "t", "u", "Asia/Tokyo")


def test_an_id_in_a_header_may_be_utf_8() -> None:
    assert found({"x-conversation-id": "zoë".encode().decode("latin-1")}).conversation == "zoë"
    assert found({"x-conversation-id": "zo\xeb"}).conversation == "zoë"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", 7, None, ["UTC"]])
def test_a_time_zone_that_is_none_is_not_said(zone: Any) -> None:
    assert found(metadata={"time_zone": zone}).zone is None


@pytest.mark.parametrize("metadata", [None, [], "c", 1, {"conversation_id": 3}, {"conversation_id": None}])
def test_metadata_of_another_shape_says_nothing(metadata: Any) -> None:
    assert found(metadata=metadata, user={"id": 1}) == Whose()
