"""The example in C, built for ARM on another machine, says in an emulated processor what it says here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.aarch64.userland import ENGINES, PROCESSOR, QEMU
from tests.examples.c_program import CROSS, build, needs, parsed, run
from tests.export.foreign.zoo import LABELS, SAMPLES, sounds

SYSROOT = Path("/usr/aarch64-linux-gnu")
TOLERANCE = 5e-3


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of ARM's libLiteRt.so."""
    folder = tmp_path_factory.mktemp("arm")
    [engine] = [name for name in ENGINES if name.startswith("ai-edge-litert")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]
    kinds = ["--platform", "manylinux_2_27_aarch64", "--python-version", "3.13", "--abi", "cp313"]
    subprocess.run([*command, str(folder), *kinds, engine], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return Path(wheel.extract("ai_edge_litert/libLiteRt.so", folder)).parent


@needs(CROSS, QEMU)
@pytest.mark.slow
def test_arm_says_the_same(library: Path, models: Path, tmp_path: Path) -> None:
    arm, here = build(tmp_path / "arm", CROSS, library=library), build(tmp_path / "here")
    emulated = ["env", f"QEMU_CPU={PROCESSOR}", QEMU, "-L", str(SYSROOT), "-E", f"LD_LIBRARY_PATH={library}"]
    for precision in ("float32", "int8"):
        model = models / f"depthwise_separable-waveform-{precision}.tflite"
        for label in LABELS[:2]:
            sound = tmp_path / f"{label}.wav"
            soundfile.write(sound, sounds(label)[1], SAMPLES)
            theirs, ours = (parsed(run(*words, model, sound)) for words in ([*emulated, arm], [here]))
            assert theirs[0] == ours[0]
            np.testing.assert_allclose(
                [theirs[1][name] for name in LABELS], [ours[1][name] for name in LABELS], rtol=0, atol=TOLERANCE
            )
