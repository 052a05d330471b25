"""Accuracy against time: a plot of model files, each with its name beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.page import svg
from toolkit.page.axes import Axis, axis, ticks
from toolkit.page.document import escaped

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 16, 44
_CHARACTER = 7
"""How wide a character of a label may be."""
_PLACES = sorted(
    ((away, down) for away in (*range(-209, 0, 20), *range(9, 220, 20)) for down in range(-304, 305, 16)),
    key=lambda place: (math.hypot(*place), -place[0], place[1]),
)
"""Where a label may begin (to the right of its dot) or end (to the left), from the nearest place to the farthest."""


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
        tip = f"{escaped(dot.label)}: {dot.x:.1f} ms, {dot.y:.3f} [{dot.low:.3f}, {dot.high:.3f}]"
        parts.append(
            f'<g class="{kind}">{svg.line("", x, frame.y(dot.low), x, frame.y(dot.high))}'
            f'<circle cx="{x:.1f}" cy="{frame.y(dot.y):.1f}" r="5"><title>{tip}</title></circle></g>'
        )
    return svg.scaled(height, [*parts, *_labels(dots, frame)], f"{y_title} against {x_title}")


def _front(dots: Sequence[Dot], frame: _Frame) -> str:
    """Return the line of the front; a file that is on it for its size or memory alone is no step of this line."""
    best = -math.inf
    steps: list[tuple[float, float]] = []
    for dot in sorted((dot for dot in dots if dot.front), key=lambda dot: (dot.x, dot.y)):
        if dot.y > best:
            steps += [(dot.x, best), (dot.x, dot.y)] if steps else [(dot.x, dot.y)]
            best = dot.y
    points = [f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in steps] + [f"{svg.WIDTH - _RIGHT},{frame.y(best):.1f}"]
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
            parts.append(svg.line("lead", x, y, end, top + 8))
        parts.append(svg.text(end, top + 12, dot.label, anchor, "" if dot.front else 'class="dim"'))
    return parts


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


class _Frame:
    """Where values lie in a plot."""

    def __init__(self, x_axis: Axis, y_axis: Axis, height: int) -> None:
        self._x, self._y, self._height = x_axis, y_axis, height

    def x(self, value: float) -> float:
        return _LEFT + self._x.share(value) * (svg.WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self._height - _BOTTOM - self._y.share(value) * (self._height - _TOP - _BOTTOM)

    def holds(self, box: Box) -> bool:
        """Return whether a box lies in the picture, above the lower axis and beside the title of the other."""
        return box[0] > 24 and box[1] > 0 and box[2] < svg.WIDTH and box[3] < self._height - _BOTTOM

    def beside_marks(self) -> list[Box]:
        """Return where the numbers at the left axis stand."""
        return [(0, self.y(mark) - 8, _LEFT - 4, self.y(mark) + 8) for mark in self._y.marks]

    def axes(self, x_title: str, y_title: str) -> list[str]:
        bottom, middle = self._height - _BOTTOM, (self._height - _BOTTOM) / 2
        return [
            *(svg.line("grid", _LEFT, self.y(mark), svg.WIDTH - _RIGHT, self.y(mark)) for mark in self._y.marks),
            *(svg.text(_LEFT - 8, self.y(mark) + 4, f"{mark:g}", "end") for mark in self._y.marks),
            *(svg.text(self.x(mark), bottom + 18, f"{mark:g}", "middle") for mark in self._x.marks),
            svg.text(svg.WIDTH / 2, self._height - 6, x_title, "middle"),
            svg.text(14, middle, y_title, "middle", f'transform="rotate(-90 14 {middle})"'),
        ]
