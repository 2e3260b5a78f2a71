"""The rows of every table and the targets beside what was measured, out of rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.drive import Cell, Load, Spread
from bench.plan import PAUSE, Plan
from bench.run import Row, cpu_per_answer, cpu_per_token
from bench.systems import BARE, DIRECT, FULL, LIGHT
from bench.table import number, table

Of = Callable[[Load], float | None]


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for beside what was measured; `is_least` where more is better."""

    what: str
    bound: float
    measured: float | None
    unit: str = ""
    is_least: bool = False

    def line(self) -> list[str]:
        """As a row of the table of targets."""
        asked = f"{'≥' if self.is_least else '≤'} {self.bound:g} {self.unit}".strip()
        if self.measured is None:
            return [self.what, asked, "–", "not measured"]
        is_met = self.measured >= self.bound if self.is_least else self.measured <= self.bound
        return [self.what, asked, number(self.measured, self.unit), "met" if is_met else "missed"]


def rate(load: Load) -> float:
    """Answers a second."""
    return load.rate


def spread(of: Callable[[Load], Spread | None], key: str) -> Of:
    """One number of one spread, such as the p50 of `whole`."""
    return lambda load: getattr(seen, key) if (seen := of(load)) else None


WHOLE_P50, WHOLE_P99 = spread(lambda load: load.whole, "p50"), spread(lambda load: load.whole, "p99")
BEHIND_P50, BEHIND_P90 = spread(lambda load: load.behind, "p50"), spread(lambda load: load.behind, "p90")
GAP_P50, GAP_P99 = spread(lambda load: load.gap, "p50"), spread(lambda load: load.gap, "p99")
WITHHELD = spread(lambda load: load.withheld, "mean")


def by_name(rows: Sequence[Row], name: str) -> Row:
    """The row of that name; an empty one where it was not chosen."""
    return next((row for row in rows if row.name == name), Row(name))


def ratio(one: float | None, other: float | None) -> float | None:
    """`one` divided by `other`, where both are there."""
    return one / other if one is not None and other else None


def beyond(one: float | None, other: float | None) -> float | None:
    """What `one` has more than `other`, where both are there."""
    return one - other if one is not None and other is not None else None


def whole_table(rows: Sequence[Row], plan: Plan) -> str:
    """Answers that come at once."""
    cells = [plan.whole(connections) for connections in plan.connections]
    one, most = cells[0], cells[-1]
    bare, direct = by_name(rows, BARE), by_name(rows, DIRECT)
    head = ["whole answers", *(f"req/s at {cell.connections}" for cell in cells), f"× bare at {most.connections}"]
    head += [
        "p50 ms at 1",
        "added p50",
        "p99 ms at 1",
        f"p99 at {most.connections}",
        "CPU µs/turn",
        "MB",
        "cold start s",
    ]
    lines = []
    for row in rows:
        if row.trouble:
            continue
        own = [number(row.median(cell, rate)) for cell in cells]
        added = beyond(row.median(one, WHOLE_P50), direct.median(one, WHOLE_P50)) if row.name != DIRECT else None
        own += [number(ratio(row.median(most, rate), bare.median(most, rate))), number(row.median(one, WHOLE_P50))]
        own += [number(added), number(row.median(one, WHOLE_P99)), number(row.median(most, WHOLE_P99))]
        own += [number(row.median(most, cpu_per_answer)), number(middle(row.memory)), number(middle(row.cold))]
        lines.append([row.name, *own])
    return table(head, lines)


def stream_table(rows: Sequence[Row], cell: Cell) -> str:
    """The same replies as streams, at one number of connections."""
    head = [f"streams at {cell.connections}", "first token p50 ms", "p90", "gap p50 ms", "p99", "whole p50 ms"]
    head += ["withheld chars", "CPU µs/token", "changed %"]
    lines = []
    for row in rows:
        if row.trouble:
            continue
        each = (BEHIND_P50, BEHIND_P90, GAP_P50, GAP_P99, WHOLE_P50, WITHHELD, cpu_per_token, changed)
        lines.append([row.name, *(number(row.median(cell, of)) for of in each)])
    return table(head, lines)


def changed(load: Load) -> float | None:
    """Percent of the answers that somebody made longer or shorter than the upstream's."""
    return 100 * load.changed / load.measured if load.measured else None


def study_table(what: str, rows: Sequence[Row], cells: dict[int, Cell], of: Of) -> str:
    """One figure by row, over something that grows; the last column compares the last with the first."""
    sizes = list(cells)
    head = [what, *(f"{size:,}" for size in sizes), f"× {sizes[-1]:,} to {sizes[0]:,}"]
    lines = []
    for row in rows:
        seen = [row.median(cell, of) for cell in cells.values()]
        lines.append([row.name, *map(number, seen), number(ratio(seen[-1], seen[0]))])
    return table(head, lines)


def middle(values: Sequence[float]) -> float | None:
    """The median, None of nothing."""
    return statistics.median(values) if values else None


def remarks(rows: Sequence[Row]) -> str:
    """What each row looks for, or why it is not there or not whole."""
    lines = [f"{row.name}: {row.trouble or f'guards: {row.guards}'}" for row in rows]
    lines += [f"{row.name}: {why} ({cell})" for row in rows for cell, why in row.refused.items()]
    return "\n".join(lines)


def targets(rows: Sequence[Row], plan: Plan) -> list[Target]:
    """What is asked of the proxy itself, by the main table."""
    full, light, bare, direct = (by_name(rows, name) for name in (FULL, LIGHT, BARE, DIRECT))
    one, most = plan.whole(plan.connections[0]), plan.whole(plan.connections[-1])
    stream, at_most = plan.stream(plan.streams[0]), plan.stream(plan.streams[-1])
    base = bare.median(most, rate)
    first = [ratio(full.median(stream, of), PAUSE) for of in (BEHIND_P50, BEHIND_P90)]
    added = beyond(full.median(one, WHOLE_P50), direct.median(one, WHOLE_P50))
    return [
        Target(
            "req/s at 64 to the bare pass-through's, everything on",
            0.125,
            ratio(full.median(most, rate), base),
            "",
            True,
        ),
        Target("the same without the transformer", 0.25, ratio(light.median(most, rate), base), "", True),
        Target("added p50 at one connection", 1.0, added, "ms"),
        Target("first token behind the upstream's, p50", 1.3, first[0], "intervals"),
        Target("first token behind the upstream's, p90", 3.0, first[1], "intervals"),
        Target("withheld on average", 12.0, full.median(stream, WITHHELD), "characters"),
        Target("CPU of a streamed token", 80.0, full.median(at_most, cpu_per_token), "µs"),
        Target("memory", 350.0, middle(full.memory), "MB"),
        Target("cold start", 2.5, middle(full.cold), "s"),
    ]


def targets_table(all_of_them: Sequence[Target]) -> str:
    """Every target beside what was measured."""
    return table(["target, everything on", "asked", "measured", ""], [target.line() for target in all_of_them])
