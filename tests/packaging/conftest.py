"""Fixtures of the tests that install the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.wheel_maker import made_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel."""
    return made_wheel(tmp_path_factory.getbasetemp())
