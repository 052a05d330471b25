"""The wheel, built and used away from the repository with nothing but its base dependencies."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import soundfile

from runtime.default_model import PRETRAINED
from tests.packaging.wheel_maker import PACKAGES, REPOSITORY, run
from tests.run_maker import made_artifacts
from toolkit.data.synthetic import CLASSES, clip

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
    files = [path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.*") if path.suffix != ".pyc"]
    assert names - {"gtzanet_edge.py"} == {str(path.relative_to(REPOSITORY)) for path in files}
    assert f"runtime/pretrained/{PRETRAINED.name}" in names and "toolkit/audio/decode.py" in names
    assert wheel.stat().st_size <= 1_100_000


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
