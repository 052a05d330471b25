"""What the studies share: checks of what they are given, and how a result is shown and kept."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure.conditions import Conditions, conditions, described, doubts
from benchmarks.report import table
from toolkit.audio.decode import load
from toolkit.data import run_folder
from toolkit.data.dataset import Index, build_index
from toolkit.errors import UsageError
from toolkit.files import write_json, write_text
from toolkit.frontend.spec import FrontEnd
from toolkit.measure.latency import TimingPlan
from toolkit.measure.machine import describe_machine, machine_line
from toolkit.progress import progress

PACKAGES = ("numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "soundfile", "soxr")
"""Whose versions a result names."""
PRECISION = 0.03
"""How far a median may be off before it is measured for longer."""


def plan(min_duration: float, min_count: int) -> TimingPlan:
    """Return how long to measure, as `--min-duration` and `--min-count` say."""
    try:
        return TimingPlan(min_seconds=min_duration, min_count=min_count, precision=PRECISION)
    except ValueError:
        raise UsageError("--min-duration must be 0 or more and finite, and --min-count 1 or more") from None


def check_models(paths: Sequence[Path]) -> None:
    """Raise `UsageError` unless all of these are files."""
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path}: a folder, not a model file: name its files, such as {path / '*.tflite'}")
        if not path.is_file():
            raise UsageError(f"{path}: no such file: name a model file, or make one with `python -m export`")


def check_clip(path: Path) -> None:
    """Raise `UsageError` where `--clip` is no file, and `AudioError` where it is no sound."""
    if not path.is_file():
        raise UsageError(f"--clip {path}: no such file: name a sound file")
    load(path, FrontEnd().sample_rate)


def check_run(folder: Path) -> None:
    """Raise `UsageError` unless `--run` is a finished run's folder."""
    if not (folder / run_folder.MODEL).is_file():
        raise UsageError(f"--run {folder}: no finished run is there: name a folder that holds {run_folder.MODEL}")


def named_data(folder: Path | None) -> Path | None:
    """Return the dataset's folder: `--data`, or that of the variable GTZAN_ROOT; None where neither is given."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder")
    named = folder or os.environ.get("GTZAN_ROOT")
    return Path(named) if named else None


def data(folder: Path | None, or_else: str = "") -> Path:
    """Return the dataset's folder, which must be given, unless `or_else` is done."""
    named = named_data(folder)
    if named is None:
        other = f", or use {or_else}" if or_else else ""
        raise UsageError(f"no dataset: name one with --data DIR or the variable GTZAN_ROOT{other}")
    if importlib.util.find_spec("PIL") is None:
        raise UsageError("reading a dataset's pictures needs Pillow: run `pip install 'gtzanet-edge[bench]'`")
    return named


def index(data: Path, kind: str | None) -> Index:
    """Return the index of a dataset."""
    with progress("reading the dataset") as report:
        return build_index(data, kind, report)


@dataclass(frozen=True)
class Record:
    """The machine that is measured on, and what it was like when the measuring began."""

    facts: dict[str, str]
    before: Conditions


@dataclass(frozen=True)
class Destination:
    """Where a result goes besides the terminal, and the command line that made it."""

    command: str
    json: Path | None
    markdown: Path | None


@dataclass(frozen=True)
class Table:
    """A result's title and table."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Published:
    """A result as JSON values and as Markdown."""

    value: dict[str, Any]
    markdown: str


def begin(packages: Iterable[str] = PACKAGES) -> Record:
    """Return the record of this machine, with the versions of packages, at the beginning of a measurement."""
    return Record(describe_machine(packages), conditions())


def publish(
    destination: Destination, record: Record, shown: Table, notes: Sequence[str], value: dict[str, Any]
) -> Published:
    """Write the result as Markdown and JSON where asked, and print it; say so where the machine was disturbed."""
    after = conditions()
    machine = record.facts | described(record.before, after)
    disturbances = doubts(record.before, after, os.cpu_count() or 1)
    notes = [*([f"DOUBTFUL: {'; '.join(disturbances)}."] if disturbances else []), *notes]
    seen = {"before": asdict(record.before), "after": asdict(after), "doubts": disturbances}
    command = destination.command
    whole = {"title": shown.title, "command": command, "machine": machine, "conditions": seen, "notes": notes, **value}
    page = [f"# {shown.title}", table.markdown(shown.headers, shown.rows), table.facts(machine, command, notes)]
    published = Published(whole, "\n\n".join(page) + "\n")
    if destination.json:
        write_json(destination.json, published.value)
    if destination.markdown:
        write_text(destination.markdown, published.markdown)
    _print_table(shown.headers, shown.rows)
    print("\n" + "\n".join([machine_line(machine), *notes]), flush=True)
    return published


def _print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with `rich` on a terminal where it is installed, in plain columns elsewhere."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.table import Table
        except ImportError:
            pass
        else:
            shown = Table(*headers)
            for row in rows:
                shown.add_row(*row)
            Console().print(shown, markup=False)
            return
    print(table.plain(headers, rows))
