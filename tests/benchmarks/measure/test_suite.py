"""The suite's choice of what a model is compared with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from benchmarks.measure.suite import _float32_twin


def test_the_twin_is_the_float32_model_of_the_same_format() -> None:
    def candidate(file: str, precision: str, run: str, level: str) -> Any:
        row = SimpleNamespace(file=file, precision=precision, run_digest=run, threads=1)
        return SimpleNamespace(row=row, input_level=level)

    there = [("sound.tflite", "a", "waveform"), ("x.onnx", "a", "picture"), ("x.tflite", "a", "picture")]
    there += [("y.onnx", "b", "picture")]
    candidates = {file: candidate(file, "float32", run, level) for file, run, level in there}

    def twin(file: str, run: str = "a", level: str = "picture") -> Any:
        return _float32_twin(candidate(file, "int8", run, level), candidates)

    assert twin("x8.tflite").row.file == "x.tflite"
    assert twin("x8.onnx").row.file == "x.onnx"
    assert twin("y8.tflite", "b").row.file == "y.onnx"
    assert twin("sound8.tflite", level="waveform").row.file == "sound.tflite"
    assert twin("z8.tflite", "c") is None
