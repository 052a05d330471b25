"""Charts of counts and of measured values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit.page import svg
from toolkit.page.axes import axis
from toolkit.page.document import escaped, wide

SERIES = 8
"""How many colours there are for series: further ones repeat them."""
LINE, _BAR = 42, 18
"""Pixels from a name to the next one, and from a name to its bar."""


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Return a horizontal bar for each label and value, with a text beside it."""
    most = max((value for _, value, _ in rows), default=0) or 1
    lines = [
        f'<tr><td>{escaped(label)}</td><td class="bar"><div style="width:{100 * value / most:.2f}%"></div></td>'
        f"<td>{escaped(text)}</td></tr>"
        for label, value, text in rows
    ]
    return f'<table class="bars"><tbody>{"".join(lines)}</tbody></table>' if rows else ""


def columns(values: Sequence[tuple[str, float]], marks: Sequence[tuple[float, str]], title: str) -> str:
    """Return a column for each value, evenly spaced: counts by hour, a histogram.

    `values` have a text for the tooltip. `marks` are texts below, each at its share of the width.
    """
    if not values:
        return ""
    height, step, scale = 220, 1 / len(values), axis(0, max(value for _, value in values) or 1)
    shapes, texts = svg.levels([(scale.share(mark), f"{mark:,g}") for mark in scale.marks], height)
    for number, (tip, value) in enumerate(values):
        tall = scale.share(value) * (height - svg.ABOVE - svg.BELOW)
        place = svg.percent((number + 0.08) * step), height - svg.BELOW - tall, svg.percent(0.84 * step), tall
        shapes.append(svg.rect("column", *place, tip))
    return svg.fluid(height, [*shapes, *texts, *svg.marks_below(marks, height)], title)


def heat_map(
    corner: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    title: str,
    most: float | None = None,
) -> str:
    """Return a table of numbers, each with a colour as strong as its share of `most`, or else of its row's sum."""
    lines = []
    for label, values in rows:
        total = most or sum(values) or 1
        cells = (
            f'<td class="cell" style="--share: {round(100 * value / total)}%">{f"{value:g}" if value else ""}</td>'
            for value in values
        )
        lines.append(f'<tr><th scope="row">{escaped(label)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escaped(text)}</th>' for text in (corner, *heads))
    table = f'<table class="heat"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
    return wide(title, table)


def series(place: int) -> str:
    """Return the class of the stylesheet that colours a series."""
    return f"s{place % SERIES}"


def legend(names: Iterable[str]) -> str:
    """Return which colour is whose."""
    items = "".join(f'<li class="{series(place)}">{escaped(name)}</li>' for place, name in enumerate(names))
    return f'<ul class="legend">{items}</ul>'


def stacked(rows: Mapping[str, Mapping[str, float]], unit: str, title: str) -> str:
    """Return a bar below each name, made of its parts; all rows have the same parts."""
    if not rows:
        return ""
    names = list(next(iter(rows.values())))
    longest = max(sum(parts.values()) for parts in rows.values()) or 1.0
    shapes = []
    for number, (name, parts) in enumerate(rows.items()):
        y, x = LINE * number, 0.0
        shapes += _name(y, name, f"{sum(parts.values()):.1f} {unit}")
        for place, part in enumerate(names):
            width = max(0.0, parts[part]) / longest
            tip = f"{part}: {parts[part]:.1f} {unit}"
            shapes.append(svg.rect(f"part {series(place)}", svg.percent(x), y + _BAR, svg.percent(width), 14, tip))
            x += width
    return svg.fluid(LINE * len(rows), shapes, title) + legend(name.replace("_", " ") for name in names)


def distributions(rows: Mapping[str, Sequence[float]], unit: str, title: str) -> str:
    """Return below each name where its values lie: a line from 1 to 99 %, a box from 10 to 90 %, the median.

    The values are percentiles, 0 to 100. One stray value does not squeeze all others.
    """
    if not rows:
        return ""
    height = LINE * len(rows) + svg.BELOW
    along = axis(min(values[1] for values in rows.values()), max(values[99] for values in rows.values()))
    marks = [(along.share(mark), f"{mark:g}") for mark in along.marks]
    shapes = [svg.line("grid", svg.percent(share), 0, svg.percent(share), height - svg.BELOW) for share, _ in marks]
    for number, (name, values) in enumerate(rows.items()):
        y = LINE * number + _BAR
        p1, p10, p50, p90, p99 = (along.share(values[share]) for share in (1, 10, 50, 90, 99))
        tip = f"{name}: " + ", ".join(f"p{share} {values[share]:.1f}" for share in (10, 50, 90, 99)) + f" {unit}"
        whisker = svg.line("", svg.percent(p1), y + 7, svg.percent(p99), y + 7)
        box = svg.rect("box", svg.percent(p10), y + 1, svg.percent(max(p90 - p10, 0.002)), 12, tip)
        median = svg.line("median", svg.percent(p50), y - 1, svg.percent(p50), y + 15)
        shapes += [*_name(y - _BAR, name, f"{values[50]:.1f} {unit}"), f'<g class="dot">{whisker}{box}{median}</g>']
    return svg.fluid(height, [*shapes, *svg.marks_below(marks, height)], title)


def _name(y: float, name: str, value: str) -> list[str]:
    """Return the line of text above a bar: whose it is, and its value at the right."""
    return [svg.text(0, y + 13, name), svg.text("100%", y + 13, value, "end")]
