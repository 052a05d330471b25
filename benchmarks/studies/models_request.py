"""The command line of the table over model files, read and checked before any work."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arguments import PROG, add_data, add_durations, add_engine, destination, thread_counts
from benchmarks.measure import selection
from benchmarks.measure.journal import SUFFIX
from benchmarks.measure.peers import Peer, peers_of
from benchmarks.measure.selection import Limits
from benchmarks.measure.suite import Settings
from benchmarks.report import output
from benchmarks.report.output import REPORT, Destination
from runtime.engines.load import default_threads
from toolkit.artifact.file import model_files
from toolkit.command import Parser, output_file, output_folder
from toolkit.data.dataset import SUFFIXES
from toolkit.data.splits import NAMES, PARTS
from toolkit.errors import ArtifactError, UsageError

ARTIFACTS = Path("artifacts")


@dataclass(frozen=True)
class Request:
    """Which files to measure, how, on what, and where the result goes.

    The clip of `settings` is a placeholder until the study has one: `clip`, the dataset's first, or a synthetic one.
    `data` is None where only speed is measured. `left_out` are notes on programs of others that cannot run here.
    `journal` is where measurements are kept until the benchmark ends; None where nothing is written.
    """

    models: tuple[Path, ...]
    settings: Settings
    data: Path | None
    kind: str | None
    clip: Path | None
    limits: Limits
    peers: tuple[Peer, ...]
    left_out: tuple[str, ...]
    journal: Path | None
    destination: Destination


def parser() -> Parser:
    """Return the parser of the table over model files."""
    parser = Parser(prog=PROG, description="Measure model files: accuracy, size, memory and latency.")
    add = parser.add_argument
    add("models", nargs="*", type=Path, metavar="MODEL", help="model files (default: all in ./artifacts)")
    add_data(parser)
    add_engine(parser)
    add_durations(parser, seconds=10.0, count=100)
    threads = f"with each of these: 2, 1,4 or 1-4 (default: {default_threads()})"
    add("--threads", type=thread_counts, default=(default_threads(),), metavar="N[,N|-N]", help=threads)
    kind = "which files to use where the dataset has both (default: pictures)"
    add("--kind", choices=sorted(SUFFIXES), help=kind)
    add("--split", choices=NAMES, help="judge on this split (default: the one each model was trained on)")
    add("--part", choices=PARTS, default="validation", help="judge on this part of it (default: validation)")
    add("--speed-only", action="store_true", help="no dataset: everything but accuracy, on synthetic clips")
    clip = "the audio file for file-to-label latency (default: the dataset's first)"
    add("--clip", type=Path, metavar="FILE", help=clip)
    add("--cache", type=Path, metavar="DIR", help="where pictures rendered from sound are kept")
    report = "write a page to look at (report.html), results.md and results.json"
    add("--report", type=Path, metavar="DIR", help=report)
    peers = "also time what others write, where installed: librosa with ONNX Runtime, TensorFlow Lite, tf_keras"
    add("--peers", action="store_true", help=peers)
    add("--run", type=Path, metavar="RUN", help="with --peers: the run whose Keras model tf_keras loads")
    limits = parser.add_argument_group("which file to ship: the fastest that is as accurate as the best but for chance")
    limits.add_argument("--max-latency", metavar="T", help="from file to label, such as 20ms")
    limits.add_argument("--max-size", metavar="B", help="on the disk, such as 500k")
    limits.add_argument("--max-memory", metavar="B", help="of a process that classifies, such as 100M")
    limits.add_argument("--min-accuracy", type=float, metavar="A", help="a share, such as 0.45")
    return parser


def request_of(arguments: argparse.Namespace) -> Request:
    """Return the request that arguments make; raise `UsageError` where they are out of range or do not go together."""
    plan, limits = output.plan(arguments.min_duration, arguments.min_count), _limits(arguments)
    data = None if arguments.speed_only else output.data(arguments.data, ", or use --speed-only to leave accuracy out")
    models = tuple(dict.fromkeys(arguments.models or model_files(ARTIFACTS)))
    if not models:
        raise ArtifactError(
            f"no model: there is no .tflite or .onnx file in {ARTIFACTS}; make one with `python -m export`, or name one"
        )
    output.check_models(models)
    output.check_clip(arguments.clip)
    peers, left_out = _peers(arguments, models)
    if arguments.report is not None:
        output_folder(arguments.report, "--report")
        for name in REPORT:
            output_file(arguments.report / name, "--report")
    return Request(
        models,
        Settings(Path(), arguments.threads, arguments.part, arguments.split, plan, arguments.engine, arguments.cache),
        data,
        arguments.kind,
        arguments.clip,
        limits,
        peers,
        left_out,
        _journal(arguments),
        destination(arguments),
    )


def _journal(arguments: argparse.Namespace) -> Path | None:
    """Return where to keep what is measured: beside the first output."""
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
    output.check_run(arguments.run)
    peers = peers_of(models, arguments.run, arguments.threads)
    if not peers:
        raise UsageError(
            "--peers: others can use none of these files: name a float32 one whose input is pictures, or --run RUN"
        )
    lacking = {peer: peer.kind.lacking for peer in peers}
    notes = (f"{peer.name} left out: {', '.join(names)} not installed." for peer, names in lacking.items() if names)
    return tuple(peer for peer, names in lacking.items() if not names), tuple(notes)


def _limits(arguments: argparse.Namespace) -> Limits:
    """Return the limits of a file to ship."""
    limits = []
    for name, reader in (("latency", selection.milliseconds), ("size", selection.size), ("memory", selection.size)):
        text = getattr(arguments, f"max_{name}")
        if text is not None and arguments.speed_only:
            raise UsageError(f"--max-{name} chooses among files by their accuracy: leave out --speed-only")
        try:
            limits.append(None if text is None else reader(text))
        except UsageError as error:
            raise UsageError(f"--max-{name}: {error}") from None
    least = arguments.min_accuracy
    if least is not None and (arguments.speed_only or not 0 <= least <= 1):
        raise UsageError(f"--min-accuracy is {least:g}: use 0 to 1, without --speed-only")
    latency, size, memory = limits
    return Limits(latency, size, memory, least)
