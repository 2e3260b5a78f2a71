"""Counts and times, and never a word of what was said."""

from __future__ import annotations

from typing import Any

from guards.types import Verdict
from proxy.metrics import Metrics


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
