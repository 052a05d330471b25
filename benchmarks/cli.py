"""`python -m benchmarks [MODEL...]`: measure model files; `cliplength` and `frontend` are studies of their own."""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import cliplength, compare, exports, operators, sounds, table
from benchmarks.arguments import (
    PROG,
    cliplength_parser,
    export_parser,
    frontend_parser,
    models_parser,
    operators_parser,
)
from benchmarks.compare import Comparison, compare_front_ends
from benchmarks.parts import own_split
from benchmarks.suite import Row, Settings, measure_models
from runtime.classifier import Classifier
from runtime.engines import check_threads
from toolkit.artifact import FORMATS, model_files
from toolkit.cli import progress
from toolkit.command import output_file, run
from toolkit.dataset import GTZAN_FOLDERS, Index, build_index
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import write_json, write_text
from toolkit.latency import Plan
from toolkit.machine import describe_machine, machine_line
from toolkit.quiet import captured_stderr

ARTIFACTS = Path("artifacts")
MOST = 1000
"""Clips, and times a clip: more would take hours and much memory."""
PACKAGES = ("numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "soundfile", "soxr")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where a model could not be measured."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = shlex.join([*PROG.split(), *words])
    studies = {
        "cliplength": (cliplength_parser, _cliplength),
        "frontend": (frontend_parser, _frontend),
        "operators": (operators_parser, _operators),
        "export": (export_parser, _export),
    }
    parser, measure = models_parser, _models
    if words and words[0] in studies:
        parser, measure = studies[words.pop(0)]
    arguments = parser().parse_args(words)
    for flag, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is not None:
            output_file(path, flag)
    return measure(arguments, command)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _models(arguments: argparse.Namespace, command: str) -> int:
    plan = _plan(arguments)
    data = None if arguments.speed_only else _data(arguments, or_else="--speed-only to leave accuracy out")
    paths = arguments.models or _found_models(ARTIFACTS)
    for path in (*paths, arguments.clip):
        if path is not None and not path.is_file():
            raise UsageError(f"{path}: {'a folder, not a' if path.is_dir() else 'no such'} file")
    machine = describe_machine(PACKAGES)
    index = _index(data, arguments.kind) if data else None
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
    notes = [*table.method(plan, arguments.threads, shown)]
    if any(row.synthetic for row in rows):
        notes.insert(0, table.SYNTHETIC)
    value = {"rows": [asdict(row) for row in rows], "plan": asdict(plan), "threads": arguments.threads, "clip": shown}
    _give(arguments, command, machine, notes, "Benchmarks", table.HEADERS, [table.cells(row) for row in rows], value)
    return 1 if any(_failed(row) for row in rows) else 0


def _failed(row: Row) -> bool:
    """Tell whether a model could not be measured."""
    return row.network is None


def _cliplength(arguments: argparse.Namespace, command: str) -> int:
    data = _data(arguments, or_else="there is no other way")
    machine = describe_machine(PACKAGES)
    with captured_stderr():
        classifier = Classifier.load(arguments.model, engine=arguments.engine, threads=_threads(arguments))
    if classifier.card.input_level != "picture":
        raise UsageError(f"{arguments.model}: takes one length of sound only: name a model that takes pictures")
    clips = _index(data, "audio")
    trained_on = clips
    if (data / GTZAN_FOLDERS["pictures"]).is_dir() and own_split(classifier.card, clips) is None:
        trained_on = _index(data, "pictures")
    items = cliplength.held_out(classifier.card, trained_on, clips)
    with progress("classifying clips") as report:
        results = cliplength.study(classifier, clips, items, arguments.seconds, arguments.policies, report)
    notes = [
        f"Model: {arguments.model.name}. Clips: the {results[0].accuracy.n} of {len(clips.items)} that it was not "
        f"trained on (split {classifier.card.split.name}) and that are long enough. 95 % Wilson intervals."
    ]
    if classifier.card.dataset.synthetic:
        notes.insert(0, table.SYNTHETIC)
    value = {"model": str(arguments.model), "results": [asdict(result) for result in results]}
    rows = [cliplength.cells(result) for result in results]
    _give(arguments, command, machine, notes, "How much of a clip is needed", cliplength.HEADERS, rows, value)
    return 0


def _frontend(arguments: argparse.Namespace, command: str) -> int:
    for name in ("clips", "repeats"):
        if not 1 <= getattr(arguments, name) <= MOST:
            raise UsageError(f"--{name} is {getattr(arguments, name)}: give 1 to {MOST}")
    named = arguments.data or os.environ.get("GTZAN_ROOT")
    machine = describe_machine((*PACKAGES, "librosa", "scipy"))
    with progress("comparing pictures") as report:
        found = compare_front_ends(Path(named) if named else None, arguments.clips, arguments.repeats, report)
    _give(arguments, command, machine, found.notes(), "Front end", compare.HEADERS, found.cells(), _plain(found))
    return 0


def _operators(arguments: argparse.Namespace, command: str) -> int:
    plan = _plan(arguments)
    machine = describe_machine(PACKAGES)
    named = arguments.data or os.environ.get("GTZAN_ROOT")
    clip = sounds.find_clip(Path(named)) if named else None
    found = {path: operators.profile(path, sounds.window(clip), arguments.threads, plan) for path in arguments.models}
    notes = [
        f"One query at a time, {arguments.threads} thread{'' if arguments.threads == 1 else 's'}, on "
        f"{clip.name if clip else 'a made-up sound'}. TFLite: what the model cut after a part takes longer than cut "
        "before it, the pieces taking turns, median over the rounds. ONNX: ONNX Runtime's profiler, which costs time "
        "itself."
    ]
    value = {"models": {path.name: [asdict(part) for part in parts] for path, parts in found.items()}}
    rows = [row for path, parts in found.items() for row in operators.cells(path, parts)]
    _give(arguments, command, machine, notes, "Where the time goes", operators.HEADERS, rows, value)
    return 0


def _export(arguments: argparse.Namespace, command: str) -> int:
    if not arguments.run.is_dir():
        raise UsageError(f"{arguments.run}: no such run folder")
    machine = describe_machine((*PACKAGES, "tensorflow", "tf2onnx", "onnx"))
    formats = FORMATS if arguments.format == "all" else (arguments.format,)

    def report(line: str) -> None:
        print(f"{PROG}: {line}", file=sys.stderr, flush=True)

    costs = list(exports.measure_exports(arguments.run, arguments.data, formats, report))
    notes = [
        "Each file in a process of its own, from start to end: Python, TensorFlow, the conversion of the float32 file "
        "and of this one, and the checks of both on the validation part."
    ]
    value = {"run": str(arguments.run), "exports": [asdict(cost) for cost in costs]}
    _give(arguments, command, machine, notes, "Export", exports.HEADERS, [exports.cells(cost) for cost in costs], value)
    return 1 if any(cost.status != "ok" for cost in costs) else 0


def _plain(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; a ratio to a library that is not installed is null."""
    value = asdict(found)
    for row in value["speed"]:
        row["ratio"] = None if math.isnan(row["ratio"]) else row["ratio"]
    return value


def _plan(arguments: argparse.Namespace) -> Plan:
    _threads(arguments)
    try:
        return Plan(min_seconds=arguments.min_duration, min_count=arguments.min_count)
    except ValueError:
        raise UsageError("--min-duration must be 0 or more and finite, and --min-count 1 or more") from None


def _threads(arguments: argparse.Namespace) -> int:
    return check_threads(arguments.threads, "--threads")


def _data(arguments: argparse.Namespace, or_else: str) -> Path:
    named = arguments.data or os.environ.get("GTZAN_ROOT")
    if not named:
        raise UsageError(f"no dataset: name one with --data DIR or the variable GTZAN_ROOT, or use {or_else}")
    if importlib.util.find_spec("PIL") is None:
        raise UsageError("reading a dataset's pictures needs Pillow: run `pip install 'gtzanet-edge[bench]'`")
    return Path(named)


def _index(data: Path, kind: str | None) -> Index:
    with progress("reading the dataset") as report:
        return build_index(data, kind, report)


def _found_models(folder: Path) -> list[Path]:
    found = model_files(folder)
    if not found:
        raise ArtifactError(
            f"no model: there is no .tflite or .onnx file in {folder}; make one with `python -m export`, or name one"
        )
    return found


def _give(
    arguments: argparse.Namespace,
    command: str,
    machine: dict[str, str],
    notes: Sequence[str],
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    value: dict[str, Any],
) -> None:
    """Print the table, and write it as Markdown and JSON where asked."""
    _print_table(headers, rows)
    print("\n" + "\n".join([machine_line(machine), *notes]), flush=True)
    if arguments.json:
        write_json(arguments.json, {"command": command, "machine": machine, **value})
    if arguments.markdown:
        page = [f"# {title}", table.markdown(headers, rows), table.facts(machine, command, notes)]
        write_text(arguments.markdown, "\n\n".join(page) + "\n")


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
