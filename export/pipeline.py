"""The whole export of a run: convert, load again, compare, and only then put the files in place."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration import Calibration, calibrate, choose
from export.card import description, draft_card
from export.converter import Converter
from export.keras import Reference, load_keras, load_tensorflow, reference
from export.malloc import keep, release
from export.options import Options, Report
from export.output_folder import locked, report_other_runs
from export.preflight import offered
from export.probes import probe_inputs
from export.quantize import qat, search
from export.quantize.trials import Bench
from export.trained_run import Source, check_model, open_source
from export.variants import MIXED, PICTURE, Variant
from export.verify import speed
from export.verify.gate import PART, checked, checked_waveform_file
from export.verify.waveform import sounds
from runtime.preprocess import model_input
from toolkit.artifact.card import CALIBRATED, Card
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.data.recordings import recordings
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError
from toolkit.files import atomic_path
from toolkit.measure.latency import Ratio
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True)
class Exported:
    """A file that was written, its card, its size in bytes, and its time as a multiple of float32's where measured."""

    path: Path
    card: Card
    size: int
    speed: Ratio | None


@dataclass(frozen=True)
class Network:
    """A Keras model, what converts it, what its files are compared with, and how it was fine-tuned."""

    model: Any
    converter: Converter
    expected: Reference
    fine_tuning: FineTuningCard | None = None


def export_run(
    run: Run, *, data: Path | None, output: Path, variants: Sequence[Variant], options: Options, report: Report
) -> list[Exported]:
    """Export a finished run to `<output>/<model>-<precision>.<format>`, one file for each of `variants`.

    Every file is loaded again through `runtime` and compared with the Keras model before any is put in place: all are
    written, or none. The same run, data and tool versions give the same bytes.

    Parameters
    ----------
    run
        The finished run.
    data
        Its dataset, if that is no longer where the run was trained.
    output
        Folder to write to; made if need be, and locked meanwhile.
    variants
        The files to write.
    options
        How.
    report
        Called with a line at the start of each step.

    Raises `UsageError` if there is no such file of the run's network, `RunError` or `DatasetError` if the run's files
    do not fit together or its dataset is not usable, `ArtifactError` if a conversion fails or a file is refused because
    it does not do what the Keras model does.
    """
    keep()
    names = offered(run, variants, options, report)
    with ExitStack() as stack:
        stack.enter_context(locked(output, report))
        targets = {variant: output / name for variant, name in names.items()}
        files = {variant: stack.enter_context(atomic_path(path)) for variant, path in targets.items()}
        report(f"reading the dataset of {run.path}")
        source = open_source(run, data)
        calibrated = any(variant.precision in CALIBRATED for variant in files)
        calibration = calibration_of(source, options.calibration, report) if calibrated else None
        own = _loaded(source, calibration, options, report)
        tuned = _fine_tuned(source, own, data, options, report) if options.qat else own
        cards = {}
        for variant, path in files.items():
            network = tuned if variant.precision == "int8" else own
            cards[variant] = _written(path, names[variant], variant, source, network, options, report)
        speeds = _speeds(files, cards, own.expected, options, report)
        exported = [
            Exported(target, cards[variant], files[variant].stat().st_size, speeds.get(variant))
            for variant, target in targets.items()
        ]
        report_other_runs(targets.values(), run.config["model"], run.config["digest"], report)
    return exported


def calibration_of(source: Source, count: int, report: Report) -> Calibration:
    """Return what ranges are measured on: so many training pictures, or all."""
    if count > len(source.run.split.train):
        report(f"measuring ranges on all {len(source.run.split.train)} training pictures: there are not {count}")
    chosen = choose(source.items("train"), count)
    return calibrate(chosen, source.pictures(chosen), source.front_end)


