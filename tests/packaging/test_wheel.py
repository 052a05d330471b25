"""The wheel, built and used away from the repository with nothing but its base dependencies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from runtime.models import PRETRAINED
from tests.run_maker import made_artifacts
from toolkit.synthetic import CLASSES, clip

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {"toolkit", "train", "export", "runtime", "benchmarks"}
NOT_FOR_A_DEVICE = (
    "tensorflow",
    "tf_keras",
    "keras",
    "librosa",
    "scipy",
    "numba",
    "matplotlib",
    "rich",
    "PIL",
    "tests",
)

pytestmark = pytest.mark.slow


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` without the repository on the path; its error output shows where it fails."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT", "VIRTUAL_ENV")
    }
    result = subprocess.run([*map(str, command)], cwd=folder, env=kept, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from a copy of what the repository tracks, so that the build leaves nothing behind."""
    base = tmp_path_factory.mktemp("wheel")
    source = base / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "gtzanet_edge.py", *PACKAGES):
        target = source / name
        if (REPOSITORY / name).is_dir():
            target.mkdir()
            for module in (REPOSITORY / name).glob("*.py"):
                (target / module.name).write_bytes(module.read_bytes())
            if (data := REPOSITORY / name / "pretrained").is_dir():
                shutil.copytree(data, target / data.name)
        else:
            target.write_bytes((REPOSITORY / name).read_bytes())
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").touch()
    run([sys.executable, "-m", "build", "--wheel", "--outdir", base / "dist", source], base)
    (built,) = (base / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of a new environment that holds the wheel and its base dependencies."""
    home = tmp_path_factory.mktemp("device")
    run([sys.executable, "-m", "venv", home / "venv"], home)
    run([home / "venv" / "bin" / "pip", "install", "--quiet", wheel], home)
    return home / "venv" / "bin"


def test_holds_the_five_packages_whole_and_no_tests(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in names} == PACKAGES | {"gtzanet_edge.py"}
    modules = {f"{name}/{path.name}" for name in PACKAGES for path in (REPOSITORY / name).glob("*.py")}
    model = f"runtime/pretrained/{PRETRAINED.name}"
    assert names - {"gtzanet_edge.py"} == modules | {model}
    assert wheel.stat().st_size <= 1_000_000


def test_metadata(wheel: Path) -> None:
    assert wheel.name == "gtzanet_edge-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().split("\n\n")[0].splitlines()
        assert any(name.endswith("LICENSE") for name in archive.namelist())
    assert "License-Expression: MIT" in lines
    assert "Requires-Python: >=3.11" in lines
    base = {
        line.split()[1].partition(">")[0] for line in lines if line.startswith("Requires-Dist") and "extra" not in line
    }
    assert base == {"numpy", "soundfile", "soxr", "ai-edge-litert"}


def test_classifies_on_a_device(device: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet") / "gtzanet-int8.tflite"
    soundfile.write(tmp_path / "clip.wav", clip(CLASSES[0], 0, seconds=6), 22_050)
    empty = tmp_path / "empty"
    empty.mkdir()
    command: list[str | Path] = [device / "gtzanet-edge", "runtime", "../clip.wav", "--model", model, "--json"]
    answer = json.loads(run(command, empty).stdout)
    assert answer["label"] in answer["probabilities"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert list(empty.iterdir()) == []


def test_has_a_model_of_its_own(device: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", clip(CLASSES[0], 0, seconds=6), 22_050)
    answer = json.loads(run([device / "python", "-m", "runtime", "clip.wav", "--json"], tmp_path).stdout)
    assert answer["model"] == "gtzanet-float16" and "jazz" in answer["probabilities"]


def test_a_device_has_no_training_library(device: Path, tmp_path: Path) -> None:
    code = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    assert run([device / "python", "-c", code, *NOT_FOR_A_DEVICE], tmp_path).stdout.strip() == "[]"


def test_training_on_a_device_says_what_is_missing(device: Path, tmp_path: Path) -> None:
    command = [str(device / "gtzanet-edge"), "export", "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in result.stderr
    if result.returncode:
        assert "pip install 'gtzanet-edge[train]'" in result.stderr
    else:
        assert "usage" in result.stdout
