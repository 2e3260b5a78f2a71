"""The persona service under load: conversations that go on message by message and end, before a model of 300 ms.

It stands apart from the rows because nobody else has what it measures: conversations kept apart, and memory that does
not grow with those that are over. What is asked of it is the time of a turn beyond the model's own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.build import BenchError
from bench.corpus import ROOT
from bench.drive import Driver, Spread
from bench.fans import MESSAGES, THINK
from bench.plan import Plan
from bench.processes import cpus, pinned
from bench.report import Target
from bench.run import Say
from bench.server import Server, serving
from bench.systems import Launch, System
from bench.table import number, table

MODEL = "mock-60-5"  # 60 tokens, 5 ms apart; a whole answer after the same 300 ms
_WARM_UP = 8.0  # seconds
_LEFT_OUT = 0.5  # of the measured time, until caches are full, of the slope of memory
_SHORTEST = 90.0  # seconds to measure, or they are not full


@dataclass(frozen=True, slots=True)
class Moment:
    """How the service stood: seconds since the start, turns measured and conversations ended so far, its megabytes, its
    CPU seconds, and the seconds it has waited for a CPU."""

    at: float
    turns: int
    ended: int
    memory: float
    cpu: float
    waited: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: what the fans saw, and the moments of the measured time."""

    seen: dict[str, Any] = field(repr=False)
    moments: list[Moment]

    @property
    def text(self) -> str:
        """What was run, and its tables."""
        moments = (self.moments[0], self.moments[len(self.moments) // 2], self.moments[-1])
        beyond = table(
            ["ms beyond the model's own", "p50", "p90", "p99", "mean"],
            [[name, *_line(self.seen[key])] for name, key in _KINDS],
        )
        grown = table(
            ["memory", "start MB", "middle", "end", "KB/conversation ended"],
            [["persona service", *(number(each.memory) for each in moments), number(self.growth)]],
        )
        return f"{self._remarks()}\n\n{beyond}\n\n{grown}"

    def _remarks(self) -> str:
        seen, first, last = self.seen, self.moments[0], self.moments[-1]
        seconds = last.at - first.at
        cpu, waited = (100 * spent / seconds for spent in (last.cpu - first.cpu, last.waited - first.waited))
        return (
            f"persona service: {seen['turns']:,} turns in {seconds:.0f} s, {seen['turns'] / seconds:.1f} a second, "
            f"{seen['busy'] / seconds:.1f} in flight on average; {seen['ended']} conversations of {MESSAGES} messages "
            f"ended, {THINK[0]:g} to {THINK[1]:g} s of thinking between messages\n"
            f"CPU {number(self.cpu_per_turn)} ms/turn, {cpu:.0f} % of its CPU, for which it waited {waited:.0f} % of "
            f"the time; {seen['untimed']} turns told beat by beat and not timed\n"
            f"replies that showed another conversation {seen['crossed']}, without their own marker {seen['unmarked']}, "
            f"failed {seen['failed']} {seen['trouble']}"
        ).rstrip()

    @property
    def cpu_per_turn(self) -> float:
        """Milliseconds of CPU that the service spent on a turn."""
        first, last = self.moments[0], self.moments[-1]
        return 1000 * (last.cpu - first.cpu) / max(1, last.turns - first.turns)

    @property
    def growth(self) -> float | None:
        """Kilobytes of memory per conversation that has ended, once caches are full; None in a short run."""
        late = self.moments[int(_LEFT_OUT * len(self.moments)) :]
        if late[-1].at - self.moments[0].at < _SHORTEST or len({each.ended for each in late}) < 2:
            return None
        return 1024 * statistics.linear_regression([each.ended for each in late], [each.memory for each in late]).slope

    @property
    def targets(self) -> list[Target]:
        """What issue and README ask of it."""
        return [
            Target("persona service, beyond the model's own, p99", 60.0, (self.seen["all"] or {}).get("p99"), "ms"),
            Target("replies that show another conversation", 0.0, float(self.seen["crossed"])),
            Target("replies that failed or lack their own", 0.0, float(self.seen["failed"] + self.seen["unmarked"])),
            Target("memory per conversation ended", 10.0, self.growth, "KB"),
        ]


_KINDS = (("whole replies", "whole"), ("streamed replies", "streamed"), ("all", "all"))


def under_load(plan: Plan, driver: Driver, say: Say) -> Outcome:
    """Runs `plan.fans` conversations for `plan.talking` seconds. Raises BenchError."""
    service = System("persona service", _command, "none: the service itself", model="persona")
    say(f"persona service: {plan.fans} conversations for {plan.talking:.0f} s")
    with serving(service, driver.upstream) as server:
        return _watched(server, driver, plan)


def _command(at: Launch) -> list[str]:
    program = str(Path(sys.executable).with_name("chaperone"))
    settings = [f"CHAPERONE_LM={MODEL}", f"CHAPERONE_LM_BASE_URL={at.base}", "CHAPERONE_LM_API_KEY=none"]
    return ["env", *settings, program, "persona", "--port", str(at.port), "--data", str(at.folder / "data")]


def _watched(server: Server, driver: Driver, plan: Plan) -> Outcome:
    """Counts what the service takes at every second of the measured time."""
    words = [server.url, driver.ledger, driver.corpus, plan.fans, plan.talking, _WARM_UP, 7]
    command = pinned(cpus()[0], [sys.executable, "-m", "bench.fans", *words])
    moments: list[Moment] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as fans:
        assert fans.stdout
        said: dict[str, Any] = {}
        for line in fans.stdout:
            said = json.loads(line)
            if said.get("at", 0.0) >= _WARM_UP:
                moments.append(Moment(**said, memory=server.memory() or 0.0, cpu=server.cpu(), waited=server.waited()))
    if fans.returncode or len(moments) < 2:
        raise BenchError("the fans gave up")
    return Outcome(said, moments)


def _line(seen: dict[str, float] | None) -> Sequence[str]:
    found = Spread(**seen) if seen else None
    return [number(getattr(found, name, None)) for name in ("p50", "p90", "p99", "mean")]
