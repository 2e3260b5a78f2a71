"""Streams framed in every way that is allowed and in some that are not: no leak, no hang, no turn left open."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

HARMLESS = [
    "All is well here. ", "I like the rain, ", "and so on ", "— oh, hello! ", "so good 😏 ", "\n", "it was 7 ", "é ",
    "\x00 ", "今日は。 ", "w o n d e r ",
]  # fmt: skip
FORBIDDEN = ["a wombat ", "w o m b a t ", "w0mb@t! ", "the WOMBAT. ", "wom\u200bbat "]
REPAIR = "only flowers there."
ASK = [{"role": "user", "content": "hi, how was your day?"}]
TURNS = 60


def reply(rng: random.Random) -> str:
    pieces = [rng.choice(HARMLESS) for _ in range(rng.randint(0, 14))]
    if rng.random() < 0.7:
        pieces.insert(rng.randint(0, len(pieces)), rng.choice(FORBIDDEN))
    return "".join(pieces)


def event(rng: random.Random, delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    end = rng.choice(["\n", "\r\n", "\r"])
    lines = json.dumps(body, indent=rng.choice([None, 1])).split("\n")
    extra = rng.choice(["", "", f": a comment{end}", f"event: chunk{end}", f"id: 7{end}", f":{'x' * 70_000}{end}"])
    return (extra + "".join(f"data: {line}{end}" for line in lines) + end).encode()


def framed(rng: random.Random, text: str) -> list[bytes]:
    """`text` as a stream cut at random twice: into chunks, and into what arrives together."""
    at, stream = 0, b""
    while at < len(text):
        size = rng.choice([1, 1, 2, 3, 5, 40])
        stream += event(rng, {"content": text[at : at + size]})
        at += size
    stream += event(rng, {}, "stop")
    stream += rng.choice([b"data: [DONE]\n\n", b"data:[DONE]\r\n\r\n", b"", b"data: [DONE]", b"data: {nope\n\n"])
    cuts = sorted(rng.sample(range(len(stream)), min(len(stream) - 1, rng.randint(0, 30))))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def said(stream: str) -> str:
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: ")]
    chunks = [json.loads(each) for each in events if each != "[DONE]"]
    return "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk.get("choices", []))


def open_turns(url: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("chaperone_open_turns ")).split()[1])


def assert_all_closed(url: str) -> None:
    until = time.monotonic() + 20
    while open_turns(url) and time.monotonic() < until:
        time.sleep(0.05)
    assert open_turns(url) == 0


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower().replace("0", "o").replace("@", "a")))


@pytest.fixture
def guarded(start: Any, upstream: Any, make_rules: Callable[..., Path]) -> Any:
    return start("proxy", "--upstream", upstream.url, rules=make_rules(streaming="adaptive"))


@pytest.mark.parametrize("seed", range(4))
def test_however_a_stream_is_framed_nothing_withheld_arrives_and_the_turn_ends(
    guarded: Any, upstream: Any, raw: Any, says: Any, seed: int
) -> None:
    rng = random.Random(seed)
    with httpx.Client(base_url=guarded.url, timeout=30) as client:
        for _ in range(TURNS):
            text = reply(rng)
            upstream.replies = [raw(framed(rng, text), kind="text/event-stream"), says(REPAIR)]
            answer = client.post("/v1/chat/completions", json={"model": "m", "messages": ASK, "stream": True})
            if answer.status_code == 502:
                continue
            assert answer.status_code == 200
            assert "wombat" not in letters(said(answer.text))
            assert answer.text.rstrip().endswith("data: [DONE]") or '"error"' in answer.text
            if not any(bad in text for bad in FORBIDDEN) and "{nope" not in answer.text:
                assert said(answer.text) == text
    assert_all_closed(guarded.url)


def test_a_client_that_leaves_at_any_point_leaves_nothing_behind(guarded: Any, upstream: Any, raw: Any) -> None:
    rng = random.Random(9)
    pieces = framed(rng, "All is well here. And so it goes on. " * 8)
    upstream.replies = [raw(pieces, kind="text/event-stream", hang=True)]
    body = {"model": "m", "messages": ASK, "stream": True}
    for point in range(0, 4000, 160):
        with httpx.stream("POST", f"{guarded.url}/v1/chat/completions", json=body, timeout=30) as answer:
            read = 0
            for piece in answer.iter_raw():
                read += len(piece)
                if read >= point:
                    break
    assert_all_closed(guarded.url)
    assert "Traceback" not in guarded.log.read_text()
