"""Damaged model files and sounds never make the example in C misuse memory: each is accepted, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from tests.examples.c_program import SANITIZED, build, needs, run
from tests.export.foreign.zoo import SAMPLES, sounds

HARNESS = "tests/examples/fuzz.c"
TRIES = 300
"""Of each kind. Longer: build it by the command that a failure prints, and run it with another number and seed."""


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("fuzz") / "fuzz", flags=SANITIZED, source=HARNESS)


@needs("gcc")
@pytest.mark.slow
def test_damaged_files_are_accepted_or_refused(fuzz: Path, models: Path, tmp_path: Path) -> None:
    sound = tmp_path / "s.wav"
    soundfile.write(sound, sounds("saw")[0][:500].reshape(250, 2), SAMPLES)
    for kind, path in (("sound", sound), ("model", models / "depthwise_separable-waveform-float32.tflite")):
        printed = run(fuzz, kind, path, str(TRIES), "1")
        accepted = int(printed.split()[2])
        assert 0 < accepted < TRIES, printed  # neither all, nor none: the damage reaches what is parsed
