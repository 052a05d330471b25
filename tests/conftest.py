"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def gtzan_root() -> Path:
    """Return the folder of the real GTZAN dataset, named by the environment variable GTZAN_ROOT."""
    return _named_folder("GTZAN_ROOT", "images_original")


@pytest.fixture(scope="session")
def backbones() -> Path:
    """Return the folder of pretrained backbones, named by the environment variable GTZANET_BACKBONES."""
    return _named_folder("GTZANET_BACKBONES", "mn04_reference.npz")


def _named_folder(variable: str, content: str) -> Path:
    """Return a folder of data that is not part of the repository.

    Without it a test is skipped; on continuous integration (CI=true) that would hide a failure, so it fails.
    """
    value = os.environ.get(variable, "")
    if value and (Path(value) / content).exists():
        return Path(value)
    reason = f"{variable}={value!r} names no folder that holds {content}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
