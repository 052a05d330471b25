"""The source archive: what is built from it is what is built from the checkout, byte by byte."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.wheel_maker import build, copied_source


def contents(wheel: Path) -> dict[str, bytes]:
    """Return a wheel's files by name."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.slow
def test_builds_the_same_wheel_as_the_checkout(wheel: Path, tmp_path: Path) -> None:
    archive = build(copied_source(tmp_path / "source"), "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    theirs, ours = contents(build(source, "wheel", tmp_path / "again")), contents(wheel)
    assert list(theirs) == list(ours)
    assert {name for name in ours if theirs[name] != ours[name]} == set()
