"""The whole export of a run: convert, load again, compare, and only then put the files in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from export.card import draft_card
from export.malloc import keep, release
from export.options import Options, Report
from export.preflight import offered
from export.stages import Material, Network, converted, fine_tuned, loaded_network, measured_speeds, opened_material
from export.variants import PICTURE, Variant
from export.verify.gate import PART, checked, checked_waveform_file
from toolkit.artifact.card import Card
from toolkit.artifact.file import read_card
from toolkit.command import output_folder
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError
from toolkit.files import atomic_path, remove_leftovers
from toolkit.measure.latency import Ratio

LEFTOVER_SECONDS = 3600.0
"""An older temporary file is a killed process', or is written anew when its slow export comes to it."""


@dataclass(frozen=True)
class Exported:
    """A file that was written, its card, its size in bytes, and its time as a multiple of float32's where measured."""

    path: Path
    card: Card
    size: int
    speed: Ratio | None


@dataclass(frozen=True)
class Files:
    """Where the files go, and where they lie until all are checked."""

    targets: Mapping[Variant, Path]
    temporary: Mapping[Variant, Path]


def export_run(
    run: Run, *, data: Path | None, output: Path, variants: Sequence[Variant], options: Options, report: Report
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
    variants = offered(run, variants, options, report)
    with _files(output, run.config["model"], variants) as files:
        material = opened_material(run, data, variants, options, report)
        own = loaded_network(material, report)
        tuned = fine_tuned(material, own, data, options, report)
        cards = {}
        for variant in variants:
            network = tuned if variant.precision == "int8" else own
            cards[variant] = _written(files, variant, material, network, options, report)
        speeds = measured_speeds(files.temporary, cards, own.expected, options, report)
        exported = _exported(files, cards, speeds)
        _report_replaced(exported, report)
    return exported


@contextmanager
def _files(output: Path, model: str, variants: Sequence[Variant]) -> Iterator[Files]:
    """Reserve a temporary file beside each target; put all in place at the end, or none where the block fails."""
    with ExitStack() as stack:
        stack.enter_context(_folder(output))
        remove_leftovers(output, older_than=LEFTOVER_SECONDS)
        targets = {variant: output / variant.file_name(model) for variant in variants}
        yield Files(targets, {variant: stack.enter_context(atomic_path(path)) for variant, path in targets.items()})


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder where there is none, and remove it where the block fails and it is empty."""
    is_new = not path.exists()
    output_folder(path, "--output")
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                path.rmdir()
        raise


def _written(
    files: Files, variant: Variant, material: Material, network: Network, options: Options, report: Report
) -> Card:
    """Convert a network to a variant, write it to its temporary file, check it there, and return its card."""
    release()  # what the file before this one took
    name, temporary = files.targets[variant].name, files.temporary[variant]
    model = converted(material, network, variant, options, report)
    report(f"checking {name} on {len(network.expected.pictures)} pictures")
    count = len(network.expected.labels)
    draft = draft_card(material.source, variant, model, PART, count, network.fine_tuning)
    card = checked(temporary, model.content, draft, network.expected, network.model, options.max_drop)
    if variant.level == PICTURE:
        return card
    report(f"adding the front end to {name}")
    content = network.converter.with_front(model.content, variant)
    return checked_waveform_file(temporary, content, card, variant)


def _exported(files: Files, cards: Mapping[Variant, Card], speeds: Mapping[Variant, Ratio]) -> list[Exported]:
    """Return what the files are, as they lie ready to be put in place."""
    return [
        Exported(target, cards[variant], files.temporary[variant].stat().st_size, speeds.get(variant))
        for variant, target in files.targets.items()
    ]


def _report_replaced(exported: Sequence[Exported], report: Report) -> None:
    """Report the files of other runs that are about to be replaced."""
    for file in exported:
        if _is_of_another(file.path, file.card):
            report(f"replacing {file.path}, which is of another run")


def _is_of_another(path: Path, card: Card) -> bool:
    """Tell whether a file is there that another run became."""
    try:
        return path.exists() and read_card(path).run_digest != card.run_digest
    except ArtifactError:
        return False
