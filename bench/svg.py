"""Plots as SVG, written by hand: bars by row and lines over what grows. They follow the reader's light or dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.table import number

_STYLE = """<style>
.paper { fill: #ffffff; stroke: none; }
text { font: 13px system-ui, sans-serif; fill: #24292f; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
.title { font-weight: 600; font-size: 15px; }
.quiet { fill: #57606a; font-size: 12px; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.bar, .dot { fill: #8c959f; }
.ours { fill: #0969da; }
.line { fill: none; stroke: #8c959f; stroke-width: 2; }
.line.ours { stroke: #0969da; fill: none; }
.off { stroke-dasharray: 5 4; }
.bound { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 2 3; }
.bound-text { fill: #cf222e; font-size: 12px; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; }
  text { fill: #e6edf3; stroke: #0d1117; }
  .quiet { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .bar, .dot { fill: #768390; }
  .line { stroke: #768390; }
  .ours { fill: #4493f8; }
  .line.ours { stroke: #4493f8; }
  .bound { stroke: #f85149; }
  .bound-text { fill: #f85149; }
}
</style>"""
WIDTH = 760
_LEFT, _RIGHT, _BAR, _GAP = 200, 90, 20, 10
_TOP = 62
_PLOT = 250  # height of a plot of lines


def bars(title: str, unit: str, values: Sequence[tuple[str, float]], ours: Sequence[str]) -> str:
    """One bar a row on a logarithmic scale, with its number; names in `ours` stand out. No values give no bars."""
    seen = [(name, value) for name, value in values if value > 0]
    height = _TOP + len(seen) * (_BAR + _GAP) + 16
    low, high = _decades([value for _, value in seen])
    parts = [_title(title, f"{unit}, logarithmic scale")]
    for exponent in range(low, high + 1):
        at = _LEFT + _share(10.0**exponent, low, high) * (WIDTH - _LEFT - _RIGHT)
        parts.append(f'<line class="grid" x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{height - 16}"/>')
        parts.append(_text(at, _TOP - 6, f"{10.0**exponent:,g}", "quiet", "middle"))
    for place, (name, value) in enumerate(seen):
        top = _TOP + 6 + place * (_BAR + _GAP)
        width = max(2.0, _share(value, low, high) * (WIDTH - _LEFT - _RIGHT))
        kind = "bar ours" if name in ours else "bar"
        parts.append(_text(_LEFT - 10, top + 15, name, "", "end"))
        parts.append(f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="3"/>')
        parts.append(_text(_LEFT + width + 8, top + 15, number(value), "quiet", "start"))
    return _svg(height, parts)


Line = tuple[str, str, Sequence[tuple[float, float]]]


def lines(title: str, unit: str, along: str, all_lines: Sequence[Line], bound: tuple[float, str] | None = None) -> str:
    """Lines (name, class, points) over a logarithmic x; y begins at 0. `bound` is a value not to pass, and its name."""
    points = [point for _, _, each in all_lines for point in each]
    if not points:
        return _svg(_TOP, [_title(title, unit)])
    left, right, bottom = 70, WIDTH - 190, _TOP + _PLOT
    xs = sorted({x for x, _ in points})
    top = _round_up(max([y for _, y in points] + ([bound[0]] if bound else [])))
    along_x = [math.log(x) for x in (xs[0], xs[-1])]

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log(x) - along_x[0]) / ((along_x[1] - along_x[0]) or 1)
        return left + share * (right - left), bottom - y / top * _PLOT

    parts = [_title(title, unit), *_grid(top, left, right, bottom)]
    parts += [_text(place(x, 0)[0], bottom + 18, f"{x:,g}", "quiet", "middle") for x in xs]
    parts.append(_text((left + right) / 2, bottom + 36, along, "quiet", "middle"))
    if bound:
        at = place(xs[0], bound[0])[1]
        parts.append(f'<line class="bound" x1="{left}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>')
        parts.append(_text(right - 6, at + 15, bound[1], "bound-text", "end"))
    for _, kind, each in all_lines:
        placed = [place(x, y) for x, y in each]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        parts += [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in placed]
    parts += _labels([(name, place(*each[-1])[1]) for name, _, each in all_lines if each], right + 10)
    return _svg(bottom + 48, parts)


def write(folder: Path, plots: dict[str, str]) -> None:
    """Writes each plot as NAME.svg."""
    folder.mkdir(exist_ok=True)
    for name, svg in plots.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


def _grid(top: float, left: float, right: float, bottom: float) -> list[str]:
    parts = []
    for step in range(5):
        y = bottom - step / 4 * _PLOT
        parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{top * step / 4:,g}", "quiet", "end"))
    return parts


def _labels(wanted: list[tuple[str, float]], x: float) -> list[str]:
    """The names at the lines' ends, moved apart where they would lie on each other."""
    parts, last = [], math.inf
    for name, y in sorted(wanted, key=lambda each: -each[1]):
        last = min(y + 4, last - 17)
        parts.append(_text(x, last, name, "", "start"))
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around `values`."""
    if not values:
        return 0, 1
    low = math.floor(math.log10(min(values)) - 0.05)
    return low, max(low + 1, math.ceil(math.log10(max(values))))


def _share(value: float, low: int, high: int) -> float:
    return (math.log10(value) - low) / (high - low)


def _round_up(value: float) -> float:
    """The next number at or above `value` that four equal steps divide well."""
    size = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(size * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * step >= value)


def _title(title: str, below: str) -> str:
    return _text(16, 22, title, "title", "start") + _text(16, 40, below, "quiet", "start")


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}">'
    )
    return "\n".join([head, _STYLE, '<rect class="paper" width="100%" height="100%" rx="8"/>', *parts, "</svg>", ""])
