"""Plots as SVG text: accuracy against time, stages, distributions. They stand in a page and have its colours."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

WIDTH, LINE = 720, 22
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 16, 44
_TICKS = 5
_CHARACTER = 7
"""How wide a character of a label may be."""
_PLACES = sorted(
    ((away, down) for away in (*range(-209, 0, 20), *range(9, 220, 20)) for down in range(-304, 305, 16)),
    key=lambda place: (math.hypot(*place), -place[0], place[1]),
)
"""Where a label may begin (to the right of its dot) or end (to the left), from the nearest place to the farthest."""
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
    parts = [*frame.axes(x_title, y_title), _front(dots, frame)]
    for dot in dots:
        kind, x = ("dot" if dot.front else "dot dim"), frame.x(dot.x)
        tip = f"{escape(dot.label)}: {dot.x:.1f} ms, {dot.y:.3f} [{dot.low:.3f}, {dot.high:.3f}]"
        parts.append(
            f'<g class="{kind}">{_line("", x, frame.y(dot.low), x, frame.y(dot.high))}'
            f'<circle cx="{x:.1f}" cy="{frame.y(dot.y):.1f}" r="5"><title>{tip}</title></circle></g>'
        )
    return _svg(height, [*parts, *_labels(dots, frame)], f"{y_title} against {x_title}")


def _front(dots: Sequence[Dot], frame: _Frame) -> str:
    """Return the line of the front; a file that is on it for its size or memory alone is no step of this line."""
    best = -math.inf
    steps: list[tuple[float, float]] = []
    for dot in sorted((dot for dot in dots if dot.front), key=lambda dot: (dot.x, dot.y)):
        if dot.y > best:
            steps += [(dot.x, best), (dot.x, dot.y)] if steps else [(dot.x, dot.y)]
            best = dot.y
    points = [f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in steps] + [f"{WIDTH - _RIGHT},{frame.y(best):.1f}"]
    return f'<polyline class="front" points="{" ".join(points)}"/>' if steps else ""


def _labels(dots: Sequence[Dot], frame: _Frame) -> list[str]:
    """Return the dots' names, each at the free place nearest to its dot; a line leads to one that is not beside it.

    A place is free where no dot, no other name and, if there is any such place, no dot's interval is. The outermost
    dots choose first, so that few lines cross. A name without a place is left to the dot's tooltip.
    """
    middles = [(frame.x(dot.x), frame.y(dot.y)) for dot in dots]
    occupied = [(x - 6, y - 6, x + 6, y + 6) for x, y in middles] + frame.beside_marks()
    centre = statistics.median(x for x, _ in middles)
    lines = [(x - 2, frame.y(dot.high), x + 2, frame.y(dot.low)) for (x, _), dot in zip(middles, dots, strict=True)]
    parts = []
    for dot, (x, y) in sorted(zip(dots, middles, strict=True), key=lambda pair: -abs(pair[1][0] - centre)):
        width = _CHARACTER * len(dot.label)
        lefts = [(x + away if away > 0 else x + away - width, y + down) for away, down in _PLACES]
        boxes = [(left, middle - 8, left + width, middle + 8) for left, middle in lefts]
        free = [box for box in boxes if frame.holds(box) and not any(_overlap(box, other) for other in occupied)]
        clear = [box for box in free if not any(_overlap(box, line) for line in lines)]
        if not free:
            continue
        left, top, right, bottom = (clear or free)[0]
        occupied.append((left, top, right, bottom))
        anchor, end = ("start", left) if left > x else ("end", right)
        if abs(end - x) > 10 or top + 8 != y:
            parts.append(_line("lead", x, y, end, top + 8))
        parts.append(_text(end, top + 12, dot.label, anchor, "" if dot.front else 'class="dim"'))
    return parts


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def stacked(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Return a bar for each row, made of its parts; all rows have the same parts."""
    if not rows:
        return ""
    names = list(next(iter(rows.values())))
    longest = max(sum(parts.values()) for parts in rows.values()) or 1.0
    start, legend = _beside(rows), _TOP + LINE * (len(rows) + 1)
    scale = (WIDTH - start - 80) / longest
    shapes = []
    for number, (name, parts) in enumerate(rows.items()):
        x, y = float(start), _TOP + LINE * number
        shapes.append(_text(start - 8, y + 13, name, "end"))
        for place, part in enumerate(names):
            width = max(0.0, parts[part]) * scale
            shapes.append(_rect(f"s{place}", x, y, width, LINE - 5, f"{part}: {parts[part]:.1f} {unit}"))
            x += width
        shapes.append(_text(x + 6, y + 13, f"{sum(parts.values()):.1f} {unit}"))
    for place, part in enumerate(names):
        x = WIDTH - 95 * (len(names) - place)
        shapes += [_rect(f"s{place}", x, legend - 10, 12, 12), _text(x + 17, legend, part.replace("_", " "))]
    return _svg(legend + LINE, shapes, "stages")


