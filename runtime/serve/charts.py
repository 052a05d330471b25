"""Charts of the log as HTML, with the shapes and colours of all pages here."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from runtime.serve.event_log import UNITS, EventLog, LoggedEvent, Selection
from toolkit.page.charts import columns
from toolkit.page.over_time import Span, strip

RECENT_SECONDS = 600
STEPS = {"hour": (timedelta(hours=1), 24, "%H:00"), "day": (timedelta(days=1), 30, "%m-%d")}
"""From one column to the next, how many, and the text below one."""
_MARKS = 6


def recent(log: EventLog, now: float, zone: tzinfo) -> str:
    """Return the last ten minutes as a strip."""
    start = now - RECENT_SECONDS
    events = log.newest(Selection(ends_after=start))
    spans = [Span(event.start, event.end, event.label, _note(event)) for event in reversed(events)]
    return strip(spans, start, now, "Labels of the last ten minutes", zone)


def of_file(events: Sequence[dict[str, Any]], seconds: float) -> str:
    """Return a file's events as a strip."""
    spans = [Span(event["start"], event["end"], event["label"], f"{event['score']:.0%}") for event in events]
    return strip(spans, 0, seconds, "Labels in the file")


def counts(log: EventLog, unit: str, now: datetime) -> str:
    """Return a column for each of the last 24 hours or 30 days: how many events began in it; `now` is local time."""
    step, length, clock = STEPS[unit]
    times = [now - (length - 1 - number) * step for number in range(length)]
    by_period: dict[str, dict[str, int]] = defaultdict(dict)
    for row in log.counts(unit, time.time() - length * step.total_seconds()):
        by_period[row["period"]][row["label"]] = row["events"]
    values, marks = [], []
    for number, moment in enumerate(times):
        parts = by_period[moment.strftime(UNITS[unit])]
        most = sorted(parts.items(), key=lambda part: -part[1])
        text = ", ".join(f"{label} {count}" for label, count in most) or "nothing"
        values.append((f"{moment.strftime(clock)}: {text}", sum(parts.values())))
        if number % (length // _MARKS) == 0:
            marks.append(((number + 0.5) / length, moment.strftime(clock)))
    return columns(values, marks, f"Events per {unit}")


def _note(event: LoggedEvent) -> str:
    return f"{event.probability:.0%}"
