"""`/v1/stories` before a scripted upstream: each beat's prose is judged behind those before it and repaired alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records
from proxy.surfaces.stories import beat_surface
from proxy.wire import PLACEHOLDER

Begin = Callable[..., Any]
BEATS = ["a fox wakes up", {"text": "it rains", "temperature": 1}, "he goes home"]
PROSES = ["the fox woke up.", "it rained.", "home he went."]
BAD = ["the fox woke up.", "Well. he saw a wombat there.", "home he went."]
GOOD = "he saw a flower there."
LINE = "let's talk about you instead"

both = pytest.mark.parametrize("stream", [False, True])


def tell(proxy: Any, *, stream: bool, **body: Any) -> Any:
    """The story as it came; of a stream the last event, to which its deltas must add up."""
    answer = proxy.client.post("/v1/stories", json={"beats": BEATS, "stream": stream, **body})
    assert answer.status_code == 200
    if not stream:
        return answer.json()
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    *events, whole = [json.loads(line) for line in lines[:-1]]
    said: dict[int, str] = {}
    for event in events:
        said[event["beat"]] = said.get(event["beat"], "") + event.get("delta", "")
    assert [said.get(at, "") for at in range(len(whole["beats"]))] == [beat["prose"] for beat in whole["beats"]]
    assert {event["id"] for event in events} == {whole["id"]}
    return whole


def proses(story: Any) -> list[str]:
    assert story["prose"] == "\n\n".join(filter(None, (beat["prose"] for beat in story["beats"])))
    return [beat["prose"] for beat in story["beats"]]


@both
def test_a_harmless_story_arrives_as_it_was(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says(choices=PROSES)]
    story = tell(proxy, stream=stream, odd=[1])
    assert proses(story) == PROSES
    assert (story["id"], story["mode"], story["beats"][1]["beat"]) == ("story-1", "whole", "beat 1")
    assert upstream.paths == ["/v1/stories"]
    assert upstream.asked[0] == {"beats": BEATS, "stream": stream, "odd": [1]}
    assert list(read_records(proxy.data)) == []


@both
def test_a_beat_that_may_not_pass_is_written_again_and_the_others_stay(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(choices=BAD), says(GOOD)]
    story = tell(proxy, stream=stream, characters=[{"name": "Ole"}], so_far="zero.", passes=2)
    assert proses(story) == [PROSES[0], f"Well. {GOOD}" if stream else GOOD, PROSES[2]]
    again = upstream.asked[1]
    assert upstream.paths == ["/v1/stories"] * 2
    assert (again["beats"], again["mode"], again["stream"]) == ([BEATS[1]], "sequential", False)
    assert (again["so_far"], again["characters"]) == ("zero.\n\nthe fox woke up.", [{"name": "Ole"}])
    assert "without that word" in again["guidance"]
    assert again["past_prose"] == BAD[1]
    (record,) = read_records(proxy.data)
    assert (record.action, record.body["surface"]) == ("regenerate", "stories")


@both
def test_a_beat_that_nobody_can_write_is_deflected_and_the_others_stay(
    proxy: Any, upstream: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(choices=BAD), says("another wombat")]
    told = proses(tell(proxy, stream=stream))
    assert told == [PROSES[0], f"Well. {LINE}" if stream else LINE, PROSES[2]]
    (record,) = read_records(proxy.data)
    assert record.action == "deflect"


@both
def test_what_is_spelt_over_two_beats_does_not_pass(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(terms="grey wombat"))
    upstream.replies = [says(choices=["and it was grey", "wombat in the end."]), says(GOOD)]
    assert proses(tell(proxy, stream=stream, beats=["a", "b"])) == ["and it was grey", GOOD]


@both
def test_every_beat_may_fail(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says(choices=["a wombat.", "the wombat."]), says("one."), says("two.")]
    assert proses(tell(proxy, stream=stream, beats=["a", "b"])) == ["one.", "two."]


@both
def test_what_the_fan_wrote_is_judged_wherever_it_stands(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_input="redact"))
    upstream.replies = [says(choices=PROSES)]
    beats = ["a wombat", {"text": "the wombat sings"}, "c"]
    tell(proxy, stream=stream, beats=beats, characters=[{"name": "W", "description": "a wombat"}], so_far="wombat")
    asked = upstream.asked[0]
    assert asked["beats"] == ["a ***", {"text": "the *** sings"}, "c"]
    assert (asked["characters"], asked["so_far"]) == ([{"name": "W", "description": "a ***"}], "***")


@both
def test_a_steered_story_is_asked_for_with_guidance(proxy: Any, upstream: Any, says: Any, stream: bool) -> None:
    upstream.replies = [says(choices=["a."])]
    tell(proxy, stream=stream, beats=["got a w0mbat?"], guidance="short")
    assert upstream.asked[0]["guidance"] == "short\n\nAnswer again without that word."


@both
def test_a_deflected_story_is_a_story_that_says_so_and_asks_nobody(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, stream: bool
) -> None:
    proxy = begin(rules=make_rules(on_input="deflect"))
    story = tell(proxy, stream=stream, beats=["a wombat", "b"])
    assert proses(story) == [LINE, ""]
    assert "wombat" not in json.dumps(story)
    assert upstream.asked == []


@both
def test_a_beat_is_not_shown_as_it_was_asked_where_it_could_not_be_said(
    proxy: Any, upstream: Any, says: Any, raw: Any, stream: bool
) -> None:
    body = {"id": "s", "mode": "whole", "beats": [{"beat": "see the wombat", "prose": "a."}], "prose": "a."}
    events = [{"id": "s", "beat": 0, "delta": "a."}, {"id": "s", "beat": 0, "done": True}, body]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    streamed = raw([*lines, b"data: [DONE]\n\n"], kind="text/event-stream")
    upstream.replies = [streamed if stream else raw([json.dumps(body).encode()])]
    story = tell(proxy, stream=stream, beats=["a"])
    assert story["beats"] == [{"beat": PLACEHOLDER, "prose": "a."}]


def test_an_interactive_beat_is_written_again_where_it_is_kept(proxy: Any, upstream: Any, says: Any) -> None:
    interactive = {"mode": "interactive"}
    upstream.replies = [says(choices=["a wombat."], extra=interactive), says(choices=["a fox."], extra=interactive)]
    upstream.shapes["/v1/stories/story-1/beats/0"] = upstream.shapes["/v1/stories"]
    assert proses(tell(proxy, stream=False, mode="interactive", beats=["a"])) == ["a fox."]
    assert upstream.paths == ["/v1/stories", "/v1/stories/story-1/beats/0"]
    assert upstream.asked[1]["action"] == "regenerate"
    assert "without that word" in upstream.asked[1]["guidance"]


def test_a_beat_of_a_kept_story_is_guarded_both_ways(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_input="redact"))
    for at in (0, 1):
        upstream.shapes[f"/v1/stories/story-1/beats/{at}"] = upstream.shapes["/v1/stories"]
    extra = {"mode": "interactive"}
    upstream.replies = [says(choices=["mine.", "a wombat."], extra=extra), says(choices=["mine.", "b."], extra=extra)]
    body = {"action": "accept", "prose": "my wombat"}
    story = proxy.client.post("/v1/stories/story-1/beats/0", json=body).json()
    assert proses(story) == ["mine.", "b."]
    assert upstream.paths == ["/v1/stories/story-1/beats/0", "/v1/stories/story-1/beats/1"]
    assert upstream.asked[0] == {"action": "accept", "prose": "my ***"}


@pytest.mark.parametrize("path", ["/v1/stories", "/v1/stories/story-1/beats/0"])
def test_interactive_beats_are_not_streamed(proxy: Any, path: str) -> None:
    body = {"beats": ["a"], "mode": "interactive", "action": "accept", "stream": True}
    answer = proxy.client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream")


@pytest.mark.parametrize("body", [{}, {"beats": []}, {"beats": "x"}])
def test_a_story_without_beats_is_refused(proxy: Any, body: Any) -> None:
    answer = proxy.client.post("/v1/stories", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "beats")


def test_an_upstream_s_refusal_arrives_as_it_was(proxy: Any, upstream: Any, raw: Any) -> None:
    refusal = {"error": {"message": "mode: use another", "type": "invalid_request_error", "param": "mode", "code": "x"}}
    upstream.replies = [raw([json.dumps(refusal).encode()], status=400)]
    answer = proxy.client.post("/v1/stories", json={"beats": ["a"], "mode": "odd"})
    assert (answer.status_code, answer.json()) == (400, refusal)


@pytest.mark.parametrize(
    "path", ["/v1/stories/a/b/beats/0", "/v1/stories/../beats/0", "/v1/stories/s/beats/x", "/v1/x"]
)
def test_only_a_beat_s_path_has_the_surface_of_a_beat(path: str) -> None:
    assert beat_surface(path) is None
