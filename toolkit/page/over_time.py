"""Along a clock, or along the seconds of a file: a strip of what was heard when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from toolkit.page import svg
from toolkit.page.charts import legend, series

_HOUR, _DAY = 3_600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY),
)
_MARKS = 5


@dataclass(frozen=True)
class Span:
    """A time in seconds, from the start to the end of something with a label; `note` is the rest of its tooltip."""

    start: float
    end: float
    label: str
    note: str = ""


def strip(spans: Sequence[Span], start: float, end: float, title: str, zone: tzinfo | None = None) -> str:
    """Return spans as coloured parts of a strip from `start` to `end`, with a legend; see `time_marks` for `zone`."""
    labels, height = list(dict.fromkeys(span.label for span in spans)), svg.ABOVE + svg.BELOW + 16
    shapes = [svg.line("grid", 0, height - svg.BELOW, "100%", height - svg.BELOW)]
    for span in spans:
        first, last = (min(max((time - start) / (end - start), 0), 1) for time in (span.start, span.end))
        tip = " ".join(filter(None, (_clock(span.start, 1, zone), span.label, span.note)))
        kind = f"part {series(labels.index(span.label))}"
        shapes.append(svg.rect(kind, svg.percent(first), 4, svg.percent(last - first), height - svg.BELOW - 4, tip))
    return svg.fluid(height, [*shapes, *svg.marks_below(time_marks(start, end, zone), height)], title) + legend(labels)


def time_marks(start: float, end: float, zone: tzinfo | None = None) -> list[tuple[float, str]]:
    """Return round times from `start` to `end`, at most six, each with its share of the way.

    With a `zone` the seconds are those of Unix time, and the marks are round on its clock. Without one they are
    seconds of a file.
    """
    length = max(end - start, 1e-9)
    step = next((step for step in _STEPS if step * _MARKS >= length), math.ceil(length / _MARKS / _DAY) * _DAY)
    offset = datetime.fromtimestamp(start, zone).utcoffset() if zone else None
    away = offset.total_seconds() if offset else 0.0
    first, last = math.ceil((start + away) / step), math.floor((end + away) / step)
    times = [number * step - away for number in range(first, last + 1)]
    return [((time - start) / length, _clock(time, step, zone)) for time in times]


def _clock(time: float, step: float, zone: tzinfo | None) -> str:
    """Return a time as precisely as marks that are `step` seconds apart need it."""
    if zone is None:
        return f"{int(time) // 60}:{int(time) % 60:02}"
    pattern = "%m-%d" if step >= _DAY else "%H:%M" if step >= 60 else "%H:%M:%S"
    return datetime.fromtimestamp(time, zone).strftime(pattern)
