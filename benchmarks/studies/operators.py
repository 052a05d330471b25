"""Where the time goes inside a model: the milliseconds of every layer with weights and of what follows it."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import PROG, add_data, add_durations, add_threads, destination
from benchmarks.measure import clips
from benchmarks.profile.layers import Segment
from benchmarks.profile.onnx import profile_onnx
from benchmarks.profile.tflite import profile_tflite
from benchmarks.report import output
from benchmarks.report.output import Record, Table
from benchmarks.report.table import NONE
from runtime.engines.load import check_threads
from runtime.preprocess import model_input
from toolkit.artifact.file import ONNX, read_card, read_model
from toolkit.command import Parser
from toolkit.error_text import first_line
from toolkit.errors import EngineError, GtzanetError
from toolkit.measure.latency import TimingPlan
from toolkit.native_stderr import captured_stderr

HEADERS = ("model", "part", "operators", "weights", "in float32", "outside the delegate", "ms", "share")


PART_SECONDS, MODEL_SECONDS = 2.0, 60.0
"""How long a part is measured, and all parts of a model together, where `--min-duration` does not say it."""


def profile(
    path: Path, window: NDArray[np.float32], threads: int, plan: TimingPlan, seconds: float = math.inf
) -> list[Segment]:
    """Return the parts of a model file, in order.

    A TFLite model is cut after every part, and the pieces are timed in turns, all together for about `seconds` at most:
    a part's time is the difference between its piece's and that of the one before. An ONNX model is timed by ONNX
    Runtime's own profiler. `window` are the samples to classify, float32 (n,), one window at the front end's rate.
    Raises `ArtifactError` if the file is no model file, or is damaged; `EngineError` if the engine, or its description
    of models, is not installed, or the model does not run in it.
    """
    model = read_model(path)
    batch = model_input(window, model.card)[np.newaxis]
    timed = profile_onnx if model.format == ONNX else partial(profile_tflite, seconds=seconds)
    try:
        with captured_stderr():
            return timed(model.content[: model.start], batch, threads, plan)
    except GtzanetError:
        raise
    except Exception as error:  # the engines' own classes, without a common base
        raise EngineError(f"{path}: cannot be run layer by layer ({first_line(error)}): try another engine") from None


def cells(path: Path, parts: Sequence[Segment]) -> list[tuple[str, ...]]:
    """Return rows of texts, one for each of `HEADERS`: the parts, and their sum."""
    total = sum(part.milliseconds for part in parts)
    rows = [
        (
            path.name,
            part.name,
            " ".join(part.operators),
            part.weights,
            " ".join(part.in_float) or NONE,
            " ".join(part.outside) or NONE,
            f"{part.milliseconds:.2f}",
            f"{part.milliseconds / total:.0%}",
        )
        for part in parts
    ]
    return [*rows, (path.name, "all", "", "", "", "", f"{total:.2f}", "100%")]


def remarks(path: Path, parts: Sequence[Segment]) -> list[str]:
    """Return sentences on what makes a model slower than it looks: float islands, operators outside the delegate."""
    sentences = []
    islands = [f"{part.name} ({' '.join(part.in_float)})" for part in parts if part.in_float]
    if islands and any(part.integers for part in parts):
        sentences.append(f"Float islands in {path.name}, whose other operators use integers: {', '.join(islands)}.")
    if all(set(part.operators) == set(part.outside) for part in parts):
        sentences.append(f"The delegate accepted no operator of {path.name}.")
    elif outside := [f"{part.name} ({' '.join(part.outside)})" for part in parts if part.outside]:
        sentences.append(f"Operators of {path.name} that the delegate did not accept: {', '.join(outside)}.")
    return sentences


def parser() -> Parser:
    """Return the parser of `operators`."""
    parser = Parser(prog=f"{PROG} operators", description="Where the time goes inside model files, layer by layer.")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="model files")
    add_threads(parser, 1)
    usual = f"{PART_SECONDS:g}, or less where a model's parts together would take more than {MODEL_SECONDS:g}"
    add_durations(parser, seconds=None, count=30, unit="part", usual=usual)
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Show where the time goes inside model files."""
    is_usual = arguments.min_duration is None
    plan = output.plan(PART_SECONDS if is_usual else arguments.min_duration, arguments.min_count)
    seconds = MODEL_SECONDS if is_usual else math.inf
    check_threads(arguments.threads, "--threads")
    record = Record.begin()
    clip = clips.find_clip(output.named_data(arguments.data))
    parts_by_model = {}
    with tempfile.TemporaryDirectory() as folder:
        sound = clips.clip_in(Path(folder), clip)
        for path in dict.fromkeys(arguments.models):
            window = clips.window(sound, read_card(path).front_end)
            parts_by_model[path] = profile(path, window, arguments.threads, plan, seconds)
    notes = [
        f"One query at a time, {arguments.threads} thread{'' if arguments.threads == 1 else 's'}, on "
        f"{clip.name if clip else clips.SYNTHETIC}. TFLite: how much longer the model cut after a part runs than cut "
        "before it, the pieces taking turns, median over the rounds; a part below the noise may come out negative. "
        "ONNX: ONNX Runtime's profiler, which costs time itself.",
        "In float32: operators that compute so, though others of the model do not. Outside the delegate: those that "
        "XNNPACK, LiteRT's faster kernels, did not accept.",
    ]
    notes += [remark for path, parts in parts_by_model.items() for remark in remarks(path, parts)]
    value = {"models": {str(path): [asdict(part) for part in parts] for path, parts in parts_by_model.items()}}
    rows = [row for path, parts in parts_by_model.items() for row in cells(path, parts)]
    record.publish(destination(arguments), Table("Where the time goes", HEADERS, rows), notes, value)
    return 0
