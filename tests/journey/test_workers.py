"""Two workers on one port, as one proxy: no record is lost, an edit reaches both, open turns finish, metrics add up."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.audit import read_records

TURNS = 120


@pytest.fixture
def two(start: Any, upstream: Any, make_rules: Callable[..., Path]) -> Any:
    """Two workers before the scripted upstream."""
    return start("proxy", "--workers", "2", "--upstream", upstream.url, rules=make_rules(on_input="deflect"))


def ask(url: str, text: str, *, stream: bool = False) -> httpx.Response:
    """One turn over a connection of its own, which may be dealt to either worker."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
    return httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)


def sample(url: str, name: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)


def until(met: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_blocked_turns_at_the_same_time_are_all_recorded_and_all_counted(two: Any) -> None:
    with ThreadPoolExecutor(12) as fans:
        replies = list(fans.map(lambda n: ask(two.url, "a wombat", stream=n % 2 == 0), range(TURNS)))
    assert {reply.status_code for reply in replies} == {200}
    turns = {reply.headers["x-chaperone-turn"] for reply in replies}
    assert {record.turn for record in read_records(two.data)} == turns
    assert len(turns) == TURNS
    counted = {sample(two.url, 'chaperone_turns_total{action="deflect"}') for _ in range(10)}
    assert counted == {TURNS}
    assert len(list(two.data.glob("metrics-*/counter_*.db"))) == 2, "one worker had everything"


def test_an_edit_is_in_force_in_every_worker(two: Any) -> None:
    def answers() -> set[str]:
        """The rules' versions that twenty new connections see."""
        return {httpx.get(f"{two.url}/readyz").json()["policy"] for _ in range(20)}

    (before,) = answers()
    file = two.rules / "animals.yaml"
    file.write_text(file.read_text().replace("[wombat]", "[wombat, quokka]"))
    until(lambda: len(found := answers()) == 1 and before not in found)
    assert {ask(two.url, "a quokka").headers["x-chaperone-action"] for _ in range(20)} == {"deflect"}
    for worker in ("worker 1", "worker 2"):
        assert f"INFO {worker} chaperone.rules: rules in force" in two.log.read_text()


def test_open_turns_finish_when_it_is_told_to_stop(two: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says(cuts=["one. ", "two. ", "three. ", "four."], gap=0.4)]
    with ThreadPoolExecutor(8) as fans:
        turns = [fans.submit(ask, two.url, "hello there", stream=True) for _ in range(8)]
        until(lambda: len(upstream.asked) == 8)
        two.process.terminate()
        texts = [turn.result().text for turn in turns]
    assert two.process.wait(30) == 0
    assert all("four." in text and text.endswith("data: [DONE]\n\n") for text in texts)
