"""`python -m benchmarks [MODEL...]`: measure model files; `python -m benchmarks STUDY` for a study."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import (
    PROG,
    cliplength_parser,
    compare_parser,
    export_parser,
    frontend_parser,
    matrix_parser,
    models_parser,
    operators_parser,
    start_parser,
)
from benchmarks.studies import compare, verbs
from benchmarks.studies.models import models_study
from toolkit.command import output_file, run
from toolkit.errors import UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where a model could not be measured."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = shlex.join([*PROG.split(), *words])
    offered = {
        "matrix": (matrix_parser, verbs.matrix_study),
        "cliplength": (cliplength_parser, verbs.cliplength_study),
        "frontend": (frontend_parser, verbs.frontend_study),
        "start": (start_parser, verbs.start_study),
        "operators": (operators_parser, verbs.operators_study),
        "export": (export_parser, verbs.export_study),
        "compare": (compare_parser, compare.compare_study),
    }
    parser, measure = models_parser, models_study
    if words and words[0] in offered:
        parser, measure = offered[words.pop(0)]
    arguments = parser().parse_args(words)
    _check_outputs(arguments)
    return measure(arguments, command)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where a result cannot be written, or would take the place of what is read or written, too."""
    named = [value for value in vars(arguments).values() if isinstance(value, Path | list)]
    given = [path for value in named for path in (value if isinstance(value, list) else [value])]
    for flag, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is None:
            continue
        output_file(path, flag)
        if [other for other in given if isinstance(other, Path) and other.resolve() == path.resolve()] != [path]:
            raise UsageError(f"{flag} {path}: the same file is named twice: name another to write")


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)
