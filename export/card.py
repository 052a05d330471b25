"""The card of a converted model, before it is measured, and what TensorFlow Lite Metadata say of it."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from typing import Any

import numpy as np

from export.converter import Converted
from export.tflite.metadata import Description
from export.tools import tool
from export.trained_run import Source
from export.variants import PICTURE, Variant
from toolkit.artifact.card import FORMAT_VERSION, Card, input_shape
from toolkit.artifact.card_sections import AccuracyCard, DatasetCard, FineTuningCard, ParityCard, SplitCard, TensorCard
from toolkit.artifact.entries import LABELS_NAME
from toolkit.artifact.file import ONNX, TFLITE, model_digest
from toolkit.errors import ArtifactError
from toolkit.measure.metrics import wilson_interval

LICENCE = "MIT"
TUNER = "tensorflow-model-optimization"
_KERAS = ("tensorflow", "tf_keras", "numpy")
_PACKAGES = {TFLITE: _KERAS, ONNX: (*_KERAS, "tf2onnx", "onnx")}
_QUANTISERS = {
    (TFLITE, "mixed"): ("ai_edge_quantizer",),
    **dict.fromkeys([(ONNX, precision) for precision in ("dynamic", "int8", "mixed")], ("onnxruntime",)),
}
LAYOUTS = ("batch, row (top first), column, RGB; pixel values 0..255", "batch, class; probabilities")
SOUND_LAYOUTS = {
    "mel": "batch, band (lowest first), frame; decibels below the loudest cell",
    "waveform": "batch, sample; one channel, full scale 1",
}
GTZAN_NOTICE = (
    "Trained on GTZAN, a research collection of excerpts of commercial recordings without cleared rights; some are "
    "repeated, mislabelled or distorted. The scores say which of its ten genres a sound resembles most, no more."
)
SYNTHETIC_NOTICE = "Trained on synthetic sounds: it knows no music, and its scores for music mean nothing."


def description(source: Source) -> Description:
    """Return what TensorFlow Lite Metadata say of the files of a run whose input is pictures."""
    spec = source.front_end
    text = (
        f"Music genres from the picture of a mel spectrogram, {len(source.classes)} classes. {_dataset(source).notice}"
    )
    name = source.run.config["model"]
    return Description(name, text.strip(), LICENCE, spec.width, spec.height, LABELS_NAME, sample_rate=spec.sample_rate)


def draft_card(
    source: Source, variant: Variant, converted: Converted, part: str, n: int, fine_tuning: FineTuningCard | None = None
) -> Card:
    """Return the card of a converted model that is yet to be measured on the `n` pictures of `part`."""
    tensors = _onnx_tensors(source) if variant.format == ONNX else _tensors(converted.content)
    config = source.run.config
    return Card(
        format_version=FORMAT_VERSION,
        model=config["model"],
        labels=source.classes,
        front_end=source.front_end,
        input_level=PICTURE,
        input=tensors[0],
        output=tensors[1],
        quantization="none" if variant.precision == "float32" else variant.precision,
        float_ops=converted.float_ops,
        layers=dict(converted.layers),
        calibration=converted.calibration.card if converted.calibration else None,
        fine_tuning=fine_tuning,
        run_digest=config["digest"],
        model_digest=model_digest(converted.content),
        dataset=_dataset(source),
        split=SplitCard(source.run.split.name, source.run.split.seed, source.run.split.digest),
        accuracy=AccuracyCard(part, n, 0, 0.0, wilson_interval(0, n)),
        parity=ParityCard(0, 0.0, 0.0, 0.0, 0),
        temperature=1.0,
        licence=LICENCE,
        versions=versions(variant, fine_tuned=fine_tuning is not None),
    )


def card_of_sound(twin: Card, variant: Variant, content: bytes) -> Card:
    """Return the card of a model for sound, from the card of its twin for pictures."""
    level = variant.level
    source = TensorCard("float32", input_shape(twin.front_end, level), SOUND_LAYOUTS[level], None, None)
    return replace(twin, input_level=level, input=source, model_digest=model_digest(content))


def versions(variant: Variant, *, fine_tuned: bool = False) -> dict[str, str]:
    """Return the versions of the packages that decide the file's bytes."""
    quantiser = _QUANTISERS.get((variant.format, variant.precision), ())
    names = (*_PACKAGES[variant.format], *quantiser, *((TUNER,) if fine_tuned else ()))
    return {name: importlib.metadata.version(name) for name in names}


def _dataset(source: Source) -> DatasetCard:
    if source.run.config["data"]["synthetic"]:
        return DatasetCard("synthetic sounds", source.index.digest, True, SYNTHETIC_NOTICE)
    if source.index.is_gtzan:
        return DatasetCard("GTZAN", source.index.digest, False, GTZAN_NOTICE)
    return DatasetCard(source.index.root.name, source.index.digest, False, "")


def _onnx_tensors(source: Source) -> tuple[TensorCard, TensorCard]:
    """Return the input and output of an ONNX model, which are float32 whatever is inside."""
    shapes = input_shape(source.front_end, PICTURE), (1, len(source.classes))
    first, second = (
        TensorCard("float32", shape, layout, None, None) for shape, layout in zip(shapes, LAYOUTS, strict=True)
    )
    return first, second


def _tensors(converted: bytes) -> tuple[TensorCard, TensorCard]:
    """Return a converted model's input and output as TensorFlow's own interpreter, not the runtime's, reads them."""
    import tensorflow as tf

    with tool("refused: TensorFlow cannot load the converted model"):
        interpreter = tf.lite.Interpreter(model_content=converted, num_threads=1)
        details = (interpreter.get_input_details(), interpreter.get_output_details())
    if any(len(side) != 1 for side in details):
        raise ArtifactError("refused: the converted model has more than one input or output")
    return _tensor(details[0][0], LAYOUTS[0]), _tensor(details[1][0], LAYOUTS[1])


def _tensor(detail: dict[str, Any], layout: str) -> TensorCard:
    dtype = np.dtype(detail["dtype"]).name
    scale, zero_point = detail["quantization"]
    quantised = dtype != "float32"
    shape = tuple(int(side) for side in detail["shape"])
    return TensorCard(dtype, shape, layout, float(scale) if quantised else None, int(zero_point) if quantised else None)
