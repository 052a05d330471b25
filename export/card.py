"""The card of a converted model, before it is measured, and what TensorFlow Lite Metadata say of it."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from typing import Any

import numpy as np

from export.converter import Converted
from export.subject import Subject
from export.tflite.metadata import Description
from export.tools import tool
from export.variants import Variant
from toolkit.artifact.card import EMBEDDING, FORMAT_VERSION, Card, input_shape
from toolkit.artifact.card_sections import AccuracyCard, FineTuningCard, ParityCard, TensorCard
from toolkit.artifact.entries import LABELS_NAME
from toolkit.artifact.file import ONNX, TFLITE, model_digest
from toolkit.errors import ArtifactError
from toolkit.measure.metrics import wilson_interval

TUNER = "tensorflow-model-optimization"
_KERAS = ("tensorflow", "tf_keras", "numpy")
_PACKAGES = {TFLITE: _KERAS, ONNX: (*_KERAS, "tf2onnx", "onnx")}
_QUANTISERS = {
    (TFLITE, "mixed"): ("ai_edge_quantizer",),
    **dict.fromkeys([(ONNX, precision) for precision in ("dynamic", "int8", "mixed")], ("onnxruntime",)),
}
LAYOUTS = {
    "picture": "batch, row (top first), column, RGB; pixel values 0..255",
    "grid": "batch, band (lowest first), frame, one value as the front end computes it",
    "mel": "batch, band (lowest first), frame; decibels below the loudest cell",
    "waveform": "batch, sample; one channel, full scale 1",
    EMBEDDING: "batch, feature; what the backbone returns",
}
OUTPUT_LAYOUT, EMBEDDING_LAYOUT = "batch, class; probabilities", "batch, feature; values without bounds"


def description(subject: Subject) -> Description:
    """Return what TensorFlow Lite Metadata say of a network's files."""
    spec, count = subject.front_end, len(subject.labels)
    text = {
        "picture": f"Music genres from the picture of a mel spectrogram, {count} classes.",
        "grid": f"Sounds from a grid of frequency bands and frames, {count} classes.",
        "waveform": f"Sounds from samples, {count} classes.",
        EMBEDDING: f"Sounds from the embedding that a backbone computes, {count} classes.",
    }[subject.level]
    if subject.is_embedding:
        text = f"An embedding of sounds, {count} features."
    return Description(
        name=subject.name,
        text=f"{text} {subject.dataset.notice}".strip(),
        licence=subject.licence,
        width=spec.width,
        height=spec.height,
        labels_file=LABELS_NAME,
        level=subject.level,
        sample_rate=spec.sample_rate,
        embedding=subject.is_embedding,
    )


def draft_card(
    subject: Subject,
    variant: Variant,
    converted: Converted,
    part: str,
    n: int,
    fine_tuning: FineTuningCard | None = None,
) -> Card:
    """Return the card of a converted model that is yet to be measured on the `n` inputs of `part`."""
    source, target = _onnx_tensors(subject) if variant.format == ONNX else _tensors(converted.content, subject.level)
    return Card(
        format_version=FORMAT_VERSION,
        model=subject.name,
        labels=subject.labels,
        front_end=subject.front_end,
        input_level=subject.level,
        input=source,
        output=target._replace(layout=EMBEDDING_LAYOUT) if subject.is_embedding else target,
        quantization="none" if variant.precision == "float32" else variant.precision,
        float_ops=converted.float_ops,
        layers=dict(converted.layers),
        calibration=converted.calibration.card if converted.calibration else None,
        fine_tuning=fine_tuning,
        run_digest=subject.run_digest,
        model_digest=model_digest(converted.content),
        dataset=subject.dataset,
        split=subject.split,
        accuracy=AccuracyCard(part, n, 0, 0.0, wilson_interval(0, n)) if n and not subject.thresholds else None,
        parity=ParityCard(0, 0.0, 0.0, 0.0, 0),
        temperature=1.0,
        licence=subject.licence,
        versions=versions(variant, *converted.tools, fine_tuned=fine_tuning is not None) | subject.versions,
        activation=subject.activation,
        thresholds=subject.thresholds,
        min_confidence=subject.min_confidence,
        origin=subject.origin,
        backbone=subject.backbone,
    )


def card_of_sound(twin: Card, variant: Variant, content: bytes) -> Card:
    """Return the card of a model for sound, from the card of its twin for what the front end computes."""
    level = variant.level
    source = TensorCard("float32", input_shape(twin.front_end, level), LAYOUTS[level], None, None)
    return replace(twin, input_level=level, input=source, model_digest=model_digest(content), golden=None)


def versions(variant: Variant, *tools: str, fine_tuned: bool = False) -> dict[str, str]:
    """Return the versions of the packages that decide the file's bytes, `tools` among them."""
    quantiser = _QUANTISERS.get((variant.format, variant.precision), ())
    names = (*_PACKAGES[variant.format], *quantiser, *tools, *((TUNER,) if fine_tuned else ()))
    return {name: importlib.metadata.version(name) for name in names}


def _onnx_tensors(subject: Subject) -> tuple[TensorCard, TensorCard]:
    """Return the input and output of an ONNX model, which are float32 whatever is inside."""
    shape = (1, subject.features) if subject.backbone else input_shape(subject.front_end, subject.level)
    source = TensorCard("float32", shape, LAYOUTS[subject.level], None, None)
    return source, TensorCard("float32", (1, len(subject.labels)), OUTPUT_LAYOUT, None, None)


def _tensors(converted: bytes, level: str) -> tuple[TensorCard, TensorCard]:
    """Return a converted model's input and output as TensorFlow's own interpreter, not the runtime's, reads them."""
    import tensorflow as tf

    with tool("refused: TensorFlow cannot load the converted model"):
        interpreter = tf.lite.Interpreter(model_content=converted, num_threads=1)
        details = (interpreter.get_input_details(), interpreter.get_output_details())
    if any(len(side) != 1 for side in details):
        raise ArtifactError("refused: the converted model has more than one input or output")
    return _tensor(details[0][0], LAYOUTS[level]), _tensor(details[1][0], OUTPUT_LAYOUT)


def _tensor(detail: dict[str, Any], layout: str) -> TensorCard:
    dtype = np.dtype(detail["dtype"]).name
    scale, zero_point = detail["quantization"]
    quantised = dtype != "float32"
    shape = tuple(int(side) for side in detail["shape"])
    return TensorCard(dtype, shape, layout, float(scale) if quantised else None, int(zero_point) if quantised else None)
