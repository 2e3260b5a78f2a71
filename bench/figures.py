"""Which plots are drawn from the rows and studies; `plots` draws them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.drive import Cell
from bench.plan import Plan
from bench.report import BEHIND_P50, Of, rate
from bench.run import Row, cpu_per_answer, cpu_per_token
from bench.studies import Study
from bench.svg import Line, bars, lines
from bench.systems import FULL, OFF, OURS


def of_rows(rows: Sequence[Row], plan: Plan) -> dict[str, str]:
    """Requests a second and the first token, by row."""
    most, stream = plan.whole(plan.connections[-1]), plan.stream(plan.streams[0])
    return {
        "rate": bars(
            f"Requests a second at {most.connections} connections", "whole answers, one CPU", _values(rows, most, rate),
            OURS,
        ),
        "first_token": bars(
            "First token behind the upstream's", f"ms at the median, {stream.connections} streams, a token each 10 ms",
            _values(rows, stream, BEHIND_P50), OURS,
        ),
    }  # fmt: skip


def of_lengths(study: Study) -> str:
    """The cost of a token by the length of the reply."""
    return lines(
        "CPU of a streamed token",
        "µs",
        "characters of the reply",
        _lines(study, cpu_per_token),
        (80, "not above 80 µs"),
    )


def of_histories(study: Study) -> str:
    """The cost of a turn by the messages before it."""
    return lines("CPU of a turn", "µs", "messages, all judged before", _lines(study, cpu_per_answer))


def _values(rows: Sequence[Row], cell: Cell, of: Of) -> list[tuple[str, float]]:
    return [(row.name, value) for row in rows if (value := row.median(cell, of)) is not None]


def _lines(study: Study, of: Of) -> list[Line]:
    kinds = {FULL: "ours", OFF: "ours off"}
    return [
        (row.name, kinds.get(row.name, ""), points)
        for row in study.rows
        if (
            points := [
                (size, value) for size, cell in study.cells.items() if (value := row.median(cell, of)) is not None
            ]
        )
    ]
