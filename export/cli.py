"""`python -m export [RUN]`: write a finished run as model files for the device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from export.calibration import DEFAULT_ITEMS
from export.foreign.arguments import add_flags, check_run_flags, job_of
from export.foreign.pipeline import export_model
from export.foreign.saved import is_saved_model
from export.microcontroller.c_array import write_c_array
from export.microcontroller.command import check_micro
from export.options import Options
from export.pipeline import export_run
from export.pretrained import arguments as pretrained
from export.pretrained.head import export_head
from export.pretrained.pipeline import export_pretrained
from export.quantize.qat import DEFAULT_EPOCHS
from export.tflite.convert import IO_TYPES
from export.variants import C_ARRAY, FEATURES, FRONT_LEVELS, QUANTISED, variants
from export.verify.parity import MAX_DROP
from export.verify.speed import is_faster, ratio_text
from export.web import arguments as web
from export.web.arguments import WEB
from export.web.onnxruntime_web import vendored
from export.web.page import refuse_foreign, write_page
from export.write import Exported
from toolkit.artifact.card import CALIBRATED, INPUT_LEVELS
from toolkit.artifact.file import FORMATS, ONNX, TFLITE
from toolkit.command import Jobs, Parser, Verb, dispatch, run
from toolkit.data.run_folder import CONFIG, Run, newest_run
from toolkit.errors import RunError, UsageError

PROG = "python -m export"


def jobs() -> Jobs:
    """Return the jobs of `python -m export`."""
    return Jobs({"check-micro": check_micro()}, Verb("", _parser, _export))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return dispatch(PROG, jobs(), argv)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where arguments are out of range, or do not go together."""
    if arguments.calibration is not None and arguments.quantize not in (*CALIBRATED, "all"):
        raise UsageError(f"--calibration needs --quantize {', '.join(CALIBRATED)} or all")
    if arguments.calibration is not None and arguments.calibration < 1:
        raise UsageError(f"--calibration is {arguments.calibration}: use at least one input per class")
    if arguments.io and (arguments.quantize not in ("int8", "all") or arguments.format == ONNX):
        raise UsageError("--io belongs to --quantize int8 or all in TFLite files: all others are float32 outside")
    if arguments.input in FRONT_LEVELS and (arguments.io not in (None, "float32") or arguments.dynamic_batch):
        raise UsageError(f"--input {arguments.input}: a model with its front end inside has one float32 input per call")
    if arguments.qat is not None and (arguments.quantize not in ("int8", "all") or arguments.qat < 1):
        raise UsageError("--qat belongs to --quantize int8 or all, with one epoch or more")
    if arguments.plan is not None and arguments.quantize not in ("mixed", "all"):
        raise UsageError("--plan belongs to --quantize mixed or all: it names the layers to quantise, and how")
    web.check(arguments)
    if arguments.dynamic_batch and arguments.format in (TFLITE, C_ARRAY):
        raise UsageError("--dynamic-batch belongs to --format onnx: a TFLite file accepts one input per call")
    if arguments.fail_if_slower and arguments.quantize is None:
        raise UsageError("--fail-if-slower needs --quantize: float32 has nothing to be faster than")
    if not 0 <= arguments.max_drop <= 100:
        raise UsageError(f"--max-drop is {arguments.max_drop:g}: use points of accuracy, 0 to 100")


def _export(arguments: argparse.Namespace) -> int:
    _check(arguments)
    is_page = arguments.format == WEB
    requested = variants(ONNX if is_page else arguments.format, arguments.quantize, arguments.input)
    if is_page:  # one file, that hears samples
        refuse_foreign(arguments.output)
        requested = (replace(requested[-1], level="waveform"),)
    vendor = vendored(arguments.vendor) if arguments.vendor else {}
    options = Options(
        calibration=arguments.calibration or DEFAULT_ITEMS,
        io=arguments.io or IO_TYPES[0],
        dynamic_batch=arguments.dynamic_batch,
        max_drop=arguments.max_drop,
        speed=not arguments.no_speed,
        fail_if_slower=arguments.fail_if_slower,
        leave_out=arguments.quantize == "all",
        plan=arguments.plan,
        qat=arguments.qat,
    )
    report = partial(print, f"{PROG}:", file=sys.stderr, flush=True)
    exported = _exported(arguments, {"variants": requested, "options": options, "report": report})
    for item in exported:
        print(_line(item))
        if is_page:
            print(f"{write_page(item, vendor)}: serve it with python -m http.server --directory {arguments.output}")
        if arguments.format == C_ARRAY:
            print("{}, {}".format(*write_c_array(item.path)))
    for item in exported:
        if item.speed and not is_faster(item.speed):
            report(f"NOT FASTER on this machine: {item.path} needs {ratio_text(item.speed)}")
    return 0


