"""A run's head alone, for a backbone file that a device has already: both together do what the run's network does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export.card import description, draft_card
from export.converter import Converter
from export.malloc import keep
from export.options import Options, Report
from export.output_folder import locked, report_other_runs
from export.pipeline import loaded_network
from export.pretrained.pipeline import PretrainedJob, export_pretrained
from export.subject import Subject
from export.trained_run import check_run, open_source
from export.variants import Variant
from export.verify.gate import PART, checked
from export.write import Exported, Network
from toolkit.artifact.card import EMBEDDING
from toolkit.artifact.file import Model, read_model
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError, RunError, UsageError
from toolkit.files import atomic_path

FEATURES = "features"
"""The layer of a run's network that ends its backbone."""


@dataclass(frozen=True)
class HeadJob:
    """Whose head to export, where its dataset is, and for which backbone; None for a new file of its own."""

    run: Run
    data: Path | None
    backbone: Path | None


def export_head(
    job: HeadJob, *, output: Path, variants: Sequence[Variant], options: Options, report: Report
) -> list[Exported]:
    """Export a run's head to `<output>/<model>-head-<its backbone's precision>.<format>`.

    The network that head and backbone are together is compared with the Keras model as a whole export is. Without a
    backbone, those of `variants` are written to `output`, too. Raises as `export.pipeline.export_run`; `RunError`, too,
    if the run has no backbone, `ArtifactError` if the backbone is no embedding of the run's window.
    """
    keep()
    spec, run = check_run(job.run), job.run
    if not run.config.get("backbone"):
        raise RunError(f"{run.path}: {run.config['model']} has no pretrained backbone, from which a head can be parted")
    written: list[Exported] = []
    if job.backbone is None:
        pretrained = PretrainedJob(run.config["model"], EMBEDDING, spec.window_seconds, activation="none")
        written = export_pretrained(pretrained, output=output, variants=variants, options=options, report=report)
    paths = [job.backbone] if job.backbone else [item.path for item in written]
    backbones = {path: _backbone(path) for path in paths}
    report(f"reading the dataset of {run.path}")
    network = loaded_network(open_source(run, job.data), None, options, report)
    head = _head(network)
    with ExitStack() as stack:
        stack.enter_context(locked(output, report))
        heads = [
            _written(stack, output, network, head, path, backbone, options, report)
            for path, backbone in backbones.items()
        ]
        subject = network.subject
        report_other_runs([item.path for item in heads], f"{subject.name}-head", subject.run_digest, report)
    return written + heads


def _backbone(path: Path) -> Model:
    model = read_model(path)
    if not model.card.is_embedding:
        raise UsageError(f"--head {path}: its output is labels, no embedding: name a file of `export mn04 --embedding`")
    return model


def _head(network: Network) -> Any:
    """Return the layers behind the backbone as a Keras model: float32 (n, features) to probabilities (n, classes)."""
    import tf_keras

    whole = network.model
    if FEATURES not in {layer.name for layer in whole.layers}:
        raise RunError(f"the network of this run has no layer {FEATURES!r}, behind which its head begins")
    return tf_keras.Model(whole.get_layer(FEATURES).output, whole.output, name=f"{network.subject.name}-head")


def _written(
    stack: ExitStack,
    output: Path,
    network: Network,
    head: Any,
    backbone_path: Path,
    backbone: Model,
    options: Options,
    report: Report,
) -> Exported:
    """Write the head for a backbone, and check both together; it is in place once `stack` ends."""
    card = backbone.card
    name = f"{network.subject.name}-head-{card.precision}.{backbone.format}"
    if card.origin.digest != network.subject.origin.digest or (1, head.input_shape[1]) != card.output.shape:
        raise ArtifactError(f"{backbone_path}: not the backbone of {network.subject.name}, but of other weights")
    if card.front_end.window_seconds != network.subject.front_end.window_seconds:
        raise ArtifactError(
            f"{backbone_path}: hears {card.front_end.window_seconds:g} s at once, the run "
            f"{network.subject.front_end.window_seconds:g} s: export it with --window"
        )
    subject: Subject = replace(
        network.subject,
        name=f"{network.subject.name}-head",
        level=EMBEDDING,
        backbone=card.model_digest,
        features=head.input_shape[1],
    )
    variant = Variant(backbone.format, "float32")
    report(f"converting the head for {backbone_path}")
    converted = Converter(head, subject.front_end, description(subject), None, options).convert(variant)
    path = stack.enter_context(atomic_path(output / name))
    draft = draft_card(subject, variant, converted, PART, len(network.expected.labels))
    report(f"checking {name} with its backbone on {len(network.expected.inputs)} inputs")
    final = checked(
        path, converted.content, draft, network.expected, network.model, options.max_drop, backbone=backbone_path
    )
    return Exported(output / name, final, path.stat().st_size, None)
