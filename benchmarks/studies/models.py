"""`python -m benchmarks [MODEL...]`: model files beside each other, and which of them to ship."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.arguments import PROG
from benchmarks.measure import clips, selection
from benchmarks.measure.journal import SUFFIX, Journal
from benchmarks.measure.peers import Wanted, peer_notes, peers_of, started
from benchmarks.measure.row import Row, short_names
from benchmarks.measure.selection import Limits
from benchmarks.measure.settings import Settings
from benchmarks.measure.suite import measure_models
from benchmarks.report import output, table
from benchmarks.report.output import Given, Record
from benchmarks.report.page import page
from benchmarks.report.results import FORMAT_VERSION
from toolkit.artifact.file import model_files
from toolkit.cli import progress
from toolkit.command import output_file, output_folder
from toolkit.data.dataset import Index
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import file_digest, write_json, write_text
from toolkit.measure.latency import clock_seconds

ARTIFACTS = Path("artifacts")
MADE_UP = "a made-up clip of 30 s"
REPORT = ("results.json", "results.md", "report.html")


def models_study(arguments: argparse.Namespace, command: str) -> int:
    """Measure model files; returns 1 where one could not be measured."""
    plan, limits = output.plan(arguments), _limits(arguments)
    data = None if arguments.speed_only else output.data(arguments, or_else="--speed-only to leave accuracy out")
    paths = list(dict.fromkeys(arguments.models or _found_models(ARTIFACTS)))
    output.check_models(paths)
    if arguments.clip is not None:
        output.check_clip(arguments.clip)
    wanted, left_out = _peers(arguments, paths)
    index = output.index(data, arguments.kind) if data else None
    if arguments.report is not None:
        output_folder(arguments.report, "--report")
        for name in REPORT:
            output_file(arguments.report / name, "--report")
    record = output.begin()
    clip = arguments.clip or clips.find_clip(data)
    with ExitStack() as stack:
        if clip is None:
            clip, shown = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "made-up.wav", MADE_UP
            clips.write_clip(clip)
        else:
            shown = clip.name
        settings = Settings(
            clip, arguments.threads, arguments.part, arguments.split, plan, arguments.engine, arguments.cache
        )
        files = [*paths, *(one.model for one in wanted)]
        notebook = _journal(arguments, settings, record, files, index)
        peers = stack.enter_context(started(wanted, clip))
        with _said_where(notebook):
            rows = measure_models(paths, index, settings, progress, notebook, peers)
    choices = [choice for choice in map(selection.choice_of, rows) if choice is not None]
    front, advice = selection.front(choices), selection.advise(choices, limits)
    short = short_names([row.name for row in rows])
    judged = any(row.accuracy for row in rows)
    notes = [*table.method(plan, arguments.threads, shown, judged)]
    if wanted:
        notes += peer_notes(wanted, None if shown == MADE_UP else shown)
    notes += left_out
    if notebook.begun:
        notes.append("Measured in several sittings; the machine's record is of the last one.")
    if index is not None:
        notes.insert(0, f"To ship: {short[advice.name] + ': ' if advice.name else ''}{advice.reason}.")
    warnings = []
    if judged and any(row.synthetic for row in rows):
        warnings.append(table.SYNTHETIC)
    if noisy := [row for row in rows if table.spread(row) > output.PRECISION]:
        worst = max(map(table.spread, noisy))
        warnings.append(f"NOISY: medians may be off by up to {worst:.0%}: measure again on a calmer machine.")
    notes = [*warnings, *notes]
    value = {
        "format_version": FORMAT_VERSION,
        "rows": [asdict(row) for row in rows],
        "front": sorted(front),
        "advice": asdict(advice),
        "warnings": warnings,
        "plan": asdict(plan),
        "threads": arguments.threads,
        "clip": shown,
        "clock_seconds": clock_seconds(),
    }
    heads, lines = table.filled(table.HEADERS, [table.cells(row, short[row.name], front) for row in rows])
    given = output.give(arguments, command, record, notes, "Benchmarks", heads, lines, value)
    if arguments.report:
        _write_report(arguments.report, given)
    notebook.finish()
    return 1 if any(_failed(row) for row in rows) else 0


def _peers(arguments: argparse.Namespace, paths: Sequence[Path]) -> tuple[list[Wanted], list[str]]:
    """Return which programs of others to time, and notes on those that cannot be."""
    if not arguments.peers:
        if arguments.run is not None:
            raise UsageError(f"--run {arguments.run}: only --peers needs a run: add it, or leave this out")
        return [], []
    if arguments.run is not None:
        output.check_run(arguments.run)
    wanted = peers_of(paths, arguments.run, arguments.threads)
    if not wanted:
        raise UsageError(
            "--peers: others can use none of these files: name a float32 one that takes pictures, or --run RUN"
        )
    notes = [f"{one.name} left out: {', '.join(one.lacking)} not installed." for one in wanted if one.lacking]
    return [one for one in wanted if not one.lacking], notes


def _journal(
    arguments: argparse.Namespace, settings: Settings, record: Record, files: Sequence[Path], index: Index | None
) -> Journal:
    """Return where to keep what is measured: beside the first output that was asked for."""
    if arguments.report is not None:
        path = arguments.report / f"results{SUFFIX}"
    else:
        output = arguments.json or arguments.markdown
        path = output.with_name(output.name + SUFFIX) if output else None
    known = {
        "settings": asdict(replace(settings, clip=Path(), cache=None))
        | {"clip": file_digest(settings.clip), "cache": None},
        "machine": record.facts,
        "files": {str(file): file_digest(file) for file in files},
        "data": index.digest if index else None,
    }
    journal = Journal(path, known)
    if journal.begun:
        print(f"{PROG}: going on with what {path} holds", file=sys.stderr)
    return journal


@contextmanager
def _said_where(journal: Journal) -> Iterator[None]:
    """Say where measurements are kept when they are interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if journal.path is not None:
            print(f"{PROG}: the same command goes on from {journal.path}", file=sys.stderr)
        raise


def _write_report(folder: Path, given: Given) -> None:
    """Write a result as JSON, as Markdown and as a page."""
    data, text, shown = (folder / name for name in REPORT)
    write_json(data, given.value)
    write_text(text, given.markdown)
    write_text(shown, page(given.value))
    print(f"{PROG}: the report is in {shown}", file=sys.stderr)


def _limits(arguments: argparse.Namespace) -> Limits:
    """Return what a file to ship may take."""
    for flag in ("latency", "size", "memory"):
        if getattr(arguments, f"max_{flag}") is not None and arguments.speed_only:
            raise UsageError(f"--max-{flag} chooses among files by their accuracy: leave out --speed-only")
    least = arguments.min_accuracy
    if least is not None and (arguments.speed_only or not 0 <= least <= 1):
        raise UsageError(f"--min-accuracy is {least:g}: give 0 to 1, without --speed-only")
    return Limits(
        _read("--max-latency", selection.milliseconds, arguments.max_latency),
        _read("--max-size", selection.size, arguments.max_size),
        _read("--max-memory", selection.size, arguments.max_memory),
        least,
    )


def _read(flag: str, reader: Callable[[str], float], text: str | None) -> float | None:
    try:
        return None if text is None else reader(text)
    except UsageError as error:
        raise UsageError(f"{flag}: {error}") from None


def _failed(row: Row) -> bool:
    """Tell whether a model could not be measured."""
    return row.network is None


def _found_models(folder: Path) -> list[Path]:
    found = model_files(folder)
    if not found:
        raise ArtifactError(
            f"no model: there is no .tflite or .onnx file in {folder}; make one with `python -m export`, or name one"
        )
    return found
