"""The arguments of `python -m benchmarks` and of its studies."""

from __future__ import annotations

import argparse
from pathlib import Path

from runtime.engines.load import check_threads, default_threads
from runtime.engines.registry import ENGINES
from toolkit.artifact.file import FORMATS
from toolkit.command import Parser
from toolkit.data.dataset import SUFFIXES
from toolkit.data.splits import NAMES, PARTS
from toolkit.frontend.spec import SHORT_POLICIES

PROG = "python -m benchmarks"
STUDIES = ("matrix", "cliplength", "frontend", "start", "operators", "export", "compare")


def models_parser() -> Parser:
    """Return the parser of the table over model files."""
    parser = Parser(
        prog=PROG,
        description="Measure model files: accuracy, size, memory and latency.",
        epilog=f"studies: {PROG} " + f" --help | {PROG} ".join(STUDIES) + " --help",
    )
    parser.add_argument(
        "models", nargs="*", type=Path, metavar="MODEL", help="model files (default: all in ./artifacts)"
    )
    _add_data(parser)
    _add_engine(parser)
    parser.add_argument(
        "--threads",
        type=thread_counts,
        default=(default_threads(),),
        metavar="N[,N|-N]",
        help=f"with each of these: 2, 1,4 or 1-4 (default: {default_threads()})",
    )
    parser.add_argument(
        "--kind", choices=sorted(SUFFIXES), help="which files to use where the dataset has both (default: pictures)"
    )
    parser.add_argument(
        "--split", choices=NAMES, help="judge on this split (default: the one each model was trained on)"
    )
    parser.add_argument(
        "--part", choices=PARTS, default="validation", help="judge on this part of it (default: validation)"
    )
    parser.add_argument(
        "--speed-only", action="store_true", help="no dataset: everything but accuracy, on made-up sounds"
    )
    parser.add_argument(
        "--clip", type=Path, metavar="FILE", help="the sound for file-to-label latency (default: the dataset's first)"
    )
    parser.add_argument(
        "--min-duration", type=float, default=10.0, metavar="S", help="seconds a model and latency (%(default)s)"
    )
    parser.add_argument(
        "--min-count", type=int, default=100, metavar="N", help="queries a model and latency (%(default)s)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where pictures rendered from sound are kept")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write a page to look at (report.html), results.md and results.json"
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="also time what others write, where it is installed: librosa with ONNX Runtime, TensorFlow Lite, tf_keras",
    )
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="with --peers: the run whose Keras model tf_keras loads"
    )
    wanted = parser.add_argument_group(
        "which file to ship: the fastest that is as accurate as the best, but for chance"
    )
    wanted.add_argument("--max-latency", metavar="T", help="from file to label, such as 20ms")
    wanted.add_argument("--max-size", metavar="B", help="on the disk, such as 500k")
    wanted.add_argument("--max-memory", metavar="B", help="of a process that classifies, such as 100M")
    wanted.add_argument("--min-accuracy", type=float, metavar="A", help="a share, such as 0.45")
    return parser


def matrix_parser() -> Parser:
    """Return the parser of `matrix`."""
    parser = Parser(
        prog=f"{PROG} matrix",
        description="Every network in every format, each file judged on the split it was trained on.",
    )
    parser.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL", help="model files, a network's timed ones first"
    )
    _add_common(parser)
    parser.add_argument(
        "--min-duration", type=float, default=10.0, metavar="S", help="seconds a model and latency (%(default)s)"
    )
    parser.add_argument(
        "--min-count", type=int, default=50, metavar="N", help="queries a model and latency (%(default)s)"
    )
    return parser


def cliplength_parser() -> Parser:
    """Return the parser of `cliplength`."""
    parser = Parser(prog=f"{PROG} cliplength", description="Accuracy on clips cut to their middle seconds.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file")
    _add_common(parser)
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=[5.0, 10.0, 20.0], metavar="S", help="lengths (5 10 20)"
    )
    parser.add_argument(
        "--policies",
        nargs="+",
        choices=SHORT_POLICIES,
        default=list(SHORT_POLICIES),
        help="ways to fill the picture (all)",
    )
    return parser


def frontend_parser() -> Parser:
    """Return the parser of `frontend`."""
    parser = Parser(
        prog=f"{PROG} frontend", description="The front end against librosa: speed, and the pictures' truth."
    )
    parser.add_argument("--clips", type=int, default=5, metavar="N", help="sounds to time (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="times a sound (%(default)s)")
    _add_data(parser)
    return parser


def start_parser() -> Parser:
    """Return the parser of `start`."""
    parser = Parser(
        prog=f"{PROG} start",
        description="A label from nothing: whole processes, beside `import numpy` and the usual script.",
    )
    parser.add_argument(
        "model", type=Path, nargs="?", metavar="MODEL", help="a model file (default: the one that is built in)"
    )
    parser.add_argument(
        "--clip", type=Path, metavar="FILE", help="the sound (default: the dataset's first, or made up)"
    )
    parser.add_argument("--run", type=Path, metavar="RUN", help="a run whose Keras model the usual script is to use")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="times each (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="(%(default)s)")
    _add_data(parser)
    return parser


def operators_parser() -> Parser:
    """Return the parser of `operators`."""
    parser = Parser(prog=f"{PROG} operators", description="Where the time goes inside model files, layer by layer.")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="model files")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="(%(default)s)")
    parser.add_argument(
        "--min-duration", type=float, default=2.0, metavar="S", help="seconds a part at least (%(default)s)"
    )
    parser.add_argument("--min-count", type=int, default=30, metavar="N", help="runs a part at least (%(default)s)")
    _add_data(parser)
    return parser


def export_parser() -> Parser:
    """Return the parser of `export`."""
    parser = Parser(prog=f"{PROG} export", description="Time, peak memory and size of every file a run can become.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run's folder")
    parser.add_argument(
        "--format", choices=(*FORMATS, "all"), default="all", help="only this file format (default: %(default)s)"
    )
    parser.add_argument("--plan", metavar="LAYER=KIND,...", help="write this mixture, and search for none")
    _add_data(parser)
    return parser


def compare_parser() -> Parser:
    """Return the parser of `compare`."""
    parser = Parser(
        prog=f"{PROG} compare",
        description="Two results beside each other, of two machines or two versions: ratios, and what became worse.",
    )
    parser.add_argument("before", type=Path, metavar="A", help="the results.json of a benchmark, or what --json wrote")
    parser.add_argument("after", type=Path, metavar="B", help="that of another")
    parser.add_argument(
        "--tolerance", type=float, default=0.05, metavar="SHARE", help="growth that is no regression (%(default)s)"
    )
    parser.add_argument("--fail-if-worse", action="store_true", help="exit with 1 where something became worse")
    _add_outputs(parser)
    return parser


def _add_data(parser: Parser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the dataset (default: the variable GTZAN_ROOT)")
    _add_outputs(parser)


def _add_outputs(parser: Parser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown too")


def thread_counts(text: str) -> tuple[int, ...]:
    """Return the numbers of threads that a text such as "2", "1,4" or "1-4" says."""
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


def _add_common(parser: Parser) -> None:
    _add_data(parser)
    _add_engine(parser)
    parser.add_argument("--threads", type=int, default=default_threads(), metavar="N", help="(%(default)s)")


def _add_engine(parser: Parser) -> None:
    parser.add_argument("--engine", choices=tuple(ENGINES), help="(default: the first that is installed)")
