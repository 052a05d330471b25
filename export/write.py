"""From a loaded network to its files: convert, load again, compare, and only then put them in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.card import draft_card
from export.converter import Converter
from export.inputs import batch_of
from export.keras import Reference, heavy_layers
from export.malloc import release
from export.options import Options, Report
from export.output_folder import locked, report_other_runs
from export.quantize import search
from export.quantize.trials import Bench
from export.subject import Subject
from export.tools import Unconvertible
from export.variants import MIXED, Variant
from export.verify import speed
from export.verify.gate import PART, checked, checked_waveform_file
from export.verify.waveform import sounds
from runtime.preprocess import model_input
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.errors import ArtifactError, EngineError
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

    subject: Subject
    model: Any
    converter: Converter
    expected: Reference
    fine_tuning: FineTuningCard | None = None
    culprit: Callable[[Variant], str | None] | None = None
    """Finds the layer that cannot be converted, in a network that was not trained here."""


def write_files(
    output: Path,
    names: Mapping[Variant, str],
    load: Callable[[], tuple[Network, Network]],
    options: Options,
    report: Report,
) -> list[Exported]:
    """Write the files `names` to the folder `output`: all, or none.

    With `options.leave_out`, those are reported whose precision lacks an operator of the network, and of a network that
    was not trained here, all that cannot be written.

    `load` returns the network, and the one for int8 files, which may be fine-tuned. Errors are those of
    `export.pipeline.export_run`.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(output, report))
        targets = {variant: output / name for variant, name in names.items()}
        pending = {variant: stack.enter_context(ExitStack()) for variant in targets}
        files = {variant: pending[variant].enter_context(atomic_path(path)) for variant, path in targets.items()}
        own, tuned = load()
        cards: dict[Variant, Card] = {}
        for variant in targets:
            network = tuned if variant.precision == "int8" else own
            try:
                cards[variant] = _written(files[variant], names[variant], variant, network, options, report)
            except (ArtifactError, EngineError) as error:
                is_usual = own.culprit is not None or isinstance(error, Unconvertible)
                if not (is_usual and options.leave_out):
                    raise
                report(f"left out: {names[variant]}: {error}")
                del files[variant]
                with suppress(ArtifactError, EngineError), pending[variant].pop_all():
                    raise
        if not cards:
            raise ArtifactError(f"no file of {own.subject.name} can be written: see what was left out, and why")
        speeds = _speeds(files, cards, own.expected, options, report)
        exported = [
            Exported(target, cards[variant], files[variant].stat().st_size, speeds.get(variant))
            for variant, target in targets.items()
            if variant in cards
        ]
        report_other_runs([item.path for item in exported], own.subject.name, own.subject.run_digest, report)
    return exported


def _written(path: Path, name: str, variant: Variant, network: Network, options: Options, report: Report) -> Card:
    """Convert a network to a variant, write it to its temporary file, check it there, and return its card."""
    release()  # the memory of the file before this one
    try:
        plan = _plan(variant, network, options, report) if variant.precision == MIXED else None
        report(f"converting to {variant.precision} {variant.format}")
        model = network.converter.convert(variant, plan)
    except ArtifactError as error:
        if network.culprit is None or (layer := network.culprit(variant)) is None:
            raise
        raise ArtifactError(f"{error}: the layer is {layer}") from None
    report(f"checking {name} on {len(network.expected.inputs)} inputs")
    draft = draft_card(network.subject, variant, model, PART, len(network.expected.labels), network.fine_tuning)
    card = checked(path, model.content, draft, network.expected, network.model, options.max_drop)
    if not variant.has_front:
        return card
    report(f"adding the front end to {name}")
    return checked_waveform_file(path, network.converter.with_front(model.content, variant), card, variant)


def _plan(variant: Variant, network: Network, options: Options, report: Report) -> search.QuantizationPlan:
    """Return the plan of the options, or the best that a search on a bench finds."""
    mixer = network.converter.mixer(variant.format)
    if options.plan is not None:
        return search.parse(options.plan, mixer.layers)
    report(f"searching for a mixture of {len(mixer.layers)} layers")
    calibration = network.converter.calibration
    assert calibration is not None  # mixed variants are calibrated
    bench = Bench(mixer, variant, calibration, network.subject, network.model, options.max_drop)
    choice = search.search(mixer.layers, bench.attempt, bench.race, report, heavy_layers(network.model))
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
    has_front = next(iter(files)).has_front
    with captured_stderr():
        ratios = speed.measure_ratios(files, _timed_input(next(iter(cards.values())), expected, has_front))
    for variant, measured in ratios.items():
        if options.fail_if_slower and not speed.is_faster(measured):
            raise ArtifactError(
                f"refused: the {variant.precision} {variant.format} file is not faster here: it needs "
                f"{speed.ratio_text(measured)} on one thread; leave out --fail-if-slower or use another precision"
            )
    return ratios


def _timed_input(card: Card, expected: Reference, has_front: bool) -> NDArray[np.float32]:
    """Return the input that files are timed on: one of the reference's, or a synthetic clip."""
    if not has_front:
        return batch_of(expected.inputs[0])
    return model_input(next(reversed(sounds(card.front_end).values())), card)[np.newaxis]
