"""Fixtures of the export's tests: finished runs over a small synthetic dataset, and their exported files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run_maker import made_artifacts, made_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run folder of GTZANet; tests must not write to it."""
    return made_run(tmp_path_factory.getbasetemp(), "gtzanet")


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with gtzanet-float32.tflite and gtzanet-int8.tflite of that run."""
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")
