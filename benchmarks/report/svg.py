"""Plots as SVG text: accuracy against time, stages, distributions. They stand in a page and take its colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LINE = 720, 22
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 16, 44
_TICKS = 5
_LOG_FROM = 8
"""From this quotient of the most and the least on an axis is logarithmic: else one slow file squeezes all others."""


@dataclass(frozen=True)
class Dot:
    """A file in the plot: its label, x, y with its interval, and whether it is on the Pareto front."""

    label: str
    x: float
    y: float
    low: float
    high: float
    front: bool


def trade_off(dots: Sequence[Dot], x_title: str, y_title: str) -> str:
    """Return accuracy against time: a dot with its interval for each file, and the front as a line of steps."""
    if not dots:
        return ""
    height = 360
    least, most = min(dot.x for dot in dots), max(dot.x for dot in dots)
    x_axis = axis(least, most, from_zero=least < most / 2)
    y_axis = Axis(tuple(ticks(min(dot.low for dot in dots), max(dot.high for dot in dots))), logarithmic=False)
    frame = _Frame(x_axis, y_axis, height)
    parts = [frame.axes(x_title, y_title)]
    front = sorted((dot for dot in dots if dot.front), key=lambda dot: (dot.x, dot.y))
    best = -math.inf
    steps: list[tuple[float, float]] = []
    for dot in front:  # what is on the front for its size or memory alone is no step of this line
        if dot.y > best:
            steps += [(dot.x, best), (dot.x, dot.y)] if steps else [(dot.x, dot.y)]
            best = dot.y
    if steps:
        steps.append((x_axis.marks[-1], best))
        line = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in steps)
        parts.append(f'<polyline class="front" points="{line}"/>')
    for dot in dots:
        kind, x, low, high = ("dot" if dot.front else "dot dim"), frame.x(dot.x), frame.y(dot.low), frame.y(dot.high)
        tip = f"{escape(dot.label)}: {dot.x:.1f} ms, {dot.y:.3f} [{dot.low:.3f}, {dot.high:.3f}]"
        parts.append(
            f'<g class="{kind}"><line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{frame.y(dot.y):.1f}" r="5"><title>{tip}</title></circle></g>'
        )
    parts += _labels(dots, frame)
    return _svg(height, parts, f"{y_title} against {x_title}")


def _labels(dots: Sequence[Dot], frame: _Frame) -> list[str]:
    """Return the dots' names, moved apart where they would cover each other; a line leads to one that was moved."""
    placed: list[tuple[float, float]] = []
    parts = []
    for dot in sorted(dots, key=lambda dot: (dot.y, dot.x)):
        x, y = frame.x(dot.x) + 7, frame.y(dot.y) - 7
        anchor, reach = ("end", -160) if x > WIDTH - 170 else ("start", 160)
        x -= 14 if anchor == "end" else 0
        while any(abs(y - other) < 13 and abs(x - beside) < abs(reach) for beside, other in placed):
            y -= 13
        placed.append((x, y))
        kind = "" if dot.front else ' class="dim"'
        if frame.y(dot.y) - y > 10:
            start = f'x1="{frame.x(dot.x):.1f}" y1="{frame.y(dot.y):.1f}"'
            parts.append(f'<line class="grid" {start} x2="{x:.1f}" y2="{y - 3:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(dot.label)}</text>')
    return parts


