"""The whole export of a run: convert, load again, compare, and only then put the files in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export import front_graph, mixed, speed
from export.calibration import DEFAULT_ITEMS, Calibration, calibrate, choose
from export.cards import description, draft_card
from export.check import PART, checked, with_front
from export.conversion import Converter
from export.convert import load_keras, load_tensorflow
from export.made import probe_pictures
from export.memory import release
from export.sound_check import sounds
from export.source import Source, check_model, check_run, layer_classes, open_source
from export.tflite_mixer import check_quantizer
from export.trials import Bench
from export.variants import PICTURE, Variant
from export.verify import MAX_DROP, reference
from runtime.inputs import model_input
from toolkit.artifact import TFLITE
from toolkit.card import Card
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import atomic_path, remove_leftovers
from toolkit.latency import Ratio
from toolkit.quiet import captured_stderr
from toolkit.runs import Run

MIXED = "mixed"
WEIGHTED = ("Conv2D", "Dense")
"""Classes of Keras layers that mixtures are made of."""
LEFTOVER_SECONDS = 3600.0
"""No export takes so long: an older temporary file is a killed process'."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to export: the defaults are those of the command.

    Attributes
    ----------
    calibration
        Number of training pictures that the ranges of integer models are measured on.
    io
        What a TFLite int8 model takes and gives: "int8", "uint8" or "float32".
    dynamic_batch
        Let ONNX models take any number of pictures a call.
    max_drop
        Points of validation accuracy that a file may lose against Keras; what chance explains is not a loss.
    speed
        Measure how fast the files are beside float32.
    fail_if_slower
        Write nothing where one is not faster.
    leave_out
        Leave out files that there cannot be of the run's network, instead of refusing.
    plan
        Which layers of a mixed file to quantise and how, as `export.mixed.told` writes it; None to search for it.
    """

    calibration: int = DEFAULT_ITEMS
    io: str = "int8"
    dynamic_batch: bool = False
    max_drop: float = MAX_DROP
    speed: bool = True
    fail_if_slower: bool = False
    leave_out: bool = False
    plan: str | None = None


@dataclass(frozen=True)
class Exported:
    """A file that was written, its card, its size in bytes, and its time as a multiple of float32's where measured."""

    path: Path
    card: Card
    size: int
    speed: Ratio | None


def export_run(
    run: Run,
    *,
    data: Path | None,
    output: Path,
    variants: Sequence[Variant],
    options: Options = Options(),
    report: Report,
) -> list[Exported]:
    """Export a finished run to `<output>/<model>-<precision>.<format>`, one file for each of `variants`.

    Every file is loaded again through `runtime` and compared with the Keras model before any is put in place. The
    same run, data and tool versions give the same bytes.

    Parameters
    ----------
    run
        The finished run.
    data
        Its dataset, if that is no longer where the run was trained.
    output
        Folder to write to; made if need be.
    variants
        The files to write.
    options
        How.
    report
        Called with a line at the start of each stage.

    Raises
    ------
    UsageError
        If there is no such file of the run's network.
    RunError, DatasetError
        If the run's files do not fit together or its dataset is not usable.
    ArtifactError
        If a conversion fails, or a file is refused because it does not do what the Keras model does. Then no file
        is written.
    """
    variants = _offered(run, variants, options, report)
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output}: a file, not a folder")
    if output.is_dir():
        remove_leftovers(output, older_than=LEFTOVER_SECONDS)
    with ExitStack() as stack:
        targets = {variant: output / variant.file_name(run.config["model"]) for variant in variants}
        temporary = {variant: stack.enter_context(atomic_path(target)) for variant, target in targets.items()}
        report(f"reading the dataset of {run.path}")
        source = open_source(run, data)
        calibrated = any(variant.calibrated for variant in variants)
        calibration = _calibration(source, options.calibration) if calibrated else None
        validation = source.items(PART)
        pictures = source.pictures(validation)
        report("loading TensorFlow and the model")
        load_tensorflow()
        model = load_keras(run.model_path, pictures.shape[1:], len(source.classes))
        release()
        report(f"asking Keras about {len(pictures)} validation pictures")
        names = [item.name for item in validation]
        expected = reference(model, names, pictures, source.labels(validation), probe_pictures(source.front_end))
        pictures = expected.pictures[: len(pictures)]  # one copy is enough
        check_model(run, expected.probabilities[: len(pictures)], expected.labels)
        io = options.io if all(variant.level == PICTURE for variant in variants) else "float32"
        converter = Converter(model, source.front_end, description(source), calibration, io, options.dynamic_batch)
        cards: dict[Variant, Card] = {}
        for variant, target in targets.items():
            release()
            if variant.precision == MIXED:
                assert calibration is not None  # mixed variants are calibrated
                bench = partial(Bench, converter, variant, calibration, source, model, options.max_drop)
                plan = _plan(converter.mixer(variant.format).layers, bench, options, report)
                converted = converter.mix(variant, plan)
            else:
                report(f"converting to {variant.precision} {variant.format}")
                converted = converter.convert(variant)
            report(f"checking {target.name} on {len(expected.pictures)} pictures")
            draft = draft_card(source, variant, converted, PART, len(pictures))
            cards[variant] = checked(temporary[variant], converted.content, draft, expected, model, options.max_drop)
            if variant.level != PICTURE:
                report(f"adding the front end to {target.name}")
                content = converter.with_front(converted.content, variant)
                cards[variant] = with_front(temporary[variant], content, cards[variant], variant)
            del converted  # not to be in memory beside the next
        speeds = _speeds(temporary, _query(cards, pictures), options, report) if options.speed else {}
        sizes = {variant: path.stat().st_size for variant, path in temporary.items()}
    return [Exported(path, cards[variant], sizes[variant], speeds.get(variant)) for variant, path in targets.items()]


