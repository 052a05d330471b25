"""The whole export of a run: convert, load again, compare, and only then put the files in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from export.card import description, draft_card
from export.converter import Converter
from export.front_end_rules import check_front_end
from export.malloc import keep, release
from export.options import Options, Report
from export.probes import probe_pictures
from export.quantize import qat, search
from export.quantize.trials import Bench
from export.stages import Network, calibration_of, fine_tuned, measured_speeds, plan_of
from export.tflite.convert import load_keras, load_tensorflow
from export.tflite.mixed import check_quantizer
from export.trained_run import check_model, check_run, layer_classes, open_source
from export.variants import PICTURE, Variant
from export.verify.gate import PART, checked, checked_waveform_file
from export.verify.parity import reference
from export.weighted import KERAS_LAYERS
from toolkit.artifact.card import Card
from toolkit.artifact.file import TFLITE, read_card
from toolkit.command import output_folder
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import atomic_path, remove_leftovers
from toolkit.measure.latency import Ratio

MIXED = "mixed"
"""Classes of Keras layers that mixtures are made of."""
LEFTOVER_SECONDS = 3600.0
"""An older temporary file is a killed process', or is written anew when its slow export comes to it."""


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
    options: Options,
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
    keep()
    variants = _offered(run, variants, options, report)
    with ExitStack() as stack:
        stack.enter_context(_folder(output))
        remove_leftovers(output, older_than=LEFTOVER_SECONDS)
        targets = {variant: output / variant.file_name(run.config["model"]) for variant in variants}
        temporary = {variant: stack.enter_context(atomic_path(target)) for variant, target in targets.items()}
        report(f"reading the dataset of {run.path}")
        source = open_source(run, data)
        calibrated = any(variant.calibrated for variant in variants)
        calibration = calibration_of(source, options.calibration, report) if calibrated else None
        validation = source.items(PART)
        pictures = source.pictures(validation)
        report("loading TensorFlow and the model")
        load_tensorflow()
        model = load_keras(run.model_path, pictures.shape[1:], len(source.classes))
        report(f"asking Keras about {len(pictures)} validation pictures")
        names = [item.name for item in validation]
        expected = reference(model, names, pictures, source.labels(validation), probe_pictures(source.front_end))
        pictures = expected.pictures[: len(pictures)]  # one copy is enough
        check_model(run, expected.probabilities[: len(pictures)], expected.labels)
        io = options.io if all(variant.level == PICTURE for variant in variants) else "float32"
        convert = partial(
            Converter,
            spec=source.front_end,
            description=description(source),
            calibration=calibration,
            io=io,
            dynamic_batch=options.dynamic_batch,
        )
        own = Network(model, convert(model), expected)
        tuned = fine_tuned(source, data, convert, expected, options, report) if options.qat else own
        cards: dict[Variant, Card] = {}
        for variant, target in targets.items():
            release()
            network = tuned if variant.precision == "int8" else own
            converter = network.converter
            if variant.precision == MIXED:
                assert calibration is not None  # mixed variants are calibrated
                bench = partial(Bench, converter, variant, calibration, source, model, options.max_drop)
                plan = plan_of(converter.mixer(variant.format).layers, bench, options, report)
                report(f"converting to {variant.precision} {variant.format}")
                converted = converter.mix(variant, plan)
            else:
                report(f"converting to {variant.precision} {variant.format}")
                converted = converter.convert(variant)
            report(f"checking {target.name} on {len(expected.pictures)} pictures")
            draft = draft_card(source, variant, converted, PART, len(pictures), network.fine_tuning)
            cards[variant] = checked(
                temporary[variant], converted.content, draft, network.expected, network.model, options.max_drop
            )
            if variant.level != PICTURE:
                report(f"adding the front end to {target.name}")
                content = converter.with_front(converted.content, variant)
                cards[variant] = checked_waveform_file(temporary[variant], content, cards[variant], variant)
            del converted  # not to be in memory beside the next
        speeds = measured_speeds(temporary, cards, pictures, options, report) if options.speed else {}
        sizes = {variant: path.stat().st_size for variant, path in temporary.items()}
        for variant, target in targets.items():
            if _is_of_another(target, cards[variant]):
                report(f"replacing {target}, which is of another run")
    return [Exported(path, cards[variant], sizes[variant], speeds.get(variant)) for variant, path in targets.items()]


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder where there is none, and remove it where the block fails and it is empty."""
    made = not path.exists()
    output_folder(path, "--output")
    try:
        yield
    except BaseException:
        if made:
            with suppress(OSError):
                path.rmdir()
        raise


def _is_of_another(path: Path, card: Card) -> bool:
    """Tell whether a file is there that another run became."""
    try:
        return path.exists() and read_card(path).run_digest != card.run_digest
    except ArtifactError:
        return False


def _offered(run: Run, variants: Sequence[Variant], options: Options, report: Report) -> list[Variant]:
    """Return the variants that there are of the run's network; raise at one that there is not, or leave it out."""
    layers = layer_classes(run)
    spec = check_run(run)
    if options.plan is not None:
        search.parse(options.plan, [name for name, kind in layers.items() if kind in KERAS_LAYERS])
    for level in {variant.level for variant in variants} - {PICTURE}:
        check_front_end(spec, level)
    if any((variant.format, variant.precision) == (TFLITE, MIXED) for variant in variants):
        check_quantizer()
    if options.qat:
        qat.check_installed()
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
