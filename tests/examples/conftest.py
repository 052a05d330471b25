"""Fixtures: the example in C, built with sanitizers, and small models that have their front ends inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.cli import entry
from tests.examples.c_program import SANITIZED, build
from tests.export.foreign.zoo import FRONT_END, ZOO, labels_file, saved, write_sounds


@pytest.fixture(scope="session")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program; it ends with an error where memory is misused or lost."""
    return build(tmp_path_factory.mktemp("c") / "classify", flags=SANITIZED)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with depthwise_separable-waveform-float32.tflite, -int8.tflite and -float32.onnx."""
    folder = tmp_path_factory.mktemp("waveform")
    path, output = saved(folder, "tf_keras", ZOO["depthwise_separable"]), folder / "out"
    arguments = [str(path), "--labels", str(labels_file(folder)), *FRONT_END, "--output", str(output)]
    arguments += ["--calibration-sounds", str(write_sounds(folder / "sounds"))]
    assert entry([*arguments, "--format", "all", "--quantize", "--input", "waveform", "--no-speed"]) == 0
    return output