def _offered(run: Run, variants: Sequence[Variant], options: Options, report: Report) -> list[Variant]:
    """Return the variants that there are of the run's network; raise at one that there is not, or leave it out."""
    layers = layer_classes(run)
    spec = check_run(run)
    if options.plan is not None:
        mixed.parse(options.plan, [name for name, kind in layers.items() if kind in WEIGHTED])
    for level in {variant.level for variant in variants} - {PICTURE}:
        front_graph.check(spec, level)
    if any((variant.format, variant.precision) == (TFLITE, MIXED) for variant in variants):
        check_quantizer()
    offered = []
    for variant in variants:
        if (reason := variant.unsupported(layers.values())) is None:
            offered.append(variant)
            continue
        name = variant.file_name(run.config["model"])
        if not options.leave_out:
            raise UsageError(f"{name} cannot be made: {reason}: use another precision")
        report(f"left out: {name}: {reason}")
    return offered


def _query(cards: Mapping[Variant, Card], pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the files are timed on: a validation picture, or a made-up sound."""
    card = next(iter(cards.values()))
    if card.input_level == PICTURE:
        return pictures[:1].astype(np.float32)
    sound = next(reversed(sounds(card.front_end).values()))
    return model_input(sound, card)[np.newaxis]


def _speeds(
    files: Mapping[Variant, Path], batch: NDArray[np.float32], options: Options, report: Report
) -> dict[Variant, Ratio]:
    """Return how fast the files are beside float32; raise where one is not faster and that is asked for."""
    if all(variant.precision == "float32" for variant in files):
        return {}
    report("measuring speed")
    with captured_stderr():
        found = speed.compare(files, batch)
    for variant, measured in found.items():
        if options.fail_if_slower and not speed.is_faster(measured):
            raise ArtifactError(
                f"refused: the {variant.precision} {variant.format} file is not faster here: it takes "
                f"{speed.told(measured)} on one thread; leave out --fail-if-slower or use another precision"
            )
    return found


def _plan(layers: Sequence[str], bench: Callable[[], Bench], options: Options, report: Report) -> mixed.Plan:
    """Return the plan that was asked for, or the best that a search on a bench finds."""
    if options.plan is not None:
        return mixed.parse(options.plan, layers)
    report(f"searching for a mixture of {len(layers)} layers")
    opened = bench()
    found = mixed.search(layers, opened.attempt, opened.race, report)
    plan = mixed.told(found.best.plan)
    beside = speed.told(found.beside_int8, "all-int8 layers'")
    report(f"chosen: {speed.told(found.best.speed)}, {beside}: --plan {plan}")
    return found.best.plan


def _calibration(source: Source, count: int) -> Calibration:
    chosen = choose(source.items("train"), count)
    return calibrate(chosen, source.pictures(chosen), source.front_end)
