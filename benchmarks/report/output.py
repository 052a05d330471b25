"""What the studies share: checks of what is named, and how a result is written and printed."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure.conditions import Conditions, conditions, described, doubts
from benchmarks.report import table
from benchmarks.report.page import page
from toolkit.audio.decode import load
from toolkit.data import run_folder
from toolkit.data.dataset import Index, build_index
from toolkit.data.listing import is_list
from toolkit.errors import UsageError
from toolkit.files import write_json, write_text
from toolkit.frontend.spec import FrontEnd
from toolkit.measure.latency import TimingPlan
from toolkit.measure.machine import describe_machine, machine_line
from toolkit.progress import progress
from toolkit.streams import to_nowhere

PACKAGES = ("numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "soundfile", "soxr")
"""Whose versions a result names."""
PRECISION = 0.03
"""How far a median may be off before it is measured for longer."""
REPORT = ("results.json", "results.md", "report.html")


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


def check_clip(path: Path | None) -> None:
    """Raise `UsageError` where `--clip` is no file, and `AudioError` where it is no sound."""
    if path is not None:
        if not path.is_file():
            raise UsageError(f"--clip {path}: no such file: name an audio file")
        load(path, FrontEnd().sample_rate)


def check_run(folder: Path | None) -> None:
    """Raise `UsageError` unless `--run` is a finished run's folder."""
    if folder is not None and not (folder / run_folder.MODEL).is_file():
        raise UsageError(f"--run {folder}: no finished run is there: name a folder that holds {run_folder.MODEL}")


def named_data(folder: Path | None) -> Path | None:
    """Return the dataset's folder or list: `--data`, or that of the variable GTZAN_ROOT, or None."""
    if folder is not None and not (folder.is_dir() or is_list(folder)):
        raise UsageError(f"--data {folder}: no such folder")
    named = folder or os.environ.get("GTZAN_ROOT")
    return Path(named) if named else None


def data(folder: Path | None, or_else: str = "") -> Path:
    """Return the dataset's folder; raise `UsageError` where none is named, with what to do `or_else`."""
    named = named_data(folder)
    if named is None:
        raise UsageError(f"no dataset: name one with --data DIR or the variable GTZAN_ROOT{or_else}")
    if importlib.util.find_spec("PIL") is None:
        raise UsageError("reading a dataset's pictures needs Pillow: run `pip install 'gtzanet-edge[bench]'`")
    return named


def index(data: Path, kind: str | None) -> Index:
    """Return the index of a dataset."""
    with progress("reading the dataset") as report:
        return build_index(data, kind, report)


@dataclass(frozen=True)
class Destination:
    """Where a result goes besides the terminal, and the command line that it is of; `report` is a page's folder."""

    command: str
    json: Path | None
    markdown: Path | None
    report: Path | None = None


@dataclass(frozen=True)
class Table:
    """A result's title and table."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Record:
    """The machine that is measured on, and its conditions when the measuring began."""

    facts: dict[str, str]
    before: Conditions

    @classmethod
    def begin(cls, packages: Iterable[str] = PACKAGES) -> Record:
        """Return the record of this machine now, with the versions of packages."""
        return cls(describe_machine(packages), conditions())

    def publish(self, destination: Destination, shown: Table, notes: Sequence[str], value: Mapping[str, Any]) -> None:
        """Write and print a result with this machine's facts, and with what disturbed it since the beginning."""
        after = conditions()
        machine = self.facts | described(self.before, after)
        disturbances = doubts(self.before, after, os.cpu_count() or 1)
        notes = [*([f"DOUBTFUL: {'; '.join(disturbances)}."] if disturbances else []), *notes]
        seen = {"before": asdict(self.before), "after": asdict(after), "doubts": disturbances}
        whole = {"title": shown.title, "command": destination.command, "machine": machine, "conditions": seen}
        publish(destination, shown, [machine_line(machine), *notes], whole | {"notes": notes} | dict(value))


def publish(destination: Destination, shown: Table, notes: Sequence[str], value: dict[str, Any]) -> None:
    """Write a result's files, then print it: nothing that happens to the terminal keeps a file from being there."""
    parts = [f"# {shown.title}", table.markdown(shown.headers, shown.rows), f"`{destination.command}`", *notes]
    text = "\n\n".join(parts) + "\n"
    if destination.json:
        write_json(destination.json, value)
    if destination.markdown:
        write_text(destination.markdown, text)
    if destination.report:
        data, markdown, html = (destination.report / name for name in REPORT)
        write_json(data, value)
        write_text(markdown, text)
        write_text(html, page(value))
    try:
        _print_table(shown)
        print("\n" + "\n".join(notes), flush=True)
    except BrokenPipeError:  # the reader went away; the exit code is the result's all the same
        to_nowhere(sys.stdout)


def _print_table(shown: Table) -> None:
    """Print a table: with `rich` on a terminal where it is installed, in plain columns elsewhere."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        from rich.console import Console
        from rich.table import Table as RichTable

        grid = RichTable(*shown.headers)
        for row in shown.rows:
            grid.add_row(*row)
        Console().print(grid, markup=False)
    else:
        print(table.plain(shown.headers, shown.rows))
