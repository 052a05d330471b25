"""Fixtures: a small network in every TFLite precision with C source beside it, and with its front end inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.cli import entry
from tests.export.foreign.zoo import FRONT_END, ZOO, labels_file, saved, write_sounds


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `depthwise_separable-*`, .tflite, .c and .h, and its waveform-in float32 file."""
    folder = tmp_path_factory.mktemp("micro")
    path, output = saved(folder, "tf_keras", ZOO["depthwise_separable"]), folder / "out"
    arguments = [str(path), "--labels", str(labels_file(folder)), *FRONT_END, "--output", str(output), "--no-speed"]
    arguments += ["--calibration-sounds", str(write_sounds(folder / "sounds"))]
    assert entry([*arguments, "--format", "c-array", "--quantize", "all", "--plan", "scores=dynamic"]) == 0
    assert entry([*arguments, "--input", "waveform"]) == 0
    return output
