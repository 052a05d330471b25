"""From a pretrained network's name to its files: fetch it, load it, and write it as a run's."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.card import description
from export.converter import Converter
from export.foreign.pipeline import label_thresholds
from export.foreign.sounds import Clips, check_sources, no_clips, of_dataset, of_folder
from export.keras import load_keras, load_tensorflow, reference
from export.malloc import keep
from export.options import Options, Report
from export.preflight import check_variants
from export.pretrained.groups import Groups, grouped, places
from export.pretrained.saved import Pretrained, class_names, save
from export.subject import Subject
from export.variants import Variant
from export.verify.waveform import sounds
from export.write import Exported, Network, write_files
from toolkit.artifact.card import CALIBRATED, feature_level
from toolkit.artifact.card_sections import DatasetCard, OriginCard
from toolkit.errors import UsageError
from toolkit.frontend.features import features

TRAINING = "AudioSet"


@dataclass(frozen=True)
class PretrainedJob:
    """What to export of which network, and the sounds that its files are checked and calibrated on.

    Attributes
    ----------
    network, part
        The network's name, and "tagger" for its classes or "embedding" for its features.
    window
        Seconds that it hears at once; None for those that it was pretrained with.
    groups, groups_file
        One's own labels and the classes that each stands for, and the file that says so; None for all classes.
    activation
        "sigmoid", or where groups exclude each other "softmax"; "none" of an embedding.
    data, split, sounds
        Clips with labels, and how they are divided; or any sounds.
    """

    network: str
    part: str
    window: float | None = None
    groups: Groups | None = None
    groups_file: Path | None = None
    activation: str = "sigmoid"
    data: Path | None = None
    split: str | None = None
    sounds: Path | None = None


def export_pretrained(
    job: PretrainedJob, *, output: Path, variants: Sequence[Variant], options: Options, report: Report
) -> list[Exported]:
    """Export a pretrained network to `<output>/<network>-<part>-<precision>.<format>`.

    Groups are called as their file. Every file is compared with the Keras model on synthetic sounds, and on the clips
    of the job. Where `options.leave_out` is set, a file that is refused is reported, and the others are written. Raises
    as `export.pipeline.export_run`.
    """
    keep()
    check_sources(job.data, job.sounds)
    calibrated = [variant.precision for variant in variants if variant.precision in CALIBRATED]
    if calibrated and not (job.data or job.sounds):
        if not options.leave_out:
            raise UsageError(
                f"--quantize {calibrated[0]}: ranges are measured on sounds: name some with --calibration-sounds DIR"
            )
        variants = [variant for variant in variants if variant.precision not in CALIBRATED]
    report(f"reading the published weights of {job.network}")
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        columns = None
        if job.groups and job.groups_file:
            columns = places(job.groups_file, job.groups, class_names(job.network, Path(folder), report))
        path, pretrained = save(job.network, job.part, job.window, Path(folder), report)
        report("loading TensorFlow and the model")
        load_tensorflow()
        model = load_keras(path, pretrained.front_end.shape, len(pretrained.labels))
    if columns is not None:
        model = grouped(model, columns, job.activation)
    spec, layers = pretrained.front_end, {layer.name: type(layer).__name__ for layer in model.layers}
    names = check_variants(_name(job), layers, spec, feature_level(spec), variants, options, report)

    def load() -> tuple[Network, Network]:
        network = _network(job, pretrained, model, options, report)
        return network, network

    return write_files(output, names, load, options, report)


def _name(job: PretrainedJob) -> str:
    """Return what the files are called."""
    if job.groups_file is None:
        return f"{job.network}-{job.part}"
    stem = re.sub(r"[^a-z0-9_.-]+", "-", job.groups_file.stem.lower()).strip("-.")
    return f"{job.network}-{stem or 'groups'}"


def _network(job: PretrainedJob, pretrained: Pretrained, model: Any, options: Options, report: Report) -> Network:
    """Return the network with what its files are compared with."""
    spec, labels = pretrained.front_end, tuple(job.groups or pretrained.labels)
    clips = _clips(job, labels, pretrained, options, report)
    report(f"computing Keras' answers to {len(clips.inputs)} clips and to synthetic sounds")
    numbers, takes = np.array(clips.labels, np.int64), clips.recordings or None
    probes = {name: features(sound, spec) for name, sound in sounds(spec).items()}
    expected = reference(model, clips.names, clips.inputs, numbers, probes, takes, clips.truth)
    subject = Subject(
        name=_name(job),
        labels=labels,
        front_end=spec,
        level=feature_level(spec),
        run_digest="",
        dataset=DatasetCard(TRAINING, "", False, pretrained.notice),
        split=clips.split,
        activation=job.activation,
        thresholds=label_thresholds(job.activation, expected) if job.activation == "sigmoid" else (),
        origin=OriginCard("backbone", pretrained.origin, pretrained.licence, pretrained.address, pretrained.digest),
        licence=pretrained.licence,
    )
    converter = Converter(model, spec, description(subject), clips.calibration, options)
    return Network(subject, model, converter, expected, culprit=lambda _: None)


def _clips(
    job: PretrainedJob, labels: tuple[str, ...], pretrained: Pretrained, options: Options, report: Report
) -> Clips:
    spec, count = pretrained.front_end, options.calibration
    level = feature_level(spec)
    if job.data is not None:
        report(f"reading the dataset {job.data}")
        return of_dataset(job.data, job.split, labels, spec, level, count, job.activation == "sigmoid")
    if job.sounds is not None:
        report(f"reading sounds below {job.sounds}")
        return of_folder(job.sounds, spec, level, count)
    return no_clips(spec, level)
