"""What the command line asks of the table over model files, read and checked before any work."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arguments import PROG, add_data, add_engine, destination, thread_counts
from benchmarks.measure import selection
from benchmarks.measure.journal import SUFFIX
from benchmarks.measure.peers import Peer, peers_of
from benchmarks.measure.selection import Limits
from benchmarks.measure.settings import Settings
from benchmarks.report import output
from benchmarks.report.output import Destination
from runtime.engines.load import default_threads
from toolkit.artifact.file import model_files
from toolkit.command import Parser, output_file, output_folder
from toolkit.data.dataset import SUFFIXES
from toolkit.data.splits import NAMES, PARTS
from toolkit.errors import ArtifactError, UsageError

ARTIFACTS = Path("artifacts")
REPORT = ("results.json", "results.md", "report.html")


@dataclass(frozen=True)
class Request:
    """Which files to measure, how, on what, and where the result goes.

    Attributes
    ----------
    models
        Model files, each once.
    settings
        How to measure; its clip is a placeholder until the study has one.
    data, kind
        The dataset's folder, None where only speed is measured, and which of its files to use.
    clip
        The audio file to time, None for the dataset's first or a synthetic one.
    limits
        What a file to ship may take.
    peers, left_out
        Programs of others to time, and notes on those that cannot be.
    report
        The folder for a page, None for none.
    journal
        Where measurements are kept until the benchmark ends; None where nothing is written.
    """

    models: tuple[Path, ...]
    settings: Settings
    data: Path | None
    kind: str | None
    clip: Path | None
    limits: Limits
    peers: tuple[Peer, ...]
    left_out: tuple[str, ...]
    report: Path | None
    journal: Path | None
    destination: Destination


def request_of(arguments: argparse.Namespace) -> Request:
    """Return the request that arguments make; raise `UsageError` where they are out of range or do not go together."""
    plan, limits = output.plan(arguments.min_duration, arguments.min_count), _limits(arguments)
    data = None if arguments.speed_only else output.data(arguments.data, "--speed-only to leave accuracy out")
    models = tuple(dict.fromkeys(arguments.models or _models_in(ARTIFACTS)))
    output.check_models(models)
    if arguments.clip is not None:
        output.check_clip(arguments.clip)
    peers, left_out = _peers(arguments, models)
    if arguments.report is not None:
        output_folder(arguments.report, "--report")
        for name in REPORT:
            output_file(arguments.report / name, "--report")
    settings = Settings(
        Path(), arguments.threads, arguments.part, arguments.split, plan, arguments.engine, arguments.cache
    )
    return Request(
        models,
        settings,
        data,
        arguments.kind,
        arguments.clip,
        limits,
        peers,
        left_out,
        arguments.report,
        _journal(arguments),
        destination(arguments),
    )


def _journal(arguments: argparse.Namespace) -> Path | None:
    """Return where to keep what is measured: beside the first output that was asked for."""
    if arguments.report is not None:
        return Path(arguments.report / f"results{SUFFIX}")
    first: Path | None = arguments.json or arguments.markdown
    return first.with_name(first.name + SUFFIX) if first else None


def _peers(arguments: argparse.Namespace, models: Sequence[Path]) -> tuple[tuple[Peer, ...], tuple[str, ...]]:
    """Return which programs of others to time, and notes on those that cannot be."""
    if not arguments.peers:
        if arguments.run is not None:
            raise UsageError(f"--run {arguments.run}: only --peers needs a run: add it, or leave this out")
        return (), ()
    if arguments.run is not None:
        output.check_run(arguments.run)
    peers = peers_of(models, arguments.run, arguments.threads)
    if not peers:
        raise UsageError(
            "--peers: others can use none of these files: name a float32 one that takes pictures, or --run RUN"
        )
    notes = (f"{peer.name} left out: {', '.join(peer.lacking)} not installed." for peer in peers if peer.lacking)
    return tuple(peer for peer in peers if not peer.lacking), tuple(notes)


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


def _models_in(folder: Path) -> list[Path]:
    paths = model_files(folder)
    if not paths:
        raise ArtifactError(
            f"no model: there is no .tflite or .onnx file in {folder}; make one with `python -m export`, or name one"
        )
    return paths


def parser() -> Parser:
    """Return the parser of the table over model files."""
    parser = Parser(
        prog=PROG,
        description="Measure model files: accuracy, size, memory and latency.",
    )
    parser.add_argument(
        "models", nargs="*", type=Path, metavar="MODEL", help="model files (default: all in ./artifacts)"
    )
    add_data(parser)
    add_engine(parser)
    _add_measuring(parser)
    _add_report(parser)
    _add_peers(parser)
    _add_limits(parser)
    return parser


def _add_measuring(parser: Parser) -> None:
    """Add what is measured, on what and for how long."""
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
        "--min-duration", type=float, default=10.0, metavar="S", help="seconds per model and latency (%(default)s)"
    )
    parser.add_argument(
        "--min-count", type=int, default=100, metavar="N", help="queries per model and latency (%(default)s)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where pictures rendered from sound are kept")


def _add_report(parser: Parser) -> None:
    """Add the folder of the page."""
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write a page to look at (report.html), results.md and results.json"
    )


def _add_peers(parser: Parser) -> None:
    """Add the programs of others."""
    parser.add_argument(
        "--peers",
        action="store_true",
        help="also time what others write, where it is installed: librosa with ONNX Runtime, TensorFlow Lite, tf_keras",
    )
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="with --peers: the run whose Keras model tf_keras loads"
    )


def _add_limits(parser: Parser) -> None:
    """Add what a file to ship may take."""
    limits = parser.add_argument_group(
        "which file to ship: the fastest that is as accurate as the best, but for chance"
    )
    limits.add_argument("--max-latency", metavar="T", help="from file to label, such as 20ms")
    limits.add_argument("--max-size", metavar="B", help="on the disk, such as 500k")
    limits.add_argument("--max-memory", metavar="B", help="of a process that classifies, such as 100M")
    limits.add_argument("--min-accuracy", type=float, metavar="A", help="a share, such as 0.45")
