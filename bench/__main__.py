"""`make bench`: the proxy side by side with others, and what a turn costs when something grows. One command, one table.

Each server runs alone on a CPU of its own, mock upstream and load driver on another, in interleaved rounds.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from bench import detectors, figures, growth, persona, report, studies, svg
from bench.build import BenchError, built
from bench.corpus import ROOT
from bench.drive import Driver, driving
from bench.plan import FULL, QUICK, Plan
from bench.processes import busy_seconds
from bench.run import rounds
from bench.systems import System, systems

PLOTS = ROOT / "bench" / "plots"
PARTS = ("rows", "length", "history", "workers", "detectors", "growth", "persona")


def say(line: str) -> None:
    """What goes on meanwhile; the tables alone go to stdout."""
    print(f"· {line}", file=sys.stderr, flush=True)


@dataclass(slots=True)
class Outcome:
    """What is known so far: tables in the order of printing, targets, plots."""

    tables: list[str] = field(default_factory=list)
    targets: list[report.Target] = field(default_factory=list)
    plots: dict[str, str] = field(default_factory=dict)

    def add(self, study: studies.Study | persona.Outcome) -> None:
        """Takes in a finished study."""
        self.tables.append(study.text)
        self.targets += study.targets


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="One short round of fewer cells: about three minutes.")
@click.option("--only", default="", help=f"A pattern: rows by name, and of {', '.join(PARTS)} the parts of that name.")
@click.option("--rounds", "times", type=int, help="How often the rows are measured.")
@click.option("--seconds", type=float, help="How long one cell of whole answers takes.")
def main(quick: bool, only: str, times: int | None, seconds: float | None) -> None:
    """Runs what was chosen and prints its tables."""
    plan = _changed(QUICK if quick else FULL, times, seconds)
    wanted = [part for part in PARTS if re.search(only, part)]
    chosen = [system for system in systems() if re.search(only, system.name)]
    if not wanted and not chosen:
        raise click.UsageError(f"--only {only} names no row and none of {', '.join(PARTS)}")
    wanted, chosen = wanted or ["rows"], chosen or systems()
    busy, began, own = busy_seconds(), time.monotonic(), _own_seconds()
    try:
        with driving(built()) as driver:
            outcome = _measured(wanted, chosen, plan, driver)
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    seconds_taken = time.monotonic() - began
    others = max(0.0, busy_seconds() - busy - (_own_seconds() - own)) / seconds_taken
    print(f"{_machine()}; {seconds_taken / 60:.1f} minutes, others took {100 * others:.0f} % of a CPU meanwhile")
    _print(outcome)
    svg.write(PLOTS, outcome.plots)
    if "detectors" in wanted:
        print()
        detectors.main()
    if "growth" in wanted and not quick:
        growth.main()


def _changed(plan: Plan, times: int | None, seconds: float | None) -> Plan:
    times = times or plan.rounds
    return replace(plan, rounds=times, study_rounds=min(times, plan.study_rounds), seconds=seconds or plan.seconds)


def _measured(wanted: list[str], chosen: list[System], plan: Plan, driver: Driver) -> Outcome:
    outcome = Outcome()
    if "rows" in wanted:
        rows = rounds(chosen, plan.cells(), driver, plan.rounds, say)
        outcome.tables += [report.whole_table(rows, plan)]
        outcome.tables += [report.stream_table(rows, plan.stream(connections)) for connections in plan.streams]
        outcome.tables.append(report.remarks(rows))
        outcome.targets += report.targets(rows, plan)
        outcome.plots |= figures.of_rows(rows, plan)
    if "length" in wanted:
        study = studies.reply_length(chosen, plan, driver, say)
        outcome.add(study)
        outcome.plots["reply_length"] = figures.of_lengths(study)
    if "history" in wanted:
        study = studies.history(chosen, plan, driver, say)
        outcome.add(study)
        outcome.plots["history"] = figures.of_histories(study)
    if "workers" in wanted:
        pair = studies.workers(plan, driver, say)
        if pair is None:
            outcome.tables.append("workers: not measured, as the proxy has no --workers or the machine no second CPU")
        else:
            outcome.add(pair)
    if "persona" in wanted:
        outcome.add(persona.under_load(plan, driver, say))
    return outcome


def _own_seconds() -> float:
    """CPU seconds of this process and of all that it has started and that has ended."""
    return sum(os.times()[:4])


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.+)", info)
    name = model[1] if model else platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} CPUs, Python {platform.python_version()}"


def _print(outcome: Outcome) -> None:
    for each in outcome.tables:
        print(f"\n{each}")
    seen = [target for target in outcome.targets if target.measured is not None]
    if seen:
        print(f"\n{report.targets_table(seen)}")


if __name__ == "__main__":
    main()
