"""The benchmark's studies: each a command of its own beside the table over model files."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.arguments import PROG
from benchmarks.measure import clips
from benchmarks.measure.evaluation import own_split
from benchmarks.measure.settings import Settings
from benchmarks.report import output, table
from benchmarks.report.output import PACKAGES
from benchmarks.studies import clip_length, export_cost, frontend, matrix, operators, startup
from benchmarks.studies.frontend import Comparison, compare_front_ends
from runtime.classifier import Classifier
from runtime.default_model import PRETRAINED
from toolkit.artifact.file import FORMATS
from toolkit.cli import progress
from toolkit.data.dataset import GTZAN_FOLDERS
from toolkit.errors import UsageError
from toolkit.native_stderr import captured_stderr

MOST = 1000
"""Clips, and times a clip: more would take hours and much memory."""


def matrix_study(arguments: argparse.Namespace, command: str) -> int:
    """Measure every network in every format; returns 1 where something was wrong with a file."""
    plan = output.plan(arguments)
    output.threads(arguments)
    data = output.data(arguments)
    output.check_models(arguments.models)
    record = output.begin()
    index = output.index(data, None)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "made-up.wav"
        clips.write_clip(clip)
        settings = Settings(clip, (arguments.threads,), plan=plan, engine=arguments.engine)
        lines = matrix.measure_matrix(arguments.models, index, settings, progress)
    notes = [
        "Each file is judged on a part of the split that it was trained on, with 95 % Wilson intervals. Labels as "
        "Keras, and the largest difference of a probability, as the file's card says. x float32: of the same format, "
        f"threads: {arguments.threads}, median over the rounds with its 95 % interval."
    ]
    headers, rows = matrix.table(lines)
    value = {"lines": [asdict(line) for line in lines]}
    output.give(arguments, command, record, notes, "Every format", headers, rows, value)
    return 0 if all(line.status == "ok" for line in lines) else 1


def cliplength_study(arguments: argparse.Namespace, command: str) -> int:
    """Measure what a part of a clip is worth."""
    data = output.data(arguments)
    record = output.begin()
    with captured_stderr():
        classifier = Classifier.load(arguments.model, engine=arguments.engine, threads=output.threads(arguments))
    if classifier.card.input_level != "picture":
        raise UsageError(f"{arguments.model}: takes one length of sound only: name a model that takes pictures")
    clips = output.index(data, "audio")
    trained_on = clips
    if (data / GTZAN_FOLDERS["pictures"]).is_dir() and own_split(classifier.card, clips) is None:
        trained_on = output.index(data, "pictures")
    items = clip_length.held_out(classifier.card, trained_on, clips)
    with progress("classifying clips") as report:
        results = clip_length.study(classifier, clips, items, arguments.seconds, arguments.policies, report)
    notes = [
        f"Model: {arguments.model.name}. Clips: the {results[0].accuracy.n} of {len(clips.items)} that it was not "
        f"trained on (split {classifier.card.split.name}) and that are long enough. 95 % Wilson intervals."
    ]
    if classifier.card.dataset.synthetic:
        notes.insert(0, table.SYNTHETIC)
    value = {"model": str(arguments.model), "results": [asdict(result) for result in results]}
    rows = [clip_length.cells(result) for result in results]
    output.give(arguments, command, record, notes, "How much of a clip is needed", clip_length.HEADERS, rows, value)
    return 0


def start_study(arguments: argparse.Namespace, command: str) -> int:
    """Measure what a label costs from nothing."""
    output.threads(arguments)
    if not 1 <= arguments.rounds <= MOST:
        raise UsageError(f"--rounds is {arguments.rounds}: give 1 to {MOST}")
    model, data = arguments.model or PRETRAINED, output.named_data(arguments)
    output.check_models([model])
    if arguments.clip is not None:
        output.check_clip(arguments.clip)
    if arguments.run is not None:
        output.check_run(arguments.run)
        if startup.lacking():
            raise UsageError(
                f"--run needs what the usual script imports: run `pip install {' '.join(startup.lacking())}`"
            )
    record = output.begin()
    clip = arguments.clip or clips.find_clip(data)
    with tempfile.TemporaryDirectory() as folder:
        shown = clip.name if clip else "a made-up clip of 30 s"
        if clip is None:
            clip = Path(folder) / "made-up.wav"
            clips.write_clip(clip)
        wanted = startup.programs(model, clip, arguments.run, arguments.threads)
        with progress("starting processes") as report:
            costs = startup.measure(wanted, arguments.rounds, report)
    notes = [
        f"{model.name}, {shown}, threads: {arguments.threads}. Whole processes, start to end, {arguments.rounds} turns "
        "after one that is not counted; medians, the least and the most. x import numpy: the median over the "
        "rounds. Peak memory: of the largest process."
    ]
    value = {"model": str(model), "clip": shown, "costs": [asdict(cost) for cost in costs]}
    rows = [startup.cells(cost) for cost in costs]
    output.give(arguments, command, record, notes, "A label from nothing", startup.HEADERS, rows, value)
    return 0


def frontend_study(arguments: argparse.Namespace, command: str) -> int:
    """Compare the front end with librosa and its pictures with the public ones."""
    for name in ("clips", "repeats"):
        if not 1 <= getattr(arguments, name) <= MOST:
            raise UsageError(f"--{name} is {getattr(arguments, name)}: give 1 to {MOST}")
    named = output.named_data(arguments)
    record = output.begin((*PACKAGES, "librosa", "scipy"))
    with progress("comparing pictures") as report:
        found = compare_front_ends(named, arguments.clips, arguments.repeats, report)
    output.give(arguments, command, record, found.notes(), "Front end", frontend.HEADERS, found.cells(), _plain(found))
    return 0


def operators_study(arguments: argparse.Namespace, command: str) -> int:
    """Show where the time goes inside model files."""
    plan = output.plan(arguments)
    output.threads(arguments)
    record = output.begin()
    named = output.named_data(arguments)
    clip = clips.find_clip(named)
    window = clips.window(clip)
    models = dict.fromkeys(arguments.models)
    found = {path: operators.profile(path, window, arguments.threads, plan) for path in models}
    notes = [
        f"One query at a time, {arguments.threads} thread{'' if arguments.threads == 1 else 's'}, on "
        f"{clip.name if clip else 'a made-up sound'}. TFLite: what the model cut after a part takes longer than cut "
        "before it, the pieces taking turns, median over the rounds; a part below the noise may come out negative. "
        "ONNX: ONNX Runtime's profiler, which costs time "
        "itself.",
        "In float32: operators that compute so, though others of the model do not. Outside the delegate: those that "
        "XNNPACK, LiteRT's faster kernels, did not take.",
    ]
    notes += [remark for path, parts in found.items() for remark in operators.remarks(path, parts)]
    value = {"models": {str(path): [asdict(part) for part in parts] for path, parts in found.items()}}
    rows = [row for path, parts in found.items() for row in operators.cells(path, parts)]
    output.give(arguments, command, record, notes, "Where the time goes", operators.HEADERS, rows, value)
    return 0


def export_study(arguments: argparse.Namespace, command: str) -> int:
    """Measure what every export of a run takes; returns 1 where one failed."""
    if not arguments.run.is_dir():
        raise UsageError(f"{arguments.run}: no such run folder")
    record = output.begin((*PACKAGES, "tensorflow", "tf2onnx", "onnx"))
    formats = FORMATS if arguments.format == "all" else (arguments.format,)

    def report(line: str) -> None:
        print(f"{PROG}: {line}", file=sys.stderr, flush=True)

    costs = list(export_cost.measure_exports(arguments.run, arguments.data, formats, arguments.plan, report))
    search = "with the plan given" if arguments.plan else "holds its search, too, which times models"
    notes = [
        "Each file in a process of its own, from start to end: Python, TensorFlow, the conversion of the float32 file "
        f"and of this one, and the checks of both on the validation part. That of mixed: {search}."
    ]
    value = {"run": str(arguments.run), "exports": [asdict(cost) for cost in costs]}
    output.give(
        arguments,
        command,
        record,
        notes,
        "Export",
        export_cost.HEADERS,
        [export_cost.cells(cost) for cost in costs],
        value,
    )
    return 1 if any(cost.status != "ok" for cost in costs) else 0


def _plain(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; a ratio to a library that is not installed is null."""
    value = asdict(found)
    for row in value["speed"]:
        row["ratio"] = None if math.isnan(row["ratio"]) else row["ratio"]
    return value
