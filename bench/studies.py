"""What a turn costs when something grows: the reply, the history, the number of workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.drive import Cell, Driver
from bench.plan import Plan
from bench.report import Target, by_name, rate, ratio, study_table
from bench.run import Row, Say, cpu_per_answer, cpu_per_token, rounds
from bench.systems import FULL, Launch, System, chaperone

_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study: its rows, the cells by what grew, its table and its targets."""

    rows: list[Row]
    cells: dict[int, Cell]
    text: str
    targets: list[Target]


def reply_length(systems: Sequence[System], plan: Plan, driver: Driver, say: Say) -> Study:
    """CPU of a streamed token over the length of the reply, in characters."""
    cells = {length: plan.length(length) for length in plan.lengths}
    rows = rounds(_named(systems, *plan.studied), list(cells.values()), driver, plan.study_rounds, say)
    full = by_name(rows, FULL)
    long, short = full.median(cells[20_000], cpu_per_token), full.median(cells[1_000], cpu_per_token)
    return Study(
        rows, cells, study_table("CPU µs/token by reply characters", rows, cells, cpu_per_token),
        [Target("CPU of a token, reply of 20,000 characters to 1,000", 1.3, ratio(long, short), "times")],
    )  # fmt: skip


def history(systems: Sequence[System], plan: Plan, driver: Driver, say: Say) -> Study:
    """CPU of a turn over the messages before it, all judged before."""
    cells = {messages: plan.history(messages) for messages in plan.histories}
    rows = rounds(_named(systems, *plan.studied), list(cells.values()), driver, plan.study_rounds, say)
    full = by_name(rows, FULL)
    long, short = full.median(cells[200], cpu_per_answer), full.median(cells[2], cpu_per_answer)
    return Study(
        rows, cells, study_table("CPU µs/turn by messages", rows, cells, cpu_per_answer),
        [Target("CPU of a turn, 200 judged messages to 2", 1.2, ratio(long, short), "times")],
    )  # fmt: skip


def workers(plan: Plan, driver: Driver, say: Say) -> Study | None:
    """Requests a second of one and two workers on two CPUs, mock and driver beside them; None where it cannot be."""
    if not _has_workers() or len(os.sched_getaffinity(0)) < _WORKERS:
        return None
    cell = plan.whole(plan.connections[-1])
    # Connections that came while only one worker listened would all stay with that one.
    systems = [
        System(f"{FULL}, {count} workers", _with_workers(count), "all five rules as shipped", announces="is ready")
        for count in (1, _WORKERS)
    ]
    rows = rounds(systems, [cell], driver, plan.study_rounds, say, set(os.sched_getaffinity(0)))
    one, two = (row.median(cell, rate) for row in rows)
    return Study(
        rows, {cell.connections: cell}, study_table("req/s by connections", rows, {cell.connections: cell}, rate),
        [Target("req/s of two workers to one", 1.8, ratio(two, one), "times", is_least=True)],
    )  # fmt: skip


def _with_workers(count: int) -> Callable[[Launch], list[str]]:
    return lambda at: [*chaperone(at), "--workers", str(count)]


def _has_workers() -> bool:
    program = Path(sys.executable).with_name("chaperone")
    said = subprocess.run([program, "proxy", "--help"], capture_output=True, text=True, check=False)
    return "--workers" in said.stdout


def _named(systems: Sequence[System], *names: str) -> list[System]:
    return [replace(system) for system in systems if system.name in names]
