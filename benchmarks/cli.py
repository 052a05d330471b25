"""`python -m benchmarks [MODEL...]`: measure model files; `python -m benchmarks STUDY` for a study."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import common, sounds, studies, table, tradeoff
from benchmarks.arguments import (
    PROG,
    cliplength_parser,
    export_parser,
    frontend_parser,
    matrix_parser,
    models_parser,
    operators_parser,
    start_parser,
)
from benchmarks.common import Given
from benchmarks.page import page
from benchmarks.suite import Row, Settings, measure_models
from benchmarks.tradeoff import Limits
from toolkit.artifact import model_files
from toolkit.cli import progress
from toolkit.command import output_file, output_folder, run
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import write_json, write_text
from toolkit.latency import clock_seconds

ARTIFACTS = Path("artifacts")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where a model could not be measured."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = shlex.join([*PROG.split(), *words])
    offered = {
        "matrix": (matrix_parser, studies.matrix_study),
        "cliplength": (cliplength_parser, studies.cliplength_study),
        "frontend": (frontend_parser, studies.frontend_study),
        "start": (start_parser, studies.start_study),
        "operators": (operators_parser, studies.operators_study),
        "export": (export_parser, studies.export_study),
    }
    parser, measure = models_parser, _models
    if words and words[0] in offered:
        parser, measure = offered[words.pop(0)]
    arguments = parser().parse_args(words)
    for flag, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is not None:
            output_file(path, flag)
    return measure(arguments, command)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _models(arguments: argparse.Namespace, command: str) -> int:
    plan, limits = common.plan(arguments), _limits(arguments)
    if arguments.report is not None:
        output_folder(arguments.report, "--report")
    data = None if arguments.speed_only else common.data(arguments, or_else="--speed-only to leave accuracy out")
    paths = arguments.models or _found_models(ARTIFACTS)
    common.check_files([*paths, *([arguments.clip] if arguments.clip else [])])
    record = common.begin()
    index = common.index(data, arguments.kind) if data else None
    clip = arguments.clip or sounds.find_clip(data)
    with tempfile.TemporaryDirectory() as folder:
        if clip is None:
            clip, shown = Path(folder) / "made-up.wav", "a made-up clip of 30 s"
            sounds.write_clip(clip)
        else:
            shown = clip.name
        settings = Settings(
            clip, arguments.threads, arguments.part, arguments.split, plan, arguments.engine, arguments.cache
        )
        rows = measure_models(list(dict.fromkeys(paths)), index, settings, progress)
    choices = [choice for choice in map(tradeoff.choice_of, rows) if choice is not None]
    front, advice = tradeoff.front(choices), tradeoff.advise(choices, limits)
    notes = [*table.method(plan, arguments.threads, shown)]
    if index is not None:
        notes.insert(0, f"To ship: {Path(advice.name).name + ': ' if advice.name else ''}{advice.reason}.")
    if noisy := [row for row in rows if table.spread(row) > common.PRECISION]:
        worst = max(map(table.spread, noisy))
        notes.insert(0, f"NOISY: medians may be off by up to {worst:.0%}: measure again on a calmer machine.")
    if any(row.synthetic for row in rows):
        notes.insert(0, table.SYNTHETIC)
    value = {
        "rows": [asdict(row) for row in rows],
        "front": sorted(front),
        "advice": asdict(advice),
        "plan": asdict(plan),
        "threads": arguments.threads,
        "clip": shown,
        "clock_seconds": clock_seconds(),
    }
    lines = [table.cells(row, front) for row in rows]
    given = common.give(arguments, command, record, notes, "Benchmarks", table.HEADERS, lines, value)
    if arguments.report:
        _write_report(arguments.report, given)
    return 1 if any(_failed(row) for row in rows) else 0


def _write_report(folder: Path, given: Given) -> None:
    """Write a result as JSON, as Markdown and as a page."""
    write_json(folder / "results.json", given.value)
    write_text(folder / "results.md", given.markdown)
    write_text(folder / "report.html", page(given.value))
    print(f"{PROG}: the report is in {folder / 'report.html'}", file=sys.stderr)


def _limits(arguments: argparse.Namespace) -> Limits:
    """Return what a file to ship may take."""
    for flag in ("latency", "size", "memory"):
        if getattr(arguments, f"max_{flag}") is not None and arguments.speed_only:
            raise UsageError(f"--max-{flag} chooses among files by their accuracy: leave out --speed-only")
    least = arguments.min_accuracy
    if least is not None and (arguments.speed_only or not 0 <= least <= 1):
        raise UsageError(f"--min-accuracy is {least:g}: give 0 to 1, without --speed-only")
    return Limits(
        _read("--max-latency", tradeoff.milliseconds, arguments.max_latency),
        _read("--max-size", tradeoff.size, arguments.max_size),
        _read("--max-memory", tradeoff.size, arguments.max_memory),
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
