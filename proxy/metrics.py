"""Counts and times for Prometheus, never text. One registry a running app, handed in, so that nothing is global.

Several workers count in files of one folder, and any of them answers for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from guards.types import Verdict

_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """What an operator watches. `shared` is the folder that the workers of one proxy count in (see settings)."""

    def __init__(self, shared: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self._in_force = _InForce()
        self._told = CollectorRegistry() if shared else self._registry
        self._told.register(self._in_force)
        if shared:
            MultiProcessCollector(self._told, path=str(shared))
        self.turns = self._counter("turns", "Turns by their final action", "action")
        self.findings = self._counter("rule_fired", "Verdicts in which a rule fired", "rule", "stage")
        self.attempts = self._counter("attempts", "Regenerations by outcome", "outcome")
        self.opinions = self._counter("opinions", "Questions to the judge by what came of them", "why")
        self.upstream_errors = self._counter("upstream_errors", "Upstream failures by kind", "code")
        self.feedback = self._counter("feedback", "Ratings of turns", "rating")
        self.open_turns = Gauge(
            "chaperone_open_turns", "Turns being served", registry=self._registry, multiprocess_mode="livesum"
        )
        self.judging = Histogram(
            "chaperone_judging_seconds", "Time of one check", ["stage"], buckets=_SECONDS, registry=self._registry
        )
        self.turn_seconds = Histogram(
            "chaperone_turn_seconds", "Time of a whole turn", ["action"], buckets=_SECONDS, registry=self._registry
        )
        # looked up once: a look-up by label costs more than the counting
        self._checks: dict[str, Histogram] = {}
        self._served: dict[str, tuple[Counter, Histogram]] = {}

    def judged(self, verdict: Verdict, seconds: float) -> None:
        """Counts one verdict."""
        if verdict.stage not in self._checks:
            self._checks[verdict.stage] = self.judging.labels(verdict.stage)
        self._checks[verdict.stage].observe(seconds)
        for rule in (*verdict.rules, *verdict.shadow):
            self.findings.labels(rule, verdict.stage).inc()

    def served(self, action: str, seconds: float) -> None:
        """Counts one turn by its final action."""
        if action not in self._served:
            self._served[action] = self.turns.labels(action), self.turn_seconds.labels(action)
        turns, turn_seconds = self._served[action]
        turns.inc()
        turn_seconds.observe(seconds)

    def text(self, version: str, problems: int) -> bytes:
        """The exposition, with the policy in force."""
        self._in_force.version, self._in_force.problems = version, problems
        return generate_latest(self._told)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"chaperone_{name}", what, labels, registry=self._registry)


class _InForce:
    """The policy as the worker that is asked has it: a state, which cannot be added up over workers."""

    version = ""
    problems = 0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        policy = GaugeMetricFamily("chaperone_policy", "The policy in force", labels=["version"])
        policy.add_metric([self.version], 1)
        yield policy
        yield GaugeMetricFamily("chaperone_policy_problems", "Problems of a refused reload", value=self.problems)


def worker_ended(shared: Path, pid: int) -> None:
    """Takes the open turns of a worker that has ended out of the sums in `shared`; what it counted stays."""
    mark_process_dead(pid, str(shared))
