"""`python -m export [RUN]`: write a finished run as model files for the device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.calibration import DEFAULT_ITEMS
from export.options import Options
from export.pipeline import Exported, export_run
from export.quantize.qat import DEFAULT_EPOCHS
from export.tflite.convert import IO_TYPES
from export.variants import PICTURE, QUANTISED, variants
from export.verify.parity import MAX_DROP
from export.verify.speed import is_faster, ratio_text
from toolkit.artifact.card import CALIBRATED, INPUT_LEVELS
from toolkit.artifact.file import FORMATS, ONNX, TFLITE
from toolkit.command import Jobs, Parser, Verb, dispatch, run
from toolkit.data.run_folder import Run, newest_run
from toolkit.errors import UsageError

PROG = "python -m export"


def jobs() -> Jobs:
    """Return the only job of `python -m export`."""
    return Jobs({}, Verb("", _parser, _export))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0."""
    return dispatch(PROG, jobs(), argv)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where arguments are out of range, or do not go together."""
    if arguments.calibration is not None and arguments.quantize not in (*CALIBRATED, "all"):
        raise UsageError(f"--calibration needs --quantize {', '.join(CALIBRATED)} or all")
    if arguments.calibration is not None and arguments.calibration < 1:
        raise UsageError(f"--calibration is {arguments.calibration}: give at least one picture a class")
    if arguments.io and (arguments.quantize not in ("int8", "all") or arguments.format == ONNX):
        raise UsageError("--io belongs to --quantize int8 or all in TFLite files: all others take and give float32")
    if arguments.input != PICTURE and (arguments.io not in (None, "float32") or arguments.dynamic_batch):
        raise UsageError(f"--input {arguments.input}: a model with its front end inside takes one float32 sound a call")
    if arguments.qat is not None and (arguments.quantize not in ("int8", "all") or arguments.qat < 1):
        raise UsageError("--qat belongs to --quantize int8 or all, with one epoch or more")
    if arguments.plan is not None and arguments.quantize not in ("mixed", "all"):
        raise UsageError("--plan belongs to --quantize mixed or all: it says which layers to quantise, and how")
    if arguments.dynamic_batch and arguments.format == TFLITE:
        raise UsageError("--dynamic-batch belongs to --format onnx: a TFLite file takes one picture a call")
    if arguments.fail_if_slower and arguments.quantize is None:
        raise UsageError("--fail-if-slower needs --quantize: float32 has nothing to be faster than")
    if not 0 <= arguments.max_drop <= 100:
        raise UsageError(f"--max-drop is {arguments.max_drop:g}: give points of accuracy, 0 to 100")


def _export(arguments: argparse.Namespace) -> int:
    _check(arguments)
    requested = variants(arguments.format, arguments.quantize, arguments.input)
    path = _named(arguments.run, arguments.runs) if arguments.run else newest_run(arguments.runs)
    exported = export_run(
        Run.load(path),
        data=arguments.data,
        output=arguments.output,
        variants=requested,
        options=Options(
            calibration=arguments.calibration or DEFAULT_ITEMS,
            io=arguments.io or IO_TYPES[0],
            dynamic_batch=arguments.dynamic_batch,
            max_drop=arguments.max_drop,
            speed=not arguments.no_speed,
            fail_if_slower=arguments.fail_if_slower,
            leave_out=arguments.quantize == "all",
            plan=arguments.plan,
            qat=arguments.qat,
        ),
        report=lambda line: print(f"{PROG}: {line}", file=sys.stderr, flush=True),
    )
    for item in exported:
        print(_line(item))
    for item in exported:
        if item.speed and not is_faster(item.speed):
            print(f"{PROG}: NOT FASTER on this machine: {item.path} takes {ratio_text(item.speed)}", file=sys.stderr)
    return 0


def _named(run: Path, runs: Path) -> Path:
    """Return the run folder of a path, or of a name in the folder of runs."""
    return runs / run if not run.exists() and (runs / run).is_dir() else run


def _parser() -> Parser:
    parser = Parser(
        prog=PROG, description="Write a finished training run as model files that the runtime classifies with."
    )
    _add_run(parser)
    _add_files(parser)
    _add_quantisation(parser)
    parser.add_argument(
        "--dynamic-batch",
        action="store_true",
        help="let ONNX files take any number of pictures per call (default: one)",
    )
    _add_gates(parser)
    return parser


def _add_run(parser: Parser) -> None:
    """Add which run is exported, and where its dataset is."""
    parser.add_argument(
        "run",
        nargs="?",
        type=Path,
        metavar="RUN",
        help="a run folder, or its name in --runs; before a --quantize or --qat without a value "
        "(default: the newest finished run)",
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are (default: ./runs)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="the run's dataset, if it is no longer where the run was trained"
    )


def _add_files(parser: Parser) -> None:
    """Add which files are written, and where."""
    parser.add_argument(
        "--format", choices=(*FORMATS, "all"), default="tflite", help="file format (default: %(default)s)"
    )
    parser.add_argument(
        "--quantize",
        nargs="?",
        const="int8",
        choices=(*QUANTISED, "all"),
        help="write a smaller file too (default without a value: %(const)s)",
    )
    parser.add_argument(
        "--input",
        choices=INPUT_LEVELS,
        default=PICTURE,
        help="what the files take: a picture, or with the front end inside, decibels or samples (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("artifacts"),
        metavar="DIR",
        help="folder to write to (default: ./artifacts)",
    )


def _add_quantisation(parser: Parser) -> None:
    """Add how the smaller files are made."""
    parser.add_argument(
        "--calibration",
        type=int,
        metavar="N",
        help=f"training pictures that the ranges of integers are measured on (default: {DEFAULT_ITEMS})",
    )
    parser.add_argument(
        "--io", choices=IO_TYPES, help=f"what an int8 TFLite file takes and gives (default: {IO_TYPES[0]})"
    )
    parser.add_argument(
        "--qat",
        nargs="?",
        const=DEFAULT_EPOCHS,
        type=int,
        metavar="EPOCHS",
        help="fine-tune the network with int8 rounding first (default without a value: %(const)s epochs)",
    )
    parser.add_argument(
        "--plan",
        metavar="LAYER=KIND,...",
        help="quantise these layers of a mixed file (int8 or dynamic) instead of searching for the best",
    )


def _add_gates(parser: Parser) -> None:
    """Add when a file is refused, for its accuracy or its speed."""
    parser.add_argument(
        "--max-drop",
        type=float,
        default=MAX_DROP,
        metavar="POINTS",
        help="refuse a file that loses more validation accuracy than this, unless by chance (default: %(default)s)",
    )
    timing = parser.add_mutually_exclusive_group()
    timing.add_argument("--no-speed", action="store_true", help="do not measure how fast the files are")
    timing.add_argument(
        "--fail-if-slower", action="store_true", help="write nothing if a file is not faster than float32 here"
    )


def _line(item: Exported) -> str:
    accuracy, parity = item.card.accuracy, item.card.parity
    low, high = accuracy.wilson95
    measured = f"{accuracy.part} accuracy {accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}] (n = {accuracy.n})"
    keras = f"{parity.top1_agreement:.1%} of the labels as Keras, probabilities off by {parity.max_abs:g} at most"
    timed = f", {ratio_text(item.speed)}" if item.speed else ""
    return f"{item.path}: {item.size / 1e6:.2f} MB, {measured}, {keras}{timed}"
