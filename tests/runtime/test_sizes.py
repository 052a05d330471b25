"""The size of what is installed: every file of a package and of what it requires, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.sizes import sizes


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that packages are found in."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def install(site: Path, name: str, size: int, *requires: str) -> None:
    """Put a package of so many bytes, besides what describes it, into a folder."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {text}" for text in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    content = site / f"{name}.bin"
    content.write_bytes(bytes(size))
    (info / "RECORD").write_text(f"{content.name},,\nremoved-since.bin,,\n")


def test_what_a_package_requires_is_counted_once_and_extras_are_not(site: Path) -> None:
    install(site, "made-top", 10, "Made_Middle >=1", "made.low; python_version > '3'", "made-extra; extra == 'more'")
    install(site, "made-middle", 2000, "made-low (>=1)", "made-absent")
    install(site, "made-low", 300, "made-top")
    install(site, "made-extra", 40000)
    assert sizes(["made-top"]) == {"made-middle": 2000, "made-low": 300, "made-top": 10}
    assert list(sizes(["made-top"])) == ["made-middle", "made-low", "made-top"]


def test_what_is_not_installed_is_left_out(site: Path) -> None:
    assert sizes(["made-nowhere"]) == {}


def test_a_known_package_has_the_size_of_its_files() -> None:
    import numpy

    least = sum(path.stat().st_size for path in Path(numpy.__file__).parent.rglob("*.so"))
    assert sizes(["numpy"])["numpy"] > least > 1e6
