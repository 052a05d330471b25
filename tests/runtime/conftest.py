"""Fixtures of the runtime's tests: exported files, sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.run_maker import made_artifacts


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with gtzanet-float32.tflite and gtzanet-int8.tflite of a small made-up dataset."""
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a 30 s mono WAV file at 22,050 Hz: a tone that slides up, and some noise."""
    path = tmp_path_factory.mktemp("sounds") / "slide.wav"
    seconds = np.arange(30 * 22050) / 22050
    samples = 0.4 * np.sin(2 * np.pi * (200 + 40 * seconds) * seconds)
    samples += np.random.default_rng(0).normal(0, 0.02, len(seconds))
    soundfile.write(path, samples.astype(np.float32), 22050, subtype="FLOAT")
    return path
