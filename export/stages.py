"""The stages of an export: each takes the value of the stage before it and returns its own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration import Calibration, calibrate, choose
from export.card import description
from export.converter import Converted, Converter
from export.options import Options, Report
from export.probes import probe_pictures
from export.quantize import qat, search
from export.quantize.trials import Bench
from export.tflite.convert import load_keras, load_tensorflow
from export.trained_run import Source, check_model, open_source
from export.variants import MIXED, PICTURE, Variant
from export.verify import speed
from export.verify.gate import PART
from export.verify.parity import Reference, reference, reference_of_tuned
from export.verify.waveform import sounds
from runtime.preprocess import model_input
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError
from toolkit.measure.latency import Ratio
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True)
class Material:
    """What all files of a run are made from.

    Attributes
    ----------
    source
        The run and its dataset.
    calibration
        What ranges are measured on; None where no file needs it.
    io
        What int8 models take and give.
    dynamic_batch
        Let ONNX models take any number of pictures.
    """

    source: Source
    calibration: Calibration | None
    io: str
    dynamic_batch: bool

    def converter(self, model: Any) -> Converter:
        """Return what converts a Keras model of the run's network."""
        return Converter(
            model,
            spec=self.source.front_end,
            description=description(self.source),
            calibration=self.calibration,
            io=self.io,
            dynamic_batch=self.dynamic_batch,
        )


@dataclass(frozen=True)
class Network:
    """A Keras model, what converts it, what its files are compared with, and how it was fine-tuned."""

    model: Any
    converter: Converter
    expected: Reference
    fine_tuning: FineTuningCard | None = None


def opened_material(
    run: Run, data: Path | None, variants: Sequence[Variant], options: Options, report: Report
) -> Material:
    """Open the run's dataset, and read the pictures that ranges are measured on where a variant needs them."""
    report(f"reading the dataset of {run.path}")
    source = open_source(run, data)
    calibrated = any(variant.calibrated for variant in variants)
    calibration = calibration_of(source, options.calibration, report) if calibrated else None
    io = options.io if all(variant.level == PICTURE for variant in variants) else "float32"
    return Material(source, calibration, io, options.dynamic_batch)


def calibration_of(source: Source, count: int, report: Report) -> Calibration:
    """Return what ranges are measured on: so many training pictures, or all."""
    if count > len(source.run.split.train):
        report(f"measuring ranges on all {len(source.run.split.train)} training pictures: there are not {count}")
    chosen = choose(source.items("train"), count)
    return calibrate(chosen, source.pictures(chosen), source.front_end)


def loaded_network(material: Material, report: Report) -> Network:
    """Load the run's network and compute what it answers, which must be what it answered when it was trained.

    The validation pictures are read before TensorFlow is loaded: a dataset that cannot be read fails sooner. They are
    let go of at the end, because the reference has a copy.
    """
    source = material.source
    validation = source.items(PART)
    windows = source.windows(validation)
    pictures, labels = windows.pictures, source.labels(validation)[windows.clips]
    report("loading TensorFlow and the model")
    load_tensorflow()
    model = load_keras(source.run.model_path, pictures.shape[1:], len(source.classes))
    report(f"asking Keras about {len(pictures)} validation pictures")
    names = [validation[clip].name for clip in windows.clips]
    expected = reference(model, names, pictures, labels, probe_pictures(source.front_end))
    check_model(source.run, expected.probabilities[: len(pictures)], expected.labels)
    return Network(model, material.converter(model), expected)


def fine_tuned(material: Material, own: Network, data: Path | None, options: Options, report: Report) -> Network:
    """Return the run's network after the epochs of `--qat`, for int8 files; the network itself where there are none."""
    if not options.qat:
        return own
    source, settings = material.source, qat.settings(options.qat)
    job = qat.Job(str(source.run.path), str(data or source.run.config["data"]["root"]), options.calibration, settings)
    report(f"fine-tuning for int8 on {len(source.run.split.train)} training pictures")
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        path = qat.fine_tune(job, Path(folder), report)
        model = load_keras(path, own.expected.pictures.shape[1:], len(source.classes))
    return Network(model, material.converter(model), reference_of_tuned(model, own.expected), settings)


def converted(material: Material, network: Network, variant: Variant, options: Options, report: Report) -> Converted:
    """Return a variant of the network, before it has a card; a mixed one by the plan of the options or of a search."""
    plan = mixture_of(material, network, variant, options, report) if variant.precision == MIXED else None
    report(f"converting to {variant.precision} {variant.format}")
    return network.converter.convert(variant) if plan is None else network.converter.mix(variant, plan)


def mixture_of(
    material: Material, network: Network, variant: Variant, options: Options, report: Report
) -> search.QuantizationPlan:
    """Return the plan of the options, or the best that a search on a bench finds."""
    layers = network.converter.mixer(variant.format).layers
    if options.plan is not None:
        return search.parse(options.plan, layers)
    report(f"searching for a mixture of {len(layers)} layers")
    assert material.calibration is not None  # mixed variants are calibrated
    bench = Bench(network.converter, variant, material.calibration, material.source, network.model, options.max_drop)
    choice = search.search(layers, bench.attempt, bench.race, report)
    plan = search.plan_text(choice.best.plan)
    beside = speed.ratio_text(choice.beside_int8, "all-int8 layers'")
    report(f"chosen: {speed.ratio_text(choice.best.speed)}, {beside}: --plan {plan}")
    return choice.best.plan


def measured_speeds(
    files: Mapping[Variant, Path], cards: Mapping[Variant, Card], expected: Reference, options: Options, report: Report
) -> dict[Variant, Ratio]:
    """Return how fast the files are beside float32; raise where one is not faster and `--fail-if-slower` is set."""
    if not options.speed or all(variant.precision == "float32" for variant in files):
        return {}
    report("measuring speed")
    with captured_stderr():
        ratios = speed.measure_ratios(files, _timed_input(cards, expected))
    for variant, measured in ratios.items():
        if options.fail_if_slower and not speed.is_faster(measured):
            raise ArtifactError(
                f"refused: the {variant.precision} {variant.format} file is not faster here: it takes "
                f"{speed.ratio_text(measured)} on one thread; leave out --fail-if-slower or use another precision"
            )
    return ratios


def _timed_input(cards: Mapping[Variant, Card], expected: Reference) -> NDArray[np.float32]:
    """Return what the files are timed on: a validation picture, or a synthetic sound."""
    card = next(iter(cards.values()))
    if card.input_level == PICTURE:
        return expected.pictures[:1].astype(np.float32)
    sound = next(reversed(sounds(card.front_end).values()))
    return model_input(sound, card)[np.newaxis]