def _exported(arguments: argparse.Namespace, settings: dict[str, Any]) -> list[Exported]:
    """Export the pretrained network, the Keras model or the run that the arguments name."""
    settings["output"] = arguments.output
    if pretrained.is_pretrained(arguments):
        return export_pretrained(pretrained.job_of(arguments), **settings)
    path, runs = arguments.run, arguments.runs
    if path is None:
        if arguments.head and arguments.head.is_dir():
            raise UsageError(f"--head {arguments.head}: a folder, no model file: name the run before --head")
        path = newest_run(runs)
    elif not (path / CONFIG).exists() and (runs / path / CONFIG).is_file():  # a name in the folder of runs
        path = runs / path
    if is_saved_model(path):
        if arguments.head:
            raise UsageError(f"{path}: --head belongs to a run: a Keras model's own parts are not known")
        return export_model(job_of(path, arguments), **settings)
    check_run_flags(path, arguments)
    if not path.exists() and len(path.parts) == 1:
        flags = "--tagger, --labels-from FILE or --embedding"
        raise RunError(f"{path}: no such run folder here or in {runs}; a pretrained network needs {flags}")
    run = Run.load(path)
    if arguments.head:
        return export_head(pretrained.head_job(run, arguments), **settings)
    return export_run(run, data=arguments.data, **settings)


def _parser() -> Parser:
    parser = Parser(
        prog=PROG,
        description="Write a finished training run, or a Keras model, as model files that the runtime classifies with.",
    )
    _add_files(parser)
    _add_quantisation(parser)
    add_flags(parser)
    pretrained.add_flags(parser)
    return parser


def _add_files(parser: Parser) -> None:
    """Add which run is exported, which files are written, and where."""
    add = parser.add_argument
    add(
        "run",
        nargs="?",
        type=Path,
        metavar="RUN",
        help="a run folder, its name in --runs, or a Keras model; before a --quantize or --qat without a value "
        "(default: the newest finished run)",
    )
    add("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are (default: ./runs)")
    add("--data", type=Path, metavar="DIR", help="the run's dataset, if it has moved; or one for a Keras model")
    formats_help = f"file format; {WEB}: a page in the browser, {C_ARRAY}: TFLite and C source (default: %(default)s)"
    add("--format", choices=(*FORMATS, "all", C_ARRAY, WEB), default="tflite", help=formats_help)
    web.add_flag(parser)
    add(
        "--quantize",
        nargs="?",
        const="int8",
        choices=(*QUANTISED, "all"),
        help="write a smaller file too (default without a value: %(const)s)",
    )
    add(
        "--input",
        choices=(FEATURES, *INPUT_LEVELS),
        default=FEATURES,
        help="input of the files: features (a picture or a grid), or with the front end inside, mel (decibels) "
        "or waveform (samples) (default: %(default)s)",
    )
    output_help = "folder to write to; a second export into it waits for the first (default: ./artifacts)"
    add("--output", type=Path, default=Path("artifacts"), metavar="DIR", help=output_help)
    batch_help = "let ONNX files accept any number of inputs per call (default: one)"
    add("--dynamic-batch", action="store_true", help=batch_help)
    pretrained.add_head_flag(parser)


def _add_quantisation(parser: Parser) -> None:
    """Add how the smaller files are made, and when a file is refused, for its accuracy or its speed."""
    add = parser.add_argument
    add(
        "--calibration",
        type=int,
        metavar="N",
        help=f"training inputs that the ranges of integers are measured on (default: {DEFAULT_ITEMS})",
    )
    add("--io", choices=IO_TYPES, help=f"input and output of an int8 TFLite file (default: {IO_TYPES[0]})")
    add(
        "--qat",
        nargs="?",
        const=DEFAULT_EPOCHS,
        type=int,
        metavar="EPOCHS",
        help="fine-tune the network with int8 rounding first (default without a value: %(const)s epochs)",
    )
    add(
        "--plan",
        metavar="LAYER=KIND,...",
        help="quantise these layers of a mixed file (int8 or dynamic) instead of searching for the best",
    )
    add(
        "--max-drop",
        type=float,
        default=MAX_DROP,
        metavar="POINTS",
        help="refuse a file that loses more validation accuracy (of several labels, macro F1) than this, unless by "
        "chance (default: %(default)s)",
    )
    timing = parser.add_mutually_exclusive_group()
    timing.add_argument("--no-speed", action="store_true", help="do not measure how fast the files are")
    slower_help = "write nothing if a file is not faster than float32 here"
    timing.add_argument("--fail-if-slower", action="store_true", help=slower_help)


def _line(item: Exported) -> str:
    accuracy, parity = item.card.accuracy, item.card.parity
    measured = f"{len(item.card.labels)} features" if item.card.is_embedding else "accuracy unknown"
    if metrics := item.card.metrics:
        measured = f"validation mAP {metrics['mAP']:.3f}, macro F1 {metrics['macro_f1']:.3f}"
    if accuracy:
        low, high = accuracy.wilson95
        measured = f"{accuracy.part} accuracy {accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}] (n = {accuracy.n})"
    assert parity  # every exported file was compared
    keras = f"{parity.top1_agreement:.1%} of the labels as Keras, probabilities off by {parity.max_abs:g} at most"
    if item.card.is_embedding:
        keras = f"off by {parity.max_abs:g} of Keras' largest at most, least cosine {parity.min_cosine:g}"
    timed = f", {ratio_text(item.speed)}" if item.speed else ""
    return f"{item.path}: {item.size / 1e6:.2f} MB, {measured}, {keras}{timed}"
