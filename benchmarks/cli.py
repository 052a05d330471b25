"""`python -m benchmarks [MODEL...]`: measure model files; `python -m benchmarks STUDY` for a study."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.arguments import PROG
from benchmarks.studies import (
    catalogue,
    clip_length,
    compare,
    export_cost,
    frontend,
    matrix,
    models,
    operators,
    startup,
)
from benchmarks.studies.models_request import parser as models_parser
from toolkit.command import Jobs, Parser, Verb, dispatch, output_file, run
from toolkit.errors import UsageError


def jobs() -> Jobs:
    """Return the studies."""
    verbs = {
        "matrix": _verb("every network in every format and split", matrix.parser, matrix.main),
        "operators": _verb("where the time goes inside model files", operators.parser, operators.main),
        "frontend": _verb("the front end beside librosa", frontend.parser, frontend.main),
        "cliplength": _verb("accuracy on parts of clips", clip_length.parser, clip_length.main),
        "start": _verb("a label from nothing: whole processes", startup.parser, startup.main),
        "catalogue": _verb("a library of files, and its memory", catalogue.parser, catalogue.main),
        "export": _verb("time and memory of every export", export_cost.parser, export_cost.main),
        "compare": _verb("two results, and what became worse", compare.parser, compare.main),
    }
    return Jobs(verbs, _verb("", models_parser, models.main))


def _verb(summary: str, parser: Callable[[], Parser], work: Callable[[argparse.Namespace], int]) -> Verb:
    """Return a study that is done after a check of where its result goes."""

    def checked(arguments: argparse.Namespace) -> int:
        _check_outputs(arguments)
        return work(arguments)

    return Verb(summary, parser, checked)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where a result cannot be written, or its file is named a second time."""
    values = [value if isinstance(value, list) else [value] for value in vars(arguments).values()]
    paths = [path.resolve() for group in values for path in group if isinstance(path, Path)]
    for flag, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is not None:
            output_file(path, flag)
            if paths.count(path.resolve()) > 1:
                raise UsageError(f"{flag} {path}: the same file is named twice: name another to write")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where a model could not be measured."""
    return dispatch(PROG, jobs(), argv)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)