def _loaded(source: Source, calibration: Calibration | None, options: Options, report: Report) -> Network:
    """Load the run's network and compute its answers, which must be those of when it was trained.

    The validation pictures are read before TensorFlow is loaded: a dataset that cannot be read fails sooner. They are
    freed at the end, because the reference has a copy.
    """
    validation = source.items(PART)
    windows = source.windows(validation)
    pictures, labels = windows.values, source.labels(validation)[windows.clips]
    report("loading TensorFlow and the model")
    load_tensorflow()
    model = load_keras(source.run.model_path, pictures.shape[1:], len(source.classes))
    report(f"computing Keras' answers to {len(pictures)} validation pictures")
    names = [validation[clip].name for clip in windows.clips]
    takes = recordings(source.index.items)
    expected = reference(
        model, names, pictures, labels, probe_inputs(source.front_end), [takes.get(name, name) for name in names]
    )
    check_model(source.run, expected.probabilities[: len(pictures)], expected.labels)
    converter = Converter(model, source.front_end, description(source), calibration, options)
    return Network(model, converter, expected)


def _fine_tuned(source: Source, own: Network, data: Path | None, options: Options, report: Report) -> Network:
    """Return the run's network after the epochs of `--qat`, for int8 files."""
    settings = FineTuningCard(options.qat or 0, qat.LEARNING_RATE, qat.SEED)
    job = qat.Job(str(source.run.path), str(data or source.run.config["data"]["root"]), options.calibration, settings)
    report(f"fine-tuning for int8 on {len(source.run.split.train)} training pictures")
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        path = qat.fine_tune(job, Path(folder), report)
        model = load_keras(path, own.expected.pictures.shape[1:], len(source.classes))
    return Network(model, own.converter.of(model), own.expected.of_tuned(model), settings)


def _written(
    path: Path, name: str, variant: Variant, source: Source, network: Network, options: Options, report: Report
) -> Card:
    """Convert a network to a variant, write it to its temporary file, check it there, and return its card."""
    release()  # the memory of the file before this one
    plan = _plan(variant, source, network, options, report) if variant.precision == MIXED else None
    report(f"converting to {variant.precision} {variant.format}")
    model = network.converter.convert(variant, plan)
    report(f"checking {name} on {len(network.expected.pictures)} pictures")
    draft = draft_card(source, variant, model, PART, len(network.expected.labels), network.fine_tuning)
    card = checked(path, model.content, draft, network.expected, network.model, options.max_drop)
    if variant.level == PICTURE:
        return card
    report(f"adding the front end to {name}")
    return checked_waveform_file(path, network.converter.with_front(model.content, variant), card, variant)


def _plan(
    variant: Variant, source: Source, network: Network, options: Options, report: Report
) -> search.QuantizationPlan:
    """Return the plan of the options, or the best that a search on a bench finds."""
    mixer = network.converter.mixer(variant.format)
    if options.plan is not None:
        return search.parse(options.plan, mixer.layers)
    report(f"searching for a mixture of {len(mixer.layers)} layers")
    calibration = network.converter.calibration
    assert calibration is not None  # mixed variants are calibrated
    bench = Bench(mixer, variant, calibration, source, network.model, options.max_drop)
    choice = search.search(mixer.layers, bench.attempt, bench.race, report)
    plan = search.plan_text(choice.best.plan)
    beside = speed.ratio_text(choice.beside_int8, "all-int8 layers'")
    report(f"chosen: {speed.ratio_text(choice.best.speed)}, {beside}: --plan {plan}")
    return choice.best.plan


def _speeds(
    files: Mapping[Variant, Path], cards: Mapping[Variant, Card], expected: Reference, options: Options, report: Report
) -> dict[Variant, Ratio]:
    """Return how fast the files are beside float32; raise where one is not faster and `--fail-if-slower` is set."""
    if not options.speed or all(variant.precision == "float32" for variant in files):
        return {}
    report("measuring speed")
    with captured_stderr():
        ratios = speed.measure_ratios(files, _timed_input(next(iter(cards.values())), expected))
    for variant, measured in ratios.items():
        if options.fail_if_slower and not speed.is_faster(measured):
            raise ArtifactError(
                f"refused: the {variant.precision} {variant.format} file is not faster here: it needs "
                f"{speed.ratio_text(measured)} on one thread; leave out --fail-if-slower or use another precision"
            )
    return ratios


def _timed_input(card: Card, expected: Reference) -> NDArray[np.float32]:
    """Return the input that files are timed on: a validation picture, or a synthetic clip."""
    if card.input_level == PICTURE:
        return expected.pictures[:1].astype(np.float32)
    return model_input(next(reversed(sounds(card.front_end).values())), card)[np.newaxis]
