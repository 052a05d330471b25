"""Charts of counts and of measured values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit.page import svg
from toolkit.page.axes import axis
from toolkit.page.document import escaped, wide

SERIES = 8
"""How many colours there are for series: further ones repeat them."""
LINE = 22
_RIGHT, _TOP, _BOTTOM = 20, 16, 44


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
    """Return a bar for each row, made of its parts; all rows have the same parts."""
    if not rows:
        return ""
    names = list(next(iter(rows.values())))
    longest = max(sum(parts.values()) for parts in rows.values()) or 1.0
    start = _beside(rows)
    scale = (svg.WIDTH - start - 80) / longest
    shapes = []
    for number, (name, parts) in enumerate(rows.items()):
        x, y = float(start), _TOP + LINE * number
        shapes.append(svg.text(start - 8, y + 13, name, "end"))
        for place, part in enumerate(names):
            width = max(0.0, parts[part]) * scale
            shapes.append(svg.rect(f"part {series(place)}", x, y, width, LINE - 5, f"{part}: {parts[part]:.1f} {unit}"))
            x += width
        shapes.append(svg.text(x + 6, y + 13, f"{sum(parts.values()):.1f} {unit}"))
    named = legend(name.replace("_", " ") for name in names)
    return svg.scaled(_TOP + LINE * len(rows), shapes, title) + named


def distributions(rows: Mapping[str, Sequence[float]], unit: str, title: str) -> str:
    """Return for each row where its values lie: a line from 1 to 99 %, a box from 10 to 90 %, the median.

    The values are percentiles, 0 to 100. One stray value does not squeeze all others.
    """
    if not rows:
        return ""
    start, bottom = _beside(rows), _TOP + LINE * len(rows)
    along = axis(min(values[1] for values in rows.values()), max(values[99] for values in rows.values()))

    def place(value: float) -> float:
        return start + along.share(value) * (svg.WIDTH - start - _RIGHT)

    shapes = [svg.line("grid", place(mark), _TOP - 6, place(mark), bottom) for mark in along.marks]
    shapes += [svg.text(place(mark), bottom + 18, f"{mark:g}", "middle") for mark in along.marks]
    shapes.append(svg.text((start + svg.WIDTH) / 2, bottom + _BOTTOM - 6, unit, "middle"))
    for number, (name, values) in enumerate(rows.items()):
        y = _TOP + LINE * number
        p1, p10, p50, p90, p99 = (place(values[share]) for share in (1, 10, 50, 90, 99))
        tip = f"{name}: " + ", ".join(f"p{share} {values[share]:.1f}" for share in (10, 50, 90, 99)) + f" {unit}"
        box = svg.rect("box", p10, y + 2, max(1.0, p90 - p10), 12, tip)
        median = svg.line("median", p50, y, p50, y + 16)
        shapes.append(svg.text(start - 8, y + 13, name, "end"))
        shapes.append(f'<g class="dot">{svg.line("", p1, y + 8, p99, y + 8)}{box}{median}</g>')
    return svg.scaled(bottom + _BOTTOM, shapes, title)


def _beside(names: Iterable[str]) -> int:
    """Return where bars start that stand beside their names."""
    return min(400, max(210, 20 + 6 * max(map(len, names))))
