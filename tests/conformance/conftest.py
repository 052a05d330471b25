"""Fixtures: every model in every format, and the trained weights where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.cli import entry
from tests.run_maker import BACKBONES, MODELS, made_artifacts, made_run

TRAINED = Path(__file__).parents[1] / "data" / "gtzanet"
PLAN = "conv2d_8=dynamic,conv2d_9=int8,dense_1=dynamic"
FILES = ("model.keras", "config.json", "split.json", "metrics.json")


@pytest.fixture(scope="session", params=(*MODELS, "mn04"))
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the run folder and the artifacts folder of a model ("zfnet": with a sixteenth of its channels)."""
    base = tmp_path_factory.getbasetemp()
    if request.param in BACKBONES:
        request.getfixturevalue("backbones")
    return made_run(base, request.param), made_artifacts(base, request.param)


@pytest.fixture(scope="session")
def trained_run() -> Path:
    """Return the run folder of weights trained on GTZAN that lies in tests/data/gtzanet."""
    missing = [name for name in FILES if not (TRAINED / name).is_file()]
    if missing:
        pytest.fail(f"no trained weights: tests/data/gtzanet lacks {', '.join(missing)}")
    return TRAINED


@pytest.fixture(scope="session")
def trained_sound_artifacts(trained_run: Path, gtzan_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of the trained run for samples: float32 and int8, in both formats."""
    output = tmp_path_factory.mktemp("trained-sound")
    options = ["--format", "all", "--quantize", "--input", "waveform", "--no-speed", "--output", str(output)]
    assert entry([str(trained_run), "--data", str(gtzan_root), *options]) == 0
    return output


@pytest.fixture(scope="session")
def trained_artifacts(trained_run: Path, gtzan_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every file of the trained run."""
    output = tmp_path_factory.mktemp("trained")
    options = ["--format", "all", "--quantize", "all", "--plan", PLAN, "--no-speed", "--output", str(output)]
    assert entry([str(trained_run), "--data", str(gtzan_root), *options]) == 0
    return output