def distributions(rows: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return for each row where its values lie: a line from 1 to 99 %, a box from 10 to 90 %, the median.

    The values are percentiles, 0 to 100. One stray value does not squeeze all others.
    """
    if not rows:
        return ""
    start, bottom = _beside(rows), _TOP + LINE * len(rows)
    along = axis(min(values[1] for values in rows.values()), max(values[99] for values in rows.values()))

    def place(value: float) -> float:
        return start + along.share(value) * (WIDTH - start - _RIGHT)

    shapes = [_line("grid", place(mark), _TOP - 6, place(mark), bottom) for mark in along.marks]
    shapes += [_text(place(mark), bottom + 18, f"{mark:g}", "middle") for mark in along.marks]
    shapes.append(_text((start + WIDTH) / 2, bottom + _BOTTOM - 6, unit, "middle"))
    for number, (name, values) in enumerate(rows.items()):
        y = _TOP + LINE * number
        p1, p10, p50, p90, p99 = (place(values[share]) for share in (1, 10, 50, 90, 99))
        tip = f"{name}: " + ", ".join(f"p{share} {values[share]:.1f}" for share in (10, 50, 90, 99)) + f" {unit}"
        box = _rect("s1", p10, y + 2, max(1.0, p90 - p10), 12, tip)
        median = _line("median", p50, y, p50, y + 16)
        shapes.append(_text(start - 8, y + 13, name, "end"))
        shapes.append(f'<g class="dot">{_line("", p1, y + 8, p99, y + 8)}{box}{median}</g>')
    return _svg(bottom + _BOTTOM, shapes, "distributions")


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

    def holds(self, box: Box) -> bool:
        """Return whether a box lies in the picture, above the lower axis and beside the title of the other."""
        return box[0] > 24 and box[1] > 0 and box[2] < WIDTH and box[3] < self._height - _BOTTOM

    def beside_marks(self) -> list[Box]:
        """Return where the numbers at the left axis stand."""
        return [(0, self.y(mark) - 8, _LEFT - 4, self.y(mark) + 8) for mark in self._y.marks]

    def axes(self, x_title: str, y_title: str) -> list[str]:
        bottom, middle = self._height - _BOTTOM, (self._height - _BOTTOM) / 2
        return [
            *(_line("grid", _LEFT, self.y(mark), WIDTH - _RIGHT, self.y(mark)) for mark in self._y.marks),
            *(_text(_LEFT - 8, self.y(mark) + 4, f"{mark:g}", "end") for mark in self._y.marks),
            *(_text(self.x(mark), bottom + 18, f"{mark:g}", "middle") for mark in self._x.marks),
            _text(WIDTH / 2, self._height - 6, x_title, "middle"),
            _text(14, middle, y_title, "middle", f'transform="rotate(-90 14 {middle})"'),
        ]


def _text(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(kind: str, x: float, y: float, width: float, height: float, tip: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"'
    return f'<rect class="{kind}" {place}><title>{escape(tip)}</title></rect>'


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    start = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
    return f'<div class="wide">{start}{"".join(parts)}</svg></div>'
