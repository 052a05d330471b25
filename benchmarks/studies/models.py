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
from benchmarks.measure.suite import Settings, measure_models
from benchmarks.report import output, table
from benchmarks.report.output import Record, Table
from benchmarks.report.results import FORMAT_VERSION
from benchmarks.studies.models_request import Request, request_of
from toolkit.data.dataset import Index
from toolkit.files import file_digest
from toolkit.measure.latency import clock_seconds
from toolkit.progress import progress


def main(arguments: argparse.Namespace) -> int:
    """Measure model files; returns 1 where one could not be measured."""
    request = request_of(arguments)
    index = output.index(request.data, request.kind) if request.data else None
    record, clip = Record.begin(), request.clip or clips.find_clip(request.data)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(request.settings, clip=clips.clip_in(Path(folder), clip))
        journal = Journal(request.journal, _identity(settings, record, request, index))
        if journal.begun:
            print(f"{PROG}: going on with what {journal.path} holds", file=sys.stderr)
        with started(request.peers, settings.clip) as peers, _hint_where_to_resume(journal):
            rows = measure_models(request.models, index, settings, progress, journal, peers)
    choices = [choice for choice in map(selection.choice_of, rows) if choice is not None]
    front, advice = selection.front(choices), selection.advise(choices, request.limits)
    short, warnings = short_names([row.name for row in rows]), _warnings(rows)
    ship = f"To ship: {short[advice.name] + ': ' if advice.name else ''}{advice.reason}."
    notes = [*warnings, *([ship] if index else []), *_notes(request, rows, journal, clip)]
    value = {
        "format_version": FORMAT_VERSION,
        "rows": [asdict(row) for row in rows],
        "front": sorted(front),
        "advice": asdict(advice),
        "warnings": warnings,
        "plan": asdict(settings.plan),
        "threads": settings.threads,
        "clip": clip.name if clip else clips.SYNTHETIC,
        "clock_seconds": clock_seconds(),
    }
    heads, lines = table.filled(table.HEADERS, [table.cells(row, short[row.name], front) for row in rows])
    record.publish(request.destination, Table("Benchmarks", heads, lines), notes, value)
    if request.destination.report:
        print(f"{PROG}: the report is in {request.destination.report / output.REPORT[-1]}", file=sys.stderr)
    journal.finish()
    return 1 if any(row.network is None for row in rows) else 0


def _identity(settings: Settings, record: Record, request: Request, index: Index | None) -> dict[str, Any]:
    """Return what must be equal for a journal's measurements to be of this benchmark."""
    files = [*request.models, *(peer.model for peer in request.peers)]
    return {
        "settings": asdict(settings) | {"clip": file_digest(settings.clip), "cache": None},
        "machine": record.facts,
        "files": {str(file): file_digest(file) for file in files},
        "data": index.digest if index else None,
    }


def _notes(request: Request, rows: Sequence[Row], journal: Journal, clip: Path | None) -> list[str]:
    """Return how the rows were measured, in sentences."""
    settings, name = request.settings, clip.name if clip else None
    judged = any(row.accuracy for row in rows)
    notes = table.method(settings.plan, settings.threads, name or clips.SYNTHETIC, judged)
    notes += peer_notes(request.peers, name)
    notes += request.left_out
    if any(Path(row.file).is_file() and row.size_bytes > Path(row.file).stat().st_size for row in rows):
        notes.append("A head's size and memory are those of both files: it runs behind its backbone.")
    if journal.begun:
        notes.append("Measured in several sittings; the machine's record is of the last one.")
    return notes


def _warnings(rows: Sequence[Row]) -> list[str]:
    """Return why the figures may mislead: synthetic clips, a noisy machine."""
    synthetic = any(row.accuracy for row in rows) and any(row.synthetic for row in rows)
    worst = max((timed.spread for row in rows for timed in (row.network, row.file_to_label) if timed), default=0.0)
    noisy = f"NOISY: medians may be off by up to {worst:.0%}: measure again on a calmer machine."
    return [*([table.SYNTHETIC] if synthetic else []), *([noisy] if worst > output.PRECISION else [])]


@contextmanager
def _hint_where_to_resume(journal: Journal) -> Iterator[None]:
    """Report where measurements are kept when they are interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if journal.path is not None:
            print(f"{PROG}: the same command goes on from {journal.path}", file=sys.stderr)
        raise
