"""Fixtures for every test."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

CHROMIUM = Path("/usr/bin/chromium")

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # as training and export do
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the toolkit's tests last: their files are quick ones, so that several workers end together."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/toolkit/"))


@pytest.fixture(scope="session")
def gtzan_root() -> Path:
    """Return the folder of the real GTZAN dataset, named by the environment variable GTZAN_ROOT."""
    return _named_folder("GTZAN_ROOT", "images_original")


@pytest.fixture(scope="session")
def backbones() -> Path:
    """Return the folder of pretrained backbones, named by the environment variable GTZANET_BACKBONES."""
    return _named_folder("GTZANET_BACKBONES", "mn04_reference.npz")


def _named_folder(variable: str, content: str) -> Path:
    """Return a folder of data that is not part of the repository; without it the test is `missing` it."""
    value = os.environ.get(variable, "")
    if value and (Path(value) / content).exists():
        return Path(value)
    missing(f"{variable}={value!r} names no folder that holds {content}")


def missing(reason: str) -> NoReturn:
    """Skip a test for want of something; on continuous integration (CI=true) that would hide a failure, so fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the system's Chromium."""
    if importlib.util.find_spec("playwright") is None:
        missing("playwright, which drives a browser, is not installed")
    if not CHROMIUM.is_file():
        missing(f"there is no browser {CHROMIUM}")
    return str(CHROMIUM)
