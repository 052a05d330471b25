"""The whole export of a run: convert, load again, compare, and only then put the files in place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export import mixed, speed
from export.blame import blamed_layer
from export.calibration import DEFAULT_ITEMS, Calibration, calibrate, choose
from export.cards import card_of_sound, description, draft_card
from export.conversion import Converter
from export.convert import load_keras, load_tensorflow
from export.made import probe_pictures
from export.memory import release
from export.sound_check import check_same, sounds
from export.source import Source, check_model, check_run, layer_classes, open_source
from export.trials import Bench
from export.variants import PICTURE, Variant
from export.verify import MAX_DROP, Reference, Refused, ask, measure, reference
from runtime.classifier import Classifier
from runtime.engines import open_engine
from runtime.inputs import model_input
from toolkit.artifact import append_card
from toolkit.card import Card
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import atomic_path, remove_leftovers, write_bytes
from toolkit.latency import Ratio
from toolkit.quiet import captured_stderr
from toolkit.runs import Run

MIXED = "mixed"
PART = "validation"
THREADS = 2
"""The same everywhere, so that the cards are."""
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
    check_run(run)
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
            if variant.precision == MIXED and calibration:
                bench = Bench(converter, variant, calibration, source, model, options.max_drop)
                converted = converter.mix(variant, _plan(bench, options, report))
            else:
                report(f"converting to {variant.precision} {variant.format}")
                converted = converter.convert(variant)
            report(f"checking {target.name} on {len(expected.pictures)} pictures")
            draft = draft_card(source, variant, converted, PART, len(pictures))
            cards[variant] = _checked(temporary[variant], converted.content, draft, expected, model, options.max_drop)
            if variant.level != PICTURE:
                report(f"adding the front end to {target.name}")
                content = converter.with_front(converted.content, variant)
                cards[variant] = _with_front(temporary[variant], content, cards[variant], variant)
            del converted  # not to be in memory beside the next
        speeds = _speeds(temporary, _query(cards, pictures), options, report) if options.speed else {}
        sizes = {variant: path.stat().st_size for variant, path in temporary.items()}
    return [Exported(path, cards[variant], sizes[variant], speeds.get(variant)) for variant, path in targets.items()]


def _offered(run: Run, variants: Sequence[Variant], options: Options, report: Report) -> list[Variant]:
    """Return the variants that there are of the run's network; raise at one that there is not, or leave it out."""
    layers = layer_classes(run)
    offered = []
    for variant in variants:
        if (reason := variant.unsupported(layers)) is None:
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


def _plan(bench: Bench, options: Options, report: Report) -> mixed.Plan:
    """Return the plan that was asked for, or the best that a search finds."""
    if options.plan is not None:
        return mixed.parse(options.plan, bench.layers)
    report(f"searching for a mixture of {len(bench.layers)} layers")
    found = mixed.search(bench.layers, bench.attempt, bench.race, report)
    plan = mixed.told(found.best.plan)
    report(f"chosen: {speed.told(found.best.speed)}, {speed.told(found.beside_int8, 'int8')}: --plan {plan}")
    return found.best.plan


def _calibration(source: Source, count: int) -> Calibration:
    chosen = choose(source.items("train"), count)
    return calibrate(chosen, source.pictures(chosen), source.front_end)


def _with_front(path: Path, content: bytes, twin_card: Card, variant: Variant) -> Card:
    """Replace the model in `path`, which takes pictures, by one that takes sound; raise where the two differ."""
    card = card_of_sound(twin_card, variant, content)
    with captured_stderr(), tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        twin_path = Path(folder) / path.name
        shutil.copyfile(path, twin_path)
        twin = Classifier.load(twin_path, threads=THREADS)
        write_bytes(path, append_card(content, card))
        check_same(Classifier.load(path, threads=THREADS), twin, sounds(card.front_end))
    return card


def _told(layer: str | None) -> str:
    return f"its values go wrong in the layer {layer}" if layer else "no single layer is to blame"


def _checked(path: Path, converted: bytes, draft: Card, expected: Reference, model: Any, max_drop: float) -> Card:
    """Write the model to the temporary `path` with a card of what it was measured to do; raise where it falls short."""
    write_bytes(path, append_card(converted, draft))
    with captured_stderr():
        found = ask(open_engine(path, threads=THREADS), expected)
        try:
            measured = measure(draft, found, expected, PART, max_drop)
        except Refused as refused:
            layer = blamed_layer(path, model, expected.pictures[refused.picture], draft.precision)
            raise ArtifactError(f"{refused}; {_told(layer)}") from None
        card = replace(draft, accuracy=measured.accuracy, parity=measured.parity)
        write_bytes(path, append_card(converted, card))
        classifier = Classifier.load(path, threads=THREADS)
    if classifier.card != card or not np.isclose(classifier.classify_picture(expected.pictures[0]).sum(), 1, atol=1e-5):
        raise ArtifactError("refused: the written file does not read back as it was written")
    return card
