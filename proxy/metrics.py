"""Counts and times for Prometheus, never text. One registry a running app, handed in, so that nothing is global."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from guards.types import Verdict

_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """What an operator watches."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.turns = self._counter("turns", "Turns by their final action", "action")
        self.findings = self._counter("rule_fired", "Verdicts in which a rule fired", "rule", "stage")
        self.attempts = self._counter("attempts", "Regenerations by outcome", "outcome")
        self.opinions = self._counter("opinions", "Questions to the judge by what came of them", "why")
        self.upstream_errors = self._counter("upstream_errors", "Upstream failures by kind", "code")
        self.open_turns = Gauge("chaperone_open_turns", "Turns being served", registry=self._registry)
        self.judging = Histogram(
            "chaperone_judging_seconds", "Time of one check", ["stage"], buckets=_SECONDS, registry=self._registry
        )
        self.turn_seconds = Histogram(
            "chaperone_turn_seconds", "Time of a whole turn", ["action"], buckets=_SECONDS, registry=self._registry
        )
        self._policy = Gauge("chaperone_policy", "The policy in force", ["version"], registry=self._registry)
        self._refused = Gauge("chaperone_policy_problems", "Problems of a refused reload", registry=self._registry)

    def judged(self, verdict: Verdict, seconds: float) -> None:
        """Counts one verdict."""
        self.judging.labels(verdict.stage).observe(seconds)
        for rule in (*verdict.rules, *verdict.shadow):
            self.findings.labels(rule, verdict.stage).inc()

    def text(self, version: str, problems: int) -> bytes:
        """The exposition, with the policy in force."""
        self._policy.clear()
        self._policy.labels(version).set(1)
        self._refused.set(problems)
        return generate_latest(self._registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"chaperone_{name}", what, labels, registry=self._registry)
