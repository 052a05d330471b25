"""Arguments that several studies have."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.report.output import Destination
from runtime.engines.load import check_threads, default_threads
from runtime.engines.registry import ENGINES
from toolkit.command import Parser

PROG = "python -m benchmarks"
MOST = 1000
"""Clips, and times per clip, at most: more would need hours and much memory."""


def add_outputs(parser: Parser) -> None:
    """Add where the result goes besides the terminal."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown too")


def add_data(parser: Parser) -> None:
    """Add the dataset and where the result goes."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="the dataset (default: the variable GTZAN_ROOT)")
    add_outputs(parser)


def add_engine(parser: Parser) -> None:
    """Add the choice of an inference engine."""
    parser.add_argument("--engine", choices=tuple(ENGINES), help="(default: the first that is installed)")


def add_threads(parser: Parser, default: int = default_threads()) -> None:
    """Add the number of computing threads."""
    parser.add_argument("--threads", type=int, default=default, metavar="N", help="(%(default)s)")


def add_durations(
    parser: Parser, seconds: float | None, count: int, unit: str = "model and latency", usual: str = "%(default)s"
) -> None:
    """Add how long to measure each `unit`; `usual` describes the seconds where a number does not."""
    seconds_help, count_help = f"seconds per {unit} ({usual})", f"queries per {unit} (%(default)s)"
    parser.add_argument("--min-duration", type=float, default=seconds, metavar="S", help=seconds_help)
    parser.add_argument("--min-count", type=int, default=count, metavar="N", help=count_help)


def thread_counts(text: str) -> tuple[int, ...]:
    """Return the numbers of threads in a text such as "2", "1,4" or "1-4"."""
    counts: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            low, high = 0, -1
        if low > high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads, such as 2, 1,4 or 1-4")
        counts += range(check_threads(low, "--threads"), check_threads(high, "--threads") + 1)
    return tuple(dict.fromkeys(counts))


def destination(arguments: argparse.Namespace) -> Destination:
    """Return where a study's result goes."""
    return Destination(arguments.command, arguments.json, arguments.markdown, getattr(arguments, "report", None))
