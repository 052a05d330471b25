"""Shapes of a drawing as SVG text, in the colours of the page that they stand in.

A `scaled` drawing has 720 units across, and its text grows and shrinks with it. A `fluid` one has the width of its page
and text of one size: its places along are percentages, such as "12.5%".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.page.document import escaped, wide

WIDTH = 720
ABOVE, BELOW = 20, 24
"""Pixels above and below the plot in a fluid drawing, for the texts there."""
Place = float | str
"""A length in units, or a percentage of the drawing."""


def scaled(height: float, shapes: Iterable[str], title: str) -> str:
    """Return a drawing of `WIDTH` by `height` units, which scrolls where the screen is narrow."""
    start = f'<svg class="scaled" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escaped(title)}">'
    return wide(title, f"{start}{''.join(shapes)}</svg>")


def fluid(height: float, shapes: Iterable[str], title: str) -> str:
    """Return a drawing as wide as its page and `height` pixels high."""
    start = f'<svg class="fluid" height="{height}" role="img" aria-label="{escaped(title)}">'
    return f"{start}{''.join(shapes)}</svg>"


def percent(share: float) -> str:
    """Return a place in a fluid drawing, from 0, the left, to 1, the right."""
    return f"{100 * share:.3f}%"


def levels(marks: Sequence[tuple[float, str]], height: float) -> tuple[list[str], list[str]]:
    """Return lines across a fluid drawing, at shares of its plot's height, and a text above each of them."""
    places = [(height - BELOW - share * (height - ABOVE - BELOW), label) for share, label in marks]
    return [line("grid", 0, y, "100%", y) for y, _ in places], [text(0, y - 4, label) for y, label in places]


def marks_below(marks: Sequence[tuple[float, str]], height: float) -> list[str]:
    """Return texts below the plot of a fluid drawing, each at its share of the width."""
    anchors = [(share, "start" if share < 0.04 else "end" if share > 0.96 else "middle") for share, _ in marks]
    return [
        text(percent(share), height - 6, label, anchor)
        for (share, anchor), (_, label) in zip(anchors, marks, strict=True)
    ]


def text(x: Place, y: float, content: str, anchor: str = "start", more: str = "") -> str:
    """Return a text that starts, has its middle or ends at x; `more` are further attributes."""
    return f'<text x="{_place(x)}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escaped(content)}</text>'


def line(kind: str, x1: Place, y1: float, x2: Place, y2: float) -> str:
    """Return a line of a class of the stylesheet."""
    return f'<line class="{kind}" x1="{_place(x1)}" y1="{y1:.1f}" x2="{_place(x2)}" y2="{y2:.1f}"/>'


def rect(kind: str, x: Place, y: float, width: Place, height: float, tip: str = "") -> str:
    """Return a rectangle of a class of the stylesheet, with a tooltip."""
    place = f'x="{_place(x)}" y="{y:.1f}" width="{_place(width)}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place}><title>{escaped(tip)}</title></rect>'


def _place(place: Place) -> str:
    return place if isinstance(place, str) else f"{place:.1f}"
