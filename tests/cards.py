"""A card for tests that need no real model."""

from __future__ import annotations

from toolkit.artifact.card import CALIBRATED, Card
from toolkit.artifact.card_sections import AccuracyCard, CalibrationCard, DatasetCard, ParityCard, SplitCard, TensorCard
from toolkit.artifact.file import model_digest
from toolkit.frontend.spec import PICTURE

MODEL = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 4
"""Bytes that look like a TFLite model from outside."""


ONNX_MODEL = b"\x08\x08\x12\x07tf2onnx\x3a\x80\x04" + bytes(range(256)) * 2 + b"\x42\x02\x10\x11"
"""Bytes that look like an ONNX model from outside: IR version 8, a producer, a graph of 512 bytes, an opset."""


def example_card(
    *, quantization: str = "none", model: bytes = MODEL, labels: tuple[str, ...] = ("high", "low")
) -> Card:
    """Return a valid card of `model`."""
    int8 = quantization == "int8"
    return Card(
        format_version=2,
        model="gtzanet",
        labels=labels,
        front_end=PICTURE,
        input_level="picture",
        input=TensorCard(
            "int8" if int8 else "float32", (1, 288, 432, 3), "NHWC", 1.0 if int8 else None, -128 if int8 else None
        ),
        output=TensorCard(
            "int8" if int8 else "float32", (1, len(labels)), "NC", 1 / 256 if int8 else None, -128 if int8 else None
        ),
        quantization=quantization,
        float_ops=(),
        layers={"dense": "int8"} if quantization == "mixed" else {},
        calibration=CalibrationCard(16, 5, "c" * 64) if quantization in CALIBRATED else None,
        fine_tuning=None,
        run_digest="a" * 64,
        model_digest=model_digest(model),
        dataset=DatasetCard("made up", "b" * 64, False, ""),
        split=SplitCard("stratified", 0, "d" * 64),
        accuracy=AccuracyCard("validation", 10, 7, 0.7, (0.5, 0.9)),
        parity=ParityCard(17, 1e-7, 1.0, 1.0, 7),
        temperature=1.0,
        licence="MIT",
        versions={"numpy": "2.0"},
    )
