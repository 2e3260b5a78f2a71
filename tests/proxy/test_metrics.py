"""Counts and times, and never a word of what was said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from guards.types import Verdict
from proxy.metrics import Metrics, worker_ended
from proxy.settings import counting_in

WORKER = """
import os, sys
from pathlib import Path
from proxy.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.turns.labels("block").inc(int(sys.argv[2]))
metrics.open_turns.set(int(sys.argv[2]))
print(os.getpid())
print(metrics.text("v1", 1).decode())
"""


def test_every_rule_that_fired_is_counted_by_stage_enforced_or_not() -> None:
    metrics = Metrics()
    metrics.judged(Verdict("input", rules=("a",), shadow=("b",)), 0.001)
    metrics.judged(Verdict("input", rules=("a",)), 0.001)
    metrics.judged(Verdict("output"), 0.001)
    text = metrics.text("v1", 0).decode()
    assert 'chaperone_rule_fired_total{rule="a",stage="input"} 2.0' in text
    assert 'chaperone_rule_fired_total{rule="b",stage="input"} 1.0' in text
    assert 'chaperone_judging_seconds_count{stage="output"} 1.0' in text


def test_only_the_version_in_force_is_shown() -> None:
    metrics = Metrics()
    metrics.text("v1", 0)
    text = metrics.text("v2", 3).decode()
    assert 'version="v2"' in text
    assert 'version="v1"' not in text
    assert "chaperone_policy_problems 3.0" in text


def test_two_applications_in_one_process_count_for_themselves() -> None:
    first, second = Metrics(), Metrics()
    first.turns.labels("block").inc()
    assert "block" not in second.text("v", 0).decode()


def test_turns_are_counted_by_their_final_action_and_attempts_by_outcome(proxy: Any, upstream: Any, says: Any) -> None:
    upstream.replies = [says("fine")]
    proxy.post()
    upstream.replies = [says("a wombat"), says("again a wombat"), says("flowers")]
    proxy.post(stream=True)
    assert proxy.metric('chaperone_turns_total{action="allow"}') == 1
    assert proxy.metric('chaperone_turns_total{action="regenerate"}') == 1
    assert proxy.metric('chaperone_attempts_total{outcome="failed"}') == 1
    assert proxy.metric('chaperone_attempts_total{outcome="accepted"}') == 1
    assert proxy.metric('chaperone_turn_seconds_count{action="regenerate"}') == 1
    assert proxy.metric("chaperone_open_turns") == 0
    assert "wombat" not in proxy.client.get("/metrics").text


def test_workers_count_together_and_one_that_ended_leaves_its_counts_and_no_open_turn(tmp_path: Path) -> None:
    def worker(count: int) -> tuple[int, list[str]]:
        """Its process id, and what it answers."""
        command = [sys.executable, "-c", WORKER, str(tmp_path), str(count)]
        with counting_in(tmp_path):
            pid, *lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        return int(pid), lines

    first, lines = worker(2)
    assert "chaperone_open_turns 2.0" in lines
    assert "chaperone_policy_problems 1.0" in lines
    _, lines = worker(3)
    assert "chaperone_open_turns 5.0" in lines
    worker_ended(tmp_path, first)
    _, lines = worker(5)
    assert 'chaperone_turns_total{action="block"} 10.0' in lines
    assert "chaperone_open_turns 8.0" in lines
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
