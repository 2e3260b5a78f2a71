"""A persona speaks first under `chaperone up`: guarded by the proxy beside it, and once, also when all is killed."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
LEAK, SAFE = "miss me? my insta is @nora.boats", "the boats asked after you"


@pytest.fixture
def persona(tmp_path: Path) -> Path:
    """Training data with a persona that speaks first after a second, at this hour of the day."""
    hour = datetime.now(UTC).hour
    silence = {"after": 0.0003, "quiet": [(hour + 6) % 24, (hour + 7) % 24], "lines": [LEAK, SAFE]}
    card = {"name": "Nora", "voice": "Short.", "conversations": "talk.json", "silence": silence}
    turns = [{"role": "fan", "text": "hey"}, {"role": "persona", "text": "hey you, how was your day?"}]
    folder = tmp_path / "training_data"
    (folder / "personas").mkdir(parents=True)
    (folder / "talk.json").write_text(json.dumps({"conversations": [{"id": "a", "title": "a", "turns": turns}]}))
    (folder / "personas" / "nora.yaml").write_text(json.dumps(card))
    return folder


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as place:
        return str(place.getsockname()[1])


def test_what_it_says_first_is_judged_by_the_proxy_beside_it_and_said_once(start: Any, persona: Path) -> None:
    def begin() -> tuple[Any, str]:
        port = free_port()
        up = ("up", "--persona-port", port, "--training-data", str(persona), "--lm", "offline")
        return start(*up, rules=ROOT / "rules"), f"http://127.0.0.1:{port}/v1/proactive"

    running, first = begin()
    said = {"model": "persona", "messages": [{"role": "user", "content": "hey, how are you?"}]}
    talk = {"json": said, "headers": {"x-conversation-id": "c-1"}, "timeout": 30}
    assert httpx.post(f"{running.url}/v1/chat/completions", **talk).status_code == 200
    end = time.monotonic() + 30
    while not httpx.get(first).json()["data"]:
        assert time.monotonic() < end, "the silence never came"
        time.sleep(0.2)
    offer = httpx.post(f"{first}/c-1", timeout=30).json()
    assert (offer["conversation"], offer["text"]) == ("c-1", SAFE)
    running.kill()
    running, first = begin()
    again = httpx.post(f"{first}/c-1", timeout=30)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "closed")
    running.kill()


def test_where_nobody_judges_nothing_is_said(start: Any, persona: Path) -> None:
    port = free_port()
    up = ("up", "--persona-port", port, "--training-data", str(persona), "--guard-url", "http://127.0.0.1:1/v1")
    running = start(*up, rules=ROOT / "rules")
    talk = {"model": "persona", "messages": [{"role": "user", "content": "hey"}]}
    url = f"{running.url}/v1/chat/completions"
    assert httpx.post(url, json=talk, headers={"x-conversation-id": "c-1"}, timeout=30).status_code == 200
    reply = httpx.post(f"http://127.0.0.1:{port}/v1/proactive/c-1", timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "guard_down")
