"""Killed a hundred times right after an answer, the proxy has never lost the record of a turn it blocked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from proxy.audit import read_records

KILLS = 100
AHEAD = 2  # proxies that start while one is being killed; more would only wait for a core
FLAGGED = [{"role": "user", "content": "show me the wombat"}]
ASK = [{"role": "user", "content": "how was your day?"}]


def blocked_turn(url: str, number: int) -> str:
    """The id of a turn that was deflected or repaired, once every byte of its answer is here."""
    body = {"model": "m", "messages": FLAGGED if number % 2 else ASK, "stream": number % 4 < 2}
    reply = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
    assert reply.status_code == 200
    assert reply.headers["x-chaperone-turn"]
    return reply.headers["x-chaperone-turn"]


def test_no_blocked_turn_is_lost_over_a_hundred_kills(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path]
) -> None:
    rules = make_rules(on_input="deflect", on_output="deflect")
    upstream.replies = [says("it was a wombat that I saw")]
    turns: list[str] = []
    with ThreadPoolExecutor(AHEAD) as starters:
        ready: deque[Future[Any]] = deque()
        for number in range(KILLS):
            while len(ready) < AHEAD + 1 and number + len(ready) < KILLS:
                ready.append(starters.submit(start, "proxy", "--upstream", upstream.url, rules=rules))
            running = ready.popleft().result()
            turns.append(blocked_turn(running.url, number))
            running.kill()
    records = list(read_records(running.data))
    assert {record.turn for record in records} == set(turns)
    assert len(turns) == len(records) == KILLS
    assert {record.action for record in records} == {"deflect"}
