"""The files of `--format` and `--quantize`."""

from __future__ import annotations

import pytest

from export.card import versions
from export.variants import PRECISIONS, Variant, variants
from toolkit.artifact.card import CALIBRATED
from toolkit.errors import UsageError


def test_float32_is_always_among_them() -> None:
    assert variants("tflite", None) == (Variant("tflite", "float32"),)
    assert variants("onnx", None) == (Variant("onnx", "float32"),)
    assert variants("tflite", "int8") == (Variant("tflite", "float32"), Variant("tflite", "int8"))


def test_all_formats_and_precisions() -> None:
    everything = variants("all", "all")
    assert len(set(everything)) == len(everything) == sum(map(len, PRECISIONS.values()))
    assert variants("all", "dynamic")[:2] == (Variant("tflite", "float32"), Variant("tflite", "dynamic"))


def test_what_a_format_does_not_offer_is_misuse() -> None:
    with pytest.raises(
        UsageError, match="--quantize int16x8: not offered for onnx; choose one of float16, dynamic, int8, mixed"
    ):
        variants("onnx", "int16x8")


def test_names_and_calibration() -> None:
    assert Variant("onnx", "float32").file_name("zfnet") == "zfnet-float32.onnx"
    assert [name for name in PRECISIONS["tflite"] if name in CALIBRATED] == ["int8", "int16x8", "mixed"]


def test_only_what_decides_the_bytes_has_its_version_on_the_card() -> None:
    names = {variant: set(versions(variant)) for variant in variants("all", "all")}
    assert "tf2onnx" not in names[Variant("tflite", "int8")]
    assert "onnxruntime" in names[Variant("onnx", "int8")] and "onnxruntime" not in names[Variant("onnx", "float16")]
    assert "ai_edge_quantizer" in names[Variant("tflite", "mixed")]
