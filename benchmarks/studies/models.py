"""`python -m benchmarks [MODEL...]`: model files beside each other, and which of them to ship."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.arguments import PROG
from benchmarks.measure import clips, selection
from benchmarks.measure.journal import Journal
from benchmarks.measure.peers import peer_notes, started
from benchmarks.measure.row import Row, short_names
from benchmarks.measure.settings import Settings
from benchmarks.measure.suite import measure_models
from benchmarks.report import output, table
from benchmarks.report.output import Published, Record
from benchmarks.report.page import page
from benchmarks.report.results import FORMAT_VERSION
from benchmarks.studies.models_request import REPORT, Request, request_of
from toolkit.data.dataset import Index
from toolkit.files import file_digest, write_json, write_text
from toolkit.measure.latency import clock_seconds
from toolkit.progress import progress

MADE_UP = "a made-up clip of 30 s"


def main(arguments: argparse.Namespace) -> int:
    """Measure model files; returns 1 where one could not be measured."""
    request = request_of(arguments)
    index = output.index(request.data, request.kind) if request.data else None
    record = output.begin()
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(request.settings, clip=_clip(request, Path(folder)))
        journal = Journal(request.journal, _identity(settings, record, request, index))
        if journal.begun:
            print(f"{PROG}: going on with what {journal.path} holds", file=sys.stderr)
        with started(request.peers, settings.clip) as peers, _hint_where_to_resume(journal):
            rows = measure_models(request.models, index, settings, progress, journal, peers)
    choices = [choice for choice in map(selection.choice_of, rows) if choice is not None]
    front, advice = selection.front(choices), selection.advise(choices, request.limits)
    short = short_names([row.name for row in rows])
    warnings = _warnings(rows)
    notes = [*warnings, *_notes(request, rows, journal)]
    if index is not None:
        ship = f"To ship: {short[advice.name] + ': ' if advice.name else ''}{advice.reason}."
        notes.insert(len(warnings), ship)
    value = {
        "format_version": FORMAT_VERSION,
        "rows": [asdict(row) for row in rows],
        "front": sorted(front),
        "advice": asdict(advice),
        "warnings": warnings,
        "plan": asdict(settings.plan),
        "threads": settings.threads,
        "clip": _clip_name(request),
        "clock_seconds": clock_seconds(),
    }
    heads, lines = table.filled(table.HEADERS, [table.cells(row, short[row.name], front) for row in rows])
    published = output.publish(request.destination, record, output.Table("Benchmarks", heads, lines), notes, value)
    if request.report:
        _write_report(request.report, published)
    journal.finish()
    return 1 if any(row.network is None for row in rows) else 0


def _clip(request: Request, folder: Path) -> Path:
    """Return the clip that is timed from file to label; a synthetic one is written to `folder`."""
    clip = request.clip or clips.find_clip(request.data)
    if clip is None:
        clip = folder / "made-up.wav"
        clips.write_clip(clip)
    return clip


def _clip_name(request: Request) -> str:
    clip = request.clip or clips.find_clip(request.data)
    return clip.name if clip else MADE_UP


def _identity(settings: Settings, record: Record, request: Request, index: Index | None) -> dict[str, Any]:
    """Return what must be equal for a journal's measurements to be of this benchmark."""
    files = [*request.models, *(peer.model for peer in request.peers)]
    return {
        "settings": asdict(replace(settings, clip=Path(), cache=None))
        | {"clip": file_digest(settings.clip), "cache": None},
        "machine": record.facts,
        "files": {str(file): file_digest(file) for file in files},
        "data": index.digest if index else None,
    }


def _notes(request: Request, rows: Sequence[Row], journal: Journal) -> list[str]:
    """Return how the rows were measured, in sentences."""
    name = _clip_name(request)
    judged = any(row.accuracy for row in rows)
    notes = [*table.method(request.settings.plan, request.settings.threads, name, judged)]
    if request.peers:
        notes += peer_notes(request.peers, None if name == MADE_UP else name)
    notes += request.left_out
    if journal.begun:
        notes.append("Measured in several sittings; the machine's record is of the last one.")
    return notes


def _warnings(rows: Sequence[Row]) -> list[str]:
    """Return why the figures may mislead: synthetic clips, a noisy machine."""
    warnings = []
    if any(row.accuracy for row in rows) and any(row.synthetic for row in rows):
        warnings.append(table.SYNTHETIC)
    if noisy := [row for row in rows if table.spread(row) > output.PRECISION]:
        worst = max(map(table.spread, noisy))
        warnings.append(f"NOISY: medians may be off by up to {worst:.0%}: measure again on a calmer machine.")
    return warnings


@contextmanager
def _hint_where_to_resume(journal: Journal) -> Iterator[None]:
    """Say where measurements are kept when they are interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if journal.path is not None:
            print(f"{PROG}: the same command goes on from {journal.path}", file=sys.stderr)
        raise


def _write_report(folder: Path, published: Published) -> None:
    """Write a result as JSON, as Markdown and as a page."""
    data, text, shown = (folder / name for name in REPORT)
    write_json(data, published.value)
    write_text(text, published.markdown)
    write_text(shown, page(published.value))
    print(f"{PROG}: the report is in {shown}", file=sys.stderr)
