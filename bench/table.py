"""Aligned tables for a terminal, as Markdown, so that they can be pasted as they are."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float | None, unit: str = "") -> str:
    """`value` with three digits that count, `–` where there is none."""
    if value is None:
        return "–"
    if abs(value) >= 99.95:
        written = f"{value:,.0f}"
    elif abs(value) >= 9.995:
        written = f"{value:.1f}"
    else:
        written = f"{value:.2f}" if abs(value) >= 0.0995 or value == 0 else f"{value:.3f}"
    return f"{written} {unit}" if unit else written


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers, flush right."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    rule = [f"{'-' * (width - 1)}:" if at else "-" * width for at, width in enumerate(widths)]
    return "\n".join(_line(cells, widths) for cells in (head, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if at else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
