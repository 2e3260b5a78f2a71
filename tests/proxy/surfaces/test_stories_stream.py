"""The stream of a story: beats in order, and an end that says what really went out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guards.errors import UpstreamError
from proxy.surfaces.stories import StoriesSurface


def lines(*events: Any) -> list[bytes]:
    return [f"data: {json.dumps(each)}\n\n".encode() for each in events]


def stream(proxy: Any) -> list[Any]:
    body = {"beats": ["a", "b"], "stream": True}
    text = proxy.client.post("/v1/stories", json=body).text
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


@pytest.mark.parametrize(
    "event",
    [{"beat": -1, "delta": "x"}, {"beat": "0"}, {"delta": "x"}, {"beat": 0, "delta": 5}, {"beat": 10**6, "delta": "x"}],
)
def test_an_event_without_a_beat_is_the_upstream_s_error(event: Any) -> None:
    surface = StoriesSurface()
    shape = surface.stream(surface.read(b'{"beats": ["a"]}', None), "7", 1)
    with pytest.raises(UpstreamError):
        shape.read(event)


def test_a_beat_that_is_over_is_not_gone_back_to(proxy: Any, upstream: Any, raw: Any) -> None:
    events = [{"id": "s", "beat": 0, "delta": "a."}, {"id": "s", "beat": 1, "delta": "b."}, {"beat": 0, "delta": "c."}]
    upstream.replies = [raw(lines(*events), kind="text/event-stream")]
    received = stream(proxy)
    assert received[-1]["error"]["code"] == "upstream_broken"
    assert "c." not in json.dumps(received)


def test_a_story_that_breaks_off_after_a_beat_is_no_story(proxy: Any, upstream: Any, raw: Any) -> None:
    events = [{"id": "s", "beat": 0, "delta": "a."}, {"id": "s", "beat": 0, "done": True}]
    upstream.replies = [raw(lines(*events), kind="text/event-stream")]
    received = stream(proxy)
    assert received[0]["delta"] == "a."
    assert received[-1]["error"]["code"] == "upstream_broken"


def test_an_error_of_the_upstream_in_mid_story_is_told(proxy: Any, upstream: Any, raw: Any) -> None:
    error = {"error": {"message": "the model broke", "type": "server_error", "param": None, "code": "lm_server"}}
    upstream.replies = [raw(lines({"id": "s", "beat": 0, "delta": "a."}, error), kind="text/event-stream")]
    assert error in stream(proxy)
