"""A timeline as text: a table for people, JSON and CSV for programs, and three formats of other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.output import csv_line
from runtime.timeline.events import Event
from toolkit.artifact.card import Card
from toolkit.error_text import printable

RAVEN = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")
"""The columns that Raven needs, before those of ours."""


class Timeline(NamedTuple):
    """A sound's events: its name, its length in seconds, the model's name, and what is doubtful, a sentence each."""

    name: str
    seconds: float
    events: tuple[Event, ...]
    model: str
    warnings: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a timeline stands in a document: after so many events and seconds; its name there, the model's band."""

    events: int
    seconds: float
    name: str
    band: tuple[float, float]


class Format(NamedTuple):
    """How a document is written: the end of its file's name, its first line or "", and a timeline's lines."""

    suffix: str
    header: str
    lines: Callable[[Timeline, Place], list[str]]


class Document:
    """Timelines of several files in one text; `header` is its first line, or ""."""

    def __init__(self, form: str, card: Card, names: Sequence[str]) -> None:
        """Start a document of a format in `FORMATS` about the files of these names."""
        self._format = FORMATS[form]
        self.header = self._format.header
        self._band = (card.front_end.f_min, card.front_end.f_max)
        self._names = _short_names(names)
        self._events, self._seconds = 0, 0.0

    def add(self, timeline: Timeline) -> str:
        """Return the next timeline's lines, without the last line's end; "" where there are none."""
        name = self._names.get(timeline.name, timeline.name)
        lines = self._format.lines(timeline, Place(self._events, self._seconds, name, self._band))
        self._events, self._seconds = self._events + len(timeline.events), self._seconds + timeline.seconds
        return "\n".join(lines)


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Return what RTTM calls files: their names without folder and suffix, where these differ."""
    short = {name: Path(name).stem or name for name in names}
    return short if len(set(short.values())) == len(short) else {}


def _table(timeline: Timeline, place: Place) -> list[str]:
    count = len(timeline.events)
    counted = f"{count or 'no'} event{'' if count == 1 else 's'}"
    head = f"{printable(timeline.name)}: {counted} in {_clock(timeline.seconds)}"
    return [head] + [
        f"  {_clock(event.start)}  {_clock(event.end)}  {event.score:6.1%}  {printable(event.label)}"
        for event in timeline.events
    ]


def _clock(seconds: float) -> str:
    tenths = round(10 * seconds)
    return f"{tenths // 36_000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def _json(timeline: Timeline, place: Place) -> list[str]:
    events = [
        {
            "start": round(event.start, 3),
            "end": round(event.end, 3),
            "label": event.label,
            "score": round(event.score, 6),
        }
        for event in timeline.events
    ]
    value = {
        "file": timeline.name,
        "seconds": round(timeline.seconds, 3),
        "events": events,
        "model": timeline.model,
        "warnings": timeline.warnings,
    }
    return [json.dumps(value, ensure_ascii=False, allow_nan=False)]


def _csv(timeline: Timeline, place: Place) -> list[str]:
    return [
        csv_line([timeline.name, f"{event.start:.3f}", f"{event.end:.3f}", event.label, f"{event.score:.6f}"])
        for event in timeline.events
    ]


def _audacity(timeline: Timeline, place: Place) -> list[str]:
    """Return Audacity's label track (its manual, "Importing and Exporting Labels"): start, end, label."""
    return [f"{event.start:.6f}\t{event.end:.6f}\t{printable(event.label)}" for event in timeline.events]


def _rttm(timeline: Timeline, place: Place) -> list[str]:
    """Return RTTM (NIST, RT-09 evaluation plan, appendix A): type, file, channel, start, duration, ..., name, score.

    The type is SPEAKER, whose name is free: that of NON-SPEECH is one of noise, music and other. It is also the one
    type that all readers accept.
    """
    return [
        f"SPEAKER {_word(place.name)} 1 {event.start:.3f} {round(event.end, 3) - round(event.start, 3):.3f} "
        f"<NA> <NA> {_word(event.label)} {event.score:.6f} <NA>"
        for event in timeline.events
    ]


def _word(text: str) -> str:
    """Return a text as one field: RTTM has no quotes, and white space ends a field."""
    return printable(re.sub(r"\s", "_", text))


def _raven(timeline: Timeline, place: Place) -> list[str]:
    """Return Raven's selection table: times count from the first file's start, as where Raven opens all in a row."""
    low, high = (f"{hertz:.1f}" for hertz in place.band)
    lines = []
    for number, event in enumerate(timeline.events, place.events + 1):
        times = (f"{seconds:.3f}" for seconds in (place.seconds + event.start, place.seconds + event.end))
        ours = (printable(event.label), f"{event.score:.6f}", printable(timeline.name), f"{event.start:.3f}")
        lines.append("\t".join([str(number), "Spectrogram 1", "1", *times, low, high, *ours]))
    return lines


FORMATS = {
    "table": Format(".txt", "", _table),
    "json": Format(".json", "", _json),
    "csv": Format(".csv", csv_line(["file", "start", "end", "label", "score"]), _csv),
    "audacity": Format(".txt", "", _audacity),
    "rttm": Format(".rttm", "", _rttm),
    "raven": Format(
        ".selections.txt", "\t".join([*RAVEN, "Annotation", "Score", "Begin Path", "File Offset (s)"]), _raven
    ),
}
