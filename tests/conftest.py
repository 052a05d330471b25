"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gtzan_root() -> Path:
    """Return the folder of the real GTZAN dataset, named by the environment variable GTZAN_ROOT.

    Without it a test is skipped; on continuous integration (CI=true) that would hide a failure, so it fails.
    """
    value = os.environ.get("GTZAN_ROOT", "")
    if value and (Path(value) / "images_original").is_dir():
        return Path(value)
    reason = f"GTZAN_ROOT={value!r} names no folder that holds images_original"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
