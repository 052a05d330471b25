"""`python -m benchmarks [MODEL...]`: measure model files; `python -m benchmarks STUDY` for a study."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import common, sounds, studies, table
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
from benchmarks.common import PACKAGES
from benchmarks.suite import Row, Settings, measure_models
from toolkit.artifact import model_files
from toolkit.cli import progress
from toolkit.command import output_file, run
from toolkit.errors import ArtifactError
from toolkit.machine import describe_machine

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
    plan = common.plan(arguments)
    data = None if arguments.speed_only else common.data(arguments, or_else="--speed-only to leave accuracy out")
    paths = arguments.models or _found_models(ARTIFACTS)
    common.check_files([*paths, *([arguments.clip] if arguments.clip else [])])
    machine = describe_machine(PACKAGES)
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
    notes = [*table.method(plan, arguments.threads, shown)]
    if any(row.synthetic for row in rows):
        notes.insert(0, table.SYNTHETIC)
    value = {"rows": [asdict(row) for row in rows], "plan": asdict(plan), "threads": arguments.threads, "clip": shown}
    common.give(
        arguments, command, machine, notes, "Benchmarks", table.HEADERS, [table.cells(row) for row in rows], value
    )
    return 1 if any(_failed(row) for row in rows) else 0


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
