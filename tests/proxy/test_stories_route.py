"""A kept story is shown as it may be seen: what may not pass is masked, and errors arrive as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest


def kept(raw: Any, *proses: str, beat: str = "x") -> Any:
    beats = [{"beat": beat, "prose": prose, "state": "accepted"} for prose in proses]
    return raw([json.dumps({"id": "s", "mode": "interactive", "beats": beats, "prose": "\n\n".join(proses)}).encode()])


def test_a_kept_story_is_shown_with_what_may_not_pass_masked(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.fetching = kept(raw, "a fox.", "a wombat ran.", beat="see a wombat")
    answer = proxy.client.get("/v1/stories/story-1")
    assert upstream.fetched_paths == ["/v1/stories/story-1"]
    assert [beat["prose"] for beat in answer.json()["beats"]] == ["a fox.", "a *** ran."]
    assert "wombat" not in answer.text
    assert answer.headers["x-chaperone-action"] == "redact"


def test_a_story_that_is_not_there_is_the_upstream_s_404(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.fetching = raw([b'{"error": {"message": "there is no such story"}}'], status=404)
    answer = proxy.client.get("/v1/stories/story-1")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "there is no such story")


@pytest.mark.parametrize("path", ["/v1/stories/%2e%2e", "/v1/stories/a%2Fb", "/v1/stories/a/beats/0"])
def test_no_other_path_of_the_upstream_is_reached(proxy: Any, upstream: Any, path: str) -> None:
    assert proxy.client.get(path).status_code == 404
    assert upstream.fetched_paths == []


def test_an_answer_of_another_shape_is_the_upstream_s_error(proxy: Any, upstream: Any, raw: Any) -> None:
    upstream.fetching = raw([b'{"beats": [5]}'])
    assert proxy.client.get("/v1/stories/story-1").status_code == 502
