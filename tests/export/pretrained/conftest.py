"""Files of pretrained networks, exported once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Export = Callable[..., Path]


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m export` in a process of its own, as a user does."""
    command = [sys.executable, "-m", "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def export(backbones: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Return what exports with these arguments into a folder, and returns that."""

    def exported(*arguments: object) -> Path:
        output = tmp_path_factory.mktemp("files")
        done = call(*arguments, "--no-speed", "--output", output)
        assert done.returncode == 0, done.stderr
        return output

    return exported


@pytest.fixture(scope="session")
def tagger(export: Export) -> Path:
    """Return mn04's float32 TFLite file with AudioSet's classes."""
    return export("mn04", "--tagger") / "mn04-tagger-float32.tflite"


@pytest.fixture(scope="session")
def embeddings(export: Export) -> Path:
    """Return the folder of mn04's embedding files for ten seconds, whose values the authors' code gives, too."""
    return export("mn04", "--embedding", "--window", "10", "--format", "tflite", "--quantize", "float16")
