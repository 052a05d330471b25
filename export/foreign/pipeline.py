"""From somebody's Keras model to its files: read it, decide what goes in and out, and write them as a run's."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from export.card import description
from export.converter import Converter
from export.foreign.axes import infer, level_of
from export.foreign.culprit import culprit
from export.foreign.loading import Loaded, load
from export.foreign.network import ForeignNetwork, activation, declared_activation
from export.foreign.saved import SAVED_MODEL, inspect
from export.foreign.sounds import Clips, check_sources, no_clips, of_dataset, of_folder, probes
from export.inputs import batch_of
from export.keras import Reference, load_tensorflow, reference
from export.malloc import keep
from export.options import Options, Report
from export.preflight import check_variants
from export.subject import Subject
from export.variants import MIXED, Variant
from export.write import Exported, Network, write_files
from toolkit.artifact.card import CALIBRATED
from toolkit.artifact.card_sections import OriginCard
from toolkit.errors import UsageError
from toolkit.files import digest_of, file_digest
from toolkit.frontend.spec import FrontEnd
from toolkit.measure.multi_label import best_thresholds

NOT_OURS = "unknown"
"""The licence on the card of a network from elsewhere."""


@dataclass(frozen=True)
class Job:
    """What to export: a saved model, its labels in the output's order, what it hears, and clips to check it on."""

    path: Path
    labels: tuple[str, ...]
    front_end: FrontEnd
    data: Path | None = None
    split: str | None = None
    sounds: Path | None = None
    axes: str | None = None
    activation: str | None = None


def export_model(
    job: Job, *, output: Path, variants: Sequence[Variant], options: Options, report: Report
) -> list[Exported]:
    """Export a saved Keras model to `<output>/<its name>-<precision>.<format>`, as `export.pipeline.export_run` a run.

    Where `options.leave_out` is set, a file that cannot be converted or is refused is reported, and the others are
    written. Raises as `export_run`; `ArtifactError` names the layer that cannot be converted.
    """
    keep()
    check_sources(job.data, job.sounds)
    calibrated = [variant.precision for variant in variants if variant.precision in CALIBRATED]
    if calibrated and not (job.data or job.sounds) and not options.leave_out:
        raise UsageError(
            f"--quantize {calibrated[0]}: ranges are measured on sounds: name some with --calibration-sounds or --data"
        )
    saved = inspect(job.path)
    report("loading TensorFlow and the model")
    load_tensorflow()
    loaded = load(saved)
    if loaded.outputs not in (None, len(job.labels)):
        raise UsageError(f"{job.path}: has {loaded.outputs} outputs, but --labels has {len(job.labels)} labels")
    axes = infer(job.path, loaded.shape, job.front_end, job.axes)
    level = level_of(axes, job.front_end)
    network, output_kind = _network(job, loaded, axes, level, report)
    name = re.sub(r"[^a-z0-9_.-]+", "-", job.path.stem.lower()).strip("-.") or "model"
    if not (job.data or job.sounds):
        variants = [variant for variant in variants if variant.precision not in CALIBRATED]
    names = check_variants(name, _layer_classes(loaded), job.front_end, level, variants, options, report)

    def write() -> tuple[Network, Network]:
        clips = _clips(job, level, output_kind, options, report)
        own = _checked_against(job, network, name, level, output_kind, saved.package, clips, options, report)
        return own, own

    return write_files(output, names, write, options, report)


def _network(job: Job, loaded: Loaded, axes: str, level: str, report: Report) -> tuple[ForeignNetwork, str]:
    """Return the network, its output made probabilities, and whether that is by softmax or sigmoid."""
    bare = ForeignNetwork(loaded, axes, job.front_end)
    values = probes(job.front_end, level).values()
    scores = np.concatenate([np.asarray(bare(batch_of(value))) for value in values])
    if scores.shape[1] != len(job.labels):
        raise UsageError(f"{job.path}: has {scores.shape[1]} outputs, but --labels has {len(job.labels)} labels")
    kind, is_added = activation(job.path, declared_activation(loaded), scores, job.activation)
    if not is_added:
        return bare, kind
    other = "sigmoid" if kind == "softmax" else "softmax"
    report(f"NOTICE: its output is not probabilities: a {kind} is added (--activation {other} for the other)")
    return ForeignNetwork(loaded, axes, job.front_end, kind), kind


def _clips(job: Job, level: str, kind: str, options: Options, report: Report) -> Clips:
    if job.data is not None:
        report(f"reading the dataset {job.data}")
        return of_dataset(job.data, job.split, job.labels, job.front_end, level, options.calibration, kind == "sigmoid")
    if job.sounds is not None:
        report(f"reading sounds below {job.sounds}")
        return of_folder(job.sounds, job.front_end, level, options.calibration)
    return no_clips(job.front_end, level)


def _checked_against(
    job: Job,
    network: ForeignNetwork,
    name: str,
    level: str,
    kind: str,
    package: str,
    clips: Clips,
    options: Options,
    report: Report,
) -> Network:
    """Return the network with what its files are compared with."""
    report(f"computing Keras' answers to {len(clips.inputs)} clips and to synthetic sounds")
    labels = np.array(clips.labels, np.int64)
    takes = clips.recordings or None
    expected = reference(network, clips.names, clips.inputs, labels, probes(job.front_end, level), takes, clips.truth)
    digest = _digest(job.path)
    subject = Subject(
        name=name,
        labels=job.labels,
        front_end=job.front_end,
        level=level,
        run_digest=digest,
        dataset=clips.dataset,
        split=clips.split,
        activation=kind,
        thresholds=label_thresholds(kind, expected),
        origin=OriginCard("keras", job.path.name, "", "", digest),
        licence=NOT_OURS,
        versions={} if package != "keras" else {"keras": importlib.metadata.version("keras")},
    )
    converter = Converter(network, job.front_end, description(subject), clips.calibration, options)

    def blame(variant: Variant) -> str | None:
        report(f"looking for the layer that cannot be converted to {variant.precision} {variant.format}")
        plain = replace(variant, precision="int8") if variant.precision == MIXED else variant
        return culprit(network, lambda part: converter.of(part).convert(plain))

    return Network(subject, network, converter, expected, culprit=blame)


def label_thresholds(kind: str, expected: Reference) -> tuple[float, ...]:
    """Return the thresholds of a sigmoid's labels: those of the best F1 on the clips, or a half."""
    if kind == "softmax":
        return ()
    n = len(expected.labels)
    return best_thresholds(expected.probabilities[:n], expected.truth)


def _layer_classes(loaded: Loaded) -> dict[str, str]:
    return {layer.name: type(layer).__name__ for layer in loaded.layers}


def _digest(path: Path) -> str:
    if path.is_file():
        return file_digest(path)
    files = [path / SAVED_MODEL, *sorted((path / "variables").glob("*"))]
    return digest_of({file.name: file_digest(file) for file in files})
