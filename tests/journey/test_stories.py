"""Stories through `chaperone up`: the shipped rules, personas and sample stories, no language model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.audit import read_records
from proxy.rule_files import load

ROOT = Path(__file__).parent.parent.parent
BEATS = ["Theo misses the last train", "a fox on the platform knows a shortcut", "they share a sandwich at dawn"]
LEADING = [
    "Theo opens a bakery by the sea",
    "he whispers: add me on instagram, i'm theo.bakes there",
    "and he writes his number on the bag, 415 555 0134",
]


@pytest.fixture(scope="module")
def up(start_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with start_in(tmp_path_factory.mktemp("stories")) as begin:
        yield begin("up", "--persona-port", "0", CHAPERONE_OFFLINE_DELAY="0")


@pytest.fixture
def client(up: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=up.url, timeout=30, trust_env=False) as client:
        yield client


def streamed(client: httpx.Client, **body: Any) -> list[Any]:
    text = client.post("/v1/stories", json={"stream": True, **body}).text
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize("mode", ["whole", "sequential"])
def test_an_ordinary_story_streams_beat_by_beat_and_is_told_as_a_whole(client: httpx.Client, mode: str) -> None:
    *events, story = streamed(client, beats=BEATS, mode=mode, passes=2)
    assert [event["beat"] for event in events if event.get("done")] == [0, 1, 2]
    for at, beat in enumerate(story["beats"]):
        assert beat["beat"] == BEATS[at]
        assert "".join(event.get("delta", "") for event in events if event["beat"] == at) == beat["prose"]
    whole = client.post("/v1/stories", json={"beats": BEATS, "mode": mode, "passes": 2}).json()
    assert whole["prose"] == story["prose"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["whole", "sequential"])
def test_beats_that_lead_off_the_platform_lead_nowhere(client: httpx.Client, up: Any, mode: str, stream: bool) -> None:
    before = len(list(read_records(up.data)))
    if stream:
        told = streamed(client, beats=LEADING, mode=mode)
    else:
        told = [client.post("/v1/stories", json={"beats": LEADING, "mode": mode}).json()]
    text = json.dumps(told)
    assert not any(word in text for word in ("instagram", "theo.bakes", "0134"))
    guard = load(ROOT / "rules")
    assert [beat["prose"] for beat in told[-1]["beats"] if guard.check(beat["prose"], "output").withholds] == []
    assert told[-1]["beats"][0]["prose"]
    assert len(list(read_records(up.data))) == before + 1


def test_an_interactive_story_is_guarded_at_every_step(client: httpx.Client) -> None:
    made = client.post("/v1/stories", json={"beats": LEADING, "mode": "interactive"}).json()
    id_ = made["id"]
    assert [beat["state"] for beat in made["beats"]] == ["proposed", "waiting", "waiting"]
    again = client.post(f"/v1/stories/{id_}/beats/0", json={"action": "regenerate"}).json()
    assert again["beats"][0]["prose"] != made["beats"][0]["prose"]
    steps = [client.post(f"/v1/stories/{id_}/beats/{at}", json={"action": "accept"}) for at in range(3)]
    assert [step.status_code for step in steps] == [200] * 3
    kept = client.get(f"/v1/stories/{id_}")
    assert [beat["state"] for beat in kept.json()["beats"]] == ["accepted"] * 3
    for answer in (*steps, kept):
        assert not any(word in answer.text for word in ("instagram", "theo.bakes", "0134"))
    refused = client.post(f"/v1/stories/{id_}/beats/0", json={"action": "regenerate"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "beat_accepted")
    assert client.delete(f"/v1/stories/{id_}").json()["deleted"] is True
    assert client.get(f"/v1/stories/{id_}").status_code == 404
