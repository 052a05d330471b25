"""The wheel with one engine, without the others and without TensorFlow: three environments, made afresh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.engines.registry import ENGINES
from tests.elsewhere import refusals, write_sounds
from tests.packaging.wheel_maker import REPOSITORY, environment
from tests.packaging.wheel_maker import run as run_alone
from tests.run_maker import made_artifacts
from toolkit.artifact.file import TFLITE, model_files

PACKAGES = {
    "litert": ["ai-edge-litert"],
    "tflite-runtime": ["tflite-runtime==2.14.0", "numpy<2"],
    "onnxruntime": ["onnxruntime"],
}
LAST_PYTHON = {"tflite-runtime": (3, 11)}
REFUSED = {
    "tflite-runtime": {f"{name}-{kind}.tflite" for name in ("gtzanet", "zfnet") for kind in ("dynamic", "mixed")}
}
"""Files that an engine does not run: those of the older one with dynamic layers, which it would compute wrongly."""
TOLERANCE = {"tflite-runtime": 0.05}
"""Its int8 kernels are of 2023 and round otherwise."""
TESTS = {
    "any": ("test_preprocess.py", "engines/test_wheels.py", "stream/test_smoothing.py"),
    TFLITE: (
        *("test_classifier.py", "test_cli.py", "test_default_model.py", "test_doctor.py"),
        *("engines/test_load.py", "engines/test_tflite_verifier.py", "stream/test_mqtt.py", "stream/test_sources.py"),
    ),
}
"""Which of the runtime's tests an engine can run: most have TFLite files."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of an engine."""
    name: str = request.param
    if sys.version_info[:2] > LAST_PYTHON.get(name, (9, 0)):
        pytest.skip(f"there is no {name} for Python {sys.version_info.major}.{sys.version_info.minor}")
    return name


@pytest.fixture(scope="module")
def python(engine: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a new environment with the wheel, one engine and what the tests need."""
    tests = ["pytest", "pytest-timeout", "hypothesis", "paho-mqtt", "pillow"]
    packages = ["numpy>=1.26", "soundfile>=0.13", "soxr>=0.4", *PACKAGES[engine], *tests]
    return environment(tmp_path_factory.mktemp(engine) / "venv", wheel, packages)


def test_it_is_the_only_engine(engine: str, python: Path, tmp_path: Path) -> None:
    modules = [kind.module.partition(".")[0] for kind in ENGINES.values()] + ["tensorflow", "librosa", "scipy"]
    code = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    installed = run_alone([python, "-c", code, *modules], tmp_path).stdout.strip()
    assert installed == str([ENGINES[engine].module.partition(".")[0]])


def test_its_files_say_what_they_say_here(
    engine: str, python: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.getbasetemp()
    folders = [made_artifacts(base, name) for name in ("gtzanet", "zfnet")]
    models = [path for folder in folders for path in model_files(folder) if path.suffix[1:] == ENGINES[engine].format]

    def printed(*words: str) -> str:
        return run_alone([python, *words], tmp_path).stdout

    assert set(refusals(printed, models, write_sounds(tmp_path), TOLERANCE.get(engine, 1e-3))) == REFUSED.get(
        engine, set()
    )


def test_others_are_refused_with_what_to_install(
    engine: str, python: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = "onnx" if ENGINES[engine].format == TFLITE else TFLITE
    (model,) = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet").glob(f"gtzanet-float32.{other}")
    sound = write_sounds(tmp_path)[1]
    done = subprocess.run(
        [python, "-m", "runtime", sound, "--model", model], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "no inference engine for" in done.stderr and "pip install" in done.stderr


def test_the_doctor_finds_it_well(engine: str, python: Path, tmp_path: Path) -> None:
    report = run_alone([python, "-m", "runtime", "doctor"], tmp_path).stdout
    assert f"ok    {engine} " in report and "BAD" not in report


def test_the_runtimes_tests_pass(
    engine: str, python: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet").parents[1]
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    names = [*TESTS["any"], *TESTS.get(ENGINES[engine].format, ())]
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow and not gtzan"]
    command += [f"tests/runtime/{name}" for name in names]
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT")}
    done = subprocess.run(command, cwd=tmp_path, env={**kept, "MADE": str(shared)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