def stacked(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Return a bar for each row, made of its parts; all rows have the same parts."""
    if not rows:
        return ""
    names = list(next(iter(rows.values())))
    longest = max(sum(parts.values()) for parts in rows.values()) or 1.0
    start, height = _beside(rows), _TOP + LINE * (len(rows) + 2)
    scale = (WIDTH - start - 80) / longest
    drawn = []
    for number, (name, parts) in enumerate(rows.items()):
        x, y = float(start), _TOP + LINE * number
        drawn.append(f'<text x="{start - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        for place, part in enumerate(names):
            width = max(0.0, parts[part]) * scale
            drawn.append(
                f'<rect class="s{place}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LINE - 5}">'
                f"<title>{escape(part)}: {parts[part]:.1f} {unit}</title></rect>"
            )
            x += width
        drawn.append(f'<text x="{x + 6:.1f}" y="{y + 13}">{sum(parts.values()):.1f} {unit}</text>')
    y = _TOP + LINE * (len(rows) + 1)
    for place, part in enumerate(names):
        x = WIDTH - 95 * (len(names) - place)
        drawn.append(f'<rect class="s{place}" x="{x}" y="{y - 10}" width="12" height="12"/>')
        drawn.append(f'<text x="{x + 17}" y="{y}">{escape(part.replace("_", " "))}</text>')
    return _svg(height, drawn, "stages")


def distributions(rows: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return for each row where its values lie: a line from the least to the most, a box from 10 to 90 %, the median.

    The values are percentiles, 0 to 100.
    """
    if not rows:
        return ""
    start, height = _beside(rows), _TOP + LINE * len(rows) + _BOTTOM
    # One stray value is not to squeeze all others.
    along = axis(min(values[1] for values in rows.values()), max(values[99] for values in rows.values()))

    def place(value: float) -> float:
        return start + along.share(value) * (WIDTH - start - _RIGHT)

    drawn = [
        f'<line class="grid" x1="{place(mark):.1f}" x2="{place(mark):.1f}" y1="{_TOP - 6}" y2="{height - _BOTTOM}"/>'
        f'<text x="{place(mark):.1f}" y="{height - _BOTTOM + 18}" text-anchor="middle">{mark:g}</text>'
        for mark in along.marks
    ]
    drawn.append(f'<text x="{(start + WIDTH) / 2}" y="{height - 6}" text-anchor="middle">{escape(unit)}</text>')
    for number, (name, values) in enumerate(rows.items()):
        y = _TOP + LINE * number
        p1, p10, p50, p90, p99 = (place(values[share]) for share in (1, 10, 50, 90, 99))
        percentiles = f"p10 {values[10]:.1f}, p50 {values[50]:.1f}, p90 {values[90]:.1f}, p99 {values[99]:.1f}"
        drawn.append(
            f'<text x="{start - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<g class="dot"><line x1="{p1:.1f}" x2="{p99:.1f}" y1="{y + 8}" y2="{y + 8}"/>'
            f'<rect class="s1" x="{p10:.1f}" y="{y + 2}" width="{max(1.0, p90 - p10):.1f}" height="12">'
            f"<title>{escape(name)}: {percentiles} {escape(unit)}</title></rect>"
            f'<line class="median" x1="{p50:.1f}" x2="{p50:.1f}" y1="{y}" y2="{y + 16}"/></g>'
        )
    return _svg(height, drawn, "distributions")


def _beside(names: Iterable[str]) -> int:
    """Return where bars start that stand beside their names."""
    return min(400, max(210, 20 + 6 * max(map(len, names))))


@dataclass(frozen=True)
class Axis:
    """The numbers at an axis, and whether equal distances on it are equal quotients."""

    marks: tuple[float, ...]
    logarithmic: bool

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at the first mark and 1 at the last; what is beyond them lies at the nearest."""
        low, high = self.marks[0], self.marks[-1]
        value = min(max(value, low), high)
        if self.logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def axis(low: float, high: float, from_zero: bool = True) -> Axis:
    """Return an axis of times that holds `low` to `high`: a logarithmic one where they are far apart."""
    if 0 < _LOG_FROM * low < high:
        # A decade more at each end: the logarithm of what is just below a power of ten may be rounded up.
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
        marks = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
        first = max(place for place, mark in enumerate(marks) if mark <= low)
        last = min(place for place, mark in enumerate(marks) if mark >= high)
        return Axis(tuple(marks[first : last + 1]), logarithmic=True)
    return Axis(tuple(ticks(0 if from_zero else low - (high - low) / 10, high)), logarithmic=False)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers, evenly spaced, the first not above `low` and the last not below `high`."""
    width = max(high - low, abs(high) * 1e-3, 1e-9)
    rough = width / _TICKS
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


class _Frame:
    """Where values lie in a plot."""

    def __init__(self, x_axis: Axis, y_axis: Axis, height: int) -> None:
        self._x, self._y, self._height = x_axis, y_axis, height

    def x(self, value: float) -> float:
        return _LEFT + self._x.share(value) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self._height - _BOTTOM - self._y.share(value) * (self._height - _TOP - _BOTTOM)

    def axes(self, x_title: str, y_title: str) -> str:
        bottom, middle = self._height - _BOTTOM, (self._height - _BOTTOM) / 2
        lines = [
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{self.y(mark):.1f}" y2="{self.y(mark):.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{self.y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>'
            for mark in self._y.marks
        ]
        lines += [
            f'<text x="{self.x(mark):.1f}" y="{bottom + 18}" text-anchor="middle">{mark:g}</text>'
            for mark in self._x.marks
        ]
        lines.append(f'<text x="{WIDTH / 2}" y="{self._height - 6}" text-anchor="middle">{escape(x_title)}</text>')
        turned = f'text-anchor="middle" transform="rotate(-90 14 {middle})"'
        lines.append(f'<text x="14" y="{middle}" {turned}>{escape(y_title)}</text>')
        return "".join(lines)


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    start = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title, quote=True)}">'
    return f'<div class="wide">{start}{"".join(parts)}</svg></div>'
