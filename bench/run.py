"""Rounds over the rows: one server at a time, A B C, A B C, so that the machine's moods hit all alike.

Everything that is said of a row later is a median over its rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.build import BenchError
from bench.drive import Cell, Driver, Load
from bench.server import serving
from bench.systems import System

Say = Callable[[str], None]
_PATIENCE = 8.0  # seconds for a cell that shows nothing in its own


@dataclass(slots=True)
class Row:
    """All rounds of one row; `trouble` says why there are none, `refused` which cells it has no answer to."""

    name: str
    guards: str = ""
    trouble: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    cold: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    loads: dict[str, list[Load]] = field(default_factory=dict)

    def median(self, cell: Cell, of: Callable[[Load], float | None]) -> float | None:
        """The median over the rounds of something in `cell`; None where it was never seen."""
        seen = [value for load in self.loads.get(cell.name, []) if (value := of(load)) is not None]
        return statistics.median(seen) if seen else None


def cpu_per_answer(load: Load) -> float | None:
    """Microseconds the server spent on an answer."""
    return 1e6 * load.cpu / load.answered if load.answered and load.cpu else None


def cpu_per_token(load: Load) -> float | None:
    """Microseconds the server spent on a token that arrived."""
    return 1e6 * load.cpu / load.tokens if load.tokens and load.cpu else None


def rounds(
    systems: Sequence[System], cells: Sequence[Cell], driver: Driver, count: int, say: Say,
    where: set[int] | None = None,
) -> list[Row]:  # fmt: skip
    """`count` rounds of `cells` over `systems`, on the CPUs `where`; what does not start is left out then on."""
    rows = {system.name: Row(system.name, system.guards, system.missing) for system in systems}
    for number in range(count):
        for system in systems:
            row = rows[system.name]
            if not row.trouble:
                say(f"round {number + 1} of {count}: {system.name}")
                try:
                    _round(system, row, cells, driver, where)
                except BenchError as error:
                    row.trouble = str(error).splitlines()[0]
                    say(f"{system.name}: {error}")
    return list(rows.values())


def _round(system: System, row: Row, cells: Sequence[Cell], driver: Driver, where: set[int] | None) -> None:
    with serving(system, driver.upstream, where) as server:
        if server.cold is not None:
            row.cold.append(server.cold)
        for cell in cells:
            load = driver.load(server.url, cell, server.headers, server.cpu)
            if not load.answered and not load.failed:  # slower than the time it was given
                load = driver.load(server.url, replace(cell, seconds=_PATIENCE), server.headers, server.cpu)
            if load.answered:
                row.loads.setdefault(cell.name, []).append(load)
            elif load.failed:
                row.refused[cell.name] = f"{load.failed} requests failed"
        if memory := server.memory():
            row.memory.append(memory)
