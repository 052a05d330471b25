"""Where the package says that it runs: the page is of what was run, and both ends of its range run here."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from tests.packaging.places import oldest, places
from tests.packaging.run_places import ROWS, run_place, table
from tests.packaging.wheel_maker import REPOSITORY, python_program
from tests.run_maker import made_artifacts
from toolkit.files import read_json

ENDS = ("python3.11-numpy1-oldest", "python3.13-numpy2-newest")


def test_the_page_shows_what_was_run_and_no_failure() -> None:
    rows = read_json(ROWS)
    assert set(ENDS) <= set(rows) <= set(places())
    assert {name: row["failed"] for name, row in rows.items() if row["failed"] or row["passed"] < 50} == {}
    assert ROWS.with_suffix(".md").read_text() == table(rows)


def test_rows_are_of_the_versions_that_their_places_name() -> None:
    for name, row in read_json(ROWS).items():
        pins = dict(line.split("==") for line in places()[name].packages if "==" in line)
        versions = {package: row["versions"][package] for package in pins if package in row["versions"]}
        assert {
            package: pins[package] for package, version in versions.items() if not matches(version, pins[package])
        } == {}


def matches(version: str, pin: str) -> bool:
    """Return whether a version is the pinned one, which may lack zeros at its end."""
    return version.removeprefix(pin).strip(".0") == ""


def test_classifiers_name_the_pythons_that_were_run() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    named = {line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line}
    assert named == {row["versions"]["python"].rpartition(".")[0] for row in read_json(ROWS).values()}


def test_the_oldest_versions_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text()
    assert set(oldest()) >= {"numpy", "soundfile", "soxr", "ai-edge-litert", "onnxruntime", "paho-mqtt"}
    assert all(line.replace("==", ">=") in text for line in oldest().values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDS)
def test_the_wheel_works_at_both_ends(
    name: str, wheel: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = places()[name]
    if python_program(place.python) is None and not os.environ.get("CI"):
        pytest.skip(f"there is no Python {place.python} here")
    artifacts = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")
    outcome = run_place(name, place, wheel, tmp_path, artifacts)
    assert (outcome.failed, outcome.refused) == ([], [])
    assert outcome.passed > 500 and outcome.agreeing > 5
