"""Operators edit rules while chats run: a good edit judges the next turn, a broken one is refused whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx


def ready(url: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 200
    return dict(answer.json())


def until(met: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def flagged(url: str, text: str) -> bool:
    answer = httpx.post(f"{url}/v1/moderations", json={"input": text})
    return bool(answer.json()["results"][0]["flagged"])


def test_an_edit_is_in_force_for_the_next_turn_and_a_broken_one_is_refused_whole(
    start: Any, upstream: Any, make_rules: Callable[..., Path]
) -> None:
    rules = make_rules()
    running = start("proxy", "--upstream", upstream.url, rules=rules)
    file = rules / "animals.yaml"
    first = file.read_text()
    before = ready(running.url)
    assert flagged(running.url, "a wombat")
    assert not flagged(running.url, "a quokka")

    file.write_text(first.replace("[wombat]", "[wombat, quokka]"))
    until(lambda: ready(running.url)["policy"] != before["policy"])
    good = ready(running.url)
    assert flagged(running.url, "a quokka")

    file.write_text(first.replace("mode", "mood").replace("title: animals", "titel: animals"))
    until(lambda: bool(ready(running.url)["problems"]))
    refused = ready(running.url)
    line = first.splitlines().index("title: animals") + 1
    assert any(problem.startswith(f"animals.yaml:{line}: ") and "titel" in problem for problem in refused["problems"])
    assert "older snapshot" in refused["status"]
    assert refused["policy"] == good["policy"]
    assert flagged(running.url, "a quokka")
    until(lambda: f"animals.yaml:{line}: " in running.log.read_text())

    file.write_text(first)
    until(lambda: not ready(running.url)["problems"])
    assert ready(running.url)["policy"] == before["policy"]
    assert not flagged(running.url, "a quokka")


def test_an_edit_that_breaks_its_own_example_is_refused(
    start: Any, upstream: Any, make_rules: Callable[..., Path]
) -> None:
    rules = make_rules()
    running = start("proxy", "--upstream", upstream.url, rules=rules)
    file = rules / "animals.yaml"
    file.write_text(file.read_text().replace("[wombat]", "[ordinary]"))
    until(lambda: len(ready(running.url)["problems"]) == 2)
    assert flagged(running.url, "a wombat")
