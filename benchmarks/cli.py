"""`python -m benchmarks [MODEL...]`: measure model files; `python -m benchmarks STUDY` for a study."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.arguments import PROG
from benchmarks.studies import (
    clip_length,
    compare,
    export_cost,
    frontend,
    matrix,
    models,
    models_request,
    operators,
    startup,
)
from toolkit.command import Jobs, Verb, dispatch, output_file, run
from toolkit.errors import UsageError

Work = Callable[[argparse.Namespace], int]


def jobs() -> Jobs:
    """Return the studies."""
    verbs = {
        "matrix": Verb("every network in every format and split", matrix.parser, _checked(matrix.main)),
        "operators": Verb("where the time goes inside model files", operators.parser, _checked(operators.main)),
        "frontend": Verb("the front end beside librosa", frontend.parser, _checked(frontend.main)),
        "cliplength": Verb("accuracy on parts of clips", clip_length.parser, _checked(clip_length.main)),
        "start": Verb("a label from nothing: whole processes", startup.parser, _checked(startup.main)),
        "export": Verb("time and memory of every export", export_cost.parser, _checked(export_cost.main)),
        "compare": Verb("two results, and what became worse", compare.parser, _checked(compare.main)),
    }
    return Jobs(verbs, Verb("", models_request.parser, _checked(models.main)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where a model could not be measured."""
    return dispatch(PROG, jobs(), argv)


def _checked(work: Work) -> Work:
    """Return `work` after a check of where its result goes."""

    def checked(arguments: argparse.Namespace) -> int:
        _check_outputs(arguments)
        return work(arguments)

    return checked


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where a result cannot be written, or would take the place of what is read or written, too."""
    values = [value for value in vars(arguments).values() if isinstance(value, Path | list)]
    paths = [path for value in values for path in (value if isinstance(value, list) else [value])]
    for flag, path in (("--json", arguments.json), ("--markdown", arguments.markdown)):
        if path is None:
            continue
        output_file(path, flag)
        if [other for other in paths if isinstance(other, Path) and other.resolve() == path.resolve()] != [path]:
            raise UsageError(f"{flag} {path}: the same file is named twice: name another to write")


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)
