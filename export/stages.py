"""The stages of an export that a plain conversion does not need: calibration, fine-tuning, a search, timing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration import Calibration, calibrate, choose
from export.converter import Converter
from export.options import Options, Report
from export.quantize import qat, search
from export.quantize.trials import Bench
from export.tflite.convert import load_keras
from export.trained_run import Source
from export.variants import PICTURE, Variant
from export.verify import speed
from export.verify.parity import Reference, reference_of_tuned
from export.verify.waveform import sounds
from runtime.preprocess import model_input
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.errors import ArtifactError
from toolkit.measure.latency import Ratio
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True)
class Network:
    """A Keras model, what converts it, what its files are compared with, and how it was fine-tuned."""

    model: Any
    converter: Converter
    expected: Reference
    fine_tuning: FineTuningCard | None = None


def _query(cards: Mapping[Variant, Card], pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the files are timed on: a validation picture, or a made-up sound."""
    card = next(iter(cards.values()))
    if card.input_level == PICTURE:
        return pictures[:1].astype(np.float32)
    sound = next(reversed(sounds(card.front_end).values()))
    return model_input(sound, card)[np.newaxis]


def measured_speeds(
    files: Mapping[Variant, Path],
    cards: Mapping[Variant, Card],
    pictures: NDArray[np.uint8],
    options: Options,
    report: Report,
) -> dict[Variant, Ratio]:
    """Return how fast the files are beside float32; raise where one is not faster and that is asked for."""
    if all(variant.precision == "float32" for variant in files):
        return {}
    report("measuring speed")
    with captured_stderr():
        found = speed.measure_ratios(files, _query(cards, pictures))
    for variant, measured in found.items():
        if options.fail_if_slower and not speed.is_faster(measured):
            raise ArtifactError(
                f"refused: the {variant.precision} {variant.format} file is not faster here: it takes "
                f"{speed.ratio_text(measured)} on one thread; leave out --fail-if-slower or use another precision"
            )
    return found


def plan_of(
    layers: Sequence[str], bench: Callable[[], Bench], options: Options, report: Report
) -> search.QuantizationPlan:
    """Return the plan that was asked for, or the best that a search on a bench finds."""
    if options.plan is not None:
        return search.parse(options.plan, layers)
    report(f"searching for a mixture of {len(layers)} layers")
    opened = bench()
    found = search.search(layers, opened.attempt, opened.race, report)
    plan = search.plan_text(found.best.plan)
    beside = speed.ratio_text(found.beside_int8, "all-int8 layers'")
    report(f"chosen: {speed.ratio_text(found.best.speed)}, {beside}: --plan {plan}")
    return found.best.plan


def fine_tuned(
    source: Source,
    data: Path | None,
    convert: Callable[[Any], Converter],
    expected: Reference,
    options: Options,
    report: Report,
) -> Network:
    """Return the run's network after the epochs that are asked for."""
    assert options.qat is not None
    settings = qat.settings(options.qat)
    job = qat.Job(str(source.run.path), str(data or source.run.config["data"]["root"]), options.calibration, settings)
    report(f"fine-tuning for int8 on {len(source.run.split.train)} training pictures")
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        path = qat.fine_tune(job, Path(folder), report)
        model = load_keras(path, expected.pictures.shape[1:], len(source.classes))
    return Network(model, convert(model), reference_of_tuned(model, expected), settings)


def calibration_of(source: Source, count: int, report: Report) -> Calibration:
    """Return what ranges are measured on: so many training pictures, or all."""
    if count > len(source.run.split.train):
        report(f"measuring ranges on all {len(source.run.split.train)} training pictures: there are not {count}")
    chosen = choose(source.items("train"), count)
    return calibrate(chosen, source.pictures(chosen), source.front_end)
