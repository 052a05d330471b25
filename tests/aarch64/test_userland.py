"""The installed wheel on a 64-bit ARM userland: every format gives the labels and the scores that it gives here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from runtime.default_model import PRETRAINED
from tests.aarch64 import userland
from tests.elsewhere import refusals, write_sounds
from tests.packaging.places import PROCESSORS
from tests.packaging.run_places import EMULATED
from tests.packaging.wheel_maker import REPOSITORY, made_wheel
from tests.run_maker import made_artifacts
from toolkit.artifact.file import model_files
from toolkit.frontend.presets import PRESETS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(userland.missing()) and not os.environ.get("CI"),
        reason=f"there is no {', '.join(userland.missing())} here",
    ),
]

PRETRAINED_FILES = ("float32.tflite", "int8.tflite")
STEP_TOLERANCE = 5e-3
"""Of probabilities whose int8 network rounds a value that lies between two steps otherwise: 0.0011 was seen."""
FEATURES = """
import sys
import numpy as np
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
computed = {}
for name, spec in PRESETS.items():
    time = np.arange(spec.window_samples) / spec.sample_rate
    noise = np.random.default_rng(7).uniform(-0.2, 0.2, spec.window_samples)
    computed[name] = features((0.3 * np.sin(2 * np.pi * 440 * time) + noise).astype(np.float32), spec)
np.savez(sys.argv[1], **computed)
"""
"""What every preset makes of a tone in noise."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ARM's Python with our wheel and what its tests need."""
    assert not userland.missing()
    folder = tmp_path_factory.mktemp("aarch64")
    wheel = made_wheel(tmp_path_factory.getbasetemp())
    tests = ["pytest", "pytest-timeout", "hypothesis", "pillow"]
    return userland.make(folder / "userland", wheel, [*userland.ENGINES, *tests], userland.Userland())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return a short made-up sound, and a real one where there are any."""
    real = sorted(Path(os.environ.get("GTZAN_ROOT", "/nowhere"), "genres_original").glob("*/*.flac"))
    return [*write_sounds(tmp_path_factory.mktemp("sounds"))[1:2], *map(str, real[:1])]


def run(python: Path, *words: str | Path, folder: Path, processor: str = userland.PROCESSOR) -> str:
    """Run ARM's Python away from the repository and return what it prints; its errors show where it fails."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT")}
    environment = {**kept, "QEMU_CPU": processor, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize("processor", PROCESSORS)
def test_formats_say_the_same(
    python: Path, sounds: list[str], processor: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp()
    every = model_files(made_artifacts(base, "gtzanet")) if processor == userland.PROCESSOR else []
    models = sorted({PRETRAINED, *every, *made_artifacts(base, "gtzanet").glob("*-int8.*")})
    assert len(models) == (12 if every else 3)
    assert refusals(partial(run, python, folder=tmp_path, processor=processor), models, sounds) == {}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_pretrained_networks_files_say_the_same(
    python: Path,
    sounds: list[str],
    processor: str,
    backbones: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    models = [made_artifacts(tmp_path_factory.getbasetemp(), "mn04") / f"mn04-{name}" for name in PRETRAINED_FILES]
    there = partial(run, python, folder=tmp_path, processor=processor)
    assert refusals(there, models, sounds, STEP_TOLERANCE) == {}


def test_the_command_finds_its_own_model_and_says_nothing_else(python: Path, sounds: list[str], tmp_path: Path) -> None:
    answer = json.loads(run(python, "-W", "error", "-m", "runtime", sounds[0], "--json", folder=tmp_path))
    assert answer["model"] == "gtzanet-float16" and answer["label"] == next(iter(answer["probabilities"]))


def test_presets_compute_the_same(python: Path, tmp_path: Path) -> None:
    """Cells and pixels but for a few on a colour's edge, grids but for the last bits of float32."""
    theirs, ours = tmp_path / "theirs.npz", tmp_path / "ours.npz"
    run(python, "-c", FEATURES, theirs, folder=tmp_path)
    subprocess.run([sys.executable, "-c", FEATURES, ours], cwd=REPOSITORY, check=True)
    with np.load(theirs) as arm, np.load(ours) as here:
        assert set(arm.files) == set(here.files) == set(PRESETS)
        for name in here.files:
            if PRESETS[name].layout == "grid":
                np.testing.assert_allclose(arm[name], here[name], rtol=0, atol=1e-3, err_msg=name)
            else:
                assert (arm[name] != here[name]).mean() < 1e-3, name


def test_the_front_ends_tests_pass(python: Path, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    options = ["-q", "-p", "no:cacheprovider", *EMULATED]
    last = run(python, "-m", "pytest", *options, folder=tmp_path).strip().splitlines()[-1]
    assert int(last.split(" passed")[0].split()[-1]) > 50 and "failed" not in last
